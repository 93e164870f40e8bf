// Package words has what the program says to a person in the person's language. The English text is its own key: code
// says words.T("Connect at start"), and a language is a file that maps English texts to its own. A test finds texts that
// a language lacks, and those that nobody says any more.
package words

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"dmgateway/assets"
)

// Language is one that the program speaks.
type Language struct {
	Tag  string // "en", "de"
	Name string // in itself: "Deutsch"
}

// Languages are all, English first.
func Languages() []Language { return []Language{{"en", "English"}, {"de", "Deutsch"}} }

// table is a language's texts by the English ones; nil is English.
type table map[string]string

// present is the language in use: one for the whole program, because a person has one.
var present atomic.Pointer[table]

// Use speaks a language from now on; texts that were asked for before stay as they are. tag may be a locale as systems
// write it, such as de_AT.UTF-8 or de-CH; what is not known is English.
func Use(tag string) {
	tag = strings.ToLower(tag)
	tag, _, _ = strings.Cut(tag, ".")
	tag, _, _ = strings.Cut(tag, "_")
	tag, _, _ = strings.Cut(tag, "-")
	if tag == "en" || !slices.ContainsFunc(Languages(), func(l Language) bool { return l.Tag == tag }) {
		present.Store(nil)
		return
	}
	t, err := load(tag)
	if err != nil {
		panic(err) // embedded and tested
	}
	present.Store(&t)
}

func load(tag string) (table, error) {
	var t table
	data, err := assets.Translation(tag)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	return t, err
}

// T gives a text in the language in use. args fill its verbs as in fmt.Sprintf; a translation may take them in another
// order, as %[2]s.
func T(english string, args ...any) string {
	text := english
	if t := present.Load(); t != nil {
		if own := (*t)[english]; own != "" {
			text = own
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N gives the text for one or for several, whose first verb takes the number: N(3, "%d row", "%d rows").
func N(n int64, one, several string) string {
	if n == 1 {
		return T(one, n)
	}
	return T(several, n)
}

// Of translates a text that the engine said, such as the help of a setting; one that no language knows stays English.
func Of(text string) string { return T(text) }
