package factory

import (
	"database/sql"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/factory/client"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
)

// fails runs the pipeline until its policy grants no further try; a checkpoint was stored on the way.
func (h *house) fails(n *fakeNode) (run string, last protocol.Job) {
	h.t.Helper()
	run = h.run("orders")
	for range 2 {
		last = n.take()
		err := n.rest.Checkpoint(h.t.Context(), protocol.CheckpointRequest{
			ActivityRun: last.ActivityRun, Attempt: last.Attempt, Checkpoint: json.RawMessage(`{"done":[` + string(rune('0'+last.Attempt)) + `]}`),
		})
		if err != nil {
			h.t.Fatal(err)
		}
		n.send(resultOf(last, report.Failed))
	}
	h.eventually(run, "failed", hasStatus(report.Failed))
	return run, last
}

// refused checks a refusal's code, that its message says why, and that a person is told what to do.
func refused(t *testing.T, err error, code, why string) {
	t.Helper()
	e := fault.As(err)
	if err == nil || e.Code != code || !strings.Contains(e.Error(), why) {
		t.Errorf("%v instead of %s because of %q", err, code, why)
	}
	if err != nil && code == fault.Conflict && (e.Hint == "" || e.Target == "") {
		t.Errorf("no hint or target: %+v", e)
	}
}

func TestAFailedRunIsRetriedFromItsNewestCheckpoint(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run, failed := h.fails(n)
	if err := n.rest.Retry(t.Context(), failed.ActivityRun); err != nil {
		t.Fatal(err)
	}
	d, err := h.RunDetails(t.Context(), run)
	if err != nil || d.Status != report.InProgress || d.RunEnd != nil || d.Activities[0].Status != report.Queued || d.Activities[0].Attempt != 3 ||
		d.Activities[0].ActivityRunEnd != nil || d.Activities[0].Error.Message != "" {
		t.Errorf("retried: %+v, %v", d, err)
	}
	refused(t, n.rest.Retry(t.Context(), failed.ActivityRun), fault.Conflict, "has not ended")

	again := n.take()
	if again.ActivityRun != failed.ActivityRun || again.PipelineRun != run || again.Attempt != 3 || string(again.Checkpoint) != `{"done":[2]}` ||
		string(again.Bundle) != string(failed.Bundle) {
		t.Errorf("the retried job %+v", again)
	}
	refused(t, n.rest.Retry(t.Context(), failed.ActivityRun), fault.Conflict, "has not ended")
	if got := n.lease(failed); got != protocol.LeaseLost {
		t.Errorf("lease of the attempt before: %s", got)
	}
	n.send(resultOf(failed, report.Failed)) // repeated, does not count
	n.send(resultOf(again, report.Succeeded))
	d = h.eventually(run, "done", hasStatus(report.Succeeded))
	if d.Activities[0].Attempt != 3 || d.RunEnd == nil || d.Err() != nil {
		t.Errorf("done: %+v", d)
	}
	refused(t, n.rest.Retry(t.Context(), failed.ActivityRun), fault.Conflict, report.Succeeded)
}

