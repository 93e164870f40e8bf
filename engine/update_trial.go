package engine

import (
	"context"
	"path/filepath"
	"time"

	"dmgateway/engine/bus"
	"dmgateway/engine/factory"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/update"
)

// backUp keeps what this version, which is on trial, is about to change for good.
func (e *Engine) backUp(ctx context.Context, version string) error {
	return update.Backup(ctx, e.data, version, []update.Database{
		{Path: journalFile, Schema: update.SchemaIn(journal.Migrations())},
		{Path: filepath.Join(factoryFolder, factory.DatabaseFile), Schema: update.SchemaIn(factory.Migrations())},
		{Path: filepath.Join(factoryFolder, factory.BusFile), Schema: update.SchemaIn(bus.Migrations())},
	}, []string{vaultFile})
}

// proveItself confirms this version when it works: the engine is open, its control socket answers, and where the version
// before was connected, the factory's queue has taken a heartbeat. Whatever is missing for too long makes the starter end
// this program and go back.
func (e *Engine) proveItself(ctx context.Context) {
	u := &e.updates
	t := u.trial
	for !e.answers(ctx) {
		if !pause(ctx, time.Second) {
			return
		}
	}
	if t.Connected {
		if err := update.Answered(e.data, t.Version); err != nil { // it only says more about a failure
			e.log.Warn("how far the trial is could not be written down", logging.Key, logging.Notable, "error", err)
		}
		select {
		case <-u.beat:
		case <-ctx.Done():
			return
		}
	}
	for {
		err := update.Confirm(e.data, t.Version, u.now())
		if err == nil {
			break
		}
		e.log.Error("that the new version works could not be written down", logging.Key, logging.UpdateNotInstalled, "error", err)
		if !pause(ctx, time.Second) {
			return
		}
	}
	e.proved(*t)
}

// soonConnected is within which time after its start a version is connected as soon as it is back.
const soonConnected = 2 * time.Minute

// judgeUndone finds out whether this version gets connected where the newer one did not, which only worked but for that.
func (e *Engine) judgeUndone(ctx context.Context, version string, began time.Time) {
	u := &e.updates
	select {
	case <-u.beat:
	case <-ctx.Done():
		return
	}
	if u.now().Sub(began) > soonConnected {
		return // nobody could connect
	}
	blamed, err := update.ConnectedBefore(e.data, version)
	if err != nil {
		e.log.Warn("that the version before is connected could not be written down", logging.Key, logging.Notable, "error", err)
	}
	if !blamed {
		return
	}
	if s, err := update.Load(e.data); err == nil {
		e.showUpdated(s)
	}
	e.reschedule()
}

// canProve reports whether a newer version could prove now that it gets connected as this one does, or need not.
func (e *Engine) canProve() bool {
	f := e.machine.get()
	return !f.registered || f.revoked != nil || !f.started || f.draining || f.link == linkUp
}

// proved takes jobs from now on.
func (e *Engine) proved(t update.Trial) {
	u := &e.updates
	e.log.Info("updated", logging.Key, logging.UpdateDone, "from", t.From, "to", t.Version)
	e.turn.Lock()
	u.mu.Lock()
	u.trial, u.status.State = nil, UpdateNone
	u.mu.Unlock()
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s != nil && !e.machine.get().draining {
		s.pool.open()
	}
	e.turn.Unlock()
	if kept, err := update.Load(e.data); err == nil {
		e.showUpdated(kept)
	}
	e.change(func(f *facts) { f.updating = false })
	e.notice(Notice{ID: "update", Title: "The program was updated", Text: "Version " + t.Version + " runs now. Before it was " + t.From + "."})
}

// answers reports whether the control socket does.
func (e *Engine) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := Dial(ctx, e.data)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// onTrial reports whether this version has not proved itself yet. It takes no jobs until then.
func (e *Engine) onTrial() bool {
	e.updates.mu.Lock()
	defer e.updates.mu.Unlock()
	return e.updates.trial != nil
}

// sent is told of each event that the factory's queue has taken.
func (e *Engine) sent(kind string) {
	if kind != protocol.EventHeartbeat {
		return
	}
	u := &e.updates
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.beaten && u.beat != nil {
		u.beaten = true
		close(u.beat)
	}
}

// pause waits, and is false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// heartbeatUpdate is what the factory is told about updates.
func (e *Engine) heartbeatUpdate() *protocol.HeartbeatUpdate {
	s := e.updateStatus()
	if s.Off != "" && s.Problem == "" {
		return nil
	}
	u := &protocol.HeartbeatUpdate{Available: s.Available, Auto: s.Auto}
	if s.Scheduled != nil {
		u.Scheduled = s.Scheduled.UTC()
	}
	if s.State == UpdateFailed {
		u.Problem = s.Problem
	}
	return u
}
