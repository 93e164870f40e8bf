// Package viewtest has an engine that is none, for tests of what shows one: it answers as it is told and notes what it
// was asked.
package viewtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"dmgateway/engine"
)

// Now is the time in tests.
var Now = time.Date(2026, time.November, 21, 11, 30, 0, 0, time.UTC)

// Controller answers with what its fields say. Change them with [Controller.Do], tell events with [Controller.Tell].
type Controller struct {
	mu         sync.Mutex
	Now        engine.Status
	List       []engine.Job
	Set        []engine.Setting
	Err        error // of Start, Stop, Register, Unregister, TryIt and Cancel
	SettingErr error // of SetSetting
	Sample     engine.Sample
	Steps      []engine.RegisterStep
	// UpdateSteps are told by InstallUpdate.
	UpdateSteps []engine.UpdateStep
	Answers
	Gate        chan struct{} // what takes a while waits for it after its steps, where it is not nil
	asked       []string
	subscribers []chan engine.Event
}

var _ engine.Controller = (*Controller)(nil)

// Do changes the controller's fields.
func (c *Controller) Do(f func(*Controller)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// Asked is what was asked so far, each call as its name and arguments.
func (c *Controller) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// Tell tells all subscribers an event; a status is also what Status answers from then on.
func (c *Controller) Tell(ev engine.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ev.Status != nil {
		c.Now = *ev.Status
	}
	for _, s := range c.subscribers {
		s <- ev
	}
}

func (c *Controller) note(words ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, strings.Join(words, " "))
	return c.Err
}

// Status answers Now.
func (c *Controller) Status(context.Context) (engine.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Now, nil
}

// Start notes.
func (c *Controller) Start(context.Context) error { return c.note("start") }

// Stop notes.
func (c *Controller) Stop(context.Context) error { return c.note("stop") }

// Drain notes.
func (c *Controller) Drain(context.Context) error { return c.note("drain") }

// Register notes, tells its steps and waits for the gate.
func (c *Controller) Register(ctx context.Context, key, node string, progress func(engine.RegisterStep)) error {
	err := c.note("register", key, node)
	c.steps(ctx, progress)
	return err
}

func (c *Controller) steps(ctx context.Context, progress func(engine.RegisterStep)) {
	for _, s := range c.Steps {
		progress(s)
	}
	if c.Gate != nil {
		select {
		case <-c.Gate:
		case <-ctx.Done():
		}
	}
}

// Unregister notes.
func (c *Controller) Unregister(context.Context) error { return c.note("unregister") }

// Jobs answers List.
func (c *Controller) Jobs(context.Context, int) ([]engine.Job, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.List), nil
}

// Job answers one of List.
func (c *Controller) Job(_ context.Context, id string) (engine.Job, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.List {
		if j.ID == id {
			return j, nil
		}
	}
	return engine.Job{}, context.Canceled
}

// Cancel notes.
func (c *Controller) Cancel(_ context.Context, id string) error { return c.note("cancel", id) }

// Retry notes.
func (c *Controller) Retry(_ context.Context, id string) error { return c.note("retry", id) }

// Settings answers Set.
func (c *Controller) Settings(context.Context) ([]engine.Setting, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.Set), nil
}

// SetSetting notes and stores.
func (c *Controller) SetSetting(_ context.Context, name, value string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, "set "+name+"="+value)
	if c.SettingErr != nil {
		return c.SettingErr
	}
	for i := range c.Set {
		if c.Set[i].Name == name {
			c.Set[i].Value = value
		}
	}
	return nil
}

// Subscribe begins with the present status.
func (c *Controller) Subscribe(ctx context.Context) (<-chan engine.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := make(chan engine.Event, 256)
	now := c.Now
	events <- engine.Event{Status: &now}
	c.subscribers = append(c.subscribers, events)
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.subscribers = slices.DeleteFunc(c.subscribers, func(s chan engine.Event) bool { return s == events })
		close(events)
	})
	return events, nil
}

// TryIt notes, tells its steps and waits for the gate.
func (c *Controller) TryIt(ctx context.Context, progress func(engine.RegisterStep)) (engine.Sample, error) {
	err := c.note("try it")
	c.steps(ctx, progress)
	return c.Sample, err
}
