package view

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	logTail  = 256 << 10 // bytes of a file that are looked at when following begins
	logKept  = 2000      // lines
	logPause = 500 * time.Millisecond
)

// LogLine is one line of the engine's log.
type LogLine struct {
	Time  time.Time
	Level string // DEBUG, INFO, WARN or ERROR; "" where the line says none
	// Text is the message with its attributes behind it, on one line.
	Text string
}

// ParseLogLine reads a line that log/slog wrote as JSON or as text; any other line is its own text.
func ParseLogLine(line string) LogLine {
	line = strings.TrimRight(line, "\r\n")
	if strings.HasPrefix(line, "{") {
		if l, ok := parseJSONLine(line); ok {
			return l
		}
	}
	l := LogLine{Text: line}
	rest, ok := strings.CutPrefix(line, "time=")
	if !ok {
		return l
	}
	stamp, rest, _ := strings.Cut(rest, " ")
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return l
	}
	if level, ok := strings.CutPrefix(rest, "level="); ok {
		l.Level, rest, _ = strings.Cut(level, " ")
	}
	l.Time = t
	l.Text = strings.TrimPrefix(rest, "msg=")
	if quoted, ok := strings.CutPrefix(l.Text, `"`); ok {
		if end := strings.Index(quoted, `" `); end >= 0 {
			l.Text = quoted[:end] + "  " + quoted[end+2:]
		} else {
			l.Text = strings.TrimSuffix(quoted, `"`)
		}
	}
	return l
}

func parseJSONLine(line string) (LogLine, bool) {
	dec := json.NewDecoder(strings.NewReader(line))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return LogLine{}, false
	}
	var l LogLine
	var rest strings.Builder
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return LogLine{}, false
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return LogLine{}, false
		}
		text := string(raw)
		var s string
		if json.Unmarshal(raw, &s) == nil {
			text = s
		}
		switch key {
		case "time":
			l.Time, _ = time.Parse(time.RFC3339Nano, text)
		case "level":
			l.Level = text
		case "msg":
			l.Text = text
		default:
			fmt.Fprintf(&rest, "  %v=%s", key, text)
		}
	}
	l.Text = strings.Join(strings.Fields(l.Text), " ") + strings.Join(strings.Split(rest.String(), "\n"), " ")
	return l, true
}

// LogLevels are what a person can choose from: each shows itself and what is worse.
var LogLevels = []string{"Everything", "Information", "Warnings", "Errors"}

// LogTone is the tone of a log line's level.
func LogTone(level string) Tone { return []Tone{Off, Off, Warning, Bad}[rank(level)] }

func rank(level string) int {
	switch {
	case strings.HasPrefix(level, "DEBUG"):
		return 0
	case strings.HasPrefix(level, "WARN"):
		return 2
	case strings.HasPrefix(level, "ERROR"):
		return 3
	}
	return 1
}

// FilterLog gives the lines from a level of [LogLevels] on that contain a text, without regard to case.
func FilterLog(lines []LogLine, level, search string) []LogLine {
	least := max(0, slices.Index(LogLevels, level))
	search = strings.ToLower(strings.TrimSpace(search))
	out := make([]LogLine, 0, len(lines))
	for _, l := range lines {
		if rank(l.Level) >= least && (search == "" || strings.Contains(strings.ToLower(l.Text), search)) {
			out = append(out, l)
		}
	}
	return out
}

// FollowLog calls show with the last lines of a log file, at first and whenever there are more, until ctx ends. The file
// may be missing at first and may be replaced by a new one meanwhile.
func FollowLog(ctx context.Context, path string, show func([]LogLine)) {
	var f follower
	defer f.close()
	for {
		if f.read(path) {
			show(slices.Clone(f.lines))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(logPause):
		}
	}
}

type follower struct {
	file   *os.File
	info   fs.FileInfo
	offset int64
	rest   []byte
	lines  []LogLine
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// read takes in what was written since the last time, and reports whether that was anything.
func (f *follower) read(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			f.close()
		}
		return false
	}
	if f.file != nil && (!os.SameFile(info, f.info) || info.Size() < f.offset) {
		f.drain()
		f.close()
	}
	if f.file == nil {
		if f.file, err = os.Open(path); err != nil {
			f.file = nil
			return false
		}
		f.info, f.offset, f.rest = info, max(0, info.Size()-logTail), nil
		if f.offset > 0 {
			f.rest = nil
			f.skipLine()
		}
	}
	return f.drain()
}

// skipLine goes to the beginning of the next line, after starting in the middle of a file.
func (f *follower) skipLine() {
	buf := make([]byte, 4096)
	for {
		n, err := f.file.ReadAt(buf, f.offset)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			f.offset += int64(i) + 1
			return
		}
		f.offset += int64(n)
		if err != nil {
			return
		}
	}
}

func (f *follower) drain() bool {
	data, err := io.ReadAll(io.NewSectionReader(f.file, f.offset, logTail*4))
	if err != nil || len(data) == 0 {
		return false
	}
	f.offset += int64(len(data))
	f.rest = append(f.rest, data...)
	more := false
	for {
		line, rest, ok := bytes.Cut(f.rest, []byte("\n"))
		if !ok {
			break
		}
		f.rest = rest
		if len(bytes.TrimSpace(line)) > 0 {
			f.lines, more = append(f.lines, ParseLogLine(string(line))), true
		}
	}
	if extra := len(f.lines) - logKept; extra > 0 {
		f.lines = slices.Delete(f.lines, 0, extra)
	}
	return more
}
