package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
	"dmgateway/engine/supervise"
)

// Why a task was stopped. All but a cancellation report nothing: the attempt is not this node's any more, or goes on
// later.
var errLeaseEnded = errors.New("the factory could not be reached for the whole lease")

func errLost() error {
	return fault.New(fault.LeaseLost, "the data factory gave the job to another attempt or ended it")
}

func errSuperseded() error {
	return fault.New(fault.LeaseLost, "a later attempt of the same run has arrived")
}

func errCancelled(where string) error {
	return fault.New(fault.Cancelled, "the job was cancelled %s", where).Try("Run the pipeline again when it is wanted.")
}

// guardTask runs a task. A panic outside of its copying leaves the attempt unfinished in the journal; the next session
// goes on with it.
func (s *session) guardTask(t *task) {
	err := supervise.Guard(func() error { s.runTask(t); return nil })
	var p *supervise.PanicError
	if errors.As(err, &p) {
		s.e.log.Error("panic beside a job", logging.Key, logging.JobPanicked, "run", t.run(), "panic", p.Value, "stack", p.Stack)
	}
}

// runTask takes one attempt from the lease to its end in the journal.
func (s *session) runTask(t *task) {
	defer s.e.announce()
	defer s.giveBack()
	defer s.pool.done(t)
	defer s.leave(t)
	s.e.announce()
	for {
		ctx, stop := context.WithCancelCause(s.ctx)
		t.attach(stop)
		result, err := s.attempt(ctx, t)
		stop(nil)
		if s.ctx.Err() != nil {
			return // stays unfinished; the next session goes on with it
		}
		if err == nil || !errors.Is(context.Cause(ctx), errLeaseEnded) {
			s.endTask(t, result, err)
			return
		}
		s.e.log.Warn("job paused until the factory can be asked about its lease", logging.Key, logging.JobPaused, "run", t.run())
		t.resume()
	}
}

// giveBack returns the memory of finished copies to the machine once nothing runs: a gateway is idle most of its day.
func (s *session) giveBack() {
	if s.pool.runningNow() == 0 {
		debug.FreeOSMemory()
	}
}

// attempt waits for the lease and copies.
func (s *session) attempt(ctx context.Context, t *task) (*report.Result, error) {
	if err := s.acquire(ctx, t); err != nil {
		return nil, err
	}
	if t.deaths >= mostDeaths {
		return nil, errDeadly(t.deaths)
	}
	if err := s.e.journal.Start(ctx, t.run(), t.entry.Job.Attempt, time.Now()); err != nil {
		return nil, err
	}
	t.entry.Status = InProgress
	if t.entry.Started.IsZero() {
		t.entry.Started = time.Now().UTC()
	}
	s.e.publishJob(t.entry)
	started := s.event(protocol.EventStarted)
	started.ActivityRun, started.Attempt, started.PickedUp = t.run(), t.entry.Job.Attempt, t.entry.Taken.Sub(t.entry.Job.QueuedAt)
	s.ch.Report(started)
	return s.copy(ctx, t)
}

// acquire asks the factory for the lease until it answers.
func (s *session) acquire(ctx context.Context, t *task) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 250*time.Millisecond, 15*time.Second
	for {
		asked := time.Now()
		answers, err := s.lease(ctx, []*task{t})
		if err == nil {
			switch answers[0] {
			case protocol.LeaseHeld:
				t.leased(asked.Add(s.leaseOf(t)))
				return context.Cause(ctx)
			case protocol.LeaseCancelled:
				return errCancelled("at the data factory")
			}
			return errLost()
		}
		if fault.Code(err) == fault.NotRegistered {
			s.e.revoke(s, err)
		}
		s.e.log.Info("waiting for a job's lease", logging.Key, logging.LeaseAwaited, "run", t.run(), "error", err)
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// copy does the work of one attempt. A panic becomes the job's failure.
func (s *session) copy(ctx context.Context, t *task) (result *report.Result, err error) {
	log := s.e.log.With("part", "copy")
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in a job", logging.Key, logging.JobPanicked, "run", t.run(), "panic", p, "stack", string(debug.Stack()))
			result, err = nil, fault.New(fault.Internal, "a defect of the program stopped the job").Because(fmt.Errorf("panic: %v", p)).
				Try("Send the logs; the entry \"panic in a job\" has the details.")
		}
	}()
	job, err := s.e.parse(t.entry.Job)
	if err != nil {
		return nil, err
	}
	job.Retry = 0 // the factory tries again: it knows of every attempt
	checkpoints := s.newCheckpoints(t)
	defer checkpoints.finish()
	t.marks = newJobMarks(s.e.journal, t.entry, job)
	return copy.Run(ctx, job, copy.Options{
		RunID: t.run(), Attempt: t.entry.Job.Attempt, Checkpoints: checkpoints, Allow: s.e.allowPath, Log: log,
		Limits: &s.e.limits, Outbound: s.e.out, Watermarks: t.marks, Scope: t.entry.Job.Factory + "/" + t.entry.Job.Pipeline,
		Queued: t.entry.Started.Sub(t.entry.Job.QueuedAt), Progress: func(p report.Progress) { s.progressed(t, p) },
	})
}

