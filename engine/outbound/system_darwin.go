package outbound

import (
	"context"
	"net/url"
	"os/exec"
)

// desktopRoutes reads the network settings of macOS by its own tool.
func desktopRoutes(ctx context.Context, target *url.URL) ([]Route, error) {
	out, err := exec.CommandContext(ctx, "/usr/sbin/scutil", "--proxy").Output()
	if err != nil {
		return nil, nil
	}
	return scutilRoutes(string(out), target)
}
