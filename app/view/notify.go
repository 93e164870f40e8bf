package view

import (
	"context"
	"strings"
	"time"

	"dmgateway/engine"
)

// quietFor is how long nothing more is told of one kind of notice.
const quietFor = time.Minute

// Notifier passes on what the engine wants told outside the window, so that nothing is told again and again: of one kind
// at most one notice a minute; those in between are summed up in the next.
type Notifier struct {
	show    func(engine.Notice)
	notices chan engine.Notice
	kinds   map[string]*kind
}

type kind struct {
	quiet time.Time // until when
	held  []engine.Notice
}

// NewNotifier makes a Notifier that shows by calling show, from the goroutine of Run. A notice with the ID of an earlier
// one is to replace it.
func NewNotifier(show func(engine.Notice)) *Notifier {
	return &Notifier{show: show, notices: make(chan engine.Notice, 64), kinds: map[string]*kind{}}
}

// Notice tells it a notice. It does not wait; where sixty-four wait already, one more says nothing new.
func (n *Notifier) Notice(e engine.Notice) {
	select {
	case n.notices <- e:
	default:
	}
}

// Run passes on until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next, ok := n.nextDue(); ok {
			timer.Reset(time.Until(next))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case e := <-n.notices:
			n.take(e, time.Now())
		case <-timer.C:
			n.due(time.Now())
		}
	}
}

func (n *Notifier) take(e engine.Notice, now time.Time) {
	k := n.kinds[e.ID]
	if k == nil {
		k = &kind{}
		n.kinds[e.ID] = k
	}
	if now.Before(k.quiet) {
		k.held = append(k.held, e)
		return
	}
	k.quiet = now.Add(quietFor)
	n.show(e)
}

func (n *Notifier) nextDue() (next time.Time, ok bool) {
	for _, k := range n.kinds {
		if len(k.held) > 0 && (!ok || k.quiet.Before(next)) {
			next, ok = k.quiet, true
		}
	}
	return next, ok
}

// due tells what was held back and is no longer to be.
func (n *Notifier) due(now time.Time) {
	for _, k := range n.kinds {
		if len(k.held) > 0 && !now.Before(k.quiet) {
			e := sum(k.held)
			k.held, k.quiet = nil, now.Add(quietFor)
			n.show(e)
		}
	}
}

// sum makes one notice of several of a kind: failures are counted, of anything else only the last is still true.
func sum(held []engine.Notice) engine.Notice {
	e := held[len(held)-1]
	if len(held) > 1 && e.ID == "job-failed" {
		e.Text = "The last one: " + strings.TrimSuffix(e.Text, ".") + "."
		e.Title = Count(int64(len(held))) + " more jobs failed"
	}
	return e
}
