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
)

// lease is the call by which a node takes and renews the leases of its jobs, and learns which it has lost.
func (f *Factory) lease(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.LeaseRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if in.Node != n.ID {
		return fault.New(fault.Forbidden, "node %s asks in the name of %s", n.ID, in.Node).At("$.node")
	}
	now := time.Now()
	out := protocol.LeaseResponse{Answers: make([]string, 0, len(in.Jobs))}
	err := f.inTx(r.Context(), func(tx *sql.Tx) error {
		if err := touch(r.Context(), tx, n.ID, now); err != nil {
			return err
		}
		for _, j := range in.Jobs {
			answer, err := f.leaseOne(r.Context(), tx, n, j, now)
			if err != nil {
				return err
			}
			out.Answers = append(out.Answers, answer)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func touch(ctx context.Context, q querier, nodeID string, now time.Time) error {
	_, err := q.ExecContext(ctx, "UPDATE nodes SET contact = max(contact, ?) WHERE id = ?", micros(now), nodeID)
	return err
}

// leaseOne decides about one attempt: the first node that asks for a queued attempt has it, and keeps it for as long as
// it is the present one.
func (f *Factory) leaseOne(ctx context.Context, q querier, n node, j protocol.LeaseJob, now time.Time) (string, error) {
	a, err := activityRun(ctx, q, j.ActivityRun)
	if fault.Is(err, fault.NotFound) {
		return protocol.LeaseLost, nil
	}
	if err != nil {
		return "", err
	}
	if a.Gateway != n.Gateway || a.Attempt != j.Attempt {
		return protocol.LeaseLost, nil
	}
	switch {
	case a.Phase == phaseSent:
		return protocol.LeaseHeld, f.takeAttempt(ctx, q, &a, n.ID, now)
	case a.Phase == phaseTaken && a.Node == n.ID:
		if err := f.renew(ctx, q, a.ID, now); err != nil {
			return "", err
		}
		if a.Cancelling {
			return protocol.LeaseCancelled, nil
		}
		return protocol.LeaseHeld, nil
	}
	return protocol.LeaseLost, nil
}

func (f *Factory) renew(ctx context.Context, q querier, id string, now time.Time) error {
	_, err := q.ExecContext(ctx, "UPDATE activity_runs SET lease_until = max(lease_until, ?) WHERE id = ?", micros(now.Add(f.o.Lease)), id)
	return err
}

// checkpoint stores the newest checkpoint of an attempt; it renews the lease too.
func (f *Factory) checkpoint(w http.ResponseWriter, r *http.Request, n node) error {
	var in protocol.CheckpointRequest
	if err := readJSON(r, &in); err != nil {
		return err
	}
	ctx, now := r.Context(), time.Now()
	err := f.inTx(ctx, func(tx *sql.Tx) error {
		if err := touch(ctx, tx, n.ID, now); err != nil {
			return err
		}
		answer, err := f.leaseOne(ctx, tx, n, protocol.LeaseJob{ActivityRun: in.ActivityRun, Attempt: in.Attempt}, now)
		if err != nil {
			return err
		}
		if answer == protocol.LeaseLost {
			return fault.New(fault.LeaseLost, "another attempt has the run, or it has ended").At(in.ActivityRun)
		}
		_, err = tx.ExecContext(ctx, "UPDATE activity_runs SET checkpoint = ? WHERE id = ?", string(in.Checkpoint), in.ActivityRun)
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// unregister forgets a node. Its running jobs are lost when their leases end.
func (f *Factory) unregister(w http.ResponseWriter, r *http.Request, n node) error {
	if _, err := f.db.ExecContext(r.Context(), "UPDATE nodes SET revoked = 'it was unregistered' WHERE id = ?", n.ID); err != nil {
		return err
	}
	f.o.Log.Info("node unregistered", logging.Key, logging.NodeUnregistered, "node", n.Name)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// removeNode takes a node's rights away, as a person asks for it. The Service Bus rule belongs to the gateway's key and
// stays: only a recreated key takes the queue from a node that will not listen.
func (f *Factory) removeNode(ctx context.Context, gatewayID, name string) error {
	n, err := nodeNamed(ctx, f.db, gatewayID, name)
	if err != nil {
		return err
	}
	_, err = f.db.ExecContext(ctx, "UPDATE nodes SET revoked = 'it was removed from its gateway' WHERE id = ?", n.ID)
	return err
}

// tokenOf gives protocol.OpenEvent the token of a node. It opens the sealed token each time: events come by the second,
// not by the thousand.
func (f *Factory) tokenOf(ctx context.Context, id string) (node, string, error) {
	n, err := scanNode(f.db.QueryRowContext(ctx, "SELECT "+nodeColumns+" FROM nodes WHERE id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return n, "", errUnknownNode("")
	}
	if err != nil {
		return n, "", err
	}
	if n.Revoked != "" {
		return n, "", errUnknownNode(n.Revoked)
	}
	token, err := f.secrets.open(n.sealedToken, tokenRow(n.ID))
	return n, token, err
}
