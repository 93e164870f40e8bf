package copy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

func TestRunCopiesEveryRowAndSaysSo(t *testing.T) {
	noLeaks(t)
	s := filled(t, 10_000)
	job := memoryJob(t, s)
	job.Warnings = []string{"a property has no effect"}
	var last report.Progress
	res, err := Run(t.Context(), job, Options{
		RunID: "r1", Attempt: 2, Parallel: 4, Queued: 3 * time.Second, Progress: func(p report.Progress) { last = p },
	})
	if err != nil {
		t.Fatal(err)
	}
	sameTables(t, s)
	if res.Status != report.Succeeded || res.RowsRead != 10_000 || res.RowsCopied != 10_000 || res.RowsSkipped != 0 {
		t.Errorf("result %+v", res)
	}
	if res.UsedParallelCopies != 4 || res.Plan.Partitions != 4 || res.Attempt != 2 || res.ResumedFrom != 0 {
		t.Errorf("parallel %d, partitions %d, attempt %d, resumed %d", res.UsedParallelCopies, res.Plan.Partitions, res.Attempt, res.ResumedFrom)
	}
	if res.DataRead == 0 || res.DataWritten == 0 || res.Throughput <= 0 || res.CopyDuration <= 0 || res.PeakMemory < 1<<20 {
		t.Errorf("data %d → %d, throughput %f, duration %f, memory %d", res.DataRead, res.DataWritten, res.Throughput, res.CopyDuration, res.PeakMemory)
	}
	if res.Consistency.VerificationResult != "Verified" || len(res.Errors) != 0 || len(res.Warnings) != 1 {
		t.Errorf("consistency %v, errors %v, warnings %v", res.Consistency, res.Errors, res.Warnings)
	}
	d := res.ExecutionDetails[0]
	if d.Source.Type != "MemorySource" || d.Sink.Type != "MemorySink" || d.Status != report.Succeeded || d.DetailedDurations["queuingDuration"] != 3 {
		t.Errorf("details %+v", d)
	}
	for _, stage := range []string{"preCopyScript", "timeToFirstByte", "readingFromSource", "writingToSink"} {
		if v, ok := d.DetailedDurations[stage]; !ok || v < 0 {
			t.Errorf("stage %s took %v", stage, v)
		}
	}
	if last.Stage != "finishing" || last.Share != 1 || last.RowsCopied != 10_000 || last.Done != 4 {
		t.Errorf("last progress %+v", last)
	}
}

