package factory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// linkedService is what the factory itself has to know of one, in either shape.
type linkedService struct {
	Type           string
	ConnectVia     struct{ ReferenceName string }
	Parameters     map[string]json.RawMessage
	TypeProperties map[string]json.RawMessage
}

// readLinkedService reads the properties of a linked service; what is not as expected stays empty.
func readLinkedService(properties json.RawMessage) linkedService {
	var ls linkedService
	_ = json.Unmarshal(properties, &ls) // the shape is checked by package activity
	return ls
}

// property finds one of the typeProperties without regard to case, as a text.
func (ls linkedService) property(name string) string {
	for n, raw := range ls.TypeProperties {
		var text string
		if strings.EqualFold(n, name) && json.Unmarshal(raw, &text) == nil {
			return text
		}
	}
	return ""
}

// gateway is the name of the gateway that connects: v2's connectVia or v1's gatewayName; "" where it names none.
func (ls linkedService) gateway() string {
	if name := ls.property("gatewayName"); name != "" {
		return name
	}
	return ls.ConnectVia.ReferenceName
}

// sealed reports whether a gateway's sealed credential is inside.
func (ls linkedService) sealed() bool {
	return ls.property("encryptedCredential") != "" || hasKeyword(ls.property("connectionString"), "encryptedcredential")
}

func hasKeyword(connection, keyword string) bool {
	_, found := cutKeyword(connection, keyword)
	return found
}

// cutKeyword takes one NAME=VALUE; out of a connection string.
func cutKeyword(connection, keyword string) (rest string, found bool) {
	var kept []string
	for part := range strings.SplitSeq(connection, ";") {
		name, _, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(name), " ", ""), keyword) {
			found = true
			continue
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ";"), found
}

// references are the names that a resource refers to: a linked service's gateway, a dataset's linked service, a
// pipeline's datasets.
func references(k kind, properties json.RawMessage) []string {
	switch k {
	case kindLinkedService:
		if g := readLinkedService(properties).gateway(); g != "" {
			return []string{g}
		}
	case kindDataset:
		var d struct{ LinkedServiceName reference }
		if json.Unmarshal(properties, &d) == nil && d.LinkedServiceName != "" {
			return []string{string(d.LinkedServiceName)}
		}
	case kindPipeline:
		var p struct {
			Activities []struct{ Inputs, Outputs []reference }
		}
		if json.Unmarshal(properties, &p) != nil {
			return nil
		}
		var names []string
		for _, a := range p.Activities {
			for _, r := range append(a.Inputs, a.Outputs...) {
				names = append(names, string(r))
			}
		}
		return names
	}
	return nil
}

// reference is a name in any of the shapes that name something: "x", {"name":"x"}, {"referenceName":"x"}.
type reference string

// UnmarshalJSON reads any of the shapes.
func (r *reference) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*r = reference(text)
		return nil
	}
	var o struct{ Name, ReferenceName string }
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	*r = reference(o.ReferenceName)
	if *r == "" {
		*r = reference(o.Name)
	}
	return nil
}

// gatewayOf finds the one gateway that can reach both ends of a copy. Linked services that name none can be reached from
// anywhere; where none of both names one, the factory's only gateway is meant.
func (f *Factory) gatewayOf(ctx context.Context, q querier, bundle []byte) (gateway, error) {
	var b struct {
		LinkedServices []struct {
			Name       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		return gateway{}, err
	}
	name, by := "", ""
	for _, s := range b.LinkedServices {
		g := readLinkedService(s.Properties).gateway()
		switch {
		case g == "":
		case name == "":
			name, by = g, s.Name
		case !strings.EqualFold(name, g):
			return gateway{}, fault.New(fault.Unsupported, "linked service %q is reached through gateway %q and %q through %q; one gateway has to reach both", by, name, s.Name, g).
				At("$.properties.activities[0]").Try("Let both linked services name the same gateway.")
		}
	}
	if name != "" {
		return gatewayNamed(ctx, q, name)
	}
	return onlyGateway(ctx, q)
}

// onlyGateway is the factory's one gateway.
func onlyGateway(ctx context.Context, q querier) (gateway, error) {
	all, err := collect(ctx, q, scanGateway, "SELECT "+gatewayColumns+" FROM gateways WHERE removed = 0 LIMIT 2")
	if err != nil {
		return gateway{}, err
	}
	if len(all) != 1 {
		return gateway{}, fault.New(fault.BadInput, "no linked service says which gateway is to connect").At("$.properties.activities[0]").
			Try(`Name it in a linked service: "connectVia":{"type":"IntegrationRuntimeReference","referenceName":"GATEWAY"}, or "gatewayName" in its typeProperties.`)
	}
	return all[0], nil
}

// withoutSealed takes the sealed credentials out of a copy of a bundle, because package activity reads opened ones only.
// sealed has the paths of the linked services that had one, or that refer to secrets which only the gateway can read.
func withoutSealed(bundle []byte) (opened []byte, sealed []string, err error) {
	dec := json.NewDecoder(bytes.NewReader(bundle))
	dec.UseNumber()
	var b map[string]any
	if err := dec.Decode(&b); err != nil {
		return nil, nil, fmt.Errorf("read bundle: %w", err)
	}
	referring, err := credential.ServicesWithReferences(bundle)
	if err != nil {
		return nil, nil, err
	}
	for _, i := range referring { // what they refer to lies at the gateway
		sealed = append(sealed, fmt.Sprintf("$.linkedServices[%d]", i))
	}
	services, _ := b["linkedServices"].([]any)
	for i, s := range services {
		tp := child(child(s, "properties"), "typeProperties")
		found := false
		for name, v := range tp {
			text, _ := v.(string)
			switch strings.ToLower(name) {
			case "encryptedcredential":
				delete(tp, name)
				found = found || text != ""
			case "connectionstring":
				rest, cut := cutKeyword(text, "encryptedcredential")
				if cut {
					tp[name], found = rest, true
				}
			}
		}
		if found {
			sealed = append(sealed, fmt.Sprintf("$.linkedServices[%d]", i))
		}
	}
	opened, err = json.Marshal(b)
	return opened, sealed, err
}

// child is an object below an object, nil where there is none, without regard to case.
func child(v any, name string) map[string]any {
	o, _ := v.(map[string]any)
	for n, c := range o {
		if strings.EqualFold(n, name) {
			m, _ := c.(map[string]any)
			return m
		}
	}
	return nil
}

// besides gives the problems that are not below one of the paths; nil where none is left.
func besides(err error, paths []string) error {
	first, ok := errors.AsType[*fault.Error](err)
	if !ok || len(paths) == 0 {
		return err
	}
	one := *first
	list := []*fault.Error{&one}
	if more, ok := first.Cause.(interface{ Unwrap() []error }); ok {
		one.Message = strings.TrimSuffix(one.Message, fmt.Sprintf(" (%s); and %d more", one.Target, len(more.Unwrap())))
		one.Cause = nil
		for _, e := range more.Unwrap() {
			list = append(list, fault.As(e))
		}
	}
	var left []*fault.Error
	for _, e := range list {
		below := false
		for _, p := range paths {
			below = below || strings.HasPrefix(e.Target, p)
		}
		if !below {
			left = append(left, e)
		}
	}
	return props.Join(left)
}
