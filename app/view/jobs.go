package view

import (
	"encoding/json"
	"strings"
	"time"

	"dmgateway/engine"
)

// JobTone gives the tone and the word of a job's status.
func JobTone(status string) (Tone, string) {
	switch status {
	case engine.Succeeded:
		return Good, "Succeeded"
	case engine.Failed:
		return Bad, "Failed"
	case engine.Cancelled:
		return Off, "Cancelled"
	case engine.Queued:
		return Off, "Waiting"
	}
	return Busy, "Running"
}

// RunningJob is a job that runs, as a card shows it.
type RunningJob struct {
	ID, Title, Path string
	// Share is 0 to 1, negative where nobody can know: no bar is shown then.
	Share   float64
	Percent string
	// Numbers is one line of what was done and how fast, Left the time left.
	Numbers, Left string
	Cancelling    bool
}

// EndedJob is a job that has ended, as a row of the table shows it.
type EndedJob struct {
	ID, Title, Path string
	Tone            Tone
	Status          string
	Rows, Size      string
	Duration, Ended string
	// Error is the first error's text, "" where there is none.
	Error string
}

// Title of a job: the pipeline and, where it says more, the activity.
func Title(j engine.Job) string {
	switch {
	case j.Pipeline == "":
		return j.Activity
	case j.Activity == "" || strings.EqualFold(j.Activity, j.Pipeline):
		return j.Pipeline
	}
	return j.Pipeline + " / " + j.Activity
}

// Path of a job: from where to where.
func Path(j engine.Job) string {
	if j.Source == "" || j.Sink == "" {
		return j.Source + j.Sink
	}
	return j.Source + " → " + j.Sink
}

func ended(j engine.Job) bool {
	return j.Status == engine.Succeeded || j.Status == engine.Failed || j.Status == engine.Cancelled
}

func runningJob(j engine.Job, cancelling bool) RunningJob {
	r := RunningJob{ID: j.ID, Title: Title(j), Path: Path(j), Share: -1, Cancelling: cancelling}
	if j.Attempt > 1 {
		r.Title += " (attempt " + Count(int64(j.Attempt)) + ")"
	}
	p := j.Progress
	if cancelling {
		r.Numbers = "Cancelling: running parts come to their end"
	}
	if p == nil {
		if !cancelling {
			r.Numbers = "Waiting for a free place"
			if j.Status != engine.Queued {
				r.Numbers = "Starting"
			}
		}
		return r
	}
	if p.Share >= 0 {
		r.Share = min(p.Share, 1)
		r.Percent = Count(int64(r.Share*100)) + " %"
	}
	if cancelling {
		return r
	}
	r.Numbers, r.Left = progressText(*p), Left(p.Left)
	if r.Left == "" && p.Elapsed >= time.Second {
		r.Left = Duration(p.Elapsed.Truncate(time.Second))
	}
	return r
}

// progressText is rows, bytes and rate of a running copy; before the first row it names the stage.
func progressText(p engine.Progress) string {
	var parts []string
	switch {
	case p.RowsCopied > 0:
		parts = append(parts, Plural(p.RowsCopied, "row", "rows"))
	case p.RowsRead > 0:
		parts = append(parts, Plural(p.RowsRead, "row", "rows")+" read")
	case p.BytesRead == 0:
		return stageText(p.Stage)
	}
	if p.FilesRead > 0 && p.RowsRead == 0 {
		parts = append(parts, Plural(p.FilesRead, "file", "files"))
	}
	if b := max(p.BytesRead, p.BytesWritten); b > 0 {
		parts = append(parts, Size(b))
	}
	if rate := Rate(p.RowsPerSec, p.BytesPerSec); rate != "" {
		parts = append(parts, rate)
	}
	if p.Stage == "finishing" || p.Stage == "verifying" {
		parts = append(parts, p.Stage)
	}
	return strings.Join(parts, " · ")
}

func stageText(stage string) string {
	switch stage {
	case "connecting":
		return "Connecting to both stores"
	case "planning":
		return "Planning how to divide the copy"
	case "preparing":
		return "Preparing the sink"
	case "copying":
		return "Waiting for the first rows"
	case "verifying":
		return "Comparing both sides"
	case "finishing":
		return "Finishing"
	}
	return "Starting"
}

