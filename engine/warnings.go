package engine

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/diagnostics/selfcheck"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// How often the machine is looked at, and how long a component's restart is worth a warning.
const (
	checkEvery   = time.Minute
	restartShown = time.Hour
)

// warnings are what a person should see to, by who said so.
type warnings struct {
	mu sync.Mutex
	by map[string][]Warning
}

// set replaces what one source warns of.
func (w *warnings) set(source string, list ...Warning) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by == nil {
		w.by = map[string][]Warning{}
	}
	w.by[source] = list
}

// list gives all, the gravest first.
func (w *warnings) list() []Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Warning
	for _, list := range w.by {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b Warning) int {
		if a.Grave != b.Grave {
			if a.Grave {
				return -1
			}
			return 1
		}
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Text, b.Text))
	})
	return all
}

// selfChecks looks at the machine until ctx ends.
func (e *Engine) selfChecks(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, checkEvery, e.selfCheck)
	return ctx.Err()
}

func (e *Engine) selfCheck(ctx context.Context) {
	at := selfcheck.Place{Data: e.data, Skew: e.clockSkew(), CertificateEnds: e.status().Certificate.NotAfter, Now: time.Now()}
	at.Folders = filepath.SplitList(e.setting(SettingFolders))
	found := selfcheck.Look(ctx, at)
	before := e.warnings.list()
	var list []Warning
	for _, f := range found {
		list = append(list, Warning{ID: f.ID, Title: f.Title, Text: f.Text, Remedy: f.Remedy, Grave: f.Grave})
	}
	e.warnings.set("machine", list...)
	e.forgetRestarts(time.Now())
	for _, w := range list {
		if !slices.ContainsFunc(before, func(b Warning) bool { return b.ID == w.ID && b.Grave == w.Grave }) {
			e.log.Warn("self-check", logging.Key, logging.SelfCheck, "check", w.ID, "text", w.Text, "remedy", w.Remedy)
		}
	}
	e.announce()
}

// clockSkew is how far this machine's clock is ahead of the factory's, 0 where that is unknown.
func (e *Engine) clockSkew() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session == nil {
		return 0
	}
	return e.session.rest.Skew()
}

// restarted keeps in mind that a component had to be restarted, so that a person sees it.
func (e *Engine) restarted(r supervise.Restart) {
	e.mu.Lock()
	e.restarts = append(e.restarts, r)
	e.mu.Unlock()
	e.forgetRestarts(r.At)
	e.announce()
}

// forgetRestarts drops restarts that are long ago and says the others.
func (e *Engine) forgetRestarts(now time.Time) {
	e.mu.Lock()
	e.restarts = slices.DeleteFunc(e.restarts, func(r supervise.Restart) bool { return now.Sub(r.At) > restartShown })
	last, times := map[string]supervise.Restart{}, map[string]int{}
	for _, r := range e.restarts {
		last[r.Component] = r
		times[r.Component]++
	}
	e.mu.Unlock()
	var list []Warning
	for name, r := range last {
		text := fmt.Sprintf("The component %s stopped working (%v) and was restarted at %s.", name, r.Why, r.At.Local().Format("15:04:05"))
		if n := times[name]; n > 1 {
			text = fmt.Sprintf("The component %s stopped working %d times in the last hour (%v) and was restarted each time.", name, n, r.Why)
		}
		list = append(list, Warning{
			ID: "component", Title: "A component was restarted", Text: text, Grave: times[name] > 2,
			Remedy: "Send the logs, so that the cause can be found.",
		})
	}
	e.warnings.set("components", list...)
}
