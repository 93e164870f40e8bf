package view

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"dmgateway/engine"
)

// keptJobs is how many ended jobs a Snapshot carries.
const keptJobs = 1000

// Doing is what the Model is doing for a person right now.
type Doing string

// What a Model can be doing. Cancelling a job and changing a setting are told per job and per setting instead.
const (
	Nothing       Doing = ""
	Starting      Doing = "starting"
	Stopping      Doing = "stopping"
	Registering   Doing = "registering"
	Unregistering Doing = "unregistering"
	Trying        Doing = "trying"
)

// Snapshot is one moment of everything. It is a copy: nobody changes it any more.
type Snapshot struct {
	// Known is false until the engine has told its status for the first time.
	Known  bool
	Status engine.Status
	// Jobs are the running and the most recent ended ones, newest first.
	Jobs []engine.Job
	// Doing is what was asked for last and is still under way, Steps how far it came.
	Doing Doing
	Steps []engine.RegisterStep
	// Problem is why what was asked for last, Failed, did not work; nil otherwise.
	Problem *Problem
	Failed  Doing
	// Success is a sentence about what was asked for last, where it worked and is worth a word.
	Success string
	// Sample is where Try it here put its files, nil where it was not used since the start.
	Sample *engine.Sample

	update        updating
	cancelling    map[string]bool
	closed        map[string]bool // warnings that were put away
	settings      []engine.Setting
	settingErrors map[string]string
}

// Model follows an engine and does what a person asks for. Make one with [New], let it live with [Model.Run]. All its
// methods may be called from any goroutine and return at once.
type Model struct {
	ctl     engine.Controller
	onEvent func(engine.Event)

	mu       sync.Mutex
	s        Snapshot
	asked    map[string]int // how often each setting was set: only the last answer counts
	watchers map[chan struct{}]struct{}
	queue    []func(context.Context)
	wake     chan struct{}
	course   course
}

// New makes a Model of an engine. onEvent, which can be nil, is called with every event after the Snapshot has taken it
// in, from the goroutine of Run.
func New(ctl engine.Controller, onEvent func(engine.Event)) *Model {
	if onEvent == nil {
		onEvent = func(engine.Event) {}
	}
	return &Model{ctl: ctl, onEvent: onEvent, asked: map[string]int{}, watchers: map[chan struct{}]struct{}{}, wake: make(chan struct{}, 1)}
}

// Run follows the engine and carries out what was asked for until ctx ends, then waits for what is under way.
func (m *Model) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { m.follow(ctx) })
	wg.Go(func() { m.measure(ctx) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
		m.mu.Lock()
		queue := m.queue
		m.queue = nil
		m.mu.Unlock()
		for _, f := range queue {
			wg.Go(func() { f(ctx) })
		}
	}
}

// follow subscribes, again whenever the engine ends the subscription.
func (m *Model) follow(ctx context.Context) {
	for ctx.Err() == nil {
		events, err := m.ctl.Subscribe(ctx)
		if err == nil {
			m.reload(ctx)
			for ev := range events {
				m.take(ev)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// reload asks for what events do not tell: the jobs there already are, and the settings.
func (m *Model) reload(ctx context.Context) {
	if jobs, err := m.ctl.Jobs(ctx, keptJobs); err == nil {
		m.change(func(s *Snapshot) {
			for _, j := range slices.Backward(jobs) {
				s.putJob(j)
			}
		})
	}
	m.loadSettings(ctx)
}

func (m *Model) take(ev engine.Event) {
	if ev.Status != nil || ev.Job != nil {
		m.change(func(s *Snapshot) {
			if ev.Status != nil {
				s.Known, s.Status = true, *ev.Status
			}
			if ev.Job != nil {
				s.putJob(*ev.Job)
			}
		})
	}
	m.onEvent(ev)
}

// putJob takes in a job, in its place by the time it was taken. News of a job that has ended never revive it.
func (s *Snapshot) putJob(j engine.Job) {
	if i := slices.IndexFunc(s.Jobs, func(o engine.Job) bool { return o.ID == j.ID }); i >= 0 {
		old := s.Jobs[i]
		if ended(old) && !ended(j) && j.Attempt <= old.Attempt {
			return
		}
		if ended(old) == ended(j) && old.Taken.Equal(j.Taken) {
			s.Jobs[i] = j
			return
		}
		s.Jobs = slices.Delete(s.Jobs, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(s.Jobs, j, func(a, b engine.Job) int { return b.Taken.Compare(a.Taken) })
	s.Jobs = slices.Insert(s.Jobs, i, j)
	if ended(j) {
		delete(s.cancelling, j.ID)
	}
	left := keptJobs
	s.Jobs = slices.DeleteFunc(s.Jobs, func(j engine.Job) bool {
		if ended(j) {
			left--
		}
		return ended(j) && left < 0
	})
}

// change changes the snapshot and tells the watchers.
func (m *Model) change(f func(*Snapshot)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.s)
	for c := range m.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Snapshot is the present moment.
func (m *Model) Snapshot() Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.s
	s.Jobs = slices.Clone(s.Jobs)
	s.Steps = slices.Clone(s.Steps)
	s.cancelling, s.closed = maps.Clone(s.cancelling), maps.Clone(s.closed)
	s.settings = slices.Clone(s.settings)
	s.settingErrors = maps.Clone(s.settingErrors)
	return s
}

// Watch gives a channel that gets a value after the snapshot changed; changes that nobody has taken yet are told once.
// It is ready at once, for the first look. stop ends it.
func (m *Model) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers[c] = struct{}{}
	return c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, c)
	}
}

// later lets Run carry out f.
func (m *Model) later(f func(context.Context)) {
	m.mu.Lock()
	m.queue = append(m.queue, f)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Find gives a job of the snapshot by its ID.
func (s Snapshot) Find(id string) (engine.Job, bool) {
	i := slices.IndexFunc(s.Jobs, func(j engine.Job) bool { return j.ID == id })
	if i < 0 {
		return engine.Job{}, false
	}
	return s.Jobs[i], true
}