func endedJob(j engine.Job, now time.Time) EndedJob {
	tone, word := JobTone(j.Status)
	e := EndedJob{ID: j.ID, Title: Title(j), Path: Path(j), Tone: tone, Status: word, Rows: "–", Size: "–", Duration: "–", Ended: Moment(j.Ended, now)}
	if !j.Started.IsZero() && !j.Ended.IsZero() {
		e.Duration = Duration(j.Ended.Sub(j.Started))
	}
	if r := j.Result; r != nil {
		if r.RowsRead > 0 || r.RowsCopied > 0 || r.FilesRead == 0 {
			e.Rows = Count(r.RowsCopied)
		}
		e.Size = Size(max(r.DataRead, r.DataWritten))
		if len(r.Errors) > 0 && j.Status != engine.Succeeded {
			e.Error = Sentence(r.Errors[0].Message)
		}
	}
	return e
}

// Field is a name and a value for people.
type Field struct{ Name, Value string }

// JobDetail is everything about one job, for the dialog that a row opens.
type JobDetail struct {
	Title, Path string
	Tone        Tone
	Status      string
	Fields      []Field
	Errors      []Problem
	Warnings    []string
	Files       []string
	// JSON is the job as the engine tells it, indented.
	JSON string
}

// Problem is an error as a person meets it.
type Problem struct {
	Code, Text, Hint string
}

// ProblemOf describes any error; nil gives nil.
func ProblemOf(err error) *Problem {
	if err == nil {
		return nil
	}
	e := engine.ErrorOf(err)
	return &Problem{Code: e.Code, Text: Sentence(e.Message), Hint: Sentence(e.Hint)}
}

// DetailOf describes a job in full.
func DetailOf(j engine.Job, now time.Time) JobDetail {
	tone, word := JobTone(j.Status)
	d := JobDetail{Title: Title(j), Path: Path(j), Tone: tone, Status: word}
	add := func(name, value string) {
		if value != "" {
			d.Fields = append(d.Fields, Field{name, value})
		}
	}
	if j.Attempt > 1 {
		add("Attempt", Count(int64(j.Attempt)))
	}
	add("Taken", fullMoment(j.Taken, now))
	if j.PickedUp > 0 {
		add("Picked up after", Duration(j.PickedUp))
	}
	add("Ended", fullMoment(j.Ended, now))
	if !j.Started.IsZero() && !j.Ended.IsZero() {
		add("Duration", Duration(j.Ended.Sub(j.Started)))
	}
	if r := j.Result; r != nil {
		addResult(add, *r)
		for _, e := range r.Errors {
			d.Errors = append(d.Errors, Problem{Code: e.Code, Text: Sentence(e.Message), Hint: Sentence(e.Hint)})
		}
		d.Warnings, d.Files = r.Warnings, r.Files
	}
	add("Run", j.ID)
	if text, err := json.MarshalIndent(j, "", "  "); err == nil {
		d.JSON = string(text)
	}
	return d
}

func addResult(add func(name, value string), r engine.Result) {
	if r.RowsRead > 0 || r.FilesRead == 0 {
		add("Rows read", Count(r.RowsRead))
		add("Rows copied", Count(r.RowsCopied))
	}
	if r.RowsSkipped > 0 {
		add("Rows skipped", Count(r.RowsSkipped))
	}
	if r.FilesSkipped > 0 {
		add("Files skipped", Count(r.FilesSkipped))
	}
	for _, folder := range []string{r.RedirectRowPath, r.LogFilePath} {
		if folder != "" {
			add("Log of what was skipped", folder)
		}
	}
	if r.FilesRead > 0 {
		add("Files read", Count(r.FilesRead))
	}
	if r.FilesWritten > 0 {
		add("Files written", Count(r.FilesWritten))
	}
	add("Data read", Size(r.DataRead))
	add("Data written", Size(r.DataWritten))
	if r.Throughput > 0 {
		add("Throughput", Size(int64(r.Throughput*1000))+"/s")
	}
	if r.UsedParallelCopies > 0 {
		add("Parallel copies", Count(int64(r.UsedParallelCopies)))
	}
	if r.ResumedFrom > 0 {
		add("Resumed", Plural(int64(r.ResumedFrom), "part", "parts")+" were done by an earlier attempt")
	}
	what := "Counts"
	if r.Consistency.Method == "checksum" {
		what = "Contents"
	}
	switch r.Consistency.VerificationResult {
	case "Verified":
		add(what, "agree on both sides")
	case "Inconsistent":
		add(what, "differ between the sides")
	}
}

func fullMoment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(now.Location()).Format("2 Jan 2006 15:04:05")
}
