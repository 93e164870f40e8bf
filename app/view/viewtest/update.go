package viewtest

import (
	"context"
	"time"

	"dmgateway/engine"
)

// CheckUpdate answers the status's part about updates.
func (c *Controller) CheckUpdate(ctx context.Context) (engine.UpdateStatus, error) {
	err := c.note("check update")
	s, _ := c.Status(ctx)
	return s.Update, err
}

// InstallUpdate notes that it was asked, tells UpdateSteps and waits for the gate.
func (c *Controller) InstallUpdate(ctx context.Context, progress func(engine.UpdateStep)) error {
	err := c.note("install update")
	for _, s := range c.UpdateSteps {
		progress(s)
	}
	if c.Gate != nil {
		select {
		case <-c.Gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// DismissUpdate notes that it was asked.
func (c *Controller) DismissUpdate(context.Context) error { return c.note("dismiss update") }

// Offered is a gateway for which a newer version is scheduled for the night.
func Offered() *Controller {
	c := Idle()
	at := Now.Add(15*time.Hour + 30*time.Minute)
	c.Now.Update = engine.UpdateStatus{
		State: engine.UpdateScheduled, Available: "0.2.0", Auto: true, Scheduled: &at, Checked: Now.Add(-40 * time.Minute),
		Notes: "## Faster\n\n- Copies from Oracle take half the time.\n- Parquet files are smaller.\n\n## Repaired\n\n- A proxy that asks for NTLM twice is understood.\n",
	}
	return c
}
