package engine

import (
	"context"
	"encoding/json"
	"net/http"
)

// CheckUpdate asks the feed now.
func (c *Client) CheckUpdate(ctx context.Context) (UpdateStatus, error) {
	var s UpdateStatus
	return s, c.call(ctx, http.MethodPost, "update/check", nil, &s)
}

// InstallUpdate installs the newer version and returns when the engine is about to restart.
func (c *Client) InstallUpdate(ctx context.Context, progress func(UpdateStep)) error {
	return c.stream(ctx, http.MethodPost, "update/install", nil, func(s streamed) {
		var step UpdateStep
		if progress != nil && len(s.Part) > 0 && json.Unmarshal(s.Part, &step) == nil {
			progress(step)
		}
	})
}

// DismissUpdate forgets what was updated.
func (c *Client) DismissUpdate(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "update/dismiss", nil, nil)
}
