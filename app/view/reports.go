package view

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// LogReport sends the logs to the factory, after a person has seen what will be sent. Make one with [Model.LogReport]; its
// methods return at once.
type LogReport struct {
	watched
	m       *Model
	sending task
	looking task
	s       ReportView
}

// ReportView is a moment of a [LogReport].
type ReportView struct {
	Loading bool
	Title   string // "14 files, 3.2 MB, since 14 Nov 2026"
	Parts   []PartView
	Left    []string // what cannot be read, with the reason
	// Looking is the part that is being fetched or shown, Text what is in it.
	Looking, Text string
	Fetching      bool
	Sending       bool
	Doing         string
	Share         float64 // 0 to 1 of what is being done, negative where unknown
	ReportID      string  // of what was sent
	Sent          string  // in a sentence
	Problem       *Problem
}

// PartView is one file of a report.
type PartView struct{ Name, About, Size string }

// LogReport makes a report of which nothing is known yet.
func (m *Model) LogReport() *LogReport {
	return &LogReport{m: m, sending: task{m: m}, looking: task{m: m}}
}

// Snapshot is the present moment.
func (r *LogReport) Snapshot() ReportView {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.s
	s.Parts = slices.Clone(s.Parts)
	return s
}

// List finds out what would be sent.
func (r *LogReport) List() {
	r.change(func() { r.s.Loading, r.s.Problem = true, nil })
	r.m.later(func(ctx context.Context) {
		contents, err := r.m.ctl.LogContents(ctx)
		r.change(func() {
			r.s.Loading = false
			if err != nil {
				r.s.Problem = ProblemOf(err)
				return
			}
			r.s.Title, r.s.Parts, r.s.Left = contentsTitle(contents), parts(contents), contents.Left
		})
	})
}

// Look fetches one part as it would be sent; it comes as Text.
func (r *LogReport) Look(name string) {
	r.looking.cancel()
	r.looking.done()
	r.looking.start(func() {
		r.change(func() { r.s.Looking, r.s.Text, r.s.Fetching, r.s.Problem = name, "", true, nil })
	}, func(ctx context.Context) {
		data, err := r.m.ctl.LogPart(ctx, name)
		r.change(func() {
			if ctx.Err() != nil || r.s.Looking != name {
				return
			}
			r.s.Fetching = false
			if err != nil {
				r.s.Looking, r.s.Problem = "", ProblemOf(err)
				return
			}
			r.s.Text = strings.ToValidUTF8(string(data), "\ufffd")
		})
	})
}

// Back ends looking at a part.
func (r *LogReport) Back() {
	r.looking.cancel()
	r.change(func() { r.s.Looking, r.s.Text, r.s.Fetching = "", "", false })
}

// Send sends them with a note, "" for none.
func (r *LogReport) Send(note string) {
	r.sending.start(func() {
		r.change(func() {
			r.s.Sending, r.s.Doing, r.s.Share, r.s.Problem, r.s.ReportID, r.s.Sent = true, words.T("Packing"), -1, nil, "", ""
		})
	}, func(ctx context.Context) {
		sent, err := r.m.ctl.SendLogs(ctx, strings.TrimSpace(note), func(p engine.LogProgress) {
			r.change(func() { r.s.Doing, r.s.Share = doing(p) })
		})
		stopped := ctx.Err() != nil
		r.sending.done()
		r.change(func() {
			r.s.Sending, r.s.Doing = false, ""
			switch {
			case err == nil:
				r.s.ReportID = sent.ReportID
				r.s.Sent = words.T("Sent: %s. Name the report ID when you ask for help.", Size(sent.Bytes))
			case stopped:
				r.s.Sent = words.T("Sending was cancelled; the factory has no report.")
			default:
				r.s.Problem = ProblemOf(err)
			}
		})
	})
}

// Cancel ends sending.
func (r *LogReport) Cancel() { r.sending.cancel() }

// LogArchive writes the logs into a zip file. Make one with [Model.LogArchive]; its methods return at once.
type LogArchive struct {
	watched
	task task
	data string
	s    ArchiveView
}

// ArchiveView is a moment of a [LogArchive].
type ArchiveView struct {
	Busy    bool
	Doing   string
	Share   float64 // 0 to 1, negative where unknown
	File    string  // what was written, "" before
	Done    string  // in a sentence
	Left    []string
	Problem *Problem
}

// LogArchive makes one that has done nothing yet. Where the engine does not answer, the logs of the data directory are
// archived without it; "" leaves that out.
func (m *Model) LogArchive(data string) *LogArchive { return &LogArchive{task: task{m: m}, data: data} }

