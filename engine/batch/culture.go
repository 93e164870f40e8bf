package batch

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/fault"
)

//go:generate sh -c "node culture_table.mjs > culture_table.go"

// culture is what of a .NET culture matters here. The names are those of Unicode CLDR, which .NET has used on every system
// since version 5; older versions on Windows had some others of their own.
type culture struct {
	months, alone, shortMonths []string // beside a day, on their own, short
	days, shortDays            []string // from Sunday
	halves                     [2]string
	decimal, group             string
	patterns                   map[byte]string // .NET's standard formats that differ between cultures
	plain                      bool            // numbers look as ParseText wants them
}

var (
	englishMonths = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	englishDays   = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)

func inEnglish(patterns map[byte]string, plain bool) *culture {
	c := &culture{
		months: englishMonths, alone: englishMonths, days: englishDays, halves: [2]string{"AM", "PM"},
		decimal: ".", group: ",", patterns: patterns, plain: plain,
	}
	for _, m := range englishMonths {
		c.shortMonths = append(c.shortMonths, m[:3])
	}
	for _, d := range englishDays {
		c.shortDays = append(c.shortDays, d[:3])
	}
	return c
}

var (
	invariantPatterns = map[byte]string{
		'd': "MM/dd/yyyy", 'D': "dddd, dd MMMM yyyy", 't': "HH:mm", 'T': "HH:mm:ss", 'm': "MMMM dd", 'y': "yyyy MMMM",
	}
	englishPatterns = map[byte]string{
		'd': "M/d/yyyy", 'D': "dddd, MMMM d, yyyy", 't': "h:mm tt", 'T': "h:mm:ss tt", 'm': "MMMM d", 'y': "MMMM yyyy",
	}
)

// findCulture finds a culture by its .NET name, whatever the case; a language alone means its usual country.
func findCulture(name string) (*culture, error) {
	key := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	switch key {
	case "":
		return inEnglish(englishPatterns, true), nil
	case "invariant", "iv", "invariantculture":
		return inEnglish(invariantPatterns, true), nil
	case "en-us", "en":
		return inEnglish(englishPatterns, false), nil
	}
	if usual, ok := usualCountry[key]; ok {
		key = usual
	}
	row, ok := cultureTable[key]
	if !ok {
		if row, ok = cultureTable[key+"-"+key]; !ok {
			return nil, fault.New(fault.Unsupported, "the culture %q is not supported", name).Try("Known: en-us, invariant, %s.", strings.Join(cultureNames(), ", "))
		}
	}
	c := &culture{
		months: strings.Split(row[0], "|"), shortMonths: strings.Split(row[2], "|"), days: strings.Split(row[3], "|"),
		shortDays: strings.Split(row[4], "|"), halves: [2]string(strings.Split(row[5], "|")), decimal: row[6], group: row[7],
		patterns: make(map[byte]string, 6),
	}
	c.alone = c.months
	if row[1] != "" {
		c.alone = strings.Split(row[1], "|")
	}
	for i, p := range strings.Split(row[8], "|") {
		c.patterns["dDtTmy"[i]] = p
	}
	return c, nil
}

// usualCountry is .NET's country of a language, where it is not named like the language.
var usualCountry = map[string]string{
	"bn": "bn-bd", "ca": "ca-es", "cs": "cs-cz", "da": "da-dk", "el": "el-gr", "et": "et-ee", "he": "he-il", "hi": "hi-in", "ja": "ja-jp",
	"ko": "ko-kr", "ms": "ms-my", "nb": "nb-no", "no": "nb-no", "pt": "pt-br", "sl": "sl-si", "sr": "sr-latn-rs", "sv": "sv-se", "uk": "uk-ua",
	"vi": "vi-vn", "zh": "zh-cn",
}

