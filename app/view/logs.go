package view

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// LogLine is one line of the engine's log.
type LogLine struct {
	Time  time.Time
	Level string // DEBUG, INFO, WARN or ERROR
	// Text is the message with its attributes behind it, on one line.
	Text string
	Raw  string // as it stands in the file
}

// ParseLogLine reads a line that log/slog wrote as JSON; any other line is its own text.
func ParseLogLine(line string) LogLine {
	l := engine.ParseLogLine([]byte(line))
	return LogLine{Time: l.Time, Level: l.Level.String(), Text: l.Text(), Raw: string(l.Raw)}
}

// LogTone is the tone of a log line's level.
func LogTone(level string) Tone {
	switch rank(level) {
	case 2:
		return Warning
	case 3:
		return Bad
	}
	return Off
}

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

// LogLevels are what a person can choose from, each for itself and what is worse.
func LogLevels() []string {
	return []string{words.T("Everything"), words.T("Information"), words.T("Warnings"), words.T("Errors")}
}

// LogParts are the parts of the program whose lines can be chosen, after "all parts".
func LogParts() []string {
	return []string{
		words.T("All parts"), words.T("Program"), words.T("Logs"), words.T("Registration"), words.T("Certificates"), words.T("Credentials endpoint"),
		words.T("Network"), words.T("Updates"), words.T("Jobs"), words.T("Queue"), words.T("Built-in factory"),
	}
}

// partOf is the place in LogParts of what logged an event; 0 is none of them.
func partOf(event int) uint8 {
	switch {
	case event <= 0:
		return 0
	case event < 25, event >= 200 && event < 400:
		return 1
	case event < 30:
		return 2
	case event < 40:
		return 3
	case event < 50:
		return 4
	case event < 60:
		return 5
	case event < 80:
		return 6
	case event < 100:
		return 7
	case event < 200:
		return 8
	case event < 500:
		return 9
	}
	return 10
}

// LogDetail is everything about one line.
type LogDetail struct {
	Title  string // the message
	Tone   Tone
	Fields []Field
	// Help is what the line's event means, Do what to do then, "" where it has none.
	Help, Do string
	Raw      string
}

// DetailOfLine takes a line apart.
func DetailOfLine(line LogLine, where *time.Location) LogDetail {
	l := engine.ParseLogLine([]byte(line.Raw))
	d := LogDetail{Title: cmp.Or(strings.TrimSpace(l.Message), line.Text), Tone: LogTone(l.Level.String()), Raw: line.Raw}
	if !l.Time.IsZero() {
		d.Fields = append(d.Fields, Field{words.T("Time"), l.Time.In(where).Format("2006-01-02 15:04:05.000 -07:00")})
	}
	d.Fields = append(d.Fields, Field{words.T("Level"), l.Level.String()})
	if l.Event != 0 {
		number := strconv.Itoa(int(l.Event))
		name := number
		if topic, ok := engine.Help(number); ok {
			name = number + " " + topic.Title
			d.Help, d.Do = topic.Text, topic.Do
		}
		d.Fields = append(d.Fields, Field{words.T("Event"), name})
	}
	for _, a := range l.Attrs {
		d.Fields = append(d.Fields, Field{a.Key, a.Value})
	}
	return d
}
