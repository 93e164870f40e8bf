package view

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// How long nothing more is told of one kind of notice: at first, and at most. The time doubles with every notice that
// comes before there was calm for so long, so that what fails every few minutes is soon told once an hour. A state that
// was told is not told again for a day, unless another was told in between.
const (
	quietFirst = time.Minute
	quietMost  = time.Hour
	calm       = 15 * time.Minute
	sameState  = 24 * time.Hour
)

// Notifier passes on what the engine wants told outside the window, so that nothing is told again and again: of one kind
// at most one notice a minute, and fewer when they go on coming; those in between are summed up in the next.
type Notifier struct {
	show    func(engine.Notice)
	notices chan engine.Notice
	kinds   map[string]*kind
	warned  map[string]bool // known to Warnings only
}

type kind struct {
	quiet time.Time // until when
	step  time.Duration
	last  engine.Notice
	told  time.Time // when last was
	held  []engine.Notice
}

// NoticeSetting is the setting that switches a kind of notice on and off, "" for those that have only the one for all.
func NoticeSetting(id string) string {
	switch {
	case id == "connection" || id == "registration":
		return engine.SettingNotifyConnection
	case id == "job-failed":
		return engine.SettingNotifyJobs
	case strings.HasPrefix(id, warningNotice):
		return engine.SettingNotifyWarnings
	case id == updateNotice:
		return engine.SettingNotifyUpdates
	case id == "report":
		return engine.SettingNotifyReports
	}
	return ""
}

// Wanted reports whether a person wants to be told of a kind of notice.
func Wanted(s Snapshot, id string) bool {
	if SettingValue(s, engine.SettingNotifications) == "false" {
		return false
	}
	name := NoticeSetting(id)
	return name == "" || SettingValue(s, name) != "false"
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

// Warnings tells it what the engine warns of now. Each is passed on once; that a component which failed once runs again is
// no reason to disturb anybody.
func (n *Notifier) Warnings(list []engine.Warning) {
	now := map[string]bool{}
	for _, w := range list {
		if w.ID == "component" && !w.Grave || w.ID == updateNotice { // which the engine tells by itself
			continue
		}
		key := fmt.Sprint(warningKey(w), w.Grave)
		if now[key] = true; n.warned[key] {
			continue
		}
		n.Notice(engine.Notice{ID: warningNotice + warningKey(w), Title: words.Of(w.Title), Text: Sentence(words.Of(w.Text)), Error: w.Grave})
	}
	n.warned = now
}

// updateNotice is the ID of the engine's notices about newer versions.
const updateNotice = "update"

// warningNotice begins the ID of a notice of a warning.
const warningNotice = "warning-"

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
	e.Title, e.Text = words.Of(e.Title), words.Of(e.Text)
	k := n.kinds[e.ID]
	if k == nil {
		k = &kind{}
		n.kinds[e.ID] = k
	}
	if now.Before(k.quiet) {
		k.held = append(k.held, e)
		return
	}
	n.tell(k, e, now)
}

// tell shows e, unless it is what was told last.
func (n *Notifier) tell(k *kind, e engine.Notice, now time.Time) {
	if isState(e.ID) && e.Title == k.last.Title && e.Error == k.last.Error && now.Sub(k.told) < sameState {
		return
	}
	if k.step == 0 || now.Sub(k.quiet) >= calm {
		k.step = quietFirst
	} else {
		k.step = min(2*k.step, quietMost)
	}
	k.quiet, k.last, k.told = now.Add(k.step), e, now
	n.show(e)
}

// isState reports whether a kind of notice tells a state, which is no news while it lasts. Others tell what happened.
func isState(id string) bool {
	return id == "connection" || id == "registration" || strings.HasPrefix(id, warningNotice)
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
			k.held = nil
			n.tell(k, e, now)
		}
	}
}

// sum makes one notice of several of a kind: failures are counted, of anything else only the last is still true.
func sum(held []engine.Notice) engine.Notice {
	e := held[len(held)-1]
	if n := int64(len(held)); n > 1 && e.ID == "job-failed" {
		e.Text = words.T("The last one: %s", Sentence(e.Text))
		e.Title = words.N(n, "%d more job failed", "%d more jobs failed")
	}
	return e
}
