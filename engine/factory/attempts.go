package factory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// sendAttempt queues the next attempt of a run, or leaves it waiting while the gateway has no node. Decision and message
// are one transaction: neither is there without the other after a crash.
func (f *Factory) sendAttempt(ctx context.Context, tx *sql.Tx, r *run, now time.Time) error {
	nodes, err := nodesOf(ctx, tx, r.Gateway)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		name := r.Gateway
		if err := tx.QueryRowContext(ctx, "SELECT name FROM gateways WHERE id = ?", r.Gateway).Scan(&name); err != nil {
			return err
		}
		if reason := fmt.Sprintf("waiting for a node: no gateway is registered with the key of %s", name); r.Reason != reason {
			r.wait(now, "%s", reason)
			return r.save(ctx, tx, now)
		}
		return nil
	}
	if other, err := ahead(ctx, tx, r); err != nil {
		return err
	} else if other != "" {
		if reason := fmt.Sprintf("waiting for run %s of the same activity, which moves the same watermark", other); r.Reason != reason {
			r.wait(now, "%s", reason)
			return r.save(ctx, tx, now)
		}
		return nil
	}
	r.send(now, f.o.Expiry)
	job := r.job(f.id, f.o.Lease)
	if job.Watermarks, err = watermarks(ctx, tx, r.Pipeline, r.Activity); err != nil {
		return err
	}
	if job.Bundle, err = f.reseal(ctx, tx, r.Gateway, job.Bundle); err != nil {
		if fault.Code(err) == fault.Internal {
			return err
		}
		r.end(now, r.failure(report.Failed, err)) // trying again would not help
		return r.save(ctx, tx, now)
	}
	body, err := protocol.SignJSON(job, f.signing)
	if err != nil {
		return fmt.Errorf("sign job %s: %w", job.MessageID(), err)
	}
	if err := putMessage(ctx, tx, jobQueue(r.Gateway), job.MessageID(), protocol.SubjectJob, body, r.Expires); err != nil {
		return err
	}
	return r.save(ctx, tx, now)
}

func putMessage(ctx context.Context, tx *sql.Tx, queue, id, subject string, body []byte, expires time.Time) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO outbox (queue, message_id, subject, body, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
		queue, id, subject, body, micros(expires))
	return err
}

// sendWaiting queues what waited for the gateway's first node.
func (f *Factory) sendWaiting(ctx context.Context, tx *sql.Tx, gateway string, now time.Time) error {
	runs, err := collect(ctx, tx, scanRun, "SELECT "+runColumns+" FROM activity_runs WHERE phase = 'waiting' AND gateway = ? AND retry_at <= ? ORDER BY created", gateway, micros(now))
	if err != nil {
		return err
	}
	for i := range runs {
		if err := f.sendAttempt(ctx, tx, &runs[i], now); err != nil {
			return err
		}
	}
	return nil
}

// takeAttempt gives the queued attempt to a node.
func (f *Factory) takeAttempt(ctx context.Context, q querier, r *run, nodeID string, now time.Time) error {
	r.take(nodeID, now, now.Add(f.o.Lease))
	return r.save(ctx, q, now)
}

// cancelRun asks for the end of a pipeline run: at once where no node has it, else by a message to the gateway and by
// the answer to the node's next lease.
func (f *Factory) cancelRun(ctx context.Context, pipelineRun string) error {
	now := time.Now()
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := f.pipelineRun(ctx, tx, pipelineRun); err != nil {
			return err
		}
		runs, err := runsOf(ctx, tx, pipelineRun)
		if err != nil {
			return err
		}
		for i := range runs {
			r := &runs[i]
			if r.Phase == phaseEnded || r.Cancelling {
				continue
			}
			if r.cancel(now) {
				if err := f.putCancel(ctx, tx, r, now); err != nil {
					return err
				}
			}
			if err := errors.Join(r.save(ctx, tx, now), dropMessage(ctx, tx, r)); err != nil {
				return err
			}
		}
		return nil
	})
	f.poke()
	return err
}

func (f *Factory) putCancel(ctx context.Context, tx *sql.Tx, r *run, now time.Time) error {
	// Past the lease the node has asked and learned of it, or has stopped.
	expires := now.Add(2 * f.o.Lease)
	body, err := protocol.SignJSON(protocol.Cancel{ActivityRun: r.ID, Attempt: r.Attempt, Gateway: r.Gateway, Expires: expires.UTC()}, f.signing)
	if err != nil {
		return fmt.Errorf("sign cancel of %s: %w", r.ID, err)
	}
	return putMessage(ctx, tx, jobQueue(r.Gateway), r.cancelID(), protocol.SubjectCancel, body, expires)
}

// cancelID is the message ID of what asks the gateway to stop the present attempt.
func (r *run) cancelID() string { return fmt.Sprintf("cancel/%s.%d", r.ID, r.Attempt) }

// failRunsOf ends every open run of a gateway that is being removed.
func failRunsOf(ctx context.Context, tx *sql.Tx, g gateway, now time.Time) error {
	runs, err := collect(ctx, tx, scanRun, "SELECT "+runColumns+" FROM activity_runs WHERE phase <> 'ended' AND gateway = ?", g.ID)
	if err != nil {
		return err
	}
	for i := range runs {
		r := &runs[i]
		r.end(now, r.failure(report.Failed, errRemoved(g.Name)))
		if err := r.save(ctx, tx, now); err != nil {
			return err
		}
	}
	return nil
}

// runsOf are the activity runs of a pipeline run.
func runsOf(ctx context.Context, q querier, pipelineRun string) ([]run, error) {
	return collect(ctx, q, scanRun, "SELECT "+runColumns+" FROM activity_runs WHERE pipeline_run = ? ORDER BY created, activity", pipelineRun)
}
