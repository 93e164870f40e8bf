package outbound

import (
	"context"
	"net/url"
	"os/exec"

	"dmgateway/engine/secret"
)

// desktopRoutes reads the network settings of macOS by its own tool.
func desktopRoutes(ctx context.Context, target *url.URL) ([]Route, error) {
	c := exec.CommandContext(ctx, "/usr/sbin/scutil", "--proxy")
	c.Env = secret.HelperEnvironment()
	out, err := c.Output()
	if err != nil {
		return nil, nil
	}
	return scutilRoutes(string(out), target)
}
