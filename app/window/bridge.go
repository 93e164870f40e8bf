package window

import (
	"context"
	"time"

	"fyne.io/fyne/v2"

	"dmgateway/app/view"
)

// betweenUpdates is the least time between two: more than ten a second nobody can read.
const betweenUpdates = 100 * time.Millisecond

// after calls f on Fyne's goroutine when some time has passed, unless it is stopped before.
func after(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, func() { fyne.Do(f) }).Stop
}

// follow calls apply on Fyne's goroutine with the newest snapshot whenever the model has changed, until ctx ends. It
// waits until one is shown before it takes the next, so changes that come faster are shown together.
func follow(ctx context.Context, m *view.Model, apply func(view.Snapshot)) {
	changed, stop := m.Watch()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		shown := make(chan struct{})
		fyne.Do(func() {
			defer close(shown)
			if ctx.Err() == nil {
				apply(m.Snapshot())
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-shown:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(betweenUpdates):
		}
	}
}