func TestRunOfAnEmptyTable(t *testing.T) {
	t.Parallel()
	s := filled(t, 0)
	res, err := Run(t.Context(), memoryJob(t, s), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.RowsCopied != 0 || res.Consistency.VerificationResult != "Verified" {
		t.Errorf("result %+v", res)
	}
	sameTables(t, s)
}

// broken is an error that passes.
func broken() error { return fault.New(fault.StoreFailed, "the connection broke").AsTransient() }

// after makes an error for the n-th call of each kind, once.
func after(n int64, err error) func() error {
	var calls atomic.Int64
	return func() error {
		if calls.Add(1) == n {
			return err
		}
		return nil
	}
}

func TestPassingFailuresAreRetriedWithoutDoubling(t *testing.T) {
	tests := []struct {
		name  string
		hooks func() memory.Hooks
	}{
		{"source cannot connect", func() memory.Hooks { return memory.Hooks{Connect: after(1, broken())} }},
		{"sink cannot connect", func() memory.Hooks { return memory.Hooks{Connect: after(2, broken())} }},
		{"preparing fails", func() memory.Hooks {
			f := after(1, broken())
			return memory.Hooks{Prepare: func(string) error { return f() }}
		}},
		{"source breaks half-way", func() memory.Hooks {
			f := after(2, broken())
			return memory.Hooks{Next: func(context.Context, string, int64) error { return f() }}
		}},
		{"sink breaks half-way", func() memory.Hooks {
			f := after(2, broken())
			return memory.Hooks{Write: func(context.Context, string, int64) error { return f() }}
		}},
		{"commit fails", func() memory.Hooks {
			f := after(1, broken())
			return memory.Hooks{BeforeCommit: func(context.Context, string) error { return f() }}
		}},
		{"answer to the commit is lost", func() memory.Hooks {
			f := after(1, broken())
			return memory.Hooks{AfterCommit: func(context.Context, string) error { return f() }}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			noLeaks(t)
			s := filled(t, 20_000)
			s.SetHooks(test.hooks())
			res, err := Run(t.Context(), memoryJob(t, s), Options{Parallel: 2, retry: quick})
			if err != nil {
				t.Fatal(err)
			}
			s.SetHooks(memory.Hooks{})
			sameTables(t, s)
			if res.RowsRead != 20_000 || res.RowsCopied != 20_000 || res.Consistency.VerificationResult != "Verified" {
				t.Errorf("read %d, copied %d, %s", res.RowsRead, res.RowsCopied, res.Consistency.VerificationResult)
			}
		})
	}
}

func TestRetriesAreBounded(t *testing.T) {
	noLeaks(t)
	s := filled(t, 100)
	var calls atomic.Int64
	s.SetHooks(memory.Hooks{Next: func(context.Context, string, int64) error { calls.Add(1); return broken() }})
	res, err := Run(t.Context(), memoryJob(t, s), Options{retry: quick})
	if fault.Code(err) != fault.StoreFailed || res.Status != report.Failed || calls.Load() != int64(quick.tries) {
		t.Errorf("%v, status %s after %d tries", err, res.Status, calls.Load())
	}
	if len(res.Errors) != 1 || res.Errors[0].Code != fault.StoreFailed || res.RowsRead != 0 || res.Consistency.VerificationResult != "NotVerified" {
		t.Errorf("result %+v", res)
	}
}

func TestAFailedRunGoesOnFromItsCheckpoint(t *testing.T) {
	noLeaks(t)
	s := filled(t, 40_000)
	stop := errors.New("disk on fire")
	s.SetHooks(memory.Hooks{Write: func(_ context.Context, p string, _ int64) error {
		if p == "rows-3" {
			return stop
		}
		return nil
	}})
	k := &keeper{}
	o := Options{RunID: "r", Checkpoints: k, Parallel: 4, retry: quick}
	job := memoryJob(t, s)
	job.Parallel = 1
	o.Parallel = 4
	_, err := Run(t.Context(), job, o)
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	state, _ := k.Load(t.Context())
	s.SetHooks(memory.Hooks{})
	// Another degree of parallelism must not change what a partition means.
	o.Parallel = 2
	res, err := Run(t.Context(), job, o)
	if err != nil {
		t.Fatal(err)
	}
	sameTables(t, s)
	if res.ResumedFrom != len(state.Done) || res.Plan.Partitions != 4 || res.RowsCopied != 40_000 || res.RowsRead != 40_000 {
		t.Errorf("resumed from %d of %d, %d partitions, %d rows", res.ResumedFrom, len(state.Done), res.Plan.Partitions, res.RowsCopied)
	}
}

func TestCrashBetweenCommitAndCheckpoint(t *testing.T) {
	noLeaks(t)
	s := filled(t, 10_000)
	crash := errors.New("the process is gone")
	k := &keeper{fail: func(what string) error {
		if strings.HasPrefix(what, "committed") {
			return crash
		}
		return nil
	}}
	o := Options{RunID: "r", Checkpoints: k, Parallel: 3, retry: quick}
	if _, err := Run(t.Context(), memoryJob(t, s), o); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	k.fail = nil
	res, err := Run(t.Context(), memoryJob(t, s), o)
	if err != nil {
		t.Fatal(err)
	}
	sameTables(t, s)
	if res.ResumedFrom == 0 || res.RowsRead != 10_000 {
		t.Errorf("resumed from %d, rows read %d", res.ResumedFrom, res.RowsRead)
	}
}

func TestAPreparedSinkIsNotPreparedAgain(t *testing.T) {
	// The checkpoint says that nothing is prepared, the sink holds rows of the run: an attempt elsewhere did it.
	s := filled(t, 10_000)
	crash := errors.New("the process is gone")
	k := &keeper{fail: func(what string) error {
		if what == "committed rows-0" {
			return crash
		}
		return nil
	}}
	o := Options{RunID: "r", Checkpoints: k, Parallel: 2, retry: quick}
	if _, err := Run(t.Context(), memoryJob(t, s), o); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	k.fail, k.state.Prepared = nil, false
	job := memoryJob(t, s)
	open := job.Sink.Open
	var resuming []bool
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		sink, err := open(ctx, env)
		return spy{sink.(resumingSink), &resuming}, err
	}
	if _, err := Run(t.Context(), job, o); err != nil {
		t.Fatal(err)
	}
	if len(resuming) != 1 || !resuming[0] {
		t.Errorf("prepared with resuming = %v", resuming)
	}
	sameTables(t, s)
}

