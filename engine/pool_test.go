package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"dmgateway/engine/journal"
	"dmgateway/engine/protocol"
)

// poolUnderTest records what is started.
type poolUnderTest struct {
	*pool
	mu      sync.Mutex
	started []string
	tasks   map[string]*task
}

func newPoolUnderTest(limit int) *poolUnderTest {
	p := &poolUnderTest{tasks: map[string]*task{}}
	p.pool = newPool(limit, func(t *task) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.started = append(p.started, t.entry.Job.MessageID())
	})
	return p
}

func (p *poolUnderTest) put(run string, attempt int) *task {
	return p.putAfter(run, attempt, 0)
}

// putAfter puts a task with which the program has died.
func (p *poolUnderTest) putAfter(run string, attempt, deaths int) *task {
	t := newTask(journal.Entry{Job: protocol.Job{ActivityRun: run, Attempt: attempt}}, deaths)
	p.tasks[t.entry.Job.MessageID()] = t
	p.add(t)
	return t
}

func (p *poolUnderTest) expect(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.started, want) {
		t.Fatalf("started %v, want %v", p.started, want)
	}
}

func TestThePoolKeepsItsLimitAndOrder(t *testing.T) {
	t.Parallel()
	p := newPoolUnderTest(2)
	for _, run := range []string{"a", "b", "c", "d"} {
		p.put(run, 1)
	}
	p.expect(t)
	p.open()
	p.expect(t, "a.1", "b.1")
	if p.runningNow() != 2 || !slices.Equal(p.held(), []string{"a", "b", "c", "d"}) {
		t.Errorf("running %d, held %v", p.runningNow(), p.held())
	}
	p.done(p.tasks["b.1"])
	p.expect(t, "a.1", "b.1", "c.1")
	p.setLimit(3)
	p.expect(t, "a.1", "b.1", "c.1", "d.1")
	p.setLimit(1)
	p.put("e", 1)
	p.done(p.tasks["a.1"])
	p.done(p.tasks["c.1"])
	p.expect(t, "a.1", "b.1", "c.1", "d.1")
	p.done(p.tasks["d.1"])
	p.expect(t, "a.1", "b.1", "c.1", "d.1", "e.1")
}

func TestTwoAttemptsOfOneRunNeverRunAtOnce(t *testing.T) {
	t.Parallel()
	p := newPoolUnderTest(5)
	p.open()
	old := p.put("a", 1)
	ctx, stop := context.WithCancelCause(t.Context())
	old.attach(stop)
	why := errors.New("superseded")
	if !p.supersede("a", 2, why) || !errors.Is(context.Cause(ctx), why) {
		t.Error("the old attempt goes on")
	}
	later := p.put("a", 2)
	p.put("b", 1)
	p.expect(t, "a.1", "b.1")
	if later.stopped != nil {
		t.Error("the new attempt was stopped")
	}
	p.done(old)
	p.expect(t, "a.1", "b.1", "a.2")
	if !p.cancel("a", why) || p.cancel("x", why) || later.stopped == nil {
		t.Error("cancel misses or imagines a run")
	}
}

func TestAReasonThatComesBeforeTheTaskRunsIsKept(t *testing.T) {
	t.Parallel()
	lost, person := errLost(), errCancelled("by a test")
	task := newTask(journal.Entry{}, 0)
	task.cancelled(lost)
	task.cancelled(person)
	ctx, stop := context.WithCancelCause(t.Context())
	task.attach(stop)
	if !errors.Is(context.Cause(ctx), lost) {
		t.Errorf("stopped because of %v", context.Cause(ctx))
	}
	task = newTask(journal.Entry{}, 0)
	task.cancelled(errLeaseEnded)
	task.resume()
	if task.stopped != nil {
		t.Error("a paused task stays stopped")
	}
	task.cancelled(errLeaseEnded)
	task.cancelled(person)
	task.resume()
	if task.stopped == nil {
		t.Error("a person's cancel was lost in the pause")
	}
}

func TestFreeWaitsForAWorkerAndDrainForTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPoolUnderTest(2)
		p.put("a", 1)
		p.open()
		if err := p.free(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.put("b", 1)
		p.put("waits", 1)
		got := make(chan error, 1)
		go func() { got <- p.free(t.Context()) }()
		synctest.Wait()
		p.done(p.tasks["a.1"])
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("free although a task was waiting for the worker")
		}
		p.done(p.tasks["b.1"])
		if err := <-got; err != nil {
			t.Fatal(err)
		}
		drained := make(chan bool, 1)
		p.close()
		go func() { drained <- p.idle(t.Context()) }()
		synctest.Wait()
		p.put("late", 1)
		p.expect(t, "a.1", "b.1", "waits.1")
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		if err := p.free(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("free while draining: %v", err)
		}
		p.done(p.tasks["waits.1"])
		if !<-drained {
			t.Fatal("not drained")
		}
		p.expect(t, "a.1", "b.1", "waits.1")
	})
}

func TestTheJobLimitFollowsCoresAndMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cores int
		gib   float64
		want  int
	}{{1, 1, 2}, {2, 8, 4}, {4, 3, 2}, {4, 4, 4}, {8, 5, 6}, {16, 64, 32}, {128, 512, 64}} {
		if got := jobLimitFor(c.cores, c.gib); got != c.want {
			t.Errorf("%d cores, %v GiB: %d", c.cores, c.gib, got)
		}
	}
}
