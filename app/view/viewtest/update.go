package viewtest

import (
	"context"

	"dmgateway/engine"
)

// CheckUpdate answers the status's part about updates.
func (c *Controller) CheckUpdate(ctx context.Context) (engine.UpdateStatus, error) {
	err := c.note("check update")
	s, _ := c.Status(ctx)
	return s.Update, err
}

// InstallUpdate notes that it was asked.
func (c *Controller) InstallUpdate(context.Context, func(engine.UpdateStep)) error {
	return c.note("install update")
}

// DismissUpdate notes that it was asked.
func (c *Controller) DismissUpdate(context.Context) error { return c.note("dismiss update") }
