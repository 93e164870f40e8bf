package engine

import (
	"context"
	"os"
	"path/filepath"

	"dmgateway/engine/diagnostics/selfcheck"
)

// Requirements says what of this machine stands in the gateway's way, before anything is set up: an old system, little
// memory, a full disk where the data directory is or will be, sleep. Nothing means that all is well.
func Requirements(ctx context.Context, data string) []Warning {
	for data != filepath.Dir(data) {
		if _, err := os.Stat(data); err == nil {
			break
		}
		data = filepath.Dir(data) // it will be made here
	}
	var list []Warning
	for _, f := range append(selfcheck.Disk(ctx, data), selfcheck.Requirements(ctx)...) {
		list = append(list, Warning{ID: f.ID, Title: f.Title, Text: f.Text, Remedy: f.Remedy, Grave: f.Grave})
	}
	return list
}
