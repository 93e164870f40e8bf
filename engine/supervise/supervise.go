// Package supervise keeps the parts of the program that run for ever alive: one that panics, ends of itself or stops
// answering is restarted, alone, and the log says so.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/logging"
)

// Sentence is what the log says of a component that is restarted; the component's name follows.
const Sentence = "A component of Data Management Gateway has become unresponsive and will restart automatically. Component name: "

// Options of a supervisor. All are optional.
type Options struct {
	Log *slog.Logger
	// Limit is how long a component may take over one piece of work.
	//
	// Default: 2 minutes.
	Limit time.Duration
	// Restarted is called after a component was given up and before it begins again.
	Restarted func(Restart)
	// Disturb is called at the beginning of each piece of work, in the component's own goroutine: tests make it panic or
	// hang there.
	Disturb func(component string)
}

// Restart is one restart of one component.
type Restart struct {
	Component string
	At        time.Time
	// Why is what was wrong: a panic, silence, an end before its time.
	Why error
}

// Supervisor watches components. It may be used from several goroutines.
type Supervisor struct{ o Options }

// New makes a supervisor.
func New(o Options) *Supervisor {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limit == 0 {
		o.Limit = 2 * time.Minute
	}
	return &Supervisor{o: o}
}

var (
	errSilent = errors.New("it stopped answering")
	errEnded  = errors.New("it ended of itself")
)

// lasting is how long a component has to run before the pauses between restarts begin at the shortest again.
const lasting = time.Minute

// Run runs a component until ctx ends, again and again where it has to be. run gets a context of each try; it should
// return soon after that has ended. A try that hangs is given up: its goroutine is left behind, with its context over,
// and ends when whatever holds it lets go.
func (s *Supervisor) Run(ctx context.Context, component string, run func(ctx context.Context, p *Pulse) error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval, pause.Multiplier = min(s.o.Limit, time.Second), time.Minute, 2
	for ctx.Err() == nil {
		began := time.Now()
		why := s.try(ctx, component, run)
		if ctx.Err() != nil {
			return
		}
		attributes := []any{logging.Key, logging.ComponentRestarted, "component", component, "reason", why.Error()}
		var p *PanicError
		if errors.As(why, &p) {
			attributes = append(attributes, "stack", p.Stack)
		}
		s.o.Log.Error(Sentence+component+".", attributes...)
		if s.o.Restarted != nil {
			s.o.Restarted(Restart{component, time.Now().UTC(), why})
		}
		if time.Since(began) > lasting {
			pause.Reset()
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
		}
	}
}

// try runs a component once, to its end or until it is silent for too long.
func (s *Supervisor) try(ctx context.Context, component string, run func(context.Context, *Pulse) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &Pulse{component: component, disturb: s.o.Disturb, working: map[*time.Time]struct{}{}}
	ended := make(chan error, 1)
	go func() { ended <- Guard(func() error { return run(ctx, p) }) }()
	look := time.NewTicker(max(s.o.Limit/8, time.Millisecond))
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			if err == nil {
				err = errEnded
			}
			return err
		case <-ctx.Done():
			return s.wait(ended)
		case now := <-look.C:
			if p.silent(now, s.o.Limit) {
				cancel(errSilent)
				select { // what is only slow still ends in order
				case err := <-ended:
					return errors.Join(errSilent, err)
				case <-time.After(min(s.o.Limit, 5*time.Second)):
					return errSilent
				}
			}
		}
	}
}

// wait lets a component end whose time is over; one that hangs does not keep the program from ending.
func (s *Supervisor) wait(ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-time.After(s.o.Limit):
		s.o.Log.Error("a component did not end", logging.Key, logging.ComponentRestarted)
		return errSilent
	}
}

// Pulse is by which a component shows that it is alive. A nil Pulse shows nothing, to nobody.
type Pulse struct {
	component string
	disturb   func(string)

	mu      sync.Mutex
	working map[*time.Time]struct{}
}

// Working says that a piece of work begins, which has to end, by a call of done, within the supervisor's limit. Waiting
// for something that may never come is not work. A component can be at several pieces of work at once.
func (p *Pulse) Working() (done func()) {
	if p == nil {
		return func() {}
	}
	began := time.Now()
	p.mu.Lock()
	p.working[&began] = struct{}{}
	p.mu.Unlock()
	if p.disturb != nil {
		p.disturb(p.component)
	}
	return func() {
		p.mu.Lock()
		delete(p.working, &began)
		p.mu.Unlock()
	}
}

func (p *Pulse) silent(now time.Time, limit time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for began := range p.working {
		if now.Sub(*began) > limit {
			return true
		}
	}
	return false
}

// PanicError is a panic as an error.
type PanicError struct {
	Value any
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Guard calls f and turns its panic into a [*PanicError]. Every goroutine of a component needs one.
func Guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, string(debug.Stack())}
		}
	}()
	return f()
}

// Every calls do at once and then in the given interval until ctx ends, each time as one piece of work.
func Every(ctx context.Context, p *Pulse, interval time.Duration, do func(context.Context)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		done := p.Working()
		do(ctx)
		done()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Contain calls f and tells the log of a panic of it, as a defect in that part of the program. It is for goroutines whose
// failure nobody waits for; it reports whether f returned.
func Contain(log *slog.Logger, part string, f func()) bool {
	err := Guard(func() error { f(); return nil })
	var p *PanicError
	if errors.As(err, &p) {
		log.Error("a defect of the program was contained", logging.Key, logging.DefectContained, "component", part, "panic", fmt.Sprint(p.Value), "stack", p.Stack)
	}
	return err == nil
}
