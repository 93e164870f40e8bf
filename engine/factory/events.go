package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// event is a verified event and when the Service Bus took it.
type event struct {
	protocol.Event
	at time.Time
}

// readEvents verifies messages. bad has, at a message's place, why it is refused; events of nodes that may not report any
// more are dropped without being refused, because they prove nothing but that a node has not heard of it yet.
func (f *Factory) readEvents(ctx context.Context, messages []*azservicebus.ReceivedMessage) (events []event, bad []error) {
	bad = make([]error, len(messages))
	now := time.Now()
	for i, m := range messages {
		e, err := f.openEvent(ctx, m.Body)
		switch {
		case fault.Is(err, fault.NotRegistered):
			f.o.Log.Debug("event dropped", "error", err)
			continue
		case err != nil:
			f.o.Log.Warn("event refused", logging.Key, logging.NodeEventRefused, "message", m.MessageID, "error", err)
			bad[i] = err
			continue
		}
		at := now
		if m.EnqueuedTime != nil && m.EnqueuedTime.Before(now) {
			at = *m.EnqueuedTime
		}
		events = append(events, event{e, at})
	}
	return events, bad
}

// openEvent checks that a node of ours signed the event, and that it speaks for its own gateway.
func (f *Factory) openEvent(ctx context.Context, body []byte) (protocol.Event, error) {
	var n node
	var unknown error
	e, err := protocol.OpenEvent(body, func(id string) (token string) {
		n, token, unknown = f.tokenOf(ctx, id)
		return token
	})
	if unknown != nil {
		return e, unknown
	}
	if err != nil {
		return e, err
	}
	if e.Factory != f.id || e.Gateway != n.Gateway {
		return e, fmt.Errorf("node %s of gateway %s reports for gateway %s of factory %s", n.ID, n.Gateway, e.Gateway, e.Factory)
	}
	return e, nil
}

// storeEvents applies events in their order, in one transaction.
func (f *Factory) storeEvents(ctx context.Context, events []event) error {
	if len(events) == 0 {
		return nil
	}
	return f.inTx(ctx, func(tx *sql.Tx) error {
		for _, e := range events {
			if err := f.storeEvent(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Factory) storeEvent(ctx context.Context, tx *sql.Tx, e event) error {
	if err := touch(ctx, tx, e.Node, e.at); err != nil {
		return err
	}
	if e.Kind == protocol.EventHeartbeat {
		return f.storeHeartbeat(ctx, tx, e)
	}
	r, err := activityRun(ctx, tx, e.ActivityRun)
	if fault.Is(err, fault.NotFound) || (err == nil && r.Gateway != e.Gateway) {
		f.o.Log.Warn("event of a run that the gateway does not have", logging.Key, logging.NodeEventForeign, "kind", e.Kind, "run", e.ActivityRun, "node", e.Node)
		return nil
	}
	if err != nil {
		return err
	}
	switch e.Kind {
	case protocol.EventStarted:
		return f.storeStarted(ctx, tx, &r, e)
	case protocol.EventProgress:
		return f.storeProgress(ctx, tx, &r, e)
	case protocol.EventResult:
		return f.storeResult(ctx, tx, &r, e)
	}
	return nil // a kind that a newer gateway knows
}

// storeHeartbeat keeps the newest heartbeat and renews the leases of the jobs that it names.
func (f *Factory) storeHeartbeat(ctx context.Context, tx *sql.Tx, e event) error {
	if e.Heartbeat == nil {
		return nil
	}
	data, err := json.Marshal(e.Heartbeat)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE nodes SET heartbeat = ?, heartbeat_at = ?, version = ? WHERE id = ? AND heartbeat_at <= ?",
		string(data), micros(e.at), e.Heartbeat.Version, e.Node, micros(e.at))
	if err != nil {
		return err
	}
	for _, id := range e.Heartbeat.Jobs {
		_, err := tx.ExecContext(ctx, "UPDATE activity_runs SET lease_until = max(lease_until, ?) WHERE id = ? AND phase = 'taken' AND node = ?",
			micros(e.at.Add(f.o.Lease)), id, e.Node)
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *Factory) storeStarted(ctx context.Context, tx *sql.Tx, r *run, e event) error {
	if e.Attempt != r.Attempt {
		return nil
	}
	if r.Phase == phaseSent {
		r.take(e.Node, e.at, e.at.Add(f.o.Lease))
	}
	if r.Phase != phaseTaken || r.Node != e.Node {
		return nil
	}
	if e.PickedUp > 0 {
		r.PickedUp = e.PickedUp
	}
	return r.save(ctx, tx, time.Now())
}

func (f *Factory) storeProgress(ctx context.Context, tx *sql.Tx, r *run, e event) error {
	if r.Phase != phaseTaken || r.Node != e.Node || r.Attempt != e.Attempt || e.Progress == nil {
		return nil
	}
	if r.Progress != nil && r.Progress.Elapsed > e.Progress.Elapsed {
		return nil // overtaken by a newer one
	}
	r.Progress = e.Progress
	if ends := e.at.Add(f.o.Lease); ends.After(r.LeaseEnds) {
		r.LeaseEnds = ends
	}
	return r.save(ctx, tx, time.Now())
}

// storeResult ends the run or its attempt, where the result counts; repeated and late ones change nothing.
func (f *Factory) storeResult(ctx context.Context, tx *sql.Tx, r *run, e event) error {
	result := e.Result
	if result == nil || (result.Status != report.Succeeded && result.Status != report.Failed && result.Status != report.Cancelled) {
		f.o.Log.Warn("result without an end", logging.Key, logging.NodeEventRefused, "run", r.ID, "node", e.Node)
		return nil
	}
	counts, why := r.accepts(e.Node, e.Attempt, result.Status)
	if !counts {
		f.o.Log.Info("result dropped", logging.Key, logging.ResultDropped, "run", r.ID, "attempt", e.Attempt, "status", result.Status, "because", why)
		return nil
	}
	now := time.Now()
	if r.Started.IsZero() {
		r.Started = e.at
	}
	result.Attempt, r.Node = e.Attempt, e.Node
	if e.Watermark != nil {
		refused, err := f.keepWatermark(ctx, tx, r, *e.Watermark, now)
		if err != nil {
			return err
		}
		if refused != nil { // another try would copy the rows a second time, too
			result.Status, result.Errors = report.Failed, append([]report.Error{report.ErrorOf(refused)}, result.Errors...)
			r.Failures = max(r.Failures, r.Retry)
		}
	}
	r.finish(now, *result)
	f.o.Log.Info("run reported", logging.Key, logging.RunReported, "run", r.ID, "attempt", e.Attempt, "status", result.Status, "phase", r.Phase)
	return errors.Join(r.save(ctx, tx, now), dropMessage(ctx, tx, r))
}

// dropMessage takes a job back that waits in the outbox for a run that has ended.
func dropMessage(ctx context.Context, tx *sql.Tx, r *run) error {
	if r.Phase != phaseEnded {
		return nil
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM outbox WHERE message_id = ?", protocol.Job{ActivityRun: r.ID, Attempt: r.Attempt}.MessageID())
	return err
}
