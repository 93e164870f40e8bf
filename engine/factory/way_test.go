package factory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"dmgateway/engine/factory/client"
	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/report"
)

func TestARunGoesTheWholeWay(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")

	job := n.take()
	if job.Attempt != 1 || job.Pipeline != "orders" || job.Activity != "Copy orders" || job.PipelineRun != run || job.Lease != 60 {
		t.Errorf("job %+v", job)
	}
	if !strings.Contains(string(job.Bundle), "day = '2026-01-31'") {
		t.Errorf("expressions are not filled in: %s", job.Bundle)
	}
	n.send(protocol.Event{Kind: protocol.EventStarted, ActivityRun: job.ActivityRun, Attempt: 1, PickedUp: 1500 * time.Millisecond})
	n.send(protocol.Event{Kind: protocol.EventProgress, ActivityRun: job.ActivityRun, Attempt: 1, Progress: &report.Progress{RowsCopied: 5, Share: 0.5}})
	d := h.eventually(run, "making progress", func(d client.RunDetails) bool { return len(d.Activities) == 1 && d.Activities[0].Progress != nil })
	a := d.Activities[0]
	if a.Status != report.InProgress || a.Progress.RowsCopied != 5 || a.Node != "machine-1" || a.Gateway != "plant" || *a.PickedUpInMs != 1500 || d.Status != report.InProgress {
		t.Errorf("running: %+v", a)
	}

	n.send(protocol.Event{Kind: protocol.EventHeartbeat, Heartbeat: &protocol.Heartbeat{
		NodeName: "machine-1", Version: "1.2.3", State: "Connected", CPU: 12.5, Memory: 3 << 30, Running: 1, Limit: 8, Jobs: []string{job.ActivityRun},
	}})
	n.send(resultOf(job, report.Succeeded))
	d = h.eventually(run, "done", hasStatus(report.Succeeded))
	a = d.Activities[0]
	var output map[string]any
	if err := json.Unmarshal(a.Output, &output); err != nil {
		t.Fatal(err)
	}
	if output["rowsCopied"] != 10.0 || output["effectiveIntegrationRuntime"] != "plant" || a.Progress != nil || a.ActivityRunEnd == nil || d.RunEnd == nil || d.Err() != nil {
		t.Errorf("done: %+v, output %s", a, a.Output)
	}
	if !strings.Contains(string(a.Input), "SQLiteSource") {
		t.Errorf("input %s", a.Input)
	}
	if got := n.lease(job); got != protocol.LeaseLost {
		t.Errorf("lease of an ended run: %s", got)
	}

	s, err := h.Gateway(t.Context(), "plant")
	if err != nil {
		t.Fatal(err)
	}
	if s.Properties.State != "Online" || len(s.Properties.TypeProperties.Nodes) != 1 {
		t.Fatalf("gateway %+v", s)
	}
	node := s.Properties.TypeProperties.Nodes[0]
	if node.Version != "1.2.3" || node.ConcurrentJobsRunning != 1 || node.ConcurrentJobsLimit != 8 || node.AvailableMemoryInMB != 3072 || node.CPUUtilization != 12.5 {
		t.Errorf("node %+v", node)
	}
}

func TestAJobWaitsForANode(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	run := h.run("orders")
	d := h.eventually(run, "waiting", func(d client.RunDetails) bool { return len(d.Activities) == 1 && d.Activities[0].Reason != "" })
	if d.Status != report.Queued || !strings.Contains(d.Activities[0].Reason, "plant") || d.Message != d.Activities[0].Reason {
		t.Errorf("%+v", d)
	}
	s, err := h.Gateway(t.Context(), "plant")
	if err != nil || s.Properties.State != "NeedRegistration" {
		t.Errorf("gateway %+v, %v", s, err)
	}
	n := h.node("machine-1")
	n.send(resultOf(n.take(), report.Succeeded))
	h.eventually(run, "done", hasStatus(report.Succeeded))
}

