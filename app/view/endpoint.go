package view

import (
	"context"
	"fmt"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// EndpointState is what the Settings page shows of the HTTPS endpoint.
type EndpointState struct {
	Tone           Tone
	Title          string
	Reason, Remedy string
	URL            string
	Thumbprint     string
	Fields         []Field
	// On says that it serves: a pairing code can be shown.
	On bool
	// Own says that its TLS certificate is the one that it made itself.
	Own bool
}

// EndpointOf describes the endpoint.
func EndpointOf(s Snapshot, now time.Time) EndpointState {
	e := s.Status.Endpoint
	v := EndpointState{
		Reason: Sentence(e.Reason), Remedy: Sentence(e.Remedy), URL: e.URL, Thumbprint: e.Thumbprint, Own: e.Own, On: e.State == engine.EndpointOn,
	}
	switch e.State {
	case engine.EndpointOn:
		v.Tone, v.Title = Good, words.T("The page is served.")
	case engine.EndpointFailed:
		v.Tone, v.Title = Bad, words.T("The page cannot be served.")
	default:
		v.Tone, v.Title = Off, words.T("The page is off.")
	}
	add := func(name, value string) {
		if value != "" {
			v.Fields = append(v.Fields, Field{name, value})
		}
	}
	add(words.T("Address"), e.URL)
	add(words.T("Listens at"), e.Address)
	if e.Thumbprint != "" {
		made := words.T("a certificate of yours")
		if e.Own {
			made = words.T("made by the gateway itself; browsers warn once")
		}
		add(words.T("Its certificate"), made)
		add("SHA-256", e.Thumbprint)
	}
	if !e.NotAfter.IsZero() {
		if tone, _ := validity(e.NotAfter, now); tone == Good {
			add(words.T("Valid until"), dateText(e.NotAfter, now))
		} else {
			add(words.T("Valid until"), words.T("%s: change it", dateText(e.NotAfter, now)))
		}
	}
	return v
}

// Endpoint makes pairing codes and changes the endpoint's certificate. Make one with [Model.Endpoint]; its methods return
// at once.
type Endpoint struct {
	watched
	task task
	s    EndpointView
}

// EndpointView is a moment of an [Endpoint].
type EndpointView struct {
	Busy    bool
	Code    *engine.PairingCode // the last one that was made
	Done    string
	Problem *Problem
}

// Endpoint makes one that has done nothing yet.
func (m *Model) Endpoint() *Endpoint { return &Endpoint{task: task{m: m}} }

// Snapshot is the present moment.
func (e *Endpoint) Snapshot() EndpointView {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.s
}

// Pair makes a pairing code; the one before it ends.
func (e *Endpoint) Pair() {
	e.run(func(ctx context.Context) (string, error) {
		code, err := e.task.m.ctl.PairingCode(ctx)
		if err == nil {
			e.change(func() { e.s.Code = &code })
		}
		return "", err
	})
}

// Import makes the endpoint show the certificate of a PFX file.
func (e *Endpoint) Import(file, password string) {
	e.run(func(ctx context.Context) (string, error) {
		pfx, err := readPFX(file)
		if err == nil {
			_, err = e.task.m.ctl.SetEndpointCertificate(ctx, pfx, password)
		}
		return words.T("The page shows your certificate now."), err
	})
}

// UseOwn makes it show its own certificate again.
func (e *Endpoint) UseOwn() {
	e.run(func(ctx context.Context) (string, error) {
		_, err := e.task.m.ctl.SetEndpointCertificate(ctx, nil, "")
		return words.T("The page shows the gateway's own certificate now."), err
	})
}

// Dismiss forgets the outcome.
func (e *Endpoint) Dismiss() { e.change(func() { e.s.Done, e.s.Problem = "", nil }) }

func (e *Endpoint) run(f func(context.Context) (string, error)) {
	e.task.start(func() {
		e.change(func() { e.s = EndpointView{Busy: true} })
	}, func(ctx context.Context) {
		done, err := f(ctx)
		e.task.done()
		e.change(func() {
			e.s.Busy = false
			if err != nil {
				e.s.Problem = ProblemOf(err)
				return
			}
			e.s.Done = done
		})
	})
}

// CodeLeft says how long a pairing code is good for yet; over says that it is no more.
func CodeLeft(c engine.PairingCode, now time.Time) (text string, over bool) {
	left := c.Expires.Sub(now)
	if left <= 0 {
		return words.T("This code has expired."), true
	}
	s := int(left.Round(time.Second) / time.Second)
	return words.T("It works once, for %s.", fmt.Sprintf("%d:%02d", s/60, s%60)), false
}
