package words

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	english    string
	match      *regexp.Regexp // nil until it is needed: most never are
	own        []string       // the translation's parts between the values
	order      []int          // which value stands after each part but the last
	fixed      int            // how many characters do not vary
}

// mostKnown is how many translated sentences are kept: the window asks for the same few again and again.
const mostKnown = 500

var placeholder = regexp.MustCompile(`%(?:\[(\d)\])?s`)

// enginePart are the files of a language with the engine's sentences: the gateway's own, those of a copy and of what it
// goes through, stores and formats, and those of the network check.
var enginePart = []string{".engine", ".copy", ".network"}

// systemPart is the file with what Go and operating systems say, which stands behind the engine's own words as the cause.
const systemPart = ".system"

// loadSpoken reads a language's sentences of the engine.
func loadSpoken(tag string) (*spoken, error) {
	s := &spoken{exact: map[string]string{}, known: map[string]string{}}
	for _, part := range append([]string{systemPart}, enginePart...) {
		t, err := load(tag + part)
		if err != nil {
			return nil, err
		}
		for english, own := range t {
			if strings.Contains(english, "%s") {
				s.patterns = append(s.patterns, newPattern(english, own))
			} else {
				s.exact[english] = own
			}
		}
	}
	slices.SortFunc(s.patterns, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.fixed, a.fixed), strings.Compare(a.english, b.english))
	})
	return s, nil
}

func newPattern(english, own string) pattern {
	parts := strings.Split(english, "%s")
	p := pattern{english: english, start: parts[0], end: parts[len(parts)-1], fixed: len(english) - 2*(len(parts)-1)}
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

// values gives those of a text that is the sentence, nil for any other text.
func (p *pattern) values(text string) []string {
	if !strings.HasPrefix(text, p.start) || !strings.HasSuffix(text, p.end) {
		return nil
	}
	if p.match == nil {
		parts := strings.Split(p.english, "%s")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		p.match = regexp.MustCompile("(?s)^" + strings.Join(parts, "(.+?)") + "$")
	}
	if found := p.match.FindStringSubmatch(text); found != nil {
		return found[1:]
	}
	return nil
}

// say gives a sentence in the language, whole or in parts; "" where nothing of it is known.
func (s *spoken) say(text string, depth int) string {
	if own := s.whole(text, depth); own != "" {
		return own
	}
	return s.inParts(text, depth)
}

// whole gives a sentence that is known as it stands; where it has values, those are looked up too.
func (s *spoken) whole(text string, depth int) string {
	if own := s.exact[text]; own != "" {
		return own
	}
	for n := range s.patterns {
		p := &s.patterns[n]
		values := p.values(text)
		if values == nil {
			continue
		}
		var b strings.Builder
		for i, part := range p.own {
			b.WriteString(part)
			if i < len(p.order) && p.order[i] < len(values) {
				b.WriteString(s.saidWithin(values[p.order[i]], depth))
			}
		}
		return b.String()
	}
	return ""
}

// mostParts is how many places in a sentence are tried as the one between what failed and why.
const mostParts = 6

// inParts gives a sentence that says what failed and why, of which one may be known without the other.
func (s *spoken) inParts(text string, depth int) string {
	if depth > 3 {
		return ""
	}
	var ends []int
	for from := 0; len(ends) < mostParts; {
		at := strings.Index(text[from:], ": ")
		if at < 0 {
			break
		}
		ends = append(ends, from+at)
		from += at + 2
	}
	for _, at := range ends {
		if what := s.whole(text[:at], depth+1); what != "" {
			return what + ": " + s.saidWithin(text[at+2:], depth)
		}
	}
	for _, at := range ends {
		if strings.Contains(text[:at], " ") { // a sentence in one language; a name has none
			break
		}
		if why := s.whole(text[at+2:], depth+1); why != "" {
			return text[:at+2] + why
		}
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
