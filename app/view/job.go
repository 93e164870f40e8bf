package view

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Field is a name and a value for people.
type Field struct{ Name, Value string }

// JobDetail is everything about one job, for the dialog that a row opens.
type JobDetail struct {
	ID, Title, Path string
	Tone            Tone
	Status          string
	// Live is what a job that runs does at the moment, nil of one that has ended.
	Live   *RunningJob
	Fields []Field
	Stages []JobStage
	Errors []JobError
	// Warnings are sentences, Files the paths that were written.
	Warnings, Files []string
	// LogFolder is where the log of skipped rows and files lies, "" where there is none.
	LogFolder string
	// JSON is the job as the engine tells it, indented.
	JSON string
}

// JobStage is one stage of a copy and how long it took.
type JobStage struct {
	Name, Took string
	Share      float64 // of the longest stage, 0 to 1
}

// JobError is why a job failed: where, at which value, and what to do.
type JobError struct {
	Code, Text, Hint string
	Places           []Field // target, row, column, value; those that are known
}

// DetailOf describes a job in full.
func DetailOf(j engine.Job, now time.Time) JobDetail { return detailOf(j, false, now) }

// Detail describes a job of the snapshot in full.
func (s Snapshot) Detail(id string, now time.Time) (JobDetail, bool) {
	j, ok := s.Find(id)
	if !ok {
		return JobDetail{}, false
	}
	return detailOf(j, s.cancelling[id], now), true
}

func detailOf(j engine.Job, cancelling bool, now time.Time) JobDetail {
	tone, word := JobTone(j.Status)
	d := JobDetail{ID: j.ID, Title: Title(j), Path: Path(j), Tone: tone, Status: word}
	if !ended(j) {
		live := runningJob(j, cancelling)
		d.Live = &live
	}
	add := func(name, value string) {
		if value != "" {
			d.Fields = append(d.Fields, Field{name, value})
		}
	}
	add(words.T("Source"), j.Source)
	add(words.T("Sink"), j.Sink)
	if j.Attempt > 1 {
		add(words.T("Attempt"), Count(int64(j.Attempt)))
	}
	add(words.T("Taken"), fullMoment(j.Taken, now))
	if j.PickedUp > 0 {
		add(words.T("Picked up after"), Duration(j.PickedUp))
	}
	add(words.T("Ended"), fullMoment(j.Ended, now))
	if !j.Started.IsZero() && !j.Ended.IsZero() {
		add(words.T("Duration"), Duration(j.Ended.Sub(j.Started)))
	}
	if p := j.Progress; p != nil && d.Live != nil {
		addProgress(add, *p)
	}
	if r := j.Result; r != nil {
		addResult(add, *r)
		d.Stages = stages(r.ExecutionDetails)
		for _, e := range r.Errors {
			d.Errors = append(d.Errors, jobError(e))
		}
		for _, w := range r.Warnings {
			d.Warnings = append(d.Warnings, Sentence(words.Of(w)))
		}
		d.Files = r.Files
		d.LogFolder = r.LogFilePath
		if d.LogFolder == "" {
			d.LogFolder = r.RedirectRowPath
		}
	}
	add(words.T("Run"), j.ID)
	if text, err := json.MarshalIndent(j, "", "  "); err == nil {
		d.JSON = string(text)
	}
	return d
}

func jobError(e engine.ErrorInfo) JobError {
	out := JobError{Code: e.Code, Text: Sentence(words.Of(e.Message)), Hint: Sentence(words.Of(e.Hint))}
	add := func(name, value string) {
		if value != "" {
			out.Places = append(out.Places, Field{name, value})
		}
	}
	if !strings.Contains(e.Message, e.Target) {
		add(words.T("Where"), e.Target)
	}
	if e.Row > 0 {
		add(words.T("Row"), Count(e.Row))
	}
	add(words.T("Column"), e.Column)
	add(words.T("Value"), Shorten(strings.Join(strings.Fields(e.Value), " "), 200))
	return out
}

