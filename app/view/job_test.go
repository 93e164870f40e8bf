package view_test

import (
	"slices"
	"testing"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/engine"
)

func TestAJobsDetails(t *testing.T) {
	t.Parallel()
	j := engine.Job{
		ID: "r", Pipeline: "Orders", Activity: "Copy", Source: "PostgreSQL public.orders", Sink: "Azure Blob lake", Status: engine.Failed,
		Result: &engine.Result{
			RowsRead: 1204, LogFilePath: "/logs/r", Warnings: []string{"one column is text"},
			Errors: []engine.ErrorInfo{{Code: "ConversionFailed", Message: "cannot convert to int", Target: "public.orders", Row: 1204, Column: "amount", Value: "12,\nx", Hint: "give a culture"}},
			ExecutionDetails: []engine.ExecutionDetail{{Duration: 20, DetailedDurations: map[string]float64{
				"queuingDuration": 0.05, "timeToFirstByte": 0.5, "readingFromSource": 20, "writingToSink": 5, "preCopyScript": 0,
			}}},
		},
	}
	d := view.DetailOf(j, viewtest.Now)
	if d.Live != nil || d.LogFolder != "/logs/r" || d.Warnings[0] != "One column is text." {
		t.Errorf("%+v", d)
	}
	want := []view.Field{{Name: "Where", Value: "public.orders"}, {Name: "Row", Value: "1,204"}, {Name: "Column", Value: "amount"}, {Name: "Value", Value: "12, x"}}
	if e := d.Errors[0]; !slices.Equal(e.Places, want) || e.Hint != "Give a culture." || e.Text != "Cannot convert to int." {
		t.Errorf("%+v", e)
	}
	stages := []view.JobStage{
		{Name: "Waiting in the queue", Took: "50 ms", Share: 0.0025},
		{Name: "Until the first byte", Took: "0.5 s", Share: 0.025},
		{Name: "Reading from the source", Took: "20 s", Share: 1},
		{Name: "Writing to the sink", Took: "5 s", Share: 0.25},
	}
	if !slices.Equal(d.Stages, stages) {
		t.Errorf("%+v", d.Stages)
	}
}

func TestARunningJobsDetails(t *testing.T) {
	t.Parallel()
	c := viewtest.Busy()
	c.List[0].Progress.Partitions, c.List[0].Progress.Done = 8, 3
	d, ok := running(t, c).Detail("r1", viewtest.Now)
	if !ok || d.Live == nil || d.Live.Percent != "62 %" || !slices.Contains(d.Fields, view.Field{Name: "Parts", Value: "3 of 8 done"}) {
		t.Errorf("%+v", d)
	}
	if _, ok := (view.Snapshot{}).Detail("r1", viewtest.Now); ok {
		t.Error("a job that nobody knows has details")
	}
}

func TestEveryPieceOfAKeyHasItsSentence(t *testing.T) {
	t.Parallel()
	const id = "11111111-2222-3333-4444-555555555555"
	for key, want := range map[string]string{
		"":        "It is empty.",
		"AD":      `It is cut short after "AD".`,
		"XYZ#":    `It does not begin with "ADF#".`,
		"IR@x":    "It begins with IR@, which is the key of a self-hosted integration runtime.",
		"ADF#12":  "The factory ID is cut short.",
		"ADF#1g@": `The factory ID "1g" is not a GUID such as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.`,
		"ADF#" + id + "@" + id + "@" + id + "@h#x":                                             `The service location "h" has no port; keys of Azure's own, retired gateway service look like this.`,
		"ADF#" + id + "@" + id + "@" + id + "@h:1#x":                                           "The secret is cut short: 1 of 43 characters.",
		"ADF#" + id + "@" + id + "@" + id + "@h:1#?":                                           "The secret contains the character '?', which no secret has.",
		"ADF#" + id + "@" + id + "@" + id + "@h:1#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA": "The key is complete.",
	} {
		pieces, _ := view.CheckKey(key)
		got := view.KeyHint(pieces)
		for _, p := range pieces {
			if p.Tone == view.Bad {
				got = p.Text
				break
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}