type resumingSink interface {
	store.Sink
	store.Resumer
}

type spy struct {
	resumingSink
	resuming *[]bool
}

func (x spy) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	*x.resuming = append(*x.resuming, resuming)
	return x.resumingSink.Prepare(ctx, want, resuming)
}

func TestALostPlanIsRefused(t *testing.T) {
	s := filled(t, 10_000)
	s.SetHooks(memory.Hooks{Write: func(_ context.Context, p string, _ int64) error {
		if p == "rows-1" {
			return errors.New("no")
		}
		return nil
	}})
	o := Options{RunID: "r", Parallel: 2, retry: quick, Checkpoints: &keeper{}}
	job := memoryJob(t, s)
	if _, err := Run(t.Context(), job, o); err == nil {
		t.Fatal("the run was to fail")
	}
	state, _ := o.Checkpoints.Load(t.Context())
	if len(state.Done) == 0 {
		t.Skip("the first partition was stopped with the second")
	}
	s.SetHooks(memory.Hooks{})
	o.Checkpoints = &keeper{}
	if _, err := Run(t.Context(), job, o); fault.Code(err) != fault.Conflict {
		t.Errorf("without its plan the run ended with %v", err)
	}
}

func TestCancelStopsTheCopy(t *testing.T) {
	noLeaks(t)
	for _, at := range []string{"reading", "writing", "committing"} {
		t.Run(at, func(t *testing.T) {
			s := filled(t, 50_000)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			wait := func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }
			hooks := map[string]memory.Hooks{
				"reading":    {Next: func(ctx context.Context, _ string, _ int64) error { return wait(ctx) }},
				"writing":    {Write: func(ctx context.Context, _ string, _ int64) error { return wait(ctx) }},
				"committing": {BeforeCommit: func(ctx context.Context, _ string) error { return wait(ctx) }},
			}
			s.SetHooks(hooks[at])
			res, err := Run(ctx, memoryJob(t, s), Options{})
			if fault.Code(err) != fault.Cancelled || res.Status != report.Cancelled {
				t.Errorf("%v, status %s", err, res.Status)
			}
			if _, rows := s.Rows("dst"); rows.Len() != 0 {
				t.Errorf("%d rows are visible", rows.Len())
			}
		})
	}
}

func TestALostLeaseIsTold(t *testing.T) {
	s := filled(t, 10)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fault.New(fault.LeaseLost, "another node has the job"))
	res, err := Run(ctx, memoryJob(t, s), Options{})
	if fault.Code(err) != fault.LeaseLost || res.Status != report.Cancelled {
		t.Errorf("%v, status %s", err, res.Status)
	}
}

func TestAPanicFailsTheJobOnly(t *testing.T) {
	noLeaks(t)
	boom := func() { panic("boom") }
	for name, hooks := range map[string]memory.Hooks{
		"connecting": {Connect: func() error { boom(); return nil }},
		"preparing":  {Prepare: func(string) error { boom(); return nil }},
		"reading":    {Next: func(context.Context, string, int64) error { boom(); return nil }},
		"writing":    {Write: func(context.Context, string, int64) error { boom(); return nil }},
		"committing": {BeforeCommit: func(context.Context, string) error { boom(); return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := filled(t, 10_000)
			s.SetHooks(hooks)
			res, err := Run(t.Context(), memoryJob(t, s), Options{Parallel: 2})
			if fault.Code(err) != fault.Internal || res.Status != report.Failed || !strings.Contains(err.Error(), "boom") {
				t.Errorf("%v, status %s", err, res.Status)
			}
		})
	}
}

