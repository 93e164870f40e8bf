package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"dmgateway/engine/journal"
)

// task is one attempt of a job on its way through the pool.
type task struct {
	entry  journal.Entry
	marks  *jobMarks // of the attempt that ran last; nil before one did
	deaths int       // of the program while the run was worked on and got no further
	trial  trial

	mu        sync.Mutex // protects what follows
	stop      context.CancelCauseFunc
	stopped   error     // why it was cancelled, also before it ran
	leasedTil time.Time // wall clock, so that a sleep of the machine counts
}

func newTask(e journal.Entry, deaths int) *task { return &task{entry: e, deaths: deaths} }

func (t *task) run() string { return t.entry.Job.ActivityRun }

// cancelled stops the task with a reason; before it runs the reason is kept until it does.
func (t *task) cancelled(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped == nil || errors.Is(t.stopped, errLeaseEnded) {
		t.stopped = why
	}
	if t.stop != nil {
		t.stop(why)
	}
}

// attach gives the task the means to be stopped; a reason that came before takes effect now.
func (t *task) attach(stop context.CancelCauseFunc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop = stop
	if t.stopped != nil {
		stop(t.stopped)
	}
}

// resume makes a task that was paused ready to ask for its lease again.
func (t *task) resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leasedTil = time.Time{}
	if errors.Is(t.stopped, errLeaseEnded) {
		t.stopped = nil
	}
}

// leased notes until when the factory lets the attempt go on.
func (t *task) leased(til time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leasedTil = til.Round(0)
}

// lease is until when the attempt may go on, zero while it does not run.
func (t *task) lease() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leasedTil
}

// pool runs tasks, at most limit at once, in the order in which they came, never two attempts of one run at once. Those
// that may have made the program die run alone at first, see [trial].
type pool struct {
	start     func(*task) // starts a task's goroutine, which calls done at its end
	probation time.Duration

	mu      sync.Mutex
	limit   int
	opened  bool // tasks are started
	taking  bool // new ones are wanted
	waiting []*task
	running map[string]*task
	changed chan struct{} // closed at the next change
}

func newPool(limit int, start func(*task)) *pool {
	return &pool{limit: limit, start: start, probation: probation, taking: true, running: map[string]*task{}, changed: make(chan struct{})}
}

// open starts the tasks that were added before and from now on.
func (p *pool) open() { p.edit(func() { p.opened = true }) }

// close starts no more tasks.
func (p *pool) close() {
	p.edit(func() {
		p.opened, p.taking = false, false
		p.endTrials()
	})
}

func (p *pool) setLimit(n int) { p.edit(func() { p.limit = n }) }

func (p *pool) add(t *task) {
	p.edit(func() {
		p.waiting = append(p.waiting, t)
		if t.suspect() {
			p.await(t)
		}
	})
}

// done takes a task that has ended out of the pool.
func (p *pool) done(t *task) {
	p.edit(func() {
		if p.running[t.run()] == t {
			delete(p.running, t.run())
		}
		t.trial.end()
	})
}

// edit changes the pool, starts what can be started and tells whoever waits.
func (p *pool) edit(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.opened {
		p.startSuspect()
		if !p.trying() {
			p.startWaiting()
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// startWaiting is called with the lock held.
func (p *pool) startWaiting() {
	p.waiting = slices.DeleteFunc(p.waiting, func(t *task) bool {
		if len(p.running) >= p.limit || p.running[t.run()] != nil {
			return false
		}
		p.running[t.run()] = t
		p.start(t)
		return true
	})
}

// until waits for a condition, which is looked at with the lock held.
func (p *pool) until(ctx context.Context, met func() bool) error {
	for {
		p.mu.Lock()
		ok, changed := met(), p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// free waits until a new task is wanted and could run at once.
func (p *pool) free(ctx context.Context) error {
	return p.until(ctx, func() bool { return p.opened && p.taking && !p.trying() && len(p.running)+len(p.waiting) < p.limit })
}

// idle waits until nothing runs. It is false when ctx ended first.
func (p *pool) idle(ctx context.Context) bool {
	return p.until(ctx, func() bool { return len(p.running) == 0 }) == nil
}

func (p *pool) runningNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.running)
}

// tasks are those that run.
func (p *pool) tasks() []*task {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*task
	for _, t := range p.running {
		list = append(list, t)
	}
	return list
}

// held are the runs that are here, running or waiting.
func (p *pool) held() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for run := range p.running {
		list = append(list, run)
	}
	for _, t := range p.waiting {
		list = append(list, t.run())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// cancel stops every attempt of a run that is here, and says whether there was one.
func (p *pool) cancel(run string, why error) bool {
	return p.supersede(run, int(^uint(0)>>1), why)
}

// supersede stops the attempts of a run before the given one.
func (p *pool) supersede(run string, attempt int, why error) bool {
	p.mu.Lock()
	list := slices.Clone(p.waiting)
	if t := p.running[run]; t != nil {
		list = append(list, t)
	}
	p.mu.Unlock()
	found := false
	for _, t := range list {
		if t.run() == run && t.entry.Job.Attempt < attempt {
			t.cancelled(why)
			found = true
		}
	}
	return found
}
