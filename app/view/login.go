package view

import (
	"context"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// LoginControl is the desktop's list of what starts when a person signs in, as far as it concerns this program.
type LoginControl interface {
	On() (bool, error)
	Set(on bool) error
}

// Login is whether the program starts when the person signs in. Make one with [Model.Login]; its methods return at once.
type Login struct {
	watched
	m   *Model
	ctl LoginControl
	s   LoginView
}

// LoginView is a moment of a [Login].
type LoginView struct {
	Known   bool
	On      bool
	Problem *Problem
}

// Login makes one that knows nothing yet.
func (m *Model) Login(ctl LoginControl) *Login { return &Login{m: m, ctl: ctl} }

// Snapshot is the present moment.
func (l *Login) Snapshot() LoginView {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s
}

// Load asks the desktop.
func (l *Login) Load() {
	l.m.later(func(context.Context) { l.took(l.ctl.On()) })
}

// Set changes it.
func (l *Login) Set(on bool) {
	l.m.later(func(context.Context) {
		if err := l.ctl.Set(on); err != nil {
			l.change(func() { l.s.Problem = ProblemOf(err) })
			return
		}
		l.took(l.ctl.On())
	})
}

func (l *Login) took(on bool, err error) {
	l.change(func() { l.s = LoginView{Known: err == nil, On: on, Problem: ProblemOf(err)} })
}

// Setting shows it as one.
func (v LoginView) Setting() Setting {
	s := Setting{
		Setting: engine.Setting{Name: "login", Kind: "bool", Help: words.T("Start hidden, with the icon in the tray, when you sign in to this computer.")},
		Title:   words.T("Start at login"), Shown: "false",
	}
	if v.On {
		s.Shown = "true"
	}
	if v.Problem != nil {
		s.Error = v.Problem.Text
	}
	return s
}
