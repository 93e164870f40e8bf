package client

import (
	"context"
	"encoding/json"
	"net/http"

	"dmgateway/engine/factory/wire"
)

// Put creates or replaces a resource; kind is wire.LinkedServices, Datasets or Pipelines.
func (c *Client) Put(ctx context.Context, kind, name string, properties json.RawMessage) (wire.Resource, error) {
	var out wire.Resource
	err := c.do(ctx, http.MethodPut, nil, wire.Resource{Name: name, Properties: properties}, &out, kind, name)
	return out, err
}

// Get is one resource; code NotFound where there is none.
func (c *Client) Get(ctx context.Context, kind, name string) (wire.Resource, error) {
	var out wire.Resource
	err := c.do(ctx, http.MethodGet, nil, nil, &out, kind, name)
	return out, err
}

// List is all resources of a kind, by name.
func (c *Client) List(ctx context.Context, kind string) ([]wire.Resource, error) {
	var out wire.List[wire.Resource]
	err := c.do(ctx, http.MethodGet, nil, nil, &out, kind)
	return out.Value, err
}

// Delete removes a resource; one that is not there is no error, one that is used is code Conflict.
func (c *Client) Delete(ctx context.Context, kind, name string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, nil, kind, name)
}
