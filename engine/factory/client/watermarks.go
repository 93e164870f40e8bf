package client

import (
	"context"
	"net/http"

	"dmgateway/engine/factory/wire"
)

// Watermarks are how far the incremental copies of a pipeline have read, the newest first.
func (c *Client) Watermarks(ctx context.Context, pipeline string) ([]wire.Watermark, error) {
	var out wire.List[wire.Watermark]
	err := c.do(ctx, http.MethodGet, nil, nil, &out, wire.Pipelines, pipeline, wire.Watermarks)
	return out.Value, err
}

// ResetWatermarks makes the pipeline's next run read every row again; code Conflict while a run has not ended.
func (c *Client) ResetWatermarks(ctx context.Context, pipeline string) error {
	return c.do(ctx, http.MethodDelete, nil, nil, nil, wire.Pipelines, pipeline, wire.Watermarks)
}
