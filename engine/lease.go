package engine

import (
	"context"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/supervise"
)

// leaseOf is how long a job may go on without the factory having been reached.
func (s *session) leaseOf(t *task) time.Duration {
	if n := t.entry.Job.Lease; n > 0 {
		return time.Duration(n) * time.Second
	}
	return s.id.Lease
}

// renewEvery leaves room for two failures within a lease.
func (s *session) renewEvery() time.Duration {
	return max(min(s.id.Lease/4, s.id.Heartbeat), 100*time.Millisecond)
}

// lease asks the factory about tasks.
func (s *session) lease(ctx context.Context, list []*task) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.renewEvery(), 5*time.Second))
	defer cancel()
	var jobs []protocol.LeaseJob
	for _, t := range list {
		jobs = append(jobs, protocol.LeaseJob{ActivityRun: t.run(), Attempt: t.entry.Job.Attempt})
	}
	answers, err := s.rest.Lease(ctx, jobs)
	if err == nil {
		s.e.contact()
	}
	return answers, err
}

// renewLeases keeps the running jobs' leases and stops those that have lost theirs. Without jobs it asks too, so that a
// recreated key is noticed at once.
func (s *session) renewLeases(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, s.renewEvery(), s.renewOnce)
	return ctx.Err()
}

func (s *session) renewOnce(ctx context.Context) {
	var leased []*task
	for _, t := range s.pool.tasks() {
		if !t.lease().IsZero() {
			leased = append(leased, t)
		}
	}
	asked := time.Now()
	answers, err := s.lease(ctx, leased)
	if err != nil {
		if ctx.Err() == nil {
			s.leaseFailed(leased, err)
		}
		return
	}
	s.e.change(func(f *facts) { f.limited("lease", problem{}) })
	for i, t := range leased {
		switch answers[i] {
		case protocol.LeaseHeld:
			t.leased(asked.Add(s.leaseOf(t)))
		case protocol.LeaseCancelled:
			t.cancelled(errCancelled("at the data factory"))
		default:
			t.cancelled(errLost())
		}
	}
}

// leaseFailed pauses the jobs whose leases have run out.
func (s *session) leaseFailed(leased []*task, err error) {
	if s.over() {
		return
	}
	if fault.Code(err) == fault.NotRegistered {
		s.e.revoke(s, err)
		return
	}
	s.e.log.Warn("the factory cannot be asked about the jobs' leases", logging.Key, logging.LeasesUnanswered, "error", err)
	f := fault.As(err)
	s.e.change(func(facts *facts) { facts.limited("lease", problem{f.Error(), f.Hint}) })
	now := time.Now().Round(0)
	for _, t := range leased {
		if now.After(t.lease()) {
			t.cancelled(errLeaseEnded)
		}
	}
}