func cultureNames() []string {
	var names []string
	for name := range cultureTable {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// number makes a parser of plain numbers take those of the culture.
func (c *culture) number(parse parseFunc) parseFunc {
	if c.plain {
		return parse
	}
	return func(col *Column, text []byte) problem {
		var buf [64]byte
		plain, ok := c.plainNumber(buf[:0], text)
		if !ok {
			return malformed
		}
		return parse(col, plain)
	}
}

// plainNumber appends a number as it is written without a culture. Groups must have three digits, or two in front of
// the last three as in India, so that a point that was meant as another sign is an error and not another number.
func (c *culture) plainNumber(dst, text []byte) ([]byte, bool) {
	text = trimSpace(text)
	if minus := []byte("\u2212"); bytes.HasPrefix(text, minus) {
		dst, text = append(dst, '-'), text[len(minus):]
	}
	digits, groups := 0, false // digits since the beginning or the last separator
	for len(text) > 0 {
		ch := text[0]
		switch n := c.separator(text); {
		case isDigit(ch):
			digits++
		case bytes.HasPrefix(text, []byte(c.decimal)):
			if groups && digits != 3 {
				return dst, false
			}
			rest := text[len(c.decimal):]
			if bytes.IndexByte(rest, '.') >= 0 {
				return dst, false
			}
			return append(append(dst, '.'), rest...), true
		case n > 0:
			if digits == 0 || digits > 3 || groups && digits < 2 {
				return dst, false
			}
			groups, digits, text = true, 0, text[n:]
			continue
		case ch == '.':
			return dst, false
		case ch|0x20 == 'e' && digits > 0 && !groups:
			return append(dst, text...), true
		}
		dst, text = append(dst, ch), text[1:]
	}
	return dst, !groups || digits == 3
}

// separator is the length of the group separator that text begins with, 0 for none. The spaces of CLDR stand for each
// other, and so do the apostrophes.
func (c *culture) separator(text []byte) int {
	if c.group == "" {
		return 0
	}
	r, n := utf8.DecodeRune(text)
	switch first, _ := utf8.DecodeRuneInString(c.group); first {
	case ' ', '\u00a0', '\u202f':
		if r == ' ' || r == '\u00a0' || r == '\u202f' {
			return n
		}
	case '\'', '\u2019':
		if r == '\'' || r == '\u2019' {
			return n
		}
	case r:
		return n
	}
	return 0
}

// appendNumber is AppendText for numbers with a fraction, with the culture's decimal separator and without groups.
func (c *culture) appendNumber(dst []byte, col *Column, row int) []byte {
	start := len(dst)
	dst = AppendText(dst, col, row)
	if at := bytes.IndexByte(dst[start:], '.'); at >= 0 && c.decimal != "." {
		at += start
		tail := len(dst) - at - 1
		dst = append(dst, c.decimal[1:]...) // makes room; one byte is there already
		copy(dst[at+len(c.decimal):], dst[at+1:at+1+tail])
		copy(dst[at:], c.decimal)
	}
	return dst
}

// skipFold skips a name, whatever the case.
func skipFold(text []byte, name string) ([]byte, bool) {
	if name == "" {
		return text, false
	}
	end := 0
	for range utf8.RuneCountInString(name) {
		if end >= len(text) {
			return text, false
		}
		_, n := utf8.DecodeRune(text[end:])
		end += n
	}
	if !strings.EqualFold(viewString(text[:end]), name) {
		return text, false
	}
	return text[end:], true
}

// readName finds the longest of the names that text begins with; short ones may be without the point at their end.
func readName(text []byte, names []string) (at int, rest []byte, ok bool) {
	best := -1
	for i, name := range names {
		for _, n := range []string{name, strings.TrimSuffix(name, "."), septemberShort(name)} {
			if after, found := skipFold(text, n); found && (best < 0 || len(after) < len(rest)) {
				best, rest = i, after
			}
		}
	}
	if best < 0 {
		return 0, text, false
	}
	return best, rest, true
}

// septemberShort is the three letters that most people write where CLDR has Sept.
func septemberShort(name string) string {
	if name == "Sept" || name == "Sept." {
		return name[:3]
	}
	return ""
}