func TestAPanickingListenerDoesNotStopTheCopy(t *testing.T) {
	s := filled(t, 10)
	if _, err := Run(t.Context(), memoryJob(t, s), Options{Progress: func(report.Progress) { panic("listener") }}); err != nil {
		t.Error(err)
	}
}

func TestTheActivityPolicyLimitsAndRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filled(t, 100)
		var tries atomic.Int64
		s.SetHooks(memory.Hooks{Next: func(ctx context.Context, _ string, _ int64) error {
			if tries.Add(1) < 3 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}})
		job := memoryJob(t, s)
		job.Timeout, job.Retry, job.RetryInterval = time.Minute, 2, 30*time.Second
		start := time.Now()
		res, err := Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Minute {
			t.Errorf("two tries of a minute and two pauses took %s", took)
		}
		if len(res.Warnings) != 2 || !strings.Contains(res.Warnings[0], "1m0s") || res.RowsCopied != 100 {
			t.Errorf("warnings %q, rows %d", res.Warnings, res.RowsCopied)
		}
	})
}

func TestTimeoutHasItsOwnCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filled(t, 100)
		s.SetHooks(memory.Hooks{Next: func(ctx context.Context, _ string, _ int64) error { <-ctx.Done(); return ctx.Err() }})
		job := memoryJob(t, s)
		job.Timeout = time.Hour
		res, err := Run(t.Context(), job, Options{})
		if fault.Code(err) != Timeout || res.Status != report.Failed {
			t.Errorf("%v, status %s", err, res.Status)
		}
	})
}

func TestMistakesInTheJobAreNotRepeated(t *testing.T) {
	s := filled(t, 100)
	job := memoryJob(t, s)
	job.Retry, job.RetryInterval = 5, time.Hour
	job.Mapping = []activity.Mapping{{Source: "id", Sink: "a"}, {Source: "name", Sink: "a"}}
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.BadInput {
		t.Error(err)
	}
}

func TestAValueThatDoesNotFitNamesRowAndColumn(t *testing.T) {
	s := filled(t, 20_000)
	job := memoryJob(t, s)
	bytes := append(batch.Schema(nil), people...)
	bytes[0].Type.Kind = batch.Byte
	s.Create("dst", bytes)
	_, err := Run(t.Context(), job, Options{})
	if f := fault.As(err); f == nil || f.Code != fault.Conversion || f.Row != 256 || f.Column != "id" || f.Value != "256" {
		t.Errorf("%+v", f)
	}
	// The salary becomes too large in a later batch.
	small := append(batch.Schema(nil), people...)
	small[2].Type = batch.Type{Kind: batch.Decimal, Precision: 6, Scale: 2}
	s.Create("dst", small)
	_, err = Run(t.Context(), job, Options{})
	if f := fault.As(err); f == nil || f.Code != fault.Conversion || f.Row != 9952 || f.Column != "salary" {
		t.Errorf("%+v", f)
	}
	if _, rows := s.Rows("dst"); rows.Len() != 0 {
		t.Errorf("%d rows are visible", rows.Len())
	}
}

func TestASinkThatLosesRowsIsCaught(t *testing.T) {
	s := filled(t, 1000)
	job := memoryJob(t, s)
	open := job.Sink.Open
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		sink, err := open(ctx, env)
		return lossy{sink}, err
	}
	res, err := Run(t.Context(), job, Options{})
	if fault.Code(err) != Inconsistent || res.Consistency.VerificationResult != "Inconsistent" || res.Status != report.Failed {
		t.Errorf("%v, %+v", err, res)
	}
}

type lossy struct{ store.Sink }

func (l lossy) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	w, err := l.Sink.Open(ctx, p)
	return lossyWriter{w}, err
}

type lossyWriter struct{ store.Writer }

func (l lossyWriter) Commit(ctx context.Context) (store.Counts, error) {
	c, err := l.Writer.Commit(ctx)
	c.Rows--
	return c, err
}
