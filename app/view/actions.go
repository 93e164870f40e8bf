package view

import (
	"context"
	"slices"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// RegisterFailure begins what a person is told when registering failed; the reason follows. [RegisterFailed] says it in
// the person's language.
const RegisterFailure = "Failed to register the gateway key. Before trying to register the gateway key again, confirm that the " +
	"Data Management Gateway is in a connected state and the Data Management Gateway Host Service is Started."

// RegisterSuccess is what a person is told when it worked.
const RegisterSuccess = "Agent registration is successful!"

// RegisterFailed is RegisterFailure in the person's language.
func RegisterFailed() string {
	return words.T("Failed to register the gateway key. Before trying to register the gateway key again, confirm that the " +
		"Data Management Gateway is in a connected state and the Data Management Gateway Host Service is Started.")
}

// do carries out the one thing that a person asked for; a second one is refused while the first is under way.
func (m *Model) do(what Doing, success string, f func(context.Context) error) {
	m.mu.Lock()
	busy := m.s.Doing != Nothing
	m.mu.Unlock()
	if busy {
		return
	}
	m.change(func(s *Snapshot) { s.Doing, s.Steps, s.Problem, s.Failed, s.Success = what, nil, nil, Nothing, "" })
	m.later(func(ctx context.Context) {
		err := f(ctx)
		m.change(func(s *Snapshot) {
			s.Doing = Nothing
			if err != nil {
				s.Problem, s.Failed = ProblemOf(err), what
				return
			}
			s.Success = success
		})
	})
}

func (m *Model) step(step engine.RegisterStep) {
	m.change(func(s *Snapshot) { s.Steps = append(s.Steps, step) })
}

// Start lets the gateway connect and take jobs.
func (m *Model) Start() { m.do(Starting, "", m.ctl.Start) }

// Stop lets it end running jobs at their next checkpoint and disconnect.
func (m *Model) Stop() { m.do(Stopping, "", m.ctl.Stop) }

// Register registers with a key; node "" is the machine's name.
func (m *Model) Register(key, node string) {
	m.do(Registering, RegisterSuccess, func(ctx context.Context) error { return m.ctl.Register(ctx, key, node, m.step) })
}

// Unregister forgets the key.
func (m *Model) Unregister() { m.do(Unregistering, "", m.ctl.Unregister) }

// TryIt starts the built-in factory and runs the sample.
func (m *Model) TryIt() {
	m.do(Trying, "", func(ctx context.Context) error {
		sample, err := m.ctl.TryIt(ctx, m.step)
		if err == nil {
			m.change(func(s *Snapshot) { s.Sample = &sample })
		}
		return err
	})
}

// Dismiss forgets the outcome of what was asked for last.
func (m *Model) Dismiss() {
	m.change(func(s *Snapshot) { s.Problem, s.Failed, s.Success = nil, Nothing, "" })
}

// Cancel cancels a job.
func (m *Model) Cancel(id string) {
	m.change(func(s *Snapshot) {
		if s.cancelling == nil {
			s.cancelling = map[string]bool{}
		}
		s.cancelling[id] = true
	})
	m.later(func(ctx context.Context) {
		if err := m.ctl.Cancel(ctx, id); err != nil {
			m.change(func(s *Snapshot) {
				delete(s.cancelling, id)
				s.Problem, s.Failed = ProblemOf(err), Nothing
			})
		}
	})
}

// retrier is an engine that can have an ended job run again.
type retrier interface {
	Retry(ctx context.Context, id string) error
}

// CanRetry reports whether a job can be run again from here: it failed or was cancelled, and the engine knows how to.
func (m *Model) CanRetry(j engine.Job) bool {
	_, can := m.ctl.(retrier)
	return can && j.Retryable
}

// Retry asks the factory to run a job again. It comes back as another attempt.
func (m *Model) Retry(id string) {
	r, can := m.ctl.(retrier)
	if !can {
		return
	}
	m.later(func(ctx context.Context) {
		if err := r.Retry(ctx, id); err != nil {
			m.change(func(s *Snapshot) { s.Problem, s.Failed = ProblemOf(err), Nothing })
		}
	})
}

// SetSetting stores a setting; what is wrong with the value is told with the setting. Of several values for one
// setting, the last one counts.
func (m *Model) SetSetting(name, value string) {
	m.mu.Lock()
	m.asked[name]++
	turn := m.asked[name]
	m.mu.Unlock()
	m.later(func(ctx context.Context) {
		m.mu.Lock()
		old := m.asked[name] != turn
		m.mu.Unlock()
		if old {
			return
		}
		err := m.ctl.SetSetting(ctx, name, value)
		m.change(func(s *Snapshot) {
			if m.asked[name] != turn {
				return
			}
			if s.settingErrors == nil {
				s.settingErrors = map[string]string{}
			}
			delete(s.settingErrors, name)
			if err != nil {
				p := ProblemOf(err)
				s.settingErrors[name] = p.Text
				if p.Hint != "" {
					s.settingErrors[name] += " " + p.Hint
				}
			}
		})
		if err == nil {
			m.loadSettings(ctx)
		}
	})
}

func (m *Model) loadSettings(ctx context.Context) {
	settings, err := m.ctl.Settings(ctx)
	if err != nil {
		return
	}
	m.change(func(s *Snapshot) { s.settings = slices.Clone(settings) })
}
