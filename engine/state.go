package engine

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// link is the connection to the queue.
type link int

const (
	linkIdle link = iota // not wanted
	linkConnecting
	linkUp
	linkDown // lost or refused; it is tried again
)

// problem is why a state is as it is, and what to do.
type problem struct{ reason, remedy string }

// facts are what the state follows from. They change one at a time by [machine.change]; the state is never set itself,
// so it cannot contradict them.
type facts struct {
	registered  bool
	revoked     *problem // the factory does not accept this node any more
	started     bool     // a person's wish
	draining    bool
	updating    bool
	link        link
	linkProblem problem
	limits      map[string]problem // what does not work although connected, by a name of its own
}

// state derives the state. The order of the cases is the order of importance.
func (f facts) state() (State, problem) {
	switch {
	case !f.registered:
		return NeedRegistration, problem{"This gateway is not registered yet.", "Register it with a gateway key from the data factory, or try it with the built-in one."}
	case f.revoked != nil:
		return NeedRegistration, *f.revoked
	case f.updating:
		return Updating, problem{"The program is being replaced by a newer version. No new jobs are taken meanwhile.", ""}
	case f.draining:
		return Draining, problem{"No new jobs are taken; the gateway stops when the running ones have ended.", ""}
	case !f.started:
		return Stopped, problem{"A person stopped the gateway.", "Start it to take jobs again."}
	case f.link == linkUp && len(f.limits) > 0:
		return Limited, f.limit()
	case f.link == linkUp:
		return Connected, problem{}
	case f.link == linkDown:
		return Disconnected, f.linkProblem
	}
	return Connecting, f.linkProblem
}

// limit joins everything that does not work, in the order of its names.
func (f facts) limit() problem {
	var reasons, remedies []string
	for _, name := range slices.Sorted(maps.Keys(f.limits)) {
		p := f.limits[name]
		reasons = append(reasons, p.reason)
		if p.remedy != "" && !slices.Contains(remedies, p.remedy) {
			remedies = append(remedies, p.remedy)
		}
	}
	return problem{strings.Join(reasons, " "), strings.Join(remedies, " ")}
}

// machine is the one place where the gateway's state lives.
type machine struct {
	mu    sync.Mutex
	facts facts
	at    position
	loss  bool // a person was told that the connection is lost
	now   func() time.Time
}

// position is a state with its reasons, and since when.
type position struct {
	state State
	problem
	since time.Time
}

func newMachine(f facts) *machine {
	m := &machine{facts: f, now: time.Now}
	m.at.state, m.at.problem = f.state()
	m.at.since = m.now().UTC()
	return m
}

// change changes facts and reports the position before and after. edit must not block.
func (m *machine) change(edit func(*facts)) (before, after position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = m.at
	edit(&m.facts)
	state, p := m.facts.state()
	if state != m.at.state {
		m.at.since = m.now().UTC()
	}
	m.at.state, m.at.problem = state, p
	return before, m.at
}

// limited sets or, with a zero problem, clears one thing that does not work.
func (f *facts) limited(name string, p problem) {
	if p == (problem{}) {
		delete(f.limits, name)
		return
	}
	if f.limits == nil {
		f.limits = map[string]problem{}
	}
	f.limits[name] = p
}

func (m *machine) position() position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *machine) get() facts {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.facts
	f.limits = maps.Clone(f.limits)
	return f
}

// announcedLoss remembers whether a person was told that the connection is lost, and says whether one was before.
func (m *machine) announcedLoss(told bool) (before bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, m.loss = m.loss, told
	return before
}
