package copy

import (
	"context"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// autoParts is how many partitions of a table are copied at once where the job leaves it to the engine: enough to keep
// both servers and this machine busy, few enough not to be a burden.
func autoParts() int { return max(2, min(cores(), 8)) }

// advise asks the source whether dividing its table pays, where the job says nothing of it and the rows go into a table.
// Rows of a watermark's window are left in one part, so that a run that fails leaves nothing behind.
func (w *rowWork) advise(ctx context.Context) error {
	job, o := w.run.job, w.run.o
	w.advice = 1
	a, ok := w.source.(store.Adviser)
	if !ok || o.Parallel > 0 || job.Parallel > 0 || job.Sink.Files != nil || job.Source.Watermark != nil {
		return nil
	}
	n, err := a.Advise(ctx, autoParts())
	if err == nil {
		w.advice = max(1, n)
	}
	return err
}

// divided reports whether the job itself says how the source's table is to be divided.
func (w *rowWork) divided() bool {
	d, ok := w.source.(store.Divided)
	return ok && d.Divided()
}

// usual is how many partitions of a table are copied at once where the job does not say.
func (w *rowWork) usual() int {
	if w.divided() {
		return autoParts()
	}
	return max(1, w.advice)
}

func (w *rowWork) plan(ctx context.Context, n int) (Plan, error) {
	window, nothing, err := w.window(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Window: window, Partitions: []store.Partition{{ID: "all"}}}
	if nothing {
		plan.Partitions, plan.How = nil, "nothing: no row has a value in the watermark's column"
		return plan, nil
	}
	p, ok := w.source.(store.Partitioner)
	switch {
	case !ok:
		plan.How = "one part: the source cannot be divided"
		return plan, nil
	case n == 1 && w.run.job.Source.Files == nil && !w.divided():
		plan.How = w.whyOne()
		return plan, nil
	}
	if plan.Partitions, err = p.Partitions(ctx, n); err != nil {
		return Plan{}, err
	}
	if e, ok := w.source.(store.Explainer); ok {
		plan.How = e.Explain()
	}
	seen := make(map[string]bool, len(plan.Partitions))
	for _, x := range plan.Partitions {
		if seen[x.ID] || x.ID == "" {
			return Plan{}, fault.New(fault.Internal, "the plan has the partition %q twice", x.ID)
		}
		seen[x.ID] = true
	}
	return plan, nil
}

// whyOne says why a table that could be divided is not.
func (w *rowWork) whyOne() string {
	job := w.run.job
	switch {
	case job.Sink.Files != nil && w.run.o.Parallel == 0:
		return "one part: a table goes into one file unless partitionOption divides it"
	case w.run.o.Parallel == 1 || job.Parallel == 1:
		return "one part: the job asks for one copy at a time"
	case job.Source.Watermark != nil:
		return "one part, so that a run that fails leaves no row behind; parallelCopies divides it"
	}
	return "one part: the source is small, or its parts could mean other rows after a restart"
}
