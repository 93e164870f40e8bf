package browser

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/words"
)

const (
	// mostLogs is how many pages with a log can be open at once.
	mostLogs = 8
	// mostLines is how many lines a page can ask for at once, mostCopied how many Copy takes.
	mostLines  = 400
	mostCopied = 2000
	// betweenLines is the least time between two moments of a log.
	betweenLines = 100 * time.Millisecond
	stampLayout  = "01-02 15:04:05"
)

type logPage struct {
	Levels, Parts []string
	Runs          []logRun
	Run           string // the chosen one
	Search        string
	Verbose       bool
	Folder        bool
}

type logRun struct{ ID, Title string }

func (s *Server) logPage(r *http.Request, now view.Snapshot, _ bool) any {
	v := logPage{
		Levels: view.LogLevels(), Parts: view.LogParts(), Runs: []logRun{{"", words.T("All jobs")}}, Run: r.URL.Query().Get("run"),
		Verbose: verbose(now), Folder: s.o.Log != "",
	}
	known := v.Run == ""
	for i, j := range now.Jobs {
		if i < 50 || j.ID == v.Run {
			v.Runs = append(v.Runs, logRun{j.ID, view.Shorten(view.Title(j), 30) + " · " + j.Taken.In(s.o.Now().Location()).Format("01-02 15:04")})
			known = known || j.ID == v.Run
		}
	}
	if !known {
		v.Run, v.Search = "", "run="+v.Run
	}
	return v
}

// logMoment is what the page is told of a log. Lines are numbered from First on, the newest has the number High-1.
type logMoment struct {
	ID         string `json:"id"`
	Low        int    `json:"low"`
	High       int    `json:"high"`
	First      int    `json:"first"`
	Generation int    `json:"generation"`
	Count      string `json:"count"`   // how many there are, in words
	Nothing    string `json:"nothing"` // why there is none to see
	Lines      []logRow
}

type logRow struct {
	Time, Level, Text string
	Tone              view.Tone
}

// logStream reads the log for one page until it goes away, and tells it what it has asked for by logWant.
func (s *Server) logStream(w http.ResponseWriter, r *http.Request) {
	if s.o.Log == "" {
		http.NotFound(w, r)
		return
	}
	id, v := rand.Text(), view.NewLogView(filepath.Dir(s.o.Log))
	s.mu.Lock()
	full := len(s.logs) >= mostLogs
	if !full {
		s.logs[id] = v
	}
	s.mu.Unlock()
	if full {
		http.Error(w, "The log is open in too many pages.", http.StatusTooManyRequests)
		return
	}
	ctx, stop := context.WithCancel(r.Context())
	var reading sync.WaitGroup
	defer reading.Wait()
	defer func() {
		stop()
		s.mu.Lock()
		delete(s.logs, id)
		s.mu.Unlock()
	}()
	wanted := logWanted(r.FormValue)
	v.Filter(wanted.LogFilter)
	v.Show(wanted.first, wanted.n)
	reading.Go(func() { v.Run(ctx) })
	changed, unwatch := v.Watch()
	defer unwatch()
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(20 * time.Second): // so that a browser which is gone is noticed
		}
		data, err := json.Marshal(s.logNow(id, v))
		if err != nil {
			return
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
		if flush.Flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(betweenLines):
		}
	}
}

func (s *Server) logNow(id string, v *view.LogView) logMoment {
	m := v.Snapshot()
	out := logMoment{ID: id, Low: m.Low, High: m.High, First: m.First, Generation: m.Generation, Lines: make([]logRow, 0, len(m.Lines))}
	for _, l := range m.Lines {
		row := logRow{Level: l.Level, Text: l.Text, Tone: view.LogTone(l.Level)}
		if !l.Time.IsZero() {
			row.Time = l.Time.In(s.o.Now().Location()).Format(stampLayout)
		}
		row.Text = view.Shorten(row.Text, 600)
		out.Lines = append(out.Lines, row)
	}
	out.Count = words.N(int64(m.Known), "%d line", "%d lines")
	if m.High-m.Low != m.Known {
		out.Count = words.T("%s of %s match", view.Count(int64(m.High-m.Low)), out.Count)
	}
	switch {
	case m.Problem != nil:
		out.Count += " · " + m.Problem.Text
	case m.Reading:
		out.Count += " · " + words.T("reading older files…")
	case m.More:
		out.Count += " · " + words.T("older ones are in the folder")
	}
	switch {
	case m.High > m.Low, m.Reading:
	case m.Known > 0:
		out.Nothing = words.T("No line of the log matches.")
	default:
		out.Nothing = words.T("Nothing has been logged yet.")
	}
	return out
}

// wantedLines is which lines a page wants to have.
type wantedLines struct {
	view.LogFilter
	first, n int
}

func logWanted(get func(string) string) wantedLines {
	number := func(name string) int {
		n, err := strconv.Atoi(get(name))
		if err != nil {
			return 0
		}
		return n
	}
	within := func(n, most int) int { return max(0, min(n, most)) }
	return wantedLines{view.LogFilter{
		Level: within(number("level"), len(view.LogLevels())-1), Part: within(number("part"), len(view.LogParts())-1), Run: get("run"), Search: get("search"),
	}, number("first"), within(number("n"), mostLines)}
}

func (s *Server) logOf(w http.ResponseWriter, r *http.Request) *view.LogView {
	s.mu.Lock()
	v := s.logs[r.FormValue("id")]
	s.mu.Unlock()
	if v == nil {
		http.NotFound(w, r)
	}
	return v
}

// logWant tells which lines are wanted from now on; they come by the stream.
func (s *Server) logWant(w http.ResponseWriter, r *http.Request) {
	if v := s.logOf(w, r); v != nil {
		wanted := logWanted(r.PostFormValue)
		v.Filter(wanted.LogFilter)
		v.Show(wanted.first, wanted.n)
		w.WriteHeader(http.StatusNoContent)
	}
}

// logLine shows everything about one line.
func (s *Server) logLine(w http.ResponseWriter, r *http.Request) {
	v := s.logOf(w, r)
	if v == nil {
		return
	}
	number, err := strconv.Atoi(r.PostFormValue("number"))
	m := v.Snapshot()
	if i := number - m.First; err == nil && i >= 0 && i < len(m.Lines) {
		s.write(w, "log-line", view.DetailOfLine(m.Lines[i], s.o.Now().Location()))
		return
	}
	http.NotFound(w, r)
}

// logNewest is the newest lines as they stand in the files, for the clipboard.
func (s *Server) logNewest(w http.ResponseWriter, r *http.Request) {
	v := s.logOf(w, r)
	if v == nil {
		return
	}
	text := make(chan string, 1)
	v.Collect(mostCopied, func(t string) { text <- t })
	select {
	case t := <-text:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(t)) // a browser that went away
	case <-r.Context().Done():
	case <-time.After(10 * time.Second): // the page of this log went away
		http.NotFound(w, r)
	}
}