// parse opens the credentials and decodes the bundle. What it returns holds secrets and lives as long as the job.
func (e *Engine) parse(job protocol.Job) (*activity.Job, error) {
	plain, err := e.opener(job).Bundle(job.Bundle)
	if err != nil {
		return nil, err
	}
	return activity.Parse(plain, e.stores, e.formats)
}

// describe names source and sink for people. A job that cannot be read is named by its activity; running it says why.
func (e *Engine) describe(job protocol.Job) (source, sink string) {
	defer func() { _ = recover() }()
	parsed, err := e.parse(job)
	if err != nil {
		return "", ""
	}
	return activity.Describe(parsed)
}

// progressed passes a running job's progress on to the window and to the factory.
func (s *session) progressed(t *task, p report.Progress) {
	s.e.mu.Lock()
	s.e.progress[t.run()] = &p
	s.e.mu.Unlock()
	s.e.publishJob(t.entry)
	ev := s.event(protocol.EventProgress)
	ev.ActivityRun, ev.Attempt, ev.Progress = t.run(), t.entry.Job.Attempt, &p
	s.ch.Report(ev)
}

// endTask writes the end of an attempt down, with the event that reports it.
func (s *session) endTask(t *task, result *report.Result, err error) {
	end := journal.End{Run: t.run(), Attempt: t.entry.Job.Attempt, At: time.Now().UTC(), Result: resultOf(t, result, err)}
	end.Died = fault.Is(err, fault.ProgramEnded)
	if !fault.Is(err, fault.LeaseLost) {
		ev := s.event(protocol.EventResult)
		ev.ActivityRun, ev.Attempt, ev.Result, ev.Watermark = end.Run, end.Attempt, end.Result, t.marks.step()
		end.Event, end.MessageID = &ev, protocol.ResultMessageID(end.Run, end.Attempt)
	}
	if !s.writeEnd(end) {
		return
	}
	s.ch.Kick()
	s.e.mu.Lock()
	delete(s.e.progress, t.run())
	s.e.mu.Unlock()
	t.entry.Status, t.entry.Ended, t.entry.Result = end.Result.Status, end.At, end.Result
	s.e.log.Info("job ended", logging.Key, logging.JobEnded, "run", end.Run, "attempt", end.Attempt, "status", end.Result.Status, "rows", end.Result.RowsCopied, "error", err)
	s.e.publishJob(t.entry)
	s.e.noticeJob(jobOf(t.entry, nil))
}

// writeEnd tries until the journal takes the end or the session is over: a full disk must not lose a result. It is false
// where the attempt stays unfinished.
func (s *session) writeEnd(end journal.End) bool {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 15 * time.Second
	const limit = "journal"
	for {
		written, err := s.e.journal.End(context.WithoutCancel(s.ctx), end)
		if err == nil {
			s.e.change(func(f *facts) { f.limited(limit, problem{}) })
			return written
		}
		s.e.log.Error("a job's end could not be written down; trying again", logging.Key, logging.EndNotWritten, "run", end.Run, "error", err)
		f := fault.As(err)
		s.e.change(func(facts *facts) { facts.limited(limit, problem{f.Error(), f.Hint}) })
		select {
		case <-time.After(pause.NextBackOff()):
		case <-s.ctx.Done():
			return false
		}
	}
}

// resultOf is what is reported: the copy's own result, or one made for an attempt that did not get as far.
func resultOf(t *task, result *report.Result, err error) *report.Result {
	if result == nil {
		result = &report.Result{Attempt: t.entry.Job.Attempt, Consistency: report.Consistency{VerificationResult: "NotVerified"}}
	}
	for i, warning := range result.Warnings {
		result.Warnings[i] = secret.Redact(warning)
	}
	switch {
	case err == nil:
		result.Status = report.Succeeded
		return result
	case fault.Is(err, fault.Cancelled), fault.Is(err, fault.LeaseLost):
		result.Status = report.Cancelled
	default:
		result.Status = report.Failed
	}
	if len(result.Errors) == 0 {
		result.Errors = []report.Error{report.ErrorOf(err)}
	}
	return result
}
