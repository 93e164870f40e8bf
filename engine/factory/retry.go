package factory

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// retry is the call by which a node asks, for a person at its machine, that a run which failed or was cancelled be run
// once more. Asked twice, the second finds the run in progress and is refused.
func (f *Factory) retry(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.RetryRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx, now := r.Context(), time.Now()
	attempt := 0
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		if err := touch(ctx, tx, n.ID, now); err != nil {
			return err
		}
		a, err := activityRun(ctx, tx, in.ActivityRun)
		if err == nil && a.Gateway != n.Gateway {
			err = errNoActivityRun(in.ActivityRun) // whose it is, is nobody else's business
		}
		if err != nil {
			return err
		}
		err = f.runAgain(ctx, tx, &a, now)
		attempt = a.Attempt
		return err
	})
	if err != nil {
		return err
	}
	f.o.Log.Info("run queued again", logging.Key, logging.RunQueuedAgain, "run", in.ActivityRun, "attempt", attempt, "asked by", n.Name)
	f.poke()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// runAgain queues the next attempt of a run that has ended without success, with its newest checkpoint.
func (f *Factory) runAgain(ctx context.Context, tx *sql.Tx, r *run, now time.Time) error {
	if err := r.retryable(); err != nil {
		return err
	}
	if err := notSuperseded(ctx, tx, r); err != nil {
		return err
	}
	if other, err := ahead(ctx, tx, r); err != nil {
		return err
	} else if other != "" {
		return fault.New(fault.Conflict, "the run cannot be retried: run %s of the same activity, which moves the same watermark, has not ended", other).
			At(r.ID).Try("Wait for its end, or cancel it first.")
	}
	// What told the gateway to stop the ended attempt would stop the new one.
	if _, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE message_id = ?", r.cancelID()); err != nil {
		return err
	}
	r.reopen(now)
	if err := f.sendAttempt(ctx, tx, r, now); err != nil {
		return err
	}
	if r.Phase != phaseSent {
		return errUnknownNode("") // the node that asks was the last, and was revoked meanwhile
	}
	return nil
}

// retryable is code Conflict unless the run has ended as failed or cancelled.
func (r *run) retryable() error {
	switch {
	case r.Phase != phaseEnded:
		return fault.New(fault.Conflict, "the run cannot be retried: it has not ended, attempt %d is %s", max(r.Attempt, 1), r.Status).At(r.ID).
			Try("Wait for its end, or cancel it first.")
	case r.Status != report.Failed && r.Status != report.Cancelled:
		return fault.New(fault.Conflict, "the run cannot be retried: it is %s", r.Status).At(r.ID).Try("To copy again, start a new run of the pipeline.")
	}
	return nil
}

// notSuperseded is code Conflict where the pipeline was started again later with the same parameters: that run copies
// the same anew, and an older one must not write over it or beside it.
func notSuperseded(ctx context.Context, tx *sql.Tx, r *run) error {
	var newer, status string
	err := tx.QueryRowContext(ctx, `SELECT b.id, b.status FROM pipeline_runs a JOIN pipeline_runs b
		ON b.pipeline = a.pipeline AND b.parameters = a.parameters AND b.created > a.created WHERE a.id = ? ORDER BY b.created DESC LIMIT 1`,
		r.PipelineRun).Scan(&newer, &status)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "the run cannot be retried: the pipeline %s was started again since with the same parameters, as run %s, which is %s",
		r.Pipeline, newer, status).At(r.ID).Try("Look at that run and retry it if it failed, or start a new run of the pipeline.")
}

// reopen makes an ended run one that waits for its next attempt. That attempt decides: its failure ends the run, whatever
// the policy has left; lost nodes are counted anew.
func (r *run) reopen(now time.Time) {
	r.wait(now, "to be run again")
	r.Failures, r.Losses = max(r.Failures, r.Retry), 0
	r.Cancelling, r.Ended, r.Result = false, time.Time{}, nil
}
