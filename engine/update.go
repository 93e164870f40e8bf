package engine

import (
	"context"

	"dmgateway/engine/fault"
)

func errNoUpdates() error {
	return fault.New(fault.Unsupported, "this build of the program cannot be updated by itself").
		Try("Install a newer version by hand.")
}

// CheckUpdate asks the feed now.
func (e *Engine) CheckUpdate(context.Context) (UpdateStatus, error) { return UpdateStatus{}, errNoUpdates() }

// InstallUpdate installs the newer version and returns when the program is about to restart.
func (e *Engine) InstallUpdate(context.Context, func(UpdateStep)) error { return errNoUpdates() }

// DismissUpdate forgets what was updated.
func (e *Engine) DismissUpdate(context.Context) error { return nil }
