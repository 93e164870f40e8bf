package engine

import (
	"slices"
	"time"
)

// suspectAfter is from how many deaths of the program on a job is tried alone, mostDeaths at how many it fails.
const (
	suspectAfter = 2
	mostDeaths   = 3
)

// probation is how long a suspect runs alone at most, and how long it waits at most to be alone.
const probation = 10 * time.Minute

// trial is of a task that is suspected of having made the program die. Several may have been there each time. To tell
// which it was, suspects are started one at a time, with nothing beside them: the program's next death is that one's. A
// suspect is cleared by getting on, or by living for the probation; others start then. The pool's lock protects it.
type trial struct {
	on        bool // it runs, and nothing may be started beside it
	impatient bool // it has waited for long enough to be alone
	clock     *time.Timer
}

func (t *task) suspect() bool { return t.deaths >= suspectAfter && t.deaths < mostDeaths }

func (t *trial) end() {
	t.on = false
	if t.clock != nil {
		t.clock.Stop()
	}
}

// await counts a suspect's patience. The lock is held.
func (p *pool) await(t *task) {
	t.trial.clock = time.AfterFunc(p.probation, func() { p.edit(func() { t.trial.impatient = true }) })
}

// trying says that nothing but a suspect may start now: one is on trial or waits for it. The lock is held.
func (p *pool) trying() bool {
	for _, t := range p.running {
		if t.trial.on {
			return true
		}
	}
	return slices.ContainsFunc(p.waiting, (*task).suspect)
}

// startSuspect puts the first suspect on trial where it is alone, or will wait no longer. The lock is held.
func (p *pool) startSuspect() {
	for _, t := range p.running {
		if t.trial.on {
			return
		}
	}
	i := slices.IndexFunc(p.waiting, func(t *task) bool {
		return t.suspect() && p.running[t.run()] == nil && (len(p.running) == 0 || t.trial.impatient && len(p.running) < p.limit)
	})
	if i < 0 {
		return
	}
	t := p.waiting[i]
	p.waiting = slices.Delete(p.waiting, i, i+1)
	p.running[t.run()] = t
	t.trial.end()
	t.trial.on = true
	t.trial.clock = time.AfterFunc(p.probation, func() { p.clear(t) })
	p.start(t)
}

// clear ends a task's trial: others may run beside it.
func (p *pool) clear(t *task) { p.edit(t.trial.end) }

// tried says whether a task is on trial.
func (p *pool) tried(t *task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return t.trial.on
}

// endTrials stops the clocks. The lock is held.
func (p *pool) endTrials() {
	for _, t := range p.running {
		t.trial.end()
	}
	for _, t := range p.waiting {
		t.trial.end()
	}
}