// Snapshot is the present moment.
func (a *LogArchive) Snapshot() ArchiveView {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.s
}

// Save writes a file that must not exist yet.
func (a *LogArchive) Save(file string) {
	a.task.start(func() {
		a.change(func() { a.s = ArchiveView{Busy: true, Doing: words.T("Packing"), Share: -1} })
	}, func(ctx context.Context) {
		progress := func(p engine.LogProgress) { a.change(func() { a.s.Doing, a.s.Share = doing(p) }) }
		contents, err := a.task.m.ctl.ArchiveLogs(ctx, file, progress)
		if err != nil && ctx.Err() == nil && a.data != "" && engine.ErrorOf(err).Code == engine.CodeNotRunning {
			contents, err = engine.ArchiveLogs(ctx, a.data, file, progress)
		}
		stopped := ctx.Err() != nil
		a.task.done()
		a.change(func() {
			a.s = ArchiveView{}
			switch {
			case err == nil:
				a.s.File, a.s.Left = contents.File, contents.Left
				if a.s.File == "" {
					a.s.File = file
				}
				a.s.Done = words.T("The logs are in %s.", a.s.File)
			case stopped:
				a.s.Done = words.T("Archiving was cancelled; there is no file.")
			default:
				a.s.Problem = ProblemOf(err)
			}
		})
	})
}

// Cancel ends writing; the file is removed.
func (a *LogArchive) Cancel() { a.task.cancel() }

// ArchiveFile proposes a file that does not exist yet in the user's documents, or at home where there are none.
func ArchiveFile(now time.Time) string {
	return proposal("gateway-logs-"+now.Format("2006-01-02-1504"), ".zip")
}

// NetworkFile proposes one for the report of a check of the network.
func NetworkFile(now time.Time) string {
	return proposal("network-check-"+now.Format("2006-01-02-1504"), ".html")
}

func proposal(name, extension string) string {
	folder, err := os.UserHomeDir()
	if err != nil {
		folder = os.TempDir()
	}
	if info, err := os.Stat(filepath.Join(folder, "Documents")); err == nil && info.IsDir() {
		folder = filepath.Join(folder, "Documents")
	}
	file := filepath.Join(folder, name+extension)
	for i := 2; i < 100; i++ {
		if _, err := os.Lstat(file); err != nil {
			break
		}
		file = filepath.Join(folder, fmt.Sprintf("%s-%d%s", name, i, extension))
	}
	return file
}

func doing(p engine.LogProgress) (text string, share float64) {
	switch p.Doing {
	case "Packing":
		text = words.T("Packing")
	case "Sending":
		text = words.T("Sending")
	case "Waiting to try again":
		text = words.T("Waiting to try again")
	default:
		text = p.Doing
	}
	if p.Total <= 0 {
		return text, -1
	}
	return words.T("%s: %s of %s", text, Size(p.Done), Size(p.Total)), float64(p.Done) / float64(p.Total)
}

func contentsTitle(c engine.LogContents) string {
	files := words.N(int64(len(c.Parts)), "%d file", "%d files")
	if c.Since.IsZero() {
		return words.T("%s, about %s", files, Size(c.Bytes))
	}
	return words.T("%s, about %s, since %s", files, Size(c.Bytes), c.Since.Local().Format("2006-01-02"))
}

func parts(c engine.LogContents) []PartView {
	list := make([]PartView, 0, len(c.Parts))
	for _, p := range c.Parts {
		list = append(list, PartView{Name: p.Name, About: Sentence(partAbout(p.About)), Size: Size(p.Bytes)})
	}
	return list
}

// partAbout says what a part is, in the person's language where it is one of those that there always are.
func partAbout(about string) string {
	switch about {
	case "the gateway's log":
		return words.T("the gateway's log")
	case "the log of one run":
		return words.T("the log of one run")
	case "what the program said when it crashed":
		return words.T("what the program said when it crashed")
	case "the settings; secrets are not among them":
		return words.T("the settings; secrets are not among them")
	case "the last jobs with their results":
		return words.T("the last jobs with their results")
	case "the gateway's state":
		return words.T("the gateway's state")
	case "what the program is doing at this moment":
		return words.T("what the program is doing at this moment")
	case "the gateway's certificate, without its private key":
		return words.T("the gateway's certificate, without its private key")
	case "the program and the machine: version, system, memory, disk":
		return words.T("the program and the machine: version, system, memory, disk")
	case "the last check of the network":
		return words.T("the last check of the network")
	}
	return about
}
