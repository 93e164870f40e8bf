package copy

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// Codes of this package.
const (
	// Timeout: the activity's policy allows less time than the copy took.
	Timeout = "Timeout"
	// Inconsistent: the two sides disagree about what was copied.
	Inconsistent = store.Inconsistent
)

// Run copies one job, from the checkpoint on where an earlier attempt of the run left one. The result is never nil and
// says everything that there is to say; the error is why it did not succeed, with code Cancelled when ctx was
// cancelled (or the code of ctx's cause where that is a *fault.Error). What a failed run has committed stays, and
// another call with the same RunID and Checkpoints goes on from there.
func Run(ctx context.Context, job *activity.Job, o Options) (*report.Result, error) {
	r := newRun(job, o)
	w := watch(r.meter, r.started, r.log, o.Progress)
	err := r.attempts(ctx)
	r.endStaging(err != nil)
	r.closeSessionLog()
	r.forget()
	r.warnLate()
	w.end()
	return r.result(err, peakMemory(w.peak)), err
}

// run is one call of Run.
type run struct {
	job         *activity.Job
	o           Options
	log         *slog.Logger
	env         store.Env
	checkpoints Checkpoints
	retry       retryPolicy
	meter       *meter
	started     time.Time

	// What the result tells beyond the meter's counts.
	plan     Plan
	parallel int
	resumed  int
	prepared time.Duration // pre-copy script, creating the table
	copying  time.Duration
	written  []string
	warnings []string
	lateMu   sync.Mutex  // protects late
	late     []string    // warnings from partitions
	unknown  files.Notes // columns of the source's files that are not copied

	sessionLog *sessionLog // nil where the job has none
	skipMu     sync.Mutex  // protects reasons
	reasons    reasons
	verified   verified
	staging    *staging // nil where rows go straight to the sink
}

func newRun(job *activity.Job, o Options) *run {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RunID == "" {
		o.RunID = uuid.NewString()
	}
	if o.Checkpoints == nil {
		o.Checkpoints = &localCheckpoints{}
	}
	if o.Memory <= 0 {
		o.Memory = 128 << 20
	}
	if o.retry == (retryPolicy{}) {
		o.retry = usualRetry
	}
	log := o.Log.With("run", o.RunID, "attempt", o.Attempt)
	r := &run{
		job: job, o: o, log: log, checkpoints: o.Checkpoints, retry: o.retry, meter: &meter{}, started: time.Now(),
		env:      store.Env{RunID: o.RunID, Slice: slice(job), Log: log, Allow: o.Allow, Outbound: o.Outbound},
		warnings: append([]string(nil), job.Warnings...),
	}
	r.meter.limits = o.Limits
	r.meter.enter(stageConnecting)
	return r
}

// chunks is where long lists of files go, nil where the checkpoints keep none.
func (r *run) chunks() files.Chunks {
	c, _ := r.checkpoints.(files.Chunks)
	return c
}

// forget gives up what the run keeps only as long as it lasts.
func (r *run) forget() {
	if c, ok := r.checkpoints.(*localCheckpoints); ok {
		if err := c.close(); err != nil {
			r.log.Warn("removing a temporary file failed", "error", err)
		}
	}
}

// slice names what the run copies: the activity and its window. Another run of the same is to replace what it wrote.
func slice(job *activity.Job) string {
	if job.Slice == "" {
		return ""
	}
	return job.Name + " " + job.Slice
}

func (r *run) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.warnings, text) { // another try finds the same
		r.warnings = append(r.warnings, text)
	}
}

// warnLater is warn for several goroutines at once, up to a hundred times.
func (r *run) warnLater(format string, args ...any) {
	r.lateMu.Lock()
	defer r.lateMu.Unlock()
	if len(r.late) < maxLate {
		r.late = append(r.late, fmt.Sprintf(format, args...))
	}
}

const maxLate = 100

// warnLate takes these warnings over once nothing is copied any more.
func (r *run) warnLate() {
	slices.Sort(r.late)
	for _, text := range r.late {
		r.warn("%s", text)
	}
	r.late = nil
}

// attempts tries the activity as often as its policy allows.
func (r *run) attempts(ctx context.Context) error {
	for try := 0; ; try++ {
		err := r.limited(ctx)
		if err == nil || try >= r.job.Retry || !worthRepeating(err) {
			return err
		}
		r.log.Warn("the activity failed and is tried again", "try", try+1, "error", err, "pause", r.job.RetryInterval)
		r.warn("Try %d failed and was repeated as the activity's policy asks: %v", try+1, err)
		select {
		case <-time.After(r.job.RetryInterval):
		case <-ctx.Done():
			return outcome(ctx, err)
		}
		r.meter.restart()
	}
}

// worthRepeating reports whether waiting can help: it cannot against a mistake in the job or a person's decision.
func worthRepeating(err error) bool {
	switch fault.Code(err) {
	case fault.BadInput, fault.Unsupported, fault.FolderNotAllowed, fault.Cancelled, fault.LeaseLost, Inconsistent:
		return false
	}
	return true
}

// limited is one try within the policy's time limit.
func (r *run) limited(ctx context.Context) error {
	inner := ctx
	if r.job.Timeout > 0 {
		var stop context.CancelFunc
		inner, stop = context.WithTimeoutCause(ctx, r.job.Timeout,
			fault.New(Timeout, "the copy did not end within the %s that the activity's policy allows", r.job.Timeout).
				Try("Raise policy.timeout, or copy less at once."))
		defer stop()
	}
	return outcome(inner, guarded(r.log, func() error { return r.attempt(inner) }))
}

// outcome says why a try ended: when ctx is over, whatever failed did so because of that.
func outcome(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if fault.Code(cause) != fault.Internal {
		return cause
	}
	return fault.New(fault.Cancelled, "the copy was cancelled").Try("Run it again; a job from a factory goes on from its last checkpoint.")
}
