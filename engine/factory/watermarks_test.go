package factory

import (
	"maps"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/factory/client"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

// newRows is the pipeline of sample with a watermark, which is tried once.
func (h *house) newRows() {
	files := maps.Clone(sample)
	files["pipeline.json"] = `{"name":"orders","properties":{"activities":[{"name":"New rows","type":"Copy",
		"inputs":[{"type":"DatasetReference","referenceName":"In"}],"outputs":[{"type":"DatasetReference","referenceName":"Out"}],
		"typeProperties":{"source":{"type":"SQLiteSource","watermark":{"column":"id"}},"sink":{"type":"SQLiteSink"}}}]}}`
	h.apply(files)
}

// moved is a result that brings a watermark.
func moved(job protocol.Job, status, from, upto string) protocol.Event {
	e := resultOf(job, status)
	e.Watermark = &protocol.Watermark{Key: "k", Column: "id", Source: "orders", From: from, Upto: upto}
	return e
}

func (h *house) mark() string {
	h.t.Helper()
	list, err := h.Watermarks(h.t.Context(), "orders")
	if err != nil {
		h.t.Fatal(err)
	}
	if len(list) == 0 {
		return ""
	}
	if w := list[0]; len(list) > 1 || w.Activity != "New rows" || w.Column != "id" || w.Source != "orders" || w.ActivityRunID == "" || w.Changed.IsZero() {
		h.t.Errorf("watermarks %+v", list)
	}
	return list[0].Value
}

func (h *house) wants(what, mark string, job protocol.Job, sent string) {
	h.t.Helper()
	if got := h.mark(); got != mark {
		h.t.Errorf("%s: the watermark is %q, want %q", what, got, mark)
	}
	if got := job.Watermarks["k"]; got != sent {
		h.t.Errorf("%s: the job begins from %q, want %q", what, got, sent)
	}
}

func TestAWatermarkGoesFromNodeToNode(t *testing.T) {
	h := newHouse(t)
	h.newRows()
	a, b := h.node("machine-1"), h.node("machine-2")
	take := func() (*fakeNode, protocol.Job) { // each time one of the two, as the queue decides
		t.Helper()
		body := a
		job := body.take()
		a, b = b, a
		return body, job
	}
	run := func(status, from, upto, mark, sent string) protocol.Job {
		t.Helper()
		id := h.run("orders")
		n, job := take()
		if upto == "" {
			n.send(resultOf(job, status))
		} else {
			n.send(moved(job, status, from, upto))
		}
		h.eventually(id, "ended", hasStatus(status))
		h.wants(status+" from "+from+" to "+upto, mark, job, sent)
		return job
	}
	first := run(report.Succeeded, "", "10", "10", "")
	if first.Watermarks != nil {
		t.Errorf("the first job has watermarks, so that a node's own would not count: %v", first.Watermarks)
	}
	run(report.Succeeded, "10", "20", "20", "10")
	run(report.Failed, "", "", "20", "20")
	run(report.Succeeded, "", "", "20", "20")  // nothing new
	run(report.Failed, "20", "25", "25", "20") // every row is in the sink, and a check afterwards failed
	run(report.Succeeded, "25", "25", "25", "25")
}

func TestAResultThatDoesNotCountMovesNoWatermark(t *testing.T) {
	h := newHouse(t)
	h.newRows()
	n := h.node("machine-1")
	id := h.run("orders")
	lost := n.take()
	if err := h.sweep(t.Context(), time.Now().Add(2*time.Minute)); err != nil { // past the lease
		t.Fatal(err)
	}
	job := n.take()
	if job.Attempt != 2 {
		t.Fatalf("job %+v", job)
	}
	late := moved(lost, report.Succeeded, "", "99")
	n.send(late)
	n.send(moved(job, report.Succeeded, "", "10"))
	h.eventually(id, "done", hasStatus(report.Succeeded))
	h.wants("after a late result", "10", job, "")
	n.send(late)
	n.send(moved(job, report.Succeeded, "", "10"))

	id = h.run("orders")
	next := n.take()
	n.send(moved(next, report.Succeeded, "10", "12"))
	n.send(moved(job, report.Succeeded, "", "10")) // repeated by a queue, long after
	h.eventually(id, "done", hasStatus(report.Succeeded))
	n.send(moved(next, report.Succeeded, "12", "50"))
	id = h.run("orders")
	last := n.take()
	n.send(moved(last, report.Succeeded, "5", "60"))
	d := h.eventually(id, "failed", hasStatus(report.Failed))
	if e := fault.As(d.Err()); e.Code != fault.Conflict || !strings.Contains(e.Error(), `"12"`) {
		t.Errorf("a run that began elsewhere: %v", e)
	}
	h.wants("after a run that began elsewhere", "12", last, "12")
}

func TestRunsThatMoveOneWatermarkGoOneAfterTheOther(t *testing.T) {
	h := newHouse(t)
	h.newRows()
	n := h.node("machine-1")
	first, second := h.run("orders"), h.run("orders")
	job := n.take()
	d := h.eventually(second, "waiting", func(d client.RunDetails) bool { return len(d.Activities) == 1 })
	if !strings.Contains(d.Activities[0].Reason, job.ActivityRun) || d.Status != report.Queued {
		t.Errorf("the second run: %+v", d)
	}
	if err := h.ResetWatermarks(t.Context(), "orders"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a reset while a run goes on: %v", err)
	}
	n.send(moved(job, report.Succeeded, "", "7"))
	h.eventually(first, "done", hasStatus(report.Succeeded))
	next := n.take() // the sweep sends it
	if next.PipelineRun != second || next.Watermarks["k"] != "7" {
		t.Errorf("the second job %+v", next)
	}
	n.send(resultOf(next, report.Cancelled))
	h.eventually(second, "cancelled", hasStatus(report.Cancelled))
}

func TestAResetWatermarkBeginsAnewAtEveryNode(t *testing.T) {
	h := newHouse(t)
	h.newRows()
	n := h.node("machine-1")
	reset := func() protocol.Job {
		t.Helper()
		if err := h.ResetWatermarks(t.Context(), "ORDERS"); err != nil {
			t.Fatal(err)
		}
		if got := h.mark(); got != "" {
			t.Errorf("the watermark is %q after a reset", got)
		}
		h.run("orders")
		job := n.take()
		if v, ok := job.Watermarks["k"]; v != "" || len(job.Watermarks) == 0 {
			t.Errorf("after a reset the job has the watermarks %v (%v)", job.Watermarks, ok)
		}
		return job
	}
	job := reset() // of a watermark that only nodes have
	n.send(moved(job, report.Succeeded, "", "10"))
	h.eventually(job.PipelineRun, "done", hasStatus(report.Succeeded))
	job = reset()
	n.send(moved(job, report.Succeeded, "10", "20")) // of a node that did not hear of it
	h.eventually(job.PipelineRun, "failed", hasStatus(report.Failed))
	if _, err := h.Watermarks(t.Context(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("watermarks of no pipeline: %v", err)
	}
	if err := h.ResetWatermarks(t.Context(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("reset of no pipeline: %v", err)
	}
	h.run("orders")
	job = n.take()
	big := moved(job, report.Succeeded, "", strings.Repeat("x", protocol.MaxWatermark+1))
	n.send(big)
	h.eventually(job.PipelineRun, "failed", hasStatus(report.Failed))
}
