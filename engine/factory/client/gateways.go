package client

import (
	"context"
	"encoding/json"
	"net/http"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// NewGateway creates a logical gateway and gives its key; code Conflict where there is one of that name.
func (c *Client) NewGateway(ctx context.Context, name, description string) (key string, err error) {
	if err := c.putGateway(ctx, name, description, http.Header{"If-None-Match": {"*"}}); err != nil {
		if fault.Code(err) == fault.Conflict {
			err = fault.New(fault.Conflict, "there is a gateway %q already", name).At(name).
				Try("`dmgcmd factory gateway key %s` prints its key; otherwise choose another name.", name)
		}
		return "", err
	}
	return c.Key(ctx, name)
}

// UpdateGateway changes a gateway's description; code NotFound where there is no such gateway.
func (c *Client) UpdateGateway(ctx context.Context, name, description string) error {
	if _, err := c.Gateway(ctx, name); err != nil {
		return err
	}
	return c.putGateway(ctx, name, description, http.Header{"If-Match": {"*"}})
}

func (c *Client) putGateway(ctx context.Context, name, description string, header http.Header) error {
	properties, err := json.Marshal(wire.Runtime{Type: "SelfHosted", Description: description})
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, header, wire.Resource{Name: name, Properties: properties}, nil, wire.IntegrationRuntimes, name)
}

// Gateways are all gateways with their status and nodes, by name.
func (c *Client) Gateways(ctx context.Context) ([]wire.RuntimeStatus, error) {
	var list wire.List[wire.Resource]
	if err := c.do(ctx, http.MethodGet, nil, nil, &list, wire.IntegrationRuntimes); err != nil {
		return nil, err
	}
	all := []wire.RuntimeStatus{}
	for _, r := range list.Value {
		s, err := c.Gateway(ctx, r.Name)
		if fault.Is(err, fault.NotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Gateway is one gateway with its status and nodes.
func (c *Client) Gateway(ctx context.Context, name string) (wire.RuntimeStatus, error) {
	var s wire.RuntimeStatus
	err := c.do(ctx, http.MethodPost, nil, nil, &s, wire.IntegrationRuntimes, name, "getStatus")
	return s, err
}

// Key is a gateway's key.
func (c *Client) Key(ctx context.Context, name string) (string, error) {
	var keys wire.AuthKeys
	err := c.do(ctx, http.MethodPost, nil, nil, &keys, wire.IntegrationRuntimes, name, "listAuthKeys")
	return keys.AuthKey1, err
}

// RecreateKey replaces a gateway's key and gives the new one. Nodes that registered with the old one stop working at
// once.
func (c *Client) RecreateKey(ctx context.Context, name string) (string, error) {
	var keys wire.AuthKeys
	err := c.do(ctx, http.MethodPost, nil, wire.RegenerateKey{KeyName: "authKey1"}, &keys, wire.IntegrationRuntimes, name, "regenerateAuthKey")
	return keys.AuthKey1, err
}

// RemoveGateway removes a gateway with its queue; code Conflict while a linked service names it. One that is not there is
// code NotFound.
func (c *Client) RemoveGateway(ctx context.Context, name string) error {
	if _, err := c.Gateway(ctx, name); err != nil {
		return err
	}
	return c.do(ctx, http.MethodDelete, nil, nil, nil, wire.IntegrationRuntimes, name)
}

// RemoveNode takes a node's rights away. Its machine can register again with the gateway's key.
func (c *Client) RemoveNode(ctx context.Context, gateway, node string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, nil, wire.IntegrationRuntimes, gateway, "nodes", node)
}
