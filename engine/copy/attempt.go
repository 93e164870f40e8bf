package copy

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// work is one way to copy: rows, or bytes of files. An attempt calls its methods in this order from one goroutine,
// except copy, which several call at once.
type work interface {
	// open connects both sides. Called again after a failure, it connects what is not connected yet.
	open(ctx context.Context) error
	// plan divides the source into about n partitions.
	plan(ctx context.Context, n int) (Plan, error)
	// planned takes the plan that holds, made by plan or by an earlier attempt, and checks everything that can be
	// checked before anything is written. complete says that every partition is committed: only finish is left.
	planned(ctx context.Context, p *Plan, complete bool) error
	// prepare makes the sink ready; see store.Sink.
	prepare(ctx context.Context, resuming bool) error
	// committed gives what the sink itself knows to hold of this run.
	committed(ctx context.Context) (map[string]store.Counts, error)
	// copy copies one partition and commits it.
	copy(ctx context.Context, p store.Partition, t *tally) (PartitionCounts, error)
	// finish ends the run at the sink, and then at the source, once all partitions are committed.
	finish(ctx context.Context) error
	// degree is how many partitions to copy at once where the job does not say, and the most that makes sense.
	degree() (usual, most int)
	// inspect adds to what a dry run says, after planned; it changes nothing.
	inspect(ctx context.Context, out *Outlook) error
	close() error
}

// attempt is one try: connect, plan, prepare, copy, finish, each from where earlier attempts of the run got to.
func (r *run) attempt(ctx context.Context) (err error) {
	if err := r.needsMarks(); err != nil {
		return err
	}
	state, err := r.checkpoints.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the checkpoint: %w", err)
	}
	w, err := r.work()
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.close(); cerr != nil && err == nil {
			r.log.Warn("closing the connections failed", "error", cerr)
		}
	}()
	r.meter.enter(stageConnecting)
	if err := r.beginning().do(ctx, r.log, "connecting", func() error { return w.open(ctx) }); err != nil {
		return err
	}
	if err := r.beginning().do(ctx, r.log, "connecting", func() error { return r.openSessionLog(ctx) }); err != nil {
		return err
	}
	r.parallel = r.degree(w)
	done, err := r.ready(ctx, w, state)
	if err != nil {
		return err
	}
	if err := r.copyAll(ctx, w, done); err != nil {
		return err
	}
	r.meter.enter(stageFinishing)
	if err := r.keepMark(ctx); err != nil {
		return err
	}
	if err := r.retry.do(ctx, r.log, "finishing", func() error { return w.finish(ctx) }); err != nil {
		return err
	}
	return r.verify(ctx, w)
}

func (r *run) work() (work, error) {
	src, sink := r.job.Source.Files, r.job.Sink.Files
	binarySource, binarySink := src != nil && src.Format == nil, sink != nil && sink.Format == nil
	switch {
	case binarySource && binarySink:
		return newBinaryWork(r), nil
	case binarySource || binarySink:
		return nil, fault.New(fault.BadInput, "a binary copy needs binary files on both sides").
			At(r.job.Name).Try("Give both datasets a format, or none of them.")
	}
	return newRowWork(r), nil
}

// degree is how many partitions are copied at once, by the options, the job, or what suits the work.
func (r *run) degree(w work) int {
	usual, most := w.degree()
	n := r.o.Parallel
	if n <= 0 {
		n = r.job.Parallel
	}
	if n <= 0 {
		n = usual
	}
	if n > most {
		r.log.Info("fewer parallel copies than asked for", "asked", n, "used", most)
	}
	return max(1, min(n, most))
}

// cores is what the Go runtime may use.
func cores() int { return runtime.GOMAXPROCS(0) }

// ready plans, checks and prepares, or finds that done already, and returns the partitions that are committed.
func (r *run) ready(ctx context.Context, w work, state State) (map[string]PartitionCounts, error) {
	r.meter.enter(stagePlanning)
	fresh := state.Plan == nil
	if fresh {
		err := r.beginning().do(ctx, r.log, "planning", func() (err error) {
			r.plan, err = w.plan(ctx, r.parallel)
			return err
		})
		if err != nil {
			return nil, err
		}
	} else {
		r.plan = *state.Plan
	}
	complete := !fresh && allDone(&r.plan, state.Done)
	err := r.beginning().do(ctx, r.log, "checking the plan", func() error { return w.planned(ctx, &r.plan, complete) })
	if err != nil {
		return nil, err
	}
	held, err := w.committed(ctx)
	if fault.Is(err, fault.NotFound) && !state.Prepared {
		err = nil // there is no table yet, so nothing is committed
	}
	if err != nil {
		return nil, err
	}
	if fresh {
		if len(held) > 0 {
			return nil, planLost(r)
		}
		if err := r.checkpoints.Planned(ctx, r.plan); err != nil {
			return nil, fmt.Errorf("save the plan: %w", err)
		}
	}
	// A sink that holds rows of this run was prepared, even if that checkpoint never arrived: running the pre-copy
	// script again would delete them.
	if err := r.prepare(ctx, w, state.Prepared, len(held) > 0); err != nil {
		return nil, err
	}
	return r.merge(ctx, state.Done, held)
}