func addProgress(add func(name, value string), p engine.Progress) {
	if p.Partitions > 0 {
		add(words.T("Parts"), words.T("%s of %s done", Count(int64(p.Done)), Count(int64(p.Partitions))))
	}
	if p.RowsRead > 0 {
		add(words.T("Rows read"), Count(p.RowsRead))
		add(words.T("Rows copied"), Count(p.RowsCopied))
	}
	if p.RowsSkipped > 0 {
		add(words.T("Rows skipped"), Count(p.RowsSkipped))
	}
	if p.FilesRead > 0 {
		add(words.T("Files read"), Count(p.FilesRead))
	}
	if p.FilesWritten > 0 {
		add(words.T("Files written"), Count(p.FilesWritten))
	}
	if p.BytesRead > 0 {
		add(words.T("Data read"), Size(p.BytesRead))
	}
	if p.BytesWritten > 0 {
		add(words.T("Data written"), Size(p.BytesWritten))
	}
}

func addResult(add func(name, value string), r engine.Result) {
	if r.RowsRead > 0 || r.FilesRead == 0 {
		add(words.T("Rows read"), Count(r.RowsRead))
		add(words.T("Rows copied"), Count(r.RowsCopied))
	}
	if r.RowsSkipped > 0 {
		add(words.T("Rows skipped"), Count(r.RowsSkipped))
	}
	if r.FilesSkipped > 0 {
		add(words.T("Files skipped"), Count(r.FilesSkipped))
	}
	for _, folder := range []string{r.RedirectRowPath, r.LogFilePath} {
		add(words.T("Log of what was skipped"), folder)
	}
	if r.FilesRead > 0 {
		add(words.T("Files read"), Count(r.FilesRead))
	}
	if r.FilesWritten > 0 {
		add(words.T("Files written"), Count(r.FilesWritten))
	}
	add(words.T("Data read"), Size(r.DataRead))
	add(words.T("Data written"), Size(r.DataWritten))
	if r.Throughput > 0 {
		add(words.T("Throughput"), Size(int64(r.Throughput*1000))+"/s")
	}
	if r.UsedParallelCopies > 0 {
		add(words.T("Parallel copies"), Count(int64(r.UsedParallelCopies)))
	}
	if r.Plan.Partitions > 0 {
		add(words.T("Parts"), strings.TrimSpace(Count(int64(r.Plan.Partitions))+" "+brackets(r.Plan.How)))
	}
	if r.ResumedFrom > 0 {
		add(words.T("Resumed"), counted(int64(r.ResumedFrom),
			words.T("1 part was done by an earlier attempt"), words.T("%s parts were done by an earlier attempt")))
	}
	if r.PeakMemory > 0 {
		add(words.T("Most memory"), words.T("%s, of the whole program", Size(r.PeakMemory)))
	}
	addConsistency(add, r.Consistency)
}

func addConsistency(add func(name, value string), c engine.Consistency) {
	what := words.T("Counts")
	if c.Method == "checksum" {
		what = words.T("Contents")
	}
	switch c.VerificationResult {
	case "Verified":
		add(what, words.T("agree on both sides"))
	case "Inconsistent":
		add(what, words.T("differ between the sides"))
		add(words.T("Differences"), strings.Join(c.Differences, "\n"))
	}
}

func brackets(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// stages are the durations of a copy's stages, in the order in which they happen; those that took no time are left out.
func stages(details []engine.ExecutionDetail) []JobStage {
	var list []JobStage
	var longest float64
	for _, d := range details {
		for _, name := range stageOrder {
			longest = max(longest, d.DetailedDurations[name])
		}
	}
	for _, d := range details {
		for _, name := range stageOrder {
			if took := d.DetailedDurations[name]; took >= 0.001 {
				title := durationName(name)
				if len(details) > 1 {
					title += " (" + d.Source.Type + " → " + d.Sink.Type + ")"
				}
				list = append(list, JobStage{Name: title, Took: stageTook(took), Share: took / longest})
			}
		}
	}
	return slices.Clip(list)
}

func stageTook(seconds float64) string {
	if seconds < 0.1 {
		return Count(int64(seconds*1000)) + " ms"
	}
	return Duration(time.Duration(seconds * float64(time.Second)))
}

// stageOrder are Data Factory's names of the stages.
var stageOrder = []string{"queuingDuration", "preCopyScript", "timeToFirstByte", "readingFromSource", "writingToSink", "transferDuration"}

func durationName(stage string) string {
	switch stage {
	case "queuingDuration":
		return words.T("Waiting in the queue")
	case "preCopyScript":
		return words.T("Preparing the sink")
	case "timeToFirstByte":
		return words.T("Until the first byte")
	case "readingFromSource":
		return words.T("Reading from the source")
	case "writingToSink":
		return words.T("Writing to the sink")
	}
	return words.T("Transfer")
}

func fullMoment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(now.Location()).Format("2006-01-02 15:04:05")
}
