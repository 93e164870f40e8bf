package engine

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/host"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// reckonDeaths counts, before jobs are taken up, which were there when the program ended without being told to.
func (e *Engine) reckonDeaths(ctx context.Context) error {
	var boot time.Time
	if seconds, err := host.BootTimeWithContext(ctx); err == nil {
		boot = time.Unix(int64(min(seconds, 1<<40)), 0)
	}
	list, err := e.journal.Reckon(ctx, boot)
	for _, d := range list {
		e.log.Warn("the program ended while a job ran", logging.Key, logging.DiedWithJob, "run", d.Run, "times", d.Times, "of", mostDeaths)
	}
	return err
}

// errDeadly is the end of a job that the program does not survive.
func errDeadly(times int) error {
	return fault.New(fault.ProgramEnded, "the program ended %d times while this job ran, without it getting on", times).
		Try("Look for the reason in the logs and in the operating system's: most often the memory is used up. " +
			"Lower parallelCopies or the batch size or give the machine more memory, then run the pipeline again: the job runs alone then.")
}

// leave says that a task that has not ended is left in order.
func (s *session) leave(t *task) {
	if err := s.e.journal.Left(context.WithoutCancel(s.ctx), t.run()); err != nil {
		s.e.log.Warn("a job that was stopped could not be written down as such", logging.Key, logging.Notable, "run", t.run(), "error", err)
	}
}

// gotOn lets others run beside a task that was suspected, once its checkpoint has grown.
func (s *session) gotOn(ctx context.Context, t *task) {
	if !s.pool.tried(t) {
		return
	}
	if on, err := s.e.journal.GotOn(ctx, t.run()); err == nil && on {
		s.pool.clear(t)
	}
}
