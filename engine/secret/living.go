package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// How long a secret has to be, in bytes, for its text to be looked for: shorter ones are parts of ordinary words. Below
// wholeWord it is masked only where it stands alone.
const (
	shortest  = 4
	wholeWord = 8
)

// living are the secrets that this process holds at present. Like a registry of stores it is one for the whole process,
// because a line of the log does not know which job's password a driver has put into it.
var living = registry{counts: map[string]int{}}

type registry struct {
	mu     sync.Mutex
	counts map[string]int // how many Strings hold a text
	masks  *masks         // of counts; nil after a change
}

// masks are what is looked for in a text.
type masks struct {
	anywhere *strings.Replacer // nil where there is none
	alone    []string
}

// remember knows a text until nothing reaches its String any more.
func remember(text *string) {
	if len(*text) < shortest {
		return
	}
	living.add(*text, 1)
	runtime.AddCleanup(text, func(text string) { living.add(text, -1) }, *text)
}

func (r *registry) add(text string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.counts[text]
	r.counts[text] = before + n
	if before+n <= 0 {
		delete(r.counts, text)
	}
	if before == 0 || before+n <= 0 {
		r.masks = nil
	}
}

func (r *registry) present() *masks {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.masks == nil {
		r.masks = masksOf(slices.Collect(maps.Keys(r.counts)))
	}
	return r.masks
}

func masksOf(texts []string) *masks {
	m := &masks{}
	forms := map[string]bool{}
	for _, text := range texts {
		for _, form := range formsOf(text) {
			if len(form) >= wholeWord {
				forms[form] = true
			} else if len(form) >= shortest {
				m.alone = append(m.alone, form)
			}
		}
	}
	// The longest first: a secret that begins another must not leave that one's end.
	list := slices.SortedFunc(maps.Keys(forms), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	if len(list) == 0 {
		return m
	}
	pairs := make([]string, 0, 2*len(list))
	for _, form := range list {
		pairs = append(pairs, form, stars)
	}
	m.anywhere = strings.NewReplacer(pairs...)
	return m
}

// formsOf are the ways in which a text is written into another: as it is, escaped in JSON and URLs, in base64.
func formsOf(text string) []string {
	forms := []string{text, url.QueryEscape(text), url.PathEscape(text)}
	for _, html := range []bool{true, false} {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if enc.Encode(text) == nil {
			quoted := strings.TrimSuffix(b.String(), "\n")
			forms = append(forms, quoted[1:len(quoted)-1])
		}
	}
	if len(text) >= wholeWord {
		std := base64.StdEncoding.EncodeToString([]byte(text))
		forms = append(forms, std, strings.TrimRight(std, "="), base64.RawURLEncoding.EncodeToString([]byte(text)))
	}
	// A key of several lines may be quoted line by line.
	if strings.Contains(text, "\n") {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
				forms = append(forms, line)
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Mask puts stars in place of every secret that this process holds: those of four bytes and more, also where they are
// escaped or encoded. Those below eight bytes have to stand alone, so that a password like "test" leaves "latest" alone.
func Mask(text string) string {
	if len(text) < shortest {
		return text
	}
	m := living.present()
	if m.anywhere != nil {
		text = m.anywhere.Replace(text)
	}
	for _, word := range m.alone {
		text = maskAlone(text, word)
	}
	return text
}

func maskAlone(text, word string) string {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return text
		}
		i += from
		end := i + len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if inWord(before) || inWord(after) {
			from = i + 1
			continue
		}
		text = text[:i] + stars + text[end:]
		from = i + len(stars)
	}
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
