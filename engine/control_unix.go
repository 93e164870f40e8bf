//go:build !windows

package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// listen opens the control socket. The data directory is locked, so what is left of an earlier socket is stale.
func (c *controlServer) listen(data string) (net.Listener, error) {
	path := filepath.Join(data, controlSocket)
	place := filepath.Join(data, controlPlace)
	if err := removeOld(place); err != nil {
		return nil, noControl(place, err)
	}
	if len(path) > maxSocketPath {
		dir, err := os.MkdirTemp(shortDir(), "dmg-")
		if err != nil {
			return nil, noControl(path, err)
		}
		path = filepath.Join(dir, "s")
		if err := os.WriteFile(place, []byte(path), 0o600); err != nil {
			return nil, noControl(place, err)
		}
		c.remove = []string{path, dir, place}
		c.folders, c.files = []string{dir}, []string{place}
	} else if err := removeOld(path); err != nil {
		return nil, noControl(path, err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, noControl(path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(noControl(path, err), listener.Close())
	}
	c.files, c.folders = append(c.files, path), append(c.folders, data)
	return listener, nil
}

// shortDir is a folder with a short path of the user's own where the system has one.
func shortDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && len(dir) < 60 {
		return dir
	}
	if dir := os.TempDir(); len(dir) < 70 {
		return dir
	}
	return "/tmp"
}

// dialControl connects to the control socket of a data directory.
func dialControl(ctx context.Context, data string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socketOf(data))
}

// socketOf finds the control socket of a data directory.
func socketOf(data string) string {
	if place, err := os.ReadFile(filepath.Join(data, controlPlace)); err == nil {
		return strings.TrimSpace(string(place))
	}
	return filepath.Join(data, controlSocket)
}
