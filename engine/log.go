package engine

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"dmgateway/engine/logging"
)

// NewLog writes lines to w, with what is secret masked: sentences on a terminal, otherwise NAME=VALUE pairs.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return newSentences(w, level)
	}
	return slog.New(logging.Redacted(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}

func newSentences(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(logging.Redacted(slog.NewJSONHandler(sentences{w}, &slog.HandlerOptions{Level: level})))
}

// sentences turns the log's lines, of which each Write is one, into sentences.
type sentences struct{ w io.Writer }

var levelWords = map[slog.Level]string{slog.LevelDebug: "debug", slog.LevelInfo: "note", slog.LevelWarn: "warning", slog.LevelError: "error"}

func (s sentences) Write(b []byte) (int, error) {
	l := logging.ParseLine(b)
	text := []string{l.Message}
	for _, a := range l.Attrs {
		text = append(text, a.Key+" "+a.Value)
	}
	if _, err := fmt.Fprintf(s.w, "%s %s: %s\n", l.Time.Local().Format("15:04:05"), levelWords[l.Level], logging.OneLine(strings.Join(text, ", "))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// openLog logs into the data directory, and where o says so to others.
func openLog(dir string, level *slog.LevelVar, o Options) *logging.Log {
	lo := logging.Options{Dir: filepath.Join(dir, logging.Folder), Level: level}
	if o.Log != nil {
		lo.Also = o.Log.Handler()
	}
	if o.Program {
		lo.System = logging.OpenSystem()
	}
	return logging.Open(lo)
}

func (e *Engine) applyVerbose() {
	level := slog.LevelInfo
	if e.setting(SettingVerbose) == "true" {
		level = slog.LevelDebug
	}
	e.level.Set(level)
}

func (e *Engine) applySystemLog() { e.logs.ToSystem(e.setting(SettingSystemLog) == "true") }

// catchCrash says what an earlier process left, and catches this one's crash. By now the secrets of the gateway are
// known, so they are masked there.
func (e *Engine) catchCrash() {
	if !e.o.Program {
		return
	}
	c, found, err := logging.CatchCrash(filepath.Join(e.data, logging.Folder), time.Now())
	if err != nil {
		e.log.Warn("a crash of this process could not be kept", logging.Key, logging.Notable, "error", err)
	}
	e.crash = c
	if found == "" {
		return
	}
	e.log.Error("the program crashed the last time it ran", logging.Key, logging.CrashFound, "file", found)
	e.warnings.set("crash", Warning{
		ID: "crash", Title: "The program crashed the last time it ran", Text: "What it said is in " + found + ".",
		Remedy: "Send the logs, which hold that file. The gateway goes on with its jobs by itself.",
	})
}
