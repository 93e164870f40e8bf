package engine

import (
	"context"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
	"dmgateway/engine/supervise"
)

// settingRevoked is where the journal keeps why the factory does not accept the present registration any more.
const settingRevoked = "registration.revoked"

// loadIdentity reads who this node is, and whether the factory had revoked that.
func (e *Engine) loadIdentity(ctx context.Context) error {
	id, err := registration.Load(e.vault)
	if err != nil {
		return err
	}
	if id == nil {
		return e.tellLostVault(ctx)
	}
	reason, revoked, err := e.journal.Setting(ctx, settingRevoked)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.identity = id
	e.mu.Unlock()
	e.machine.change(func(f *facts) {
		f.registered = true
		if revoked {
			f.revoked = revokedProblem(reason)
		}
	})
	return nil
}

func revokedProblem(reason string) *problem {
	return &problem{"The data factory does not accept this gateway any more: " + reason, "Register again with the gateway's present key."}
}

// Start connects and takes jobs, now and after each start of the program.
func (e *Engine) Start(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if err := e.SetSetting(ctx, SettingAutostart, "true"); err != nil {
		return err
	}
	f := e.machine.get()
	if !f.registered || f.revoked != nil {
		return fault.New(fault.NotRegistered, "the gateway is not registered").Try("%s", e.machine.position().remedy)
	}
	return e.start(ctx)
}

// start begins a session where there is a registration to begin it with.
func (e *Engine) start(ctx context.Context) error {
	f := e.machine.get()
	if !f.registered || f.revoked != nil {
		return nil
	}
	e.mu.Lock()
	running, id := e.session, e.identity
	e.mu.Unlock()
	if running != nil {
		if !running.over() && !f.draining {
			return nil
		}
		e.endSession()
	}
	s, err := e.newSession(ctx, id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.session = s
	e.mu.Unlock()
	e.change(func(f *facts) {
		f.started, f.draining, f.link, f.linkProblem = true, false, linkConnecting, problem{}
	})
	s.begin()
	return nil
}

// Stop ends running jobs at their last checkpoint and disconnects, now and after each start of the program.
func (e *Engine) Stop(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if err := e.SetSetting(ctx, SettingAutostart, "false"); err != nil {
		return err
	}
	e.endSession()
	return nil
}

// Drain takes no new jobs and returns at once; when the running ones have ended the state becomes Stopped.
func (e *Engine) Drain(context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s == nil {
		return nil
	}
	s.pool.close()
	s.ch.Pause()
	e.change(func(f *facts) { f.draining = true })
	e.work.Go(func() {
		supervise.Contain(e.log, "Draining", func() {
			if s.pool.idle(s.ctx) { // else it ended otherwise in the meantime
				e.endThis(s)
			}
		})
	})
	return nil
}

// endSession disconnects and waits for everything that belongs to the session. The caller holds turn.
func (e *Engine) endSession() {
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s != nil {
		s.finish()
		e.mu.Lock()
		e.session = nil
		clear(e.progress)
		e.mu.Unlock()
	}
	e.change(func(f *facts) {
		f.started, f.draining, f.link, f.linkProblem, f.limits = false, false, linkIdle, problem{}, nil
	})
}

// revoke stops at once because the factory does not know the session's node any more. It is called from the session's
// own goroutines, so the ending is left to another.
func (e *Engine) revoke(s *session, why error) {
	reason := fault.As(why).Error()
	e.log.Error("the factory does not accept this gateway any more", logging.Key, logging.Revoked, "reason", reason)
	if err := e.journal.SetSetting(e.background, settingRevoked, reason); err != nil {
		e.log.Error("keeping that the registration was revoked", logging.Key, logging.Revoked, "error", err)
	}
	e.change(func(f *facts) { f.revoked = revokedProblem(reason) })
	s.cancel()
	e.work.Go(func() { e.endThis(s) })
}

// endThis ends a session unless that has happened already.
func (e *Engine) endThis(s *session) {
	supervise.Contain(e.log, "Stopping", func() {
		e.turn.Lock()
		defer e.turn.Unlock()
		e.mu.Lock()
		same := e.session == s
		e.mu.Unlock()
		if same {
			e.endSession()
		}
	})
}

// Register registers with a key, again in place where the gateway was registered before, and starts. When it fails, an
// earlier registration stays as it was.
func (e *Engine) Register(ctx context.Context, text, node string, progress func(RegisterStep)) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	step := func(name, text string) {
		if progress != nil {
			progress(RegisterStep{Name: name, Text: text})
		}
	}
	step("key", "Checking the key")
	key, err := registration.ParseKey(text)
	if err != nil {
		return err
	}
	node = strings.TrimSpace(node)
	if node == "" {
		node = e.setting(SettingNodeName)
	} else if err := e.SetSetting(ctx, SettingNodeName, node); err != nil {
		return err
	}
	e.mu.Lock()
	before := e.identity
	e.mu.Unlock()
	certificate := e.certificate()
	o := registration.Options{NodeName: node, Version: e.o.Version, Certificate: certificate.Leaf.Raw, Progress: step, Out: e.out}
	if before != nil && before.Gateway == key.Gateway {
		o.NodeID = before.Node
	}
	id, err := registration.Register(ctx, key, o)
	if err != nil {
		e.log.Error("registering failed", logging.Key, logging.RegisterFailed, "key", key, "error", err)
		return err
	}
	e.log.Info("registered", logging.Key, logging.Registered, "factory", id.FactoryName, "gateway", id.GatewayName, "node", id.NodeName)
	e.endSession()
	if err := e.adopt(ctx, id); err != nil {
		return err
	}
	if err := e.certificateTold(ctx, id, certificate); err != nil {
		return err
	}
	if err := e.SetSetting(ctx, SettingAutostart, "true"); err != nil {
		return err
	}
	if err := e.start(ctx); err != nil {
		return err
	}
	step("done", "Agent registration is successful!")
	return nil
}

