// Package words has what the program says to a person in the person's language. The English text is its own key: code
// says words.T("Connect at start"), and a language is a file that maps English texts to its own. A test finds texts that
// a language lacks, and those that nobody says any more.
package words

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"dmgateway/assets"
)

// Language is one that the program speaks.
type Language struct {
	Tag  string // "en", "de"
	Name string // in itself: "Deutsch"
	// Thousands stands between groups of three digits, Decimal before the decimals.
	Thousands, Decimal string
	// Day writes a day of a month, first the number, then the month's name.
	Day string
	// Months are the names of months in a date, Short the same where there is little space.
	Months, Short [12]string
}

var languages = []Language{
	{
		Tag: "en", Name: "English", Thousands: ",", Decimal: ".", Day: "%d %s",
		Months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		Short:  [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	},
	{
		Tag: "de", Name: "Deutsch", Thousands: ".", Decimal: ",", Day: "%d. %s",
		Months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		Short:  [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
	},
}

// Languages are all, English first.
func Languages() []Language { return languages }

// table is a language's texts by the English ones; that of English is nil.
type table map[string]string

// speech is a language in use.
type speech struct {
	language *Language
	texts    table
	engine   *spoken
}

// present is the language in use: one for the whole program, because a person has one. nil is English.
var present atomic.Pointer[speech]

// system is the locale that [Use] takes for "system".
var system atomic.Pointer[string]

// SetSystem says which locale the operating system is set to, such as de_AT.UTF-8.
func SetSystem(locale string) { system.Store(&locale) }

// Use speaks a language from now on; texts that were asked for before stay as they are. tag may be a locale as systems
// write it, such as de_AT.UTF-8 or de-CH, and "system" or "" for that of the operating system; what is not known is
// English.
func Use(tag string) {
	if tag == "" || tag == "system" {
		if tag = ""; system.Load() != nil {
			tag = *system.Load()
		}
	}
	tag = strings.ToLower(tag)
	if i := strings.IndexAny(tag, "._-@"); i >= 0 {
		tag = tag[:i]
	}
	for i := range languages[1:] {
		l := &languages[1+i]
		if l.Tag != tag {
			continue
		}
		texts, err := load(tag)
		if err != nil {
			panic(err) // embedded and tested
		}
		sentences, err := loadSpoken(tag)
		if err != nil {
			panic(err) // embedded and tested
		}
		present.Store(&speech{l, texts, sentences})
		return
	}
	present.Store(nil)
}

// Current is the language in use.
func Current() Language {
	if s := present.Load(); s != nil {
		return *s.language
	}
	return languages[0]
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
	if s := present.Load(); s != nil {
		if own := s.texts[english]; own != "" {
			text = own
		}
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N gives the text for one or for several, whose first verb, %d, takes the number with its thousands apart, the next ones
// args: N(3, "%d row", "%d rows").
func N(n int64, one, several string, args ...any) string {
	args = append([]any{count(n)}, args...)
	if n == 1 {
		return T(one, args...)
	}
	return T(several, args...)
}

// count is a number that %d writes by [Number].
type count int64

// Format is fmt's.
func (c count) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Number(int64(c))) }

// Number writes a number with its thousands apart, as the language in use does: 1,234,567 or 1.234.567.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	between := Current().Thousands
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + between + s[i:]
	}
	return sign + s
}

// Decimals writes a number with so many decimals: 1.23 or 1,23.
func Decimals(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if d := Current().Decimal; d != "." {
		s = strings.Replace(s, ".", d, 1)
	}
	return s
}

// Date writes a day: 21 November 2026 or 21. November 2026.
func Date(t time.Time) string {
	l := Current()
	return fmt.Sprintf(l.Day+" %d", t.Day(), l.Months[t.Month()-1], t.Year())
}

// Day writes a day without its year, with a short name of the month: 21 Nov or 21. Nov.
func Day(t time.Time) string {
	l := Current()
	return fmt.Sprintf(l.Day, t.Day(), l.Short[t.Month()-1])
}

// DayOfYear is Day with the year: 21 Nov 2025 or 21. Nov. 2025.
func DayOfYear(t time.Time) string { return fmt.Sprintf("%s %d", Day(t), t.Year()) }