func TestTheRetriedAttemptDecides(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	job := n.take()
	if err := h.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	m := n.receive()
	if err := n.jobs.CompleteMessage(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, n.rest.Retry(t.Context(), job.ActivityRun), fault.Conflict, "has not ended")
	n.send(resultOf(job, report.Cancelled))
	h.eventually(run, "cancelled", hasStatus(report.Cancelled))

	// Its policy has a try left, which a person's retry does not use.
	if err := n.rest.Retry(t.Context(), job.ActivityRun); err != nil {
		t.Fatal(err)
	}
	job = n.take()
	if got := n.lease(job); got != protocol.LeaseHeld || job.Attempt != 2 {
		t.Errorf("attempt %d, renewing its lease: %s", job.Attempt, got)
	}
	n.send(resultOf(job, report.Failed))
	h.eventually(run, "failed", hasStatus(report.Failed))

	// And once more, lost on the way and cancelled before it was taken again.
	if err := n.rest.Retry(t.Context(), job.ActivityRun); err != nil {
		t.Fatal(err)
	}
	if job = n.take(); job.Attempt != 3 {
		t.Errorf("attempt %d", job.Attempt)
	}
	if err := h.sweep(t.Context(), time.Now().Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	h.eventually(run, "queued again", func(d client.RunDetails) bool {
		return d.Status == report.InProgress && d.Activities[0].Status == report.Queued && d.Activities[0].Attempt == 4
	})
	if err := h.Cancel(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	h.eventually(run, "cancelled", hasStatus(report.Cancelled))
}

func TestRetriesAtTheSameTimeMakeOneAttempt(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	_, failed := h.fails(n)
	errs := make([]error, 4)
	var asking sync.WaitGroup
	for i := range errs {
		asking.Go(func() { errs[i] = n.rest.Retry(t.Context(), failed.ActivityRun) })
	}
	asking.Wait()
	granted := 0
	for _, err := range errs {
		if err == nil {
			granted++
			continue
		}
		refused(t, err, fault.Conflict, "has not ended")
	}
	if job := n.take(); granted != 1 || job.Attempt != 3 {
		t.Errorf("%d retries granted, attempt %d", granted, job.Attempt)
	}
}

func TestARetryThatTheFactoryRefuses(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	_, failed := h.fails(n)

	refused(t, n.rest.Retry(t.Context(), "11111111-2222-3333-4444-555555555555"), fault.NotFound, "no activity run")
	if _, err := h.NewGateway(t.Context(), "office", ""); err != nil {
		t.Fatal(err)
	}
	id, err := registration.Register(t.Context(), h.key("office"), registration.Options{NodeName: "machine-2", Version: "1", Certificate: n.cert.Leaf.Raw})
	if err != nil {
		t.Fatal(err)
	}
	other := registration.NewClient(id, nil)
	defer other.Close()
	refused(t, other.Retry(t.Context(), failed.ActivityRun), fault.NotFound, "no activity run")

	// A run with other parameters copies something else; one with the same copies the same.
	if _, err := h.Run(t.Context(), "orders", map[string]any{"day": "2026-02-01"}); err != nil {
		t.Fatal(err)
	}
	if err := n.rest.Retry(t.Context(), failed.ActivityRun); err != nil {
		t.Errorf("retry beside a run with other parameters: %v", err)
	}
	n.take()
	n.send(resultOf(n.take(), report.Failed))
	h.eventually(failed.PipelineRun, "failed", hasStatus(report.Failed))
	newer := h.run("orders")
	refused(t, n.rest.Retry(t.Context(), failed.ActivityRun), fault.Conflict, newer)

	if _, err := h.RecreateKey(t.Context(), "plant"); err != nil {
		t.Fatal(err)
	}
	refused(t, n.rest.Retry(t.Context(), failed.ActivityRun), fault.NotRegistered, "recreated")
}

func TestARetryTakesBackACancelThatWasNotSent(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	h.node("machine-1")
	// Nothing of the outbox is sent from here on.
	h.stop()
	h.work.Wait()
	run := h.run("orders")
	now := time.Now()
	err := h.inTx(t.Context(), func(tx *sql.Tx) error {
		runs, err := runsOf(t.Context(), tx, run)
		if err != nil {
			return err
		}
		r := &runs[0]
		if err := h.putCancel(t.Context(), tx, r, now); err != nil {
			return err
		}
		r.end(now, r.failure(report.Cancelled, fault.New(fault.Cancelled, "cancelled")))
		if err := dropMessage(t.Context(), tx, r); err != nil {
			return err
		}
		return h.runAgain(t.Context(), tx, r, now)
	})
	if err != nil {
		t.Fatal(err)
	}
	left, err := collect(t.Context(), h.db, scanLetter, "SELECT id, queue, message_id, subject, body, expires FROM outbox ORDER BY id")
	if err != nil || len(left) != 1 || left[0].subject != protocol.SubjectJob || !strings.HasSuffix(left[0].messageID, ".2") {
		t.Errorf("to be sent: %+v, %v", left, err)
	}
}
