package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"dmgateway/engine"
)

type logsCmd struct {
	Show    logsShowCmd    `cmd:"" default:"withargs" help:"The gateway's log, the oldest line first."`
	Events  logsEventsCmd  `cmd:"" help:"What the event numbers in the log mean."`
	Archive logsArchiveCmd `cmd:"" help:"Write the logs of the last seven days into a zip file. Works without a registration and without a running gateway."`
	Send    logsSendCmd    `cmd:"" help:"Send the logs of the last seven days to the data factory and print the report ID."`
}

type logsShowCmd struct {
	Follow bool   `help:"Go on showing what is written, until interrupted."`
	Level  string `help:"Least level: debug, info, warn or error." enum:"debug,info,warn,error" default:"debug"`
	Since  string `help:"Lines of this time only: a duration such as 2h or 7d, or a date such as 2026-01-31." placeholder:"D"`
	Job    string `help:"Lines of one job only." placeholder:"ID"`
}

func (c logsShowCmd) Run(p *program) error {
	q := engine.LogQuery{Run: c.Job, Problem: func(file string, err error) {
		p.say("%s cannot be read to its end: %v", filepath.Base(file), err)
	}}
	var err error
	if q.Since, err = sinceTime(c.Since, time.Now()); err != nil {
		return &usageError{err}
	}
	if err := q.Level.UnmarshalText([]byte(c.Level)); err != nil {
		return &usageError{err}
	}
	lines := 0
	err = engine.ReadLogs(p.ctx, p.data, q, c.Follow, func(l engine.LogLine) error {
		lines++
		return p.logLine(l)
	})
	switch {
	case err == nil && c.Follow && p.ctx.Err() != nil:
		return errStopped
	case err == nil && lines == 0:
		p.say("There is no such line in the log of %s.", p.data)
	}
	return err
}

// sinceTime understands a duration before now, with d for days, or a date or time.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return time.Time{}, fmt.Errorf("--since %q is neither a duration such as 90m, 2h or 7d nor a date such as 2026-01-31", text)
	}
	return now.Add(-d), nil
}

// logLine prints one line: as it is with --json, else for people.
func (p *program) logLine(l engine.LogLine) error {
	if p.json {
		raw := l.Raw
		if !json.Valid(raw) {
			var err error
			if raw, err = json.Marshal(map[string]string{"msg": l.Message}); err != nil {
				return err
			}
		}
		_, err := p.out.Write(append(raw[:len(raw):len(raw)], '\n'))
		return err
	}
	var b strings.Builder
	if !l.Time.IsZero() {
		colour, end := "", ""
		if f, ok := p.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			colour, end = levelColour(l.Level)
		}
		fmt.Fprintf(&b, "%s  %s%-5s%s  ", l.Time.Local().Format("2006-01-02 15:04:05.000"), colour, l.Level, end)
	}
	fmt.Fprint(harmless{&b}, l.Text())
	if l.Event != 0 {
		fmt.Fprintf(&b, "  [event %d]", l.Event)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(p.out, b.String())
	return err
}

func levelColour(level slog.Level) (begin, end string) {
	switch {
	case os.Getenv("NO_COLOR") != "":
		return "", ""
	case level >= slog.LevelError:
		return "\x1b[31m", "\x1b[0m"
	case level >= slog.LevelWarn:
		return "\x1b[33m", "\x1b[0m"
	}
	return "", ""
}

type logsEventsCmd struct{}

func (logsEventsCmd) Run(p *program) error {
	list := engine.LogEvents()
	return p.print(list, func(w io.Writer) {
		var body [][]string
		for _, k := range list {
			body = append(body, []string{fmt.Sprint(int(k.Event)), k.Level.String(), k.Name, k.Text})
		}
		rows(w, []string{"EVENT", "LEVEL", "NAME", "MEANING"}, body)
	})
}

type logsArchiveCmd struct {
	File string `arg:"" help:"The zip file to write. It must not exist yet." placeholder:"FILE.zip"`
}

func (c logsArchiveCmd) Run(p *program) error {
	contents, err := p.archive(c.File)
	if err != nil {
		return err
	}
	return p.print(contents, func(w io.Writer) {
		for _, left := range contents.Left {
			fmt.Fprintf(p.err, "left out: %s\n", left)
		}
		fmt.Fprintf(w, "%s\t%s, %s\n", contents.File, number(len(contents.Parts), "file"), bytesText(contents.Bytes))
	})
}

// archive asks the engine that runs, and does it itself where none does or it does not answer.
func (p *program) archive(file string) (engine.LogContents, error) {
	bar := newLogMeter(p)
	defer bar.done()
	client, err := engine.Dial(p.ctx, p.data)
	if err == nil {
		defer client.Close()
		contents, err := client.ArchiveLogs(p.ctx, file, bar.show)
		if err == nil || engine.ErrorOf(err).Code != engine.CodeNotRunning {
			return contents, err
		}
	}
	return engine.ArchiveLogs(p.ctx, p.data, file, bar.show)
}

type logsSendCmd struct {
	Note string `help:"What it is about, for whoever reads the report." placeholder:"TEXT"`
	List bool   `help:"Only list what would be sent."`
	Look string `help:"Print one of the files as it would be sent." placeholder:"FILE"`
}

func (c logsSendCmd) Run(p *program) error {
	return p.withEngine(func(e engine.Controller) error {
		switch {
		case c.List:
			contents, err := e.LogContents(p.ctx)
			if err != nil {
				return err
			}
			return p.print(contents, func(w io.Writer) {
				var body [][]string
				for _, part := range contents.Parts {
					body = append(body, []string{part.Name, bytesText(part.Bytes), part.About})
				}
				rows(w, []string{"FILE", "SIZE", "WHAT IT IS"}, body)
			})
		case c.Look != "":
			data, err := e.LogPart(p.ctx, c.Look)
			if err == nil {
				_, err = p.out.Write(data)
			}
			return err
		}
		bar := newLogMeter(p)
		sent, err := e.SendLogs(p.ctx, c.Note, bar.show)
		bar.done()
		if err != nil {
			return err
		}
		return p.print(sent, func(w io.Writer) { fmt.Fprintln(w, sent.ReportID) })
	})
}

// logMeter shows how far packing and sending are: on one line of a terminal, elsewhere each step once.
type logMeter struct {
	p        *program
	terminal bool
	doing    string
}

func newLogMeter(p *program) *logMeter {
	f, ok := p.err.(*os.File)
	return &logMeter{p: p, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (m *logMeter) show(s engine.LogProgress) {
	if m.terminal {
		text := s.Doing
		if s.Total > 0 {
			text += fmt.Sprintf("  %s of %s", bytesText(s.Done), bytesText(s.Total))
		}
		fmt.Fprintf(m.p.err, "\r\x1b[K%s", text)
	} else if s.Doing != m.doing {
		m.p.say("%s", s.Doing)
	}
	m.doing = s.Doing
}

func (m *logMeter) done() {
	if m.terminal && m.doing != "" {
		fmt.Fprint(m.p.err, "\r\x1b[K")
	}
}

// printJobLog prints the log of one run.
func (p *program) printJobLog(run string) error {
	lines, err := engine.JobLog(p.ctx, p.data, run)
	if err == nil && len(lines) == 0 && !p.json {
		p.say("There is no log of this run: it may have been removed with the history.")
	}
	for _, l := range lines {
		err = errors.Join(err, p.logLine(l))
	}
	return err
}
