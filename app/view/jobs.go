package view

import (
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// JobTone gives the tone and the word of a job's status.
func JobTone(status string) (Tone, string) {
	switch status {
	case engine.Succeeded:
		return Good, words.T("Succeeded")
	case engine.Failed:
		return Bad, words.T("Failed")
	case engine.Cancelled:
		return Off, words.T("Cancelled")
	case engine.Queued:
		return Off, words.T("Waiting")
	}
	return Busy, words.T("Running")
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
	// Retryable jobs failed or were cancelled and can be run again.
	Retryable bool
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
		r.Title = words.T("%s (attempt %s)", r.Title, Count(int64(j.Attempt)))
	}
	p := j.Progress
	if cancelling {
		r.Numbers = words.T("Cancelling: running parts come to their end")
	}
	if p == nil {
		if !cancelling {
			r.Numbers = words.T("Waiting for a free place")
			if j.Status != engine.Queued {
				r.Numbers = words.T("Starting")
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
		parts = append(parts, rowsText(p.RowsCopied))
	case p.RowsRead > 0:
		parts = append(parts, words.T("%s read", rowsText(p.RowsRead)))
	case p.BytesRead == 0:
		return stageText(p.Stage)
	}
	if p.FilesRead > 0 && p.RowsRead == 0 {
		parts = append(parts, filesText(p.FilesRead))
	}
	if b := max(p.BytesRead, p.BytesWritten); b > 0 {
		parts = append(parts, Size(b))
	}
	if rate := Rate(p.RowsPerSec, p.BytesPerSec); rate != "" {
		parts = append(parts, rate)
	}
	if p.Stage == "finishing" || p.Stage == "verifying" {
		parts = append(parts, stageText(p.Stage))
	}
	return strings.Join(parts, " · ")
}

func stageText(stage string) string {
	switch stage {
	case "connecting":
		return words.T("Connecting to both stores")
	case "planning":
		return words.T("Planning how to divide the copy")
	case "preparing":
		return words.T("Preparing the sink")
	case "copying":
		return words.T("Waiting for the first rows")
	case "verifying":
		return words.T("Comparing both sides")
	case "finishing":
		return words.T("Finishing")
	}
	return words.T("Starting")
}

func endedJob(j engine.Job, now time.Time) EndedJob {
	tone, word := JobTone(j.Status)
	e := EndedJob{ID: j.ID, Title: Title(j), Path: Path(j), Tone: tone, Status: word, Rows: "–", Size: "–", Duration: "–", Ended: Moment(j.Ended, now), Retryable: j.Retryable}
	if !j.Started.IsZero() && !j.Ended.IsZero() {
		e.Duration = Duration(j.Ended.Sub(j.Started))
	}
	if r := j.Result; r != nil {
		if r.RowsRead > 0 || r.RowsCopied > 0 || r.FilesRead == 0 {
			e.Rows = Count(r.RowsCopied)
		}
		e.Size = Size(max(r.DataRead, r.DataWritten))
		if len(r.Errors) > 0 && j.Status != engine.Succeeded {
			e.Error = Sentence(words.Of(r.Errors[0].Message))
		}
	}
	return e
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
	return &Problem{Code: e.Code, Text: Sentence(words.Of(e.Message)), Hint: Sentence(words.Of(e.Hint))}
}
