package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Line is one line of a log.
type Line struct {
	Time    time.Time  // zero where the line says none
	Level   slog.Level // Info where the line says none
	Event   Event      // 0 where it has none
	Message string
	Attrs   []Attr // the others, in their order
	Raw     []byte // without the line's end; valid until the next line is read
}

// Attr is one attribute, its value as text.
type Attr struct{ Key, Value string }

// ParseLine reads a line that log/slog wrote as JSON. Any other line, and what is left of one, is its own message.
func ParseLine(raw []byte) Line {
	raw = bytes.TrimRight(raw, "\r\n")
	l := Line{Raw: raw, Message: strings.ToValidUTF8(string(raw), "\ufffd")}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return l
	}
	parsed := Line{Raw: raw}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return l
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return l
		}
		parsed.set(key.(string), value)
	}
	if _, err := dec.Token(); err != nil {
		return l
	}
	return parsed
}

func (l *Line) set(key string, value json.RawMessage) {
	text := string(value)
	var s string
	if json.Unmarshal(value, &s) == nil {
		text = s
	}
	switch key {
	case slog.TimeKey:
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			l.Time = t
			return
		}
	case slog.LevelKey:
		if l.Level.UnmarshalText([]byte(text)) == nil {
			return
		}
	case slog.MessageKey:
		l.Message = text
		return
	case Key:
		if json.Unmarshal(value, &l.Event) == nil {
			return
		}
	}
	l.Attrs = append(l.Attrs, Attr{key, text})
}

// Text is the message with its attributes behind it, on one line.
func (l Line) Text() string {
	var b strings.Builder
	b.WriteString(OneLine(l.Message))
	for _, a := range l.Attrs {
		fmt.Fprintf(&b, "  %s=%s", OneLine(a.Key), OneLine(a.Value))
	}
	return b.String()
}

// OneLine replaces what would break a line or move a terminal's cursor by spaces.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
