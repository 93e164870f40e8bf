package engine

import (
	"context"
	"encoding/json"
	"net/http"

	"dmgateway/engine/fault"
)

// Proxy tells what is set and what follows from it.
func (c *Client) Proxy(ctx context.Context) (ProxyStatus, error) {
	var s ProxyStatus
	return s, c.call(ctx, http.MethodGet, "proxy", nil, &s)
}

// SetProxy stores and applies proxy settings.
func (c *Client) SetProxy(ctx context.Context, s ProxySettings) error {
	return c.call(ctx, http.MethodPut, "proxy", s, nil)
}

// TestProxy tries the way to the factory, nil = with the settings in use.
func (c *Client) TestProxy(ctx context.Context, s *ProxySettings) (ProxyReport, error) {
	var r ProxyReport
	return r, c.call(ctx, http.MethodPost, "proxy/test", s, &r)
}

// CheckNetwork tries everything that is needed.
func (c *Client) CheckNetwork(ctx context.Context, progress func(NetworkCheck)) (NetworkReport, error) {
	var report *NetworkReport
	var broken error
	err := c.stream(ctx, http.MethodPost, "network/check", nil, func(s streamed) {
		var part struct {
			Check  *NetworkCheck
			Report *NetworkReport
		}
		if err := json.Unmarshal(s.Part, &part); err != nil {
			broken = err
			return
		}
		if part.Check != nil && progress != nil {
			progress(*part.Check)
		}
		if part.Report != nil {
			report = part.Report
		}
	})
	if err != nil {
		return NetworkReport{}, err
	}
	if report == nil {
		return NetworkReport{}, fault.New(fault.Internal, "the gateway's answer cannot be read").Because(broken)
	}
	return *report, nil
}
