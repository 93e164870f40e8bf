package journal

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
)

func TestAnAttemptIsTakenOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if !take(t, j, entry("r", 2)) || take(t, j, entry("r", 2)) || take(t, j, entry("r", 1)) || !take(t, j, entry("r", 3)) || !take(t, j, entry("other", 2)) {
		t.Error("an attempt that was known was taken, or a new one was not")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j = open(t, path); take(t, j, entry("r", 3)) {
		t.Error("taken again after a restart")
	}
	end(t, j, "r", 3, report.Succeeded)
	if take(t, j, entry("r", 3)) {
		t.Error("taken again after its end")
	}
}

func TestAJobGoesThroughItsStates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	e := entry("r", 1)
	take(t, j, e)
	got, err := j.Get(t.Context(), "r")
	if err != nil || got.Status != report.Queued || !got.Taken.Equal(e.Taken) || !got.Started.IsZero() || got.Source != "here" || got.Job.Pipeline != "p" {
		t.Fatalf("taken: %+v, %v", got, err)
	}
	first := time.Now().UTC().Truncate(time.Microsecond)
	for _, at := range []time.Time{first, first.Add(time.Minute)} { // a second start is after a restart
		if err := j.Start(t.Context(), "r", 1, at); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = j.Get(t.Context(), "r"); err != nil || got.Status != report.InProgress || !got.Started.Equal(first) {
		t.Fatalf("started: %+v, %v", got, err)
	}
	_ = j.Close()
	j = open(t, path)
	if list, err := j.Unfinished(t.Context()); err != nil || len(list) != 1 || list[0].Job.ActivityRun != "r" {
		t.Fatalf("unfinished: %+v, %v", list, err)
	}
	if !end(t, j, "r", 1, report.Succeeded) || end(t, j, "r", 1, report.Failed) {
		t.Error("an attempt ended twice, or not at all")
	}
	got, err = j.Get(t.Context(), "r")
	if err != nil || got.Status != report.Succeeded || got.Ended.IsZero() || got.Result.RowsCopied != 7 {
		t.Fatalf("ended: %+v, %v", got, err)
	}
	if list, _ := j.Unfinished(t.Context()); len(list) != 0 {
		t.Errorf("unfinished after the end: %+v", list)
	}
}

func TestResultAndItsMessageAreOneFact(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	take(t, j, entry("a", 1))
	take(t, j, entry("b", 1))
	end(t, j, "b", 1, report.Failed)
	end(t, j, "a", 1, report.Succeeded)
	end(t, j, "a", 1, report.Succeeded)
	list, err := j.Outbox(t.Context(), 10)
	if err != nil || len(list) != 2 || list[0].MessageID != "result/b.1" || list[1].MessageID != "result/a.1" || list[1].Event.ActivityRun != "a" {
		t.Fatalf("outbox %+v, %v", list, err)
	}
	if one, _ := j.Outbox(t.Context(), 1); len(one) != 1 || one[0].MessageID != "result/b.1" {
		t.Errorf("the oldest is %+v", one)
	}
	if err := j.Sent(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if list, _ := j.Outbox(t.Context(), 10); len(list) != 1 || list[0].MessageID != "result/a.1" {
		t.Errorf("after sending: %+v", list)
	}
	take(t, j, entry("lost", 1))
	if ended, err := j.End(t.Context(), End{Run: "lost", Attempt: 1, At: time.Now(), Result: &report.Result{Status: report.Cancelled}}); !ended || err != nil {
		t.Fatal(ended, err)
	}
	if list, _ := j.Outbox(t.Context(), 10); len(list) != 1 {
		t.Errorf("a lost attempt was reported: %+v", list)
	}
}

func TestListShowsEachRunOnce(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	for i, run := range []string{"a1", "a2", "b", "c"} {
		e := entry(run, 1)
		e.Taken = at.Add(time.Duration(i) * time.Minute)
		take(t, j, e)
	}
	for _, run := range []string{"a2", "b", "c"} {
		end(t, j, run, 1, report.Failed)
	}
	again := entry("b", 2)
	again.Taken = at.Add(10 * time.Minute)
	take(t, j, again)
	end(t, j, "b", 2, report.Succeeded)
	list, err := j.List(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Job.MessageID())
	}
	if want := []string{"a1.1", "b.2", "c.1"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	for id, code := range map[string]string{"a1": "", "c": "", "a": fault.BadInput, "x": fault.NotFound, "": fault.NotFound, "%": fault.NotFound, "_1": fault.NotFound} {
		if _, err := j.Get(t.Context(), id); fault.Code(err) != code {
			t.Errorf("get %q: %v", id, err)
		}
	}
}

func TestPruneKeepsWhatCanStillMatter(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	past := time.Now().Add(-48 * time.Hour)
	put := func(run string, taken, expires, ended time.Time) {
		e := entry(run, 1)
		e.Taken, e.Job.Expires = taken, expires
		take(t, j, e)
		if err := j.Checkpoints(run).Planned(t.Context(), copy.Plan{}); err != nil {
			t.Fatal(err)
		}
		if !ended.IsZero() {
			if _, err := j.End(t.Context(), End{Run: run, Attempt: 1, At: ended, Result: &report.Result{Status: report.Failed}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("old", past, past, past)
	put("unexpired", past, time.Now().Add(time.Hour), past)
	put("running", past, past, time.Time{})
	put("newest", time.Now(), past, past)
	if err := j.Prune(t.Context(), time.Now().Add(-time.Hour), 1); err != nil {
		t.Fatal(err)
	}
	for run, kept := range map[string]bool{"old": false, "unexpired": true, "running": true, "newest": true} {
		if _, err := j.Get(t.Context(), run); (err == nil) != kept {
			t.Errorf("%s: %v", run, err)
		}
		if s := load(t, j.Checkpoints(run)); (s.Plan != nil) != kept {
			t.Errorf("%s: checkpoint %+v", run, s)
		}
	}
}

func TestForsakeEndsTheJobsOfAnotherGateway(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	other := entry("other", 1)
	other.Job.Gateway = "h"
	take(t, j, entry("ours", 1))
	take(t, j, other)
	take(t, j, entry("sent", 1))
	end(t, j, "sent", 1, report.Failed)
	if err := j.Forsake(t.Context(), "h", &report.Result{Status: report.Cancelled}, time.Now()); err != nil {
		t.Fatal(err)
	}
	list, err := j.Unfinished(t.Context())
	if err != nil || len(list) != 1 || list[0].Job.ActivityRun != "other" {
		t.Errorf("left %+v, %v", list, err)
	}
	if e, _ := j.Get(t.Context(), "ours"); e.Status != report.Cancelled || e.Result == nil || e.Ended.IsZero() {
		t.Errorf("forsaken: %+v", e)
	}
	if out, _ := j.Outbox(t.Context(), 9); len(out) != 0 {
		t.Errorf("still to send: %+v", out)
	}
}
