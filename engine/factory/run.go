package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// Phases of an activity run. Its status, which people see, follows from them.
//
//	waiting ─send─▶ sent ─take─▶ taken ─result─▶ ended
//	   ▲              │            │
//	   └──expired─────┴──lost──────┘   (and from anywhere, by cancelling, to ended;
//	                                    from ended, by retrying, to sent)
const (
	phaseWaiting = "waiting" // for a node to register, or for retryAt
	phaseSent    = "sent"    // the attempt is in the queue, nobody has it
	phaseTaken   = "taken"   // a node holds the lease
	phaseEnded   = "ended"
)

// Codes of errors that only a factory makes.
const (
	// NodesLost: the run was queued again as often as allowed, and each time its node was lost.
	NodesLost = "NodesLost"
	// JobRejected: a gateway put the job aside as one that it cannot or may not run.
	JobRejected = "JobRejected"

	tooManyRequests = "TooManyRequests"
)

// run is one activity run over all its attempts. Its methods move it by the rules; save stores it.
type run struct {
	ID, PipelineRun, Pipeline, Activity, Gateway string
	Bundle                                       json.RawMessage
	Retry                                        int // tries that policy grants after failures
	RetryAfter                                   time.Duration
	Phase, Status, Reason                        string
	Attempt, Failures, Losses                    int
	Cancelling                                   bool
	Node                                         string // that has or had the present attempt
	Created, Queued, Expires, RetryAt, LeaseEnds time.Time
	PickedUp                                     time.Duration
	Started, Ended, Updated                      time.Time
	Checkpoint                                   json.RawMessage
	Progress                                     *report.Progress
	Result                                       *report.Result
}

// send makes the next attempt, to be put into the queue in the same transaction.
func (r *run) send(now time.Time, expiry time.Duration) {
	r.Attempt++
	r.Phase, r.Status, r.Reason = phaseSent, report.Queued, "queued for the gateway"
	r.Node, r.PickedUp, r.LeaseEnds, r.RetryAt, r.Progress = "", 0, time.Time{}, time.Time{}, nil
	// Whole seconds of expiry and queueing are what the job says, so they are what is kept.
	r.Queued, r.Expires = now, now.Add(expiry)
}

// wait puts the run back until at, saying why.
func (r *run) wait(at time.Time, format string, args ...any) {
	r.Phase, r.Status, r.Reason = phaseWaiting, report.Queued, fmt.Sprintf(format, args...)
	r.RetryAt, r.LeaseEnds, r.Progress = at, time.Time{}, nil
}

// take gives the present attempt to a node.
func (r *run) take(node string, now, leaseEnds time.Time) {
	r.Phase, r.Status, r.Reason = phaseTaken, report.InProgress, ""
	r.Node, r.LeaseEnds, r.PickedUp = node, leaseEnds, max(now.Sub(r.Queued), 0)
	if r.Started.IsZero() {
		r.Started = now
	}
}

// lose takes the attempt from a node that has not been heard of for the lease.
func (r *run) lose(now time.Time, nodeName string, limit int) {
	r.Losses++
	switch {
	case r.Cancelling:
		r.end(now, r.failure(report.Cancelled, fault.New(fault.Cancelled, "cancelled; node %s was lost before it confirmed", nodeName)))
	case r.Losses > limit:
		r.end(now, r.failure(report.Failed, fault.New(NodesLost, "the job was lost %d times, the last time with node %s", r.Losses, nodeName).
			Try("Look at the log of that node for why it stops or loses its connection, then run the pipeline again.")))
	default:
		r.wait(now, "node %s was not heard of for the lease of attempt %d; queued again", nodeName, r.Attempt)
	}
}

// finish applies the result of the present attempt: the end of the run, or another try where its policy grants one.
func (r *run) finish(now time.Time, result report.Result) {
	if result.Status == report.Failed && r.Failures < r.Retry && !r.Cancelling {
		r.Failures++
		r.Result = &result
		r.wait(now.Add(r.RetryAfter), "attempt %d failed: %s; try %d of %d follows", r.Attempt, firstError(result).Message, r.Failures+1, r.Retry+1)
		return
	}
	r.end(now, result)
}

// cancel asks for the end. A run that no node has ends at once; sent is true where a node has to be told.
func (r *run) cancel(now time.Time) (tell bool) {
	if r.Phase == phaseEnded || r.Cancelling {
		return false
	}
	r.Cancelling = true
	if r.Phase != phaseTaken {
		r.end(now, r.failure(report.Cancelled, fault.New(fault.Cancelled, "cancelled before a node took it")))
		return false
	}
	r.Reason = "cancelling"
	return true
}

func (r *run) end(now time.Time, result report.Result) {
	r.Phase, r.Status, r.Reason, r.Ended = phaseEnded, result.Status, "", now
	r.Result, r.Progress, r.RetryAt, r.LeaseEnds = &result, nil, time.Time{}, time.Time{}
	if e := firstError(result); result.Status != report.Succeeded {
		r.Reason = e.Message
	}
}

// failure makes the result of a run that no gateway reported on.
func (r *run) failure(status string, err error) report.Result {
	return report.Result{
		Status: status, Attempt: r.Attempt, Errors: []report.Error{report.ErrorOf(err)}, ExecutionDetails: []report.ExecutionDetail{},
		Consistency: report.Consistency{VerificationResult: "NotVerified"},
	}
}

func firstError(r report.Result) report.Error {
	if len(r.Errors) == 0 {
		return report.Error{Code: fault.Internal, Message: "the gateway gave no reason"}
	}
	return r.Errors[0]
}

