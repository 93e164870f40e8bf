package view_test

import (
	"fmt"
	"testing"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestHistoryFindsJobs(t *testing.T) {
	t.Parallel()
	s := running(t, viewtest.Busy())
	for _, c := range []struct {
		name   string
		status view.HistoryStatus
		search string
		want   []string
		title  string
	}{
		{"everything", view.AllEnded, "", []string{"d1", "f1", "c1", "d2", "d3"}, "5 jobs"},
		{"what failed", view.OnlyFailed, "", []string{"f1"}, "1 of 5 jobs"},
		{"what was cancelled", view.OnlyCancelled, " ", []string{"c1"}, "1 of 5 jobs"},
		{"a pipeline in other letters", view.AllEnded, "INVOICES", []string{"f1"}, "1 of 5 jobs"},
		{"words in any order", view.AllEnded, "blob postgresql orders", []string{"d1"}, "1 of 5 jobs"},
		{"an error's words", view.AllEnded, "password", []string{"f1"}, "1 of 5 jobs"},
		{"an error's code", view.AllEnded, "signinfailed", []string{"f1"}, "1 of 5 jobs"},
		{"a run", view.AllEnded, "d3", []string{"d3"}, "1 of 5 jobs"},
		{"nothing", view.OnlySucceeded, "password", nil, "0 of 5 jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := view.HistoryOf(s, c.status, c.search)
			var got []string
			for _, j := range h.Found {
				got = append(got, j.ID)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) || h.Title != c.title || (h.Nothing != "") != (len(c.want) == 0) {
				t.Errorf("%v, %q, %q", got, h.Title, h.Nothing)
			}
		})
	}
	if h := view.HistoryOf(view.Snapshot{}, view.AllEnded, "x"); h.Nothing == "" || h.Title != "" {
		t.Errorf("without any job: %+v", h)
	}
}

// thousand are ended jobs, the newest first.
func thousand() []engine.Job {
	list := make([]engine.Job, 1000)
	for i := range list {
		status := []string{engine.Succeeded, engine.Succeeded, engine.Failed, engine.Cancelled}[i%4]
		at := viewtest.Now.Add(-time.Duration(i) * time.Minute)
		list[i] = engine.Job{
			ID: fmt.Sprintf("run-%04d", i), Pipeline: fmt.Sprintf("Pipeline %d", i%17), Activity: "Copy", Source: "PostgreSQL public.orders", Sink: "Azure Blob lake/orders",
			Status: status, Attempt: 1, Taken: at.Add(-time.Minute), Started: at.Add(-time.Minute), Ended: at, Result: &engine.Result{RowsCopied: int64(i) * 1000},
		}
	}
	return list
}

func BenchmarkHistoryOfAThousand(b *testing.B) {
	s := view.Snapshot{Jobs: thousand()}
	for b.Loop() {
		if h := view.HistoryOf(s, view.OnlyFailed, "orders pipeline"); len(h.Found) != 250 {
			b.Fatal(len(h.Found))
		}
	}
}