// adopt makes id who this node is. Jobs of another gateway are forsaken: nobody waits for them here.
func (e *Engine) adopt(ctx context.Context, id *registration.Identity) error {
	if err := registration.Save(e.vault, id); err != nil {
		return err
	}
	if err := e.journal.ClearSetting(ctx, settingRevoked); err != nil {
		return err
	}
	if err := e.forsake(ctx, id.Gateway); err != nil {
		return err
	}
	e.mu.Lock()
	e.identity = id
	e.mu.Unlock()
	e.change(func(f *facts) { f.registered, f.revoked = true, nil })
	return nil
}

func (e *Engine) forsake(ctx context.Context, gateway string) error {
	why := fault.New(fault.LeaseLost, "this gateway was registered anew").Try("The data factory gives the job to a node of its gateway.")
	return e.journal.Forsake(ctx, gateway, &report.Result{Status: report.Cancelled, Errors: []report.Error{report.ErrorOf(why)}}, time.Now())
}

// Unregister stops, tells the factory where it can be reached, and forgets the registration.
func (e *Engine) Unregister(ctx context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		return fault.New(fault.NotRegistered, "the gateway is not registered")
	}
	e.endSession()
	rest := registration.Connect(e.located(id), e.out)
	defer rest.Close()
	timed, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := rest.Unregister(timed); err != nil {
		e.log.Warn("the factory could not be told that this node is gone", logging.Key, logging.FactoryNotTold, "error", err)
	}
	if err := registration.Forget(e.vault); err != nil {
		return err
	}
	if err := e.journal.ClearSetting(ctx, settingRevoked); err != nil {
		return err
	}
	if err := e.forsake(ctx, ""); err != nil {
		return err
	}
	e.mu.Lock()
	e.identity = nil
	e.mu.Unlock()
	e.change(func(f *facts) { *f = facts{} })
	return nil
}