// accepts decides whether a result counts. The rules, and why, are in README.md under "Which result counts".
func (r *run) accepts(node string, attempt int, status string) (bool, string) {
	switch {
	case r.Phase == phaseEnded:
		return false, "the run has ended"
	case attempt > r.Attempt:
		return false, "there is no such attempt yet"
	case attempt == r.Attempt && r.Phase == phaseTaken && r.Node != node:
		return false, "another node holds the attempt"
	case attempt == r.Attempt && r.Phase != phaseWaiting:
		return true, ""
	case r.Phase == phaseTaken || status == report.Failed:
	case status == report.Succeeded, attempt == r.Attempt:
		return true, "" // nobody has begun to do it again
	}
	return false, "another attempt has the run"
}

const runColumns = `id, pipeline_run, pipeline, activity, gateway, bundle, retry, retry_after, phase, status, reason, attempt, failures, losses,
	cancelling, node, created, updated, queued, expires, retry_at, lease_until, picked_up, started, ended, checkpoint, progress, result`

func scanRun(scan func(...any) error) (run, error) {
	var r run
	var retryAfter, created, updated, queued, expires, retryAt, lease, pickedUp, started, ended int64
	var bundle string
	var checkpoint, progress, result sql.NullString
	err := scan(&r.ID, &r.PipelineRun, &r.Pipeline, &r.Activity, &r.Gateway, &bundle, &r.Retry, &retryAfter, &r.Phase, &r.Status, &r.Reason,
		&r.Attempt, &r.Failures, &r.Losses, &r.Cancelling, &r.Node, &created, &updated, &queued, &expires, &retryAt, &lease, &pickedUp, &started, &ended,
		&checkpoint, &progress, &result)
	if err != nil {
		return r, err
	}
	r.Bundle, r.RetryAfter, r.PickedUp = json.RawMessage(bundle), time.Duration(retryAfter)*time.Microsecond, time.Duration(pickedUp)*time.Microsecond
	r.Created, r.Updated, r.Queued, r.Expires = instant(created), instant(updated), instant(queued), instant(expires)
	r.RetryAt, r.LeaseEnds, r.Started, r.Ended = instant(retryAt), instant(lease), instant(started), instant(ended)
	if checkpoint.Valid {
		r.Checkpoint = json.RawMessage(checkpoint.String)
	}
	return r, errors.Join(decode(progress, &r.Progress), decode(result, &r.Result))
}

func decode[T any](text sql.NullString, into **T) error {
	if !text.Valid {
		return nil
	}
	*into = new(T)
	return json.Unmarshal([]byte(text.String), *into)
}

func encode[T any](v *T) (any, error) {
	if v == nil {
		return nil, nil
	}
	data, err := json.Marshal(v)
	return string(data), err
}

// activityRun reads a run by its ID; code NotFound where there is none.
func activityRun(ctx context.Context, q querier, id string) (run, error) {
	r, err := scanRun(q.QueryRowContext(ctx, "SELECT "+runColumns+" FROM activity_runs WHERE id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errNoActivityRun(id)
	}
	return r, err
}

func errNoActivityRun(id string) error {
	return fault.New(fault.NotFound, "there is no activity run %s", id).At(id)
}

// save stores where the run is, and the status of its pipeline run with it.
func (r *run) save(ctx context.Context, q querier, now time.Time) error {
	progress, err := encode(r.Progress)
	if err != nil {
		return err
	}
	result, err := encode(r.Result)
	if err != nil {
		return err
	}
	r.Updated = now
	_, err = q.ExecContext(ctx, `UPDATE activity_runs SET phase = ?, status = ?, reason = ?, attempt = ?, failures = ?, losses = ?, cancelling = ?, node = ?,
		updated = ?, queued = ?, expires = ?, retry_at = ?, lease_until = ?, picked_up = ?, started = ?, ended = ?, progress = ?, result = ? WHERE id = ?`,
		r.Phase, r.Status, r.Reason, r.Attempt, r.Failures, r.Losses, r.Cancelling, r.Node, micros(now), micros(r.Queued), micros(r.Expires),
		micros(r.RetryAt), micros(r.LeaseEnds), r.PickedUp.Microseconds(), micros(r.Started), micros(r.Ended), progress, result, r.ID)
	if err != nil {
		return err
	}
	return r.savePipelineRun(ctx, q, now)
}

func (r *run) savePipelineRun(ctx context.Context, q querier, now time.Time) error {
	status := r.Status
	switch {
	case r.Cancelling && r.Phase != phaseEnded:
		status = wire.Canceling
	case status == report.Queued && (r.Attempt > 1 || !r.Started.IsZero()):
		status = report.InProgress // it has begun; only its next attempt is queued
	}
	_, err := q.ExecContext(ctx, "UPDATE pipeline_runs SET status = ?, message = ?, updated = ?, ended = ? WHERE id = ?",
		status, r.Reason, micros(now), micros(r.Ended), r.PipelineRun)
	return err
}

// job is the present attempt as it travels.
func (r *run) job(factory string, lease time.Duration) protocol.Job {
	return protocol.Job{
		ActivityRun: r.ID, PipelineRun: r.PipelineRun, Attempt: r.Attempt, Factory: factory, Gateway: r.Gateway, Pipeline: r.Pipeline, Activity: r.Activity,
		QueuedAt: r.Queued.UTC(), Expires: r.Expires.UTC(), Lease: int(lease / time.Second), Bundle: r.Bundle, Checkpoint: r.Checkpoint,
	}
}
