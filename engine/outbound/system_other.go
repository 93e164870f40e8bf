//go:build !linux && !windows && !darwin

package outbound

import (
	"context"
	"net/url"
)

// desktopRoutes: this system has no proxy settings but the environment's.
func desktopRoutes(context.Context, *url.URL) ([]Route, error) { return nil, nil }
