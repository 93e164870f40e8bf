package words

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"dmgateway/assets"
)

// The engine says what it says in English: it goes into logs, to the factory and to the command line too. What a person
// reads of it in the window is translated here, sentence by sentence. A translation's key is the sentence with %s for each
// value of the moment. A sentence that no language knows stays English; a test finds keys that the engine no longer says.

// spoken are the engine's sentences in one language.
type spoken struct {
	exact    map[string]string
	patterns []pattern

	mu    sync.Mutex
	known map[string]string // what was asked for last
}

// pattern is a sentence with values.
type pattern struct {
	start, end string // what it begins and ends with, to leave most sentences out quickly
	match      *regexp.Regexp
	own        []string // the translation's parts between the values
	order      []int    // which value stands after each part but the last
	fixed      int      // how many characters do not vary
}

// mostKnown is how many translated sentences are kept: the window asks for the same few again and again.
const mostKnown = 500

var placeholder = regexp.MustCompile(`%(?:\[(\d)\])?s`)

// loadSpoken reads a language's sentences of the engine.
func loadSpoken(tag string) (*spoken, error) {
	data, err := assets.Translation(tag + ".engine")
	if err != nil {
		return nil, err
	}
	var t table
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, err
	}
	s := &spoken{exact: map[string]string{}, known: map[string]string{}}
	for english, own := range t {
		if strings.Contains(english, "%s") {
			s.patterns = append(s.patterns, newPattern(english, own))
		} else {
			s.exact[english] = own
		}
	}
	slices.SortFunc(s.patterns, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.fixed, a.fixed), strings.Compare(a.match.String(), b.match.String()))
	})
	return s, nil
}

func newPattern(english, own string) pattern {
	parts := strings.Split(english, "%s")
	p := pattern{start: parts[0], end: parts[len(parts)-1], fixed: len(english) - 2*(len(parts)-1)}
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	p.match = regexp.MustCompile("(?s)^" + strings.Join(parts, "(.+?)") + "$")
	rest, next := own, 0
	for at := placeholder.FindStringSubmatchIndex(rest); at != nil; at = placeholder.FindStringSubmatchIndex(rest) {
		value := next
		if at[2] >= 0 {
			value = int(rest[at[2]] - '1')
		}
		p.own, p.order = append(p.own, rest[:at[0]]), append(p.order, value)
		next, rest = value+1, rest[at[1]:]
	}
	p.own = append(p.own, rest)
	return p
}

// say gives a sentence in the language; where it has values, those are looked up too. "" where it is not known.
func (s *spoken) say(text string, depth int) string {
	if own := s.exact[text]; own != "" {
		return own
	}
	for _, p := range s.patterns {
		if !strings.HasPrefix(text, p.start) || !strings.HasSuffix(text, p.end) {
			continue
		}
		values := p.match.FindStringSubmatch(text)
		if values == nil {
			continue
		}
		var b strings.Builder
		for i, part := range p.own {
			b.WriteString(part)
			if i < len(p.order) && 1+p.order[i] < len(values) {
				b.WriteString(s.saidWithin(values[1+p.order[i]], depth))
			}
		}
		return b.String()
	}
	// What failed, and why: each may be known for itself.
	for at := strings.Index(text, ": "); at > 0; {
		if own := s.say(text[:at], depth+1); own != "" && depth < 4 {
			return own + ": " + s.saidWithin(text[at+2:], depth)
		}
		next := strings.Index(text[at+2:], ": ")
		if next < 0 || depth > 3 {
			break
		}
		at += 2 + next
	}
	return ""
}

// saidWithin is a part of a sentence in the language, or as it is.
func (s *spoken) saidWithin(text string, depth int) string {
	if depth < 4 {
		if own := s.say(text, depth+1); own != "" {
			return own
		}
	}
	return text
}

func (s *spoken) of(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own, ok := s.known[text]; ok {
		return own
	}
	own := s.say(text, 0)
	if own == "" {
		own = text
	}
	if len(s.known) >= mostKnown {
		clear(s.known)
	}
	s.known[text] = own
	return own
}

// Of translates a text that the engine said: a state's reason, a warning, an error, the help of a setting. One that the
// language does not know stays English.
func Of(text string) string {
	s := present.Load()
	if s == nil || text == "" {
		return text
	}
	if own := s.texts[text]; own != "" {
		return own
	}
	return s.engine.of(text)
}
