package client

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"dmgateway/engine/factory/wire"
)

// Object is a linked service, dataset or pipeline.
type Object struct {
	Kind string `json:"kind"` // as in wire
	Name string `json:"name"`
	Type string `json:"type"` // a pipeline's is that of its activities
	// Uses are the names that it refers to: a linked service's gateway, a dataset's linked service, a pipeline's datasets.
	Uses []string `json:"uses,omitempty"`
}

// Objects lists everything that a factory keeps but gateways, in the order in which one needs the other, then by name.
func (c *Client) Objects(ctx context.Context) ([]Object, error) {
	list := []Object{}
	for _, kind := range []string{wire.LinkedServices, wire.Datasets, wire.Pipelines} {
		all, err := c.List(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			list = append(list, objectOf(kind, r))
		}
	}
	return list, nil
}

func objectOf(kind string, r wire.Resource) Object {
	var p struct {
		Type              string
		ConnectVia        name
		LinkedServiceName name
		TypeProperties    struct{ GatewayName name }
		Activities        []struct {
			Type            string
			Inputs, Outputs []name
		}
	}
	_ = json.Unmarshal(r.Properties, &p) // what is of another shape is left out: the factory has checked it
	o := Object{Kind: kind, Name: r.Name, Type: p.Type}
	names := []name{p.ConnectVia, p.TypeProperties.GatewayName, p.LinkedServiceName}
	var types []string
	for _, a := range p.Activities {
		types = append(types, a.Type)
		names = append(append(names, a.Inputs...), a.Outputs...)
	}
	if len(types) > 0 {
		o.Type = strings.Join(types, ", ")
	}
	for _, n := range names {
		if n != "" && !slices.Contains(o.Uses, string(n)) {
			o.Uses = append(o.Uses, string(n))
		}
	}
	return o
}

// name is one in any of the shapes of both versions: "x", {"name":"x"}, {"referenceName":"x"}.
type name string

// UnmarshalJSON leaves what is of another shape empty.
func (n *name) UnmarshalJSON(data []byte) error {
	var o struct{ Name, ReferenceName string }
	if json.Unmarshal(data, (*string)(n)) != nil && json.Unmarshal(data, &o) == nil {
		*n = name(o.ReferenceName + o.Name)
	}
	return nil
}
