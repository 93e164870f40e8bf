package engine

import (
	"context"
	"runtime"
	"strconv"

	"github.com/shirou/gopsutil/v4/mem"

	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
	"dmgateway/engine/report"
)

// defaultJobLimit follows from cores and memory: two jobs a core, half a GiB a job beside two for the system, 2 to 64.
func defaultJobLimit() int {
	gib := 8.0
	if m, err := mem.VirtualMemory(); err == nil {
		gib = float64(m.Total) / (1 << 30)
	}
	return jobLimitFor(runtime.NumCPU(), gib)
}

func jobLimitFor(cores int, gib float64) int {
	return max(2, min(2*cores, int((gib-2)/0.5), maxJobs))
}

func (e *Engine) jobLimit() int {
	n, err := strconv.Atoi(e.setting(SettingJobLimit))
	if err != nil {
		return defaultJobLimit()
	}
	return n
}

func (e *Engine) applyJobLimit() {
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s != nil {
		s.pool.setLimit(e.jobLimit())
	}
	e.announce()
}

func jobOf(entry journal.Entry, progress *report.Progress) Job {
	j := entry.Job
	return Job{
		ID: j.ActivityRun, Pipeline: j.Pipeline, Activity: j.Activity, Source: entry.Source, Sink: entry.Sink, Status: entry.Status,
		Attempt: j.Attempt, Taken: entry.Taken, Started: entry.Started, Ended: entry.Ended, PickedUp: entry.Taken.Sub(j.QueuedAt),
		Progress: progress, Result: entry.Result, Retryable: entry.Status == Failed || entry.Status == Cancelled,
	}
}

func (e *Engine) job(entry journal.Entry) Job {
	var p *report.Progress
	if entry.Ended.IsZero() {
		e.mu.Lock()
		p = e.progress[entry.Job.ActivityRun]
		e.mu.Unlock()
	}
	return jobOf(entry, p)
}

func (e *Engine) publishJob(entry journal.Entry) {
	j := e.job(entry)
	e.hub.publish(Event{Job: &j})
}

// Jobs lists the running jobs and the most recent ended ones, newest first, at most limit (0 = 100).
func (e *Engine) Jobs(ctx context.Context, limit int) ([]Job, error) {
	if limit <= 0 {
		limit = 100
	}
	entries, err := e.journal.List(ctx, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Job, 0, len(entries))
	for _, entry := range entries {
		list = append(list, e.job(entry))
	}
	return list, nil
}

// Job is the newest attempt of one run; the beginning of its ID is enough where only one begins so.
func (e *Engine) Job(ctx context.Context, id string) (Job, error) {
	entry, err := e.journal.Get(ctx, id)
	if err != nil {
		return Job{}, err
	}
	return e.job(entry), nil
}

// Cancel stops a job that has not ended; its end comes as an event.
func (e *Engine) Cancel(ctx context.Context, id string) error {
	entry, err := e.journal.Get(ctx, id)
	if err != nil {
		return err
	}
	if !entry.Ended.IsZero() {
		return fault.New(fault.Conflict, "the job %s has ended already: %s", id, entry.Status).At(id)
	}
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s == nil || !s.pool.cancel(entry.Job.ActivityRun, errCancelled("at the gateway")) {
		return fault.New(fault.Conflict, "the job %s does not run now, because the gateway is stopped", id).At(id).
			Try("Start the gateway, or cancel the run at the data factory.")
	}
	return nil
}

// Retry asks the factory to run a job again that failed or was cancelled, from its last checkpoint on. It comes back as
// another attempt, to this node or another one of the gateway.
func (e *Engine) Retry(ctx context.Context, id string) error {
	entry, err := e.journal.Get(ctx, id)
	if err != nil {
		return err
	}
	if !jobOf(entry, nil).Retryable {
		return fault.New(fault.Conflict, "the job %s cannot be retried: it is %s", id, entry.Status).At(id)
	}
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s == nil {
		return fault.New(fault.Conflict, "the job %s cannot be retried while the gateway is stopped", id).At(id).Try("Start the gateway.")
	}
	err = s.rest.Retry(ctx, entry.Job.ActivityRun)
	if fault.Code(err) == fault.NotFound {
		return fault.New(fault.NotFound, "the data factory cannot retry the job %s", id).At(id).Because(err).Try("Run the pipeline again at the data factory.")
	}
	return err
}