func TestARecreatedKeyRevokesItsNodes(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	old := h.key("plant")
	n := h.node("machine-1")
	run := h.run("orders")
	job := n.take()

	if _, err := h.RecreateKey(t.Context(), "plant"); err != nil {
		t.Fatal(err)
	}
	_, err := n.rest.Lease(t.Context(), nil)
	if !fault.Is(err, fault.NotRegistered) || !strings.Contains(err.Error(), "recreated") {
		t.Errorf("lease after recreating: %v", err)
	}
	if err := n.rest.Checkpoint(t.Context(), protocol.CheckpointRequest{ActivityRun: job.ActivityRun, Attempt: 1}); !fault.Is(err, fault.NotRegistered) {
		t.Errorf("checkpoint after recreating: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = n.jobs.PeekMessages(ctx, 1, nil)
	var sb *azservicebus.Error
	if !errors.As(err, &sb) || sb.Code != azservicebus.CodeUnauthorizedAccess {
		t.Errorf("queue after recreating: %v", err)
	}
	_, err = registration.Register(t.Context(), old, registration.Options{NodeName: "machine-1", Version: "1", Certificate: n.cert.Leaf.Raw})
	if !fault.Is(err, fault.SignInFailed) || !strings.Contains(err.Error(), "recreated") {
		t.Errorf("registering with the old key: %v", err)
	}

	// The job goes to whoever registers with the new key.
	if err := h.sweep(t.Context(), time.Now().Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	h.eventually(run, "waiting", func(d client.RunDetails) bool { return strings.Contains(d.Message, "waiting for a node") })
	fresh := h.node("machine-1")
	if err := h.sweep(t.Context(), time.Now().Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	again := fresh.take()
	if again.ActivityRun != job.ActivityRun || again.Attempt != 2 {
		t.Errorf("second attempt %+v", again)
	}
}

func TestAnEndedLeaseQueuesTheJobAgainWithItsCheckpoint(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	one, two := h.node("machine-1"), h.node("machine-2")
	run := h.run("orders")
	job := one.take()
	if err := one.rest.Checkpoint(t.Context(), protocol.CheckpointRequest{ActivityRun: job.ActivityRun, Attempt: 1, Checkpoint: json.RawMessage(`{"done":[1]}`)}); err != nil {
		t.Fatal(err)
	}
	if got := two.lease(job); got != protocol.LeaseLost {
		t.Errorf("lease of another node's attempt: %s", got)
	}
	lease := time.Minute
	if err := h.sweep(t.Context(), time.Now().Add(lease/2)); err != nil {
		t.Fatal(err)
	}
	if got := one.lease(job); got != protocol.LeaseHeld {
		t.Fatalf("lease within its time: %s", got)
	}
	if err := h.sweep(t.Context(), time.Now().Add(2*lease)); err != nil {
		t.Fatal(err)
	}
	again := two.take()
	if again.ActivityRun != job.ActivityRun || again.Attempt != 2 || string(again.Checkpoint) != `{"done":[1]}` {
		t.Errorf("second attempt %+v", again)
	}
	if got := one.lease(job); got != protocol.LeaseLost {
		t.Errorf("lease of the lost attempt: %s", got)
	}
	err := one.rest.Checkpoint(t.Context(), protocol.CheckpointRequest{ActivityRun: job.ActivityRun, Attempt: 1, Checkpoint: json.RawMessage(`{}`)})
	if !fault.Is(err, fault.LeaseLost) {
		t.Errorf("checkpoint of the lost attempt: %v", err)
	}
	one.send(resultOf(job, report.Failed)) // too late, does not count
	two.send(resultOf(again, report.Succeeded))
	d := h.eventually(run, "done", hasStatus(report.Succeeded))
	if d.Activities[0].Node != "machine-2" || d.Activities[0].Attempt != 2 {
		t.Errorf("%+v", d.Activities[0])
	}
	two.send(resultOf(again, report.Failed)) // repeated and changed, does not count
	two.send(resultOf(again, report.Succeeded))
	two.send(protocol.Event{Kind: protocol.EventHeartbeat, Heartbeat: &protocol.Heartbeat{NodeName: "machine-2", State: "Connected", Version: "9"}})
	h.untilVersion("9")
	if d := h.eventually(run, "done", hasStatus(report.Succeeded)); d.Activities[0].Attempt != 2 {
		t.Errorf("%+v", d)
	}
}

// untilVersion waits until a heartbeat with this version was stored, and everything before it.
func (h *house) untilVersion(version string) {
	h.t.Helper()
	for range 2000 {
		s, err := h.Gateway(h.t.Context(), "plant")
		if err != nil {
			h.t.Fatal(err)
		}
		for _, n := range s.Properties.TypeProperties.Nodes {
			if n.Version == version {
				return
			}
		}
		select {
		case <-h.t.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	h.t.Fatalf("no heartbeat of version %s", version)
}

func TestANodeLostTooOftenFailsTheRun(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	for i := range 6 {
		if job := n.take(); job.Attempt != i+1 {
			t.Fatalf("attempt %d instead of %d", job.Attempt, i+1)
		}
		if err := h.sweep(t.Context(), time.Now().Add(2*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	d := h.eventually(run, "failed", hasStatus(report.Failed))
	if fault.Code(d.Err()) != NodesLost || d.Activities[0].Error.FailureType != "SystemError" {
		t.Errorf("%v", d.Err())
	}
}

func TestAFailedActivityIsTriedAsItsPolicySays(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	n.send(resultOf(n.take(), report.Failed))
	again := n.take()
	if again.Attempt != 2 {
		t.Errorf("attempt %d", again.Attempt)
	}
	n.send(resultOf(again, report.Failed))
	d := h.eventually(run, "failed", hasStatus(report.Failed))
	err := fault.As(d.Err())
	if err.Code != "StoreFailed" || err.Hint != "Create it." || *d.Activities[0].RetryAttempt != 1 || d.Message != "no such table" {
		t.Errorf("%+v, %+v", err, d.Activities[0])
	}
}

func TestCancel(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")

	queued := h.run("orders")
	m := n.receive()
	if err := h.Cancel(t.Context(), queued); err != nil {
		t.Fatal(err)
	}
	h.eventually(queued, "cancelled", hasStatus(report.Cancelled))
	var job protocol.Job
	if err := protocol.OpenJSON(m.Body, n.id.SigningKey, &job); err != nil {
		t.Fatal(err)
	}
	if got := n.lease(job); got != protocol.LeaseLost {
		t.Errorf("lease of a job cancelled before it was taken: %s", got)
	}
	if err := n.jobs.CompleteMessage(t.Context(), m, nil); err != nil {
		t.Fatal(err)
	}

	running := h.run("orders")
	job = n.take()
	if err := h.Cancel(t.Context(), running); err != nil {
		t.Fatal(err)
	}
	h.eventually(running, "canceling", func(d client.RunDetails) bool { return d.Status == wire.Canceling })
	m = n.receive()
	var cancel protocol.Cancel
	if err := protocol.OpenJSON(m.Body, n.id.SigningKey, &cancel); err != nil || *m.Subject != protocol.SubjectCancel || cancel.ActivityRun != job.ActivityRun {
		t.Errorf("cancel %+v, subject %s: %v", cancel, *m.Subject, err)
	}
	if got := n.lease(job); got != protocol.LeaseCancelled {
		t.Errorf("lease of a cancelled job: %s", got)
	}
	n.send(resultOf(job, report.Cancelled))
	h.eventually(running, "cancelled", hasStatus(report.Cancelled))
	if err := h.Cancel(t.Context(), running); err != nil {
		t.Errorf("cancelling again: %v", err)
	}
	if err := h.Cancel(t.Context(), "nonsense"); !fault.Is(err, fault.NotFound) {
		t.Errorf("cancelling nothing: %v", err)
	}
}

func TestARejectedJobFailsAtOnce(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	m := n.receive()
	err := n.jobs.DeadLetterMessage(t.Context(), m, &azservicebus.DeadLetterOptions{Reason: to.Ptr("SignatureInvalid"), ErrorDescription: to.Ptr("the signature is not the factory's")})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.lookAtDeadLetters(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	d := h.eventually(run, "failed", hasStatus(report.Failed))
	if fault.Code(d.Err()) != JobRejected || !strings.Contains(d.Err().Error(), "the signature is not the factory's") {
		t.Error(d.Err())
	}
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := open(t, testOptions(dir), "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", ""); err != nil {
		t.Fatal(err)
	}
	h.apply(sample)
	n := h.node("machine-1")
	taken := h.run("orders")
	job := n.take()

	// A crash right after a run was recorded: nothing of it has reached the queue.
	h.stop()
	h.work.Wait()
	unsent := "11111111-2222-3333-4444-555555555555"
	err := h.inTx(t.Context(), func(tx *sql.Tx) error {
		p, err := getResource(t.Context(), tx, kindPipeline, "orders")
		if err != nil {
			return err
		}
		return h.startRun(t.Context(), tx, p, unsent, nil, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	h.end()

	again := open(t, testOptions(dir), h.address)
	n = again.connect(n.id, n.cert)
	if got := n.lease(job); got != protocol.LeaseHeld {
		t.Fatalf("lease after the restart: %s", got)
	}
	n.send(resultOf(job, report.Succeeded))
	again.eventually(taken, "done", hasStatus(report.Succeeded))
	second := n.take()
	if second.PipelineRun != unsent {
		t.Errorf("job %+v", second)
	}
	n.send(resultOf(second, report.Succeeded))
	again.eventually(unsent, "done", hasStatus(report.Succeeded))
}

func TestAnAttemptThatNobodyTookIsQueuedAnew(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	first := n.receive()
	if err := n.jobs.CompleteMessage(t.Context(), first, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.sweep(t.Context(), time.Now().Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	job := n.take()
	if job.Attempt != 2 {
		t.Errorf("attempt %d", job.Attempt)
	}
	n.send(resultOf(job, report.Succeeded))
	h.eventually(run, "done", hasStatus(report.Succeeded))
}

func TestRemovingAGateway(t *testing.T) {
	h := newHouse(t)
	h.apply(sample)
	n := h.node("machine-1")
	run := h.run("orders")
	if err := h.RemoveGateway(t.Context(), "plant"); !fault.Is(err, fault.Conflict) {
		t.Errorf("removing a gateway that is used: %v", err)
	}
	for _, r := range []struct{ kind, name string }{{wire.Pipelines, "orders"}, {wire.Datasets, "In"}, {wire.Datasets, "Out"}, {wire.LinkedServices, "Source"}, {wire.LinkedServices, "Sink"}} {
		if err := h.Delete(t.Context(), r.kind, r.name); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RemoveGateway(t.Context(), "plant"); err != nil {
		t.Fatal(err)
	}
	h.eventually(run, "failed", hasStatus(report.Failed))
	if _, err := n.rest.Lease(t.Context(), nil); !fault.Is(err, fault.NotRegistered) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("lease: %v", err)
	}
	if err := h.RemoveGateway(t.Context(), "plant"); !fault.Is(err, fault.NotFound) {
		t.Errorf("removing it again: %v", err)
	}
	if _, err := h.NewGateway(t.Context(), "plant", "again"); err != nil {
		t.Errorf("a new one of that name: %v", err)
	}
}
