package view

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// LogFilter says which lines are wanted. The zero LogFilter is everything of the gateway's log.
type LogFilter struct {
	Level  int    // index in LogLevels
	Part   int    // index in LogParts; 0 = all
	Run    string // the lines of one run, from its own file
	Search string // words that must all be in a line, key=value for an attribute; without regard to case
}

// matcher finds the lines with all the words of a search. It looks at the bytes of the file: parsing is for what is shown.
type matcher struct {
	words [][][]byte // of each word, the ways in which it can be written in the file
	wide  bool       // beyond ASCII
	lower []byte
}

func newMatcher(search string) *matcher {
	m := &matcher{}
	for _, word := range strings.Fields(strings.ToLower(search)) {
		m.wide = m.wide || !ascii(word)
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word)
		ways := [][]byte{[]byte(escaped)}
		if key, value, ok := strings.Cut(escaped, "="); ok && key != "" {
			ways = append(ways, []byte(`"`+key+`":"`+value), []byte(`"`+key+`":`+value))
		}
		m.words = append(m.words, ways)
	}
	return m
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// matches reports whether a line has all the words.
func (m *matcher) matches(line []byte) bool {
	if len(m.words) == 0 {
		return true
	}
	if m.wide {
		line = bytes.ToLower(line)
	} else {
		m.lower = append(m.lower[:0], line...)
		for i, c := range m.lower {
			if 'A' <= c && c <= 'Z' {
				m.lower[i] = c + 'a' - 'A'
			}
		}
		line = m.lower
	}
	head, rest := line, line
	if i := bytes.Index(line[:min(len(line), 120)], []byte(`,"msg":`)); i >= 0 {
		head, rest = line[:i], line[i+len(`,"msg":`):]
		head = bytes.TrimPrefix(head, []byte(`{"time":`))
	}
	for _, ways := range m.words {
		if !inAny(rest, ways) && !inHead(head, ways[0]) {
			return false
		}
	}
	return true
}

func inAny(line []byte, ways [][]byte) bool {
	for _, w := range ways {
		if bytes.Contains(line, w) {
			return true
		}
	}
	return false
}

// inHead looks at time and level, but not at what they are called.
func inHead(head, word []byte) bool {
	stamp, level, _ := bytes.Cut(head, []byte(`,"level":`))
	return bytes.Contains(stamp, word) || bytes.Contains(level, word)
}

// markOf is what can be filtered without reading a line again: its level in the low bits, its part above.
func markOf(line []byte) uint8 {
	level := uint8(1)
	if i := bytes.Index(line[:min(len(line), 80)], []byte(`"level":"`)); i >= 0 {
		switch rest := line[i+len(`"level":"`):]; {
		case bytes.HasPrefix(rest, []byte("DEBUG")):
			level = 0
		case bytes.HasPrefix(rest, []byte("WARN")):
			level = 2
		case bytes.HasPrefix(rest, []byte("ERROR")):
			level = 3
		}
	}
	event := 0
	if i := bytes.Index(line, []byte(`"event":`)); i >= 0 {
		for _, c := range line[i+len(`"event":`):] {
			if c < '0' || c > '9' || event > 9999 {
				break
			}
			event = event*10 + int(c-'0')
		}
	}
	return level | partOf(event)<<2
}

func (f LogFilter) takes(mark uint8) bool {
	return int(mark&3) >= f.Level && (f.Part == 0 || int(mark>>2) == f.Part)
}
