package view

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"dmgateway/app/words"
)

// saying is a sentence of the engine, with %s where it has a value of the moment, and the same in the person's language.
type saying struct{ english, own string }

// said gives a sentence of the engine in the person's language; one that is in no list stays as it is.
func said(text string, sayings []saying) string {
	for _, s := range sayings {
		if values := pattern(s.english).FindStringSubmatch(text); values != nil {
			return filled(s.own, values[1:])
		}
	}
	return text
}

// patterns are the sentences with values that were looked for so far.
var patterns sync.Map

func pattern(english string) *regexp.Regexp {
	if p, ok := patterns.Load(english); ok {
		return p.(*regexp.Regexp)
	}
	p := regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(english), "%s", "(.*?)") + "$")
	patterns.Store(english, p)
	return p
}

func filled(text string, values []string) string {
	if len(values) == 0 {
		return text
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return fmt.Sprintf(text, args...)
}

// counted writes a count with its noun; both texts are in the person's language, many with %s for the count.
func counted(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, Count(n))
}

func rowsText(n int64) string { return counted(n, words.T("1 row"), words.T("%s rows")) }

func jobsText(n int64) string { return counted(n, words.T("1 job"), words.T("%s jobs")) }

func filesText(n int64) string { return counted(n, words.T("1 file"), words.T("%s files")) }
