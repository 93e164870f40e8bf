package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// InstallUpdate installs the newer version and returns when the program is about to restart.
func (e *Engine) InstallUpdate(ctx context.Context, progress func(UpdateStep)) error {
	if off := e.updateOff(); off != "" {
		return errUpdateOff(off)
	}
	u := &e.updates
	u.mu.Lock()
	busy := u.installing || u.trial != nil
	u.installing = u.installing || !busy
	r := u.release
	u.mu.Unlock()
	if busy {
		return fault.New(fault.Conflict, "an update is being installed already").Try("Wait for it; `dmgcmd update status` shows how far it is.")
	}
	err := e.install(ctx, r, func(s UpdateStep) {
		e.changeUpdate(func(now *UpdateStatus) {
			now.State, now.Done, now.Total, now.Problem, now.Remedy = s.State, s.Done, s.Total, "", ""
		})
		if progress != nil {
			progress(s)
		}
	})
	if err == nil {
		return nil // it restarts; another one makes no sense before
	}
	u.mu.Lock()
	u.installing = false
	u.mu.Unlock()
	e.installFailed(err)
	return err
}

// installFailed says that nothing was installed. By itself it is tried again a day later.
func (e *Engine) installFailed(err error) {
	f := fault.As(err)
	u := &e.updates
	u.mu.Lock()
	r := u.release
	u.mu.Unlock()
	if f.Code != fault.Cancelled {
		e.log.Error("an update could not be installed", logging.Key, logging.UpdateNotInstalled, "error", err)
	}
	e.changeUpdate(func(s *UpdateStatus) {
		s.State, s.Done, s.Total = UpdateNone, 0, 0
		if f.Code != fault.Cancelled {
			s.Problem, s.Remedy = f.Error(), f.Hint
		}
	})
	if r != nil {
		_ = e.journal.ClearSetting(context.WithoutCancel(e.background), settingUpdateOffer) // else it is tried again at once
		e.offer(r)
	}
}

func (e *Engine) install(ctx context.Context, r *feed.Release, progress func(UpdateStep)) error {
	if r == nil {
		var err error
		if r, err = e.askFeed(ctx); err != nil {
			return err
		}
		if r == nil {
			return fault.New(fault.NotFound, "there is no newer version than %s", e.o.Version)
		}
	}
	program := CommandProgram
	if e.updates.starter != nil {
		program = e.updates.starter.Name
	}
	if !update.IsKept(e.data, r.Version, program) {
		if err := e.fetch(ctx, r, program, progress); err != nil {
			return err
		}
	}
	e.log.Info("an update is being installed", logging.Key, logging.UpdateInstalling, "from", e.o.Version, "to", r.Version)
	connected, err := e.drainForUpdate(ctx, r, progress)
	if err == nil {
		err = update.Stage(e.data, r.Version, strings.TrimPrefix(e.o.Version, "v"), r.Notes, connected)
	}
	if err != nil {
		e.takeJobsAgain()
		return err
	}
	if e.o.Idle || e.updates.starter == nil {
		progress(UpdateStep{State: UpdateRestarting, Text: "Version " + r.Version + " runs when the gateway is started next"})
		return nil
	}
	progress(UpdateStep{State: UpdateRestarting, Text: "Restarting with version " + r.Version})
	close(e.updates.restart)
	return nil
}

// fetch downloads a version and keeps it.
func (e *Engine) fetch(ctx context.Context, r *feed.Release, program string, progress func(UpdateStep)) error {
	text := "Downloading version " + r.Version
	client, err := e.feedNow()
	if err != nil {
		return err
	}
	file, err := update.Download(e.data, r.Name)
	if err != nil {
		return err
	}
	progress(UpdateStep{State: UpdateDownloading, Text: text, Total: r.Length})
	var last time.Time
	err = client.Download(ctx, r, file, func(done, total int64) {
		if now := time.Now(); now.Sub(last) > 250*time.Millisecond || done == total {
			last = now
			progress(UpdateStep{State: UpdateDownloading, Text: text, Done: done, Total: total})
		}
	})
	if err != nil {
		return err
	}
	return update.Keep(ctx, e.data, r.Version, file, program)
}

// drainForUpdate takes no new jobs and waits for those that run. connected says whether the factory was reached.
func (e *Engine) drainForUpdate(ctx context.Context, r *feed.Release, progress func(UpdateStep)) (connected bool, err error) {
	e.turn.Lock()
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	f := e.machine.get()
	e.change(func(f *facts) { f.updating = true })
	if s == nil {
		e.turn.Unlock()
		return false, ctx.Err()
	}
	s.pool.close()
	s.ch.Pause()
	e.turn.Unlock()
	s.ch.Report(s.heartbeat()) // the factory shows it at once
	if n := s.pool.runningNow(); n > 0 {
		progress(UpdateStep{State: UpdateWaiting, Text: fmt.Sprintf("Waiting for %d running jobs before version %s is started", n, r.Version)})
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	if s.pool.idle(waiting) {
		return f.link == linkUp && f.started && !f.draining && f.revoked == nil, nil
	}
	switch {
	case ctx.Err() != nil:
		return false, fault.New(fault.Cancelled, "waiting for running jobs before the update").Because(context.Cause(ctx))
	case e.background.Err() != nil:
		return false, fault.New(fault.Cancelled, "the program was closed before the update")
	}
	return false, nil // a person stopped the gateway, and with it the jobs
}

// takeJobsAgain undoes drainForUpdate: when the running jobs have ended a new session begins.
func (e *Engine) takeJobsAgain() {
	e.change(func(f *facts) { f.updating = false })
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s == nil || e.background.Err() != nil {
		return
	}
	e.work.Go(func() {
		supervise.Contain(e.log, "Update", func() {
			if !s.pool.idle(s.ctx) {
				return // ended otherwise in the meantime
			}
			e.turn.Lock()
			defer e.turn.Unlock()
			e.mu.Lock()
			same := e.session == s
			e.mu.Unlock()
			if !same || e.background.Err() != nil {
				return
			}
			e.endSession()
			if err := e.start(e.background); err != nil && !errors.Is(err, context.Canceled) {
				e.log.Warn("the gateway could not take jobs again", logging.Key, logging.Notable, "error", err)
			}
		})
	})
}