func allDone(p *Plan, done map[string]PartitionCounts) bool {
	for _, x := range p.Partitions {
		if _, ok := done[x.ID]; !ok {
			return false
		}
	}
	return true
}

func planLost(r *run) error {
	return fault.New(fault.Conflict, "the sink holds partitions of this run, but the plan that made them is lost").
		At(r.o.RunID).Try("Start a new run, after removing what this one has copied.")
}

// beginning is how what comes before the first row is retried.
func (r *run) beginning() retryPolicy {
	p := r.retry
	p.awaited = r.o.Awaited
	return p
}

// prepare makes the sink ready, once in a run.
func (r *run) prepare(ctx context.Context, w work, known, holds bool) error {
	r.meter.enter(stagePreparing)
	start := time.Now()
	if err := r.beginning().do(ctx, r.log, "preparing the sink", func() error { return w.prepare(ctx, known || holds) }); err != nil {
		return err
	}
	r.prepared = time.Since(start)
	if known {
		return nil
	}
	if err := r.checkpoints.Prepared(ctx); err != nil {
		return fmt.Errorf("save that the sink is prepared: %w", err)
	}
	return nil
}

// merge adds what only the sink knows to be committed to the checkpoint: the process died between the two.
func (r *run) merge(ctx context.Context, done map[string]PartitionCounts, held map[string]store.Counts) (map[string]PartitionCounts, error) {
	all := make(map[string]PartitionCounts, len(done)+len(held))
	maps.Copy(all, done)
	known := make(map[string]bool, len(r.plan.Partitions))
	for _, p := range r.plan.Partitions {
		known[p.ID] = true
	}
	for id, c := range held {
		if _, ok := all[id]; ok || !known[id] {
			continue
		}
		skipped, err := r.sessionLog.skippedRows(ctx, id)
		if err != nil {
			return nil, err
		}
		n := PartitionCounts{RowsRead: c.Rows + skipped, RowsSkipped: skipped, Counts: c}
		if err := r.checkpoints.Committed(ctx, id, n); err != nil {
			return nil, fmt.Errorf("save the checkpoint: %w", err)
		}
		all[id] = n
	}
	return all, nil
}

// copyAll copies every partition that is not done, at most r.parallel at once. The first failure stops the others.
func (r *run) copyAll(ctx context.Context, w work, done map[string]PartitionCounts) error {
	r.meter.plan(&r.plan)
	r.resumed, r.written = 0, nil
	r.verified.reset()
	var open []store.Partition
	for _, p := range r.plan.Partitions {
		if c, ok := done[p.ID]; ok {
			r.meter.finished(c)
			r.sum(c)
			if r.plan.FastPath == fastBinary {
				r.resumed += int(c.FilesRead)
			} else {
				r.resumed++
			}
			r.keepFiles(c.Files)
			continue
		}
		open = append(open, p)
	}
	r.parallel = max(1, min(r.parallel, len(open)))
	r.meter.enter(stageCopying)
	start := time.Now()
	r.meter.started.Store(start.UnixNano())
	defer func() { r.copying = time.Since(start) }()

	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.parallel)
	var mu sync.Mutex
	for _, p := range open {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			c, err := r.copyOne(gctx, w, p)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.keepFiles(c.Files)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err() // a cancel between two partitions left some out
}

// keepFiles remembers the paths for the result, which shows 100 of them.
func (r *run) keepFiles(files []string) {
	r.written = append(r.written, files[:min(len(files), maxFiles-len(r.written))]...)
}

const maxFiles = 100

// copyOne copies one partition, again after a passing failure, and checkpoints it.
func (r *run) copyOne(ctx context.Context, w work, p store.Partition) (PartitionCounts, error) {
	var c PartitionCounts
	err := r.retry.do(ctx, r.log, "partition "+p.ID, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		leave, err := r.o.Limits.enter(ctx, r.weight())
		if err != nil {
			return err
		}
		defer leave()
		t := newTally(ctx, r.meter, p.ID)
		err = guarded(r.log, func() (err error) {
			c, err = w.copy(ctx, p, t)
			return err
		})
		if err != nil {
			t.undo()
			return err
		}
		t.settle(c)
		return nil
	})
	if err != nil {
		return c, err
	}
	// The rows are in the sink: that is worth keeping even when somebody cancels just now.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), checkpointTime)
	defer stop()
	if err := r.checkpoints.Committed(ctx, p.ID, c); err != nil {
		return c, fmt.Errorf("save the checkpoint of partition %s: %w", p.ID, err)
	}
	r.meter.done.Add(1)
	return c, nil
}

// checkpointTime is how long a checkpoint may take after somebody cancelled: a cancel takes effect within seconds.
const checkpointTime = 5 * time.Second
