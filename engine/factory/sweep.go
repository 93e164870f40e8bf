package factory

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// resume brings everything in line after a start: queues and rules, and leases. While the factory was down no node could
// renew, so every lease starts anew: a job that runs well is not taken from its node because the factory was restarted.
func (f *Factory) resume(ctx context.Context, now time.Time) error {
	if _, err := f.db.ExecContext(ctx, "UPDATE activity_runs SET lease_until = max(lease_until, ?) WHERE phase = 'taken'", micros(now.Add(f.o.Lease))); err != nil {
		return err
	}
	if err := f.grantAll(ctx); err != nil {
		f.o.Log.Error("Service Bus is not as it should be; trying again", logging.Key, logging.BusNotReady, "error", err)
	}
	queues, err := collect(ctx, f.db, func(scan func(...any) error) (q string, err error) { return q, scan(&q) },
		"SELECT DISTINCT status_queue FROM gateways WHERE removed = 0 AND granted <> ''")
	for _, q := range queues {
		f.watchStatus(q)
	}
	return err
}

// sweepLoop looks after what only time moves.
func (f *Factory) sweepLoop(ctx context.Context, pulse *supervise.Pulse) error {
	supervise.Every(ctx, pulse, min(f.o.Lease/4, 2*time.Second), func(ctx context.Context) {
		if err := f.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			f.o.Log.Error("sweep", logging.Key, logging.SweepFailed, "error", err)
		}
	})
	return ctx.Err()
}

// sweep moves every run whose time has come: leases that ended, attempts that nobody took, tries that are due.
func (f *Factory) sweep(ctx context.Context, now time.Time) error {
	var errs []error
	if err := f.grantAll(ctx); err != nil {
		errs = append(errs, err)
	}
	if _, err := f.db.ExecContext(ctx, "DELETE FROM outbox WHERE expires <= ?", micros(now)); err != nil {
		errs = append(errs, err)
	}
	due, err := collect(ctx, f.db, func(scan func(...any) error) (id string, err error) { return id, scan(&id) },
		`SELECT id FROM activity_runs WHERE phase = 'waiting' AND retry_at <= ?1 OR phase = 'sent' AND expires <= ?1 OR phase = 'taken' AND lease_until <= ?2
		ORDER BY created`, micros(now), micros(now.Add(-f.grace())))
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, id := range due {
		if err := f.inTx(ctx, func(tx *sql.Tx) error { return f.move(ctx, tx, id, now) }); err != nil {
			errs = append(errs, err)
		}
	}
	if len(due) > 0 {
		f.poke()
	}
	return errors.Join(errs...)
}

// grace is waited past the end of a lease, for clocks that do not run alike. The node counts from when it asked, which
// is before the factory heard it, so it has stopped by then.
func (f *Factory) grace() time.Duration { return f.o.Lease / 10 }

// move looks again at a run, inside the transaction, and does what is due.
func (f *Factory) move(ctx context.Context, tx *sql.Tx, id string, now time.Time) error {
	r, err := activityRun(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case r.Phase == phaseWaiting && !now.Before(r.RetryAt):
	case r.Phase == phaseSent && !now.Before(r.Expires):
		r.wait(now, "nobody took attempt %d in time; queued again", r.Attempt)
	case r.Phase == phaseTaken && !now.Before(r.LeaseEnds.Add(f.grace())):
		name := r.Node
		if err := tx.QueryRowContext(ctx, "SELECT name FROM nodes WHERE id = ?", r.Node).Scan(&name); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		f.o.Log.Warn("job lost", logging.Key, logging.JobLost, "run", r.ID, "attempt", r.Attempt, "node", name)
		r.lose(now, name, f.o.MaxLosses)
		if err := r.save(ctx, tx, now); err != nil {
			return err
		}
	}
	if r.Phase != phaseWaiting || now.Before(r.RetryAt) {
		return nil
	}
	return f.sendAttempt(ctx, tx, &r, now)
}
