package view

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dmgateway/app/words"
)

// Count writes a number with its thousands apart: 1,234,567, in German 1.234.567.
func Count(n int64) string { return words.Number(n) }

// Size writes a number of bytes in decimal units with three digits: 999 B, 1.23 MB, 45.6 GB.
func Size(n int64) string {
	if n < 0 {
		return "–"
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	v := float64(n) / 1000
	u := 0
	for v >= 999.5 && u < len(units)-1 {
		v /= 1000
		u++
	}
	return threeDigits(v) + " " + units[u]
}

// Rate writes rows a second and bytes a second; a part that is zero is left out.
func Rate(rows, bytes float64) string {
	var parts []string
	if rows > 0 {
		parts = append(parts, words.T("%s rows/s", roundCount(rows)))
	}
	if bytes > 0 {
		parts = append(parts, Size(int64(bytes))+"/s")
	}
	return strings.Join(parts, " · ")
}

// roundCount keeps three digits of a rate: the rest changes every second and says nothing.
func roundCount(v float64) string {
	if v < 10 {
		return words.Decimals(v, 1)
	}
	scale := math.Pow(10, math.Max(0, math.Floor(math.Log10(v))-2))
	return Count(int64(math.Round(v/scale) * scale))
}

func threeDigits(v float64) string {
	switch {
	case v < 9.995:
		return words.Decimals(v, 2)
	case v < 99.95:
		return words.Decimals(v, 1)
	default:
		return words.Decimals(v, 0)
	}
}

// Duration writes a time span with its two largest units: 0.4 s, 12 s, 1 min 12 s, 2 h 5 min, 3 d 4 h.
func Duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 10*time.Second:
		return tenths(max(d.Seconds(), 0.1)) + " s"
	case d < time.Minute-500*time.Millisecond:
		return fmt.Sprintf("%d s", int(d.Round(time.Second)/time.Second))
	case d < time.Hour-500*time.Millisecond:
		s := int(d.Round(time.Second) / time.Second)
		return twoUnits(s/60, "min", s%60, "s")
	case d < 24*time.Hour-30*time.Second:
		m := int(d.Round(time.Minute) / time.Minute)
		return twoUnits(m/60, "h", m%60, "min")
	default:
		h := int(d.Round(time.Hour) / time.Hour)
		return twoUnits(h/24, words.T("d"), h%24, "h")
	}
}

// tenths writes whole numbers without a decimal.
func tenths(v float64) string {
	if r := math.Round(v*10) / 10; r == math.Trunc(r) {
		return words.Decimals(r, 0)
	}
	return words.Decimals(v, 1)
}

func twoUnits(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

// Left writes the time left, roughly enough not to jump every second; "" where it is unknown.
func Left(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	switch {
	case d < 5*time.Second:
		d = 5 * time.Second
	case d < time.Minute:
		d = (d + 4*time.Second).Truncate(5 * time.Second)
	case d < 10*time.Minute:
		d = d.Round(15 * time.Second)
	default:
		d = d.Round(time.Minute)
	}
	return words.T("about %s left", Duration(d))
}

// Moment writes an instant as short as it can be told from now: 11:04, yesterday 11:04, 21 Nov 11:04, 21 Nov 2025.
// The zero time is "".
func Moment(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(now.Location())
	day := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
	}
	switch {
	case day(t).Equal(day(now)):
		return t.Format("15:04")
	case day(t).Equal(day(now.AddDate(0, 0, -1))):
		return words.T("yesterday %s", t.Format("15:04"))
	case t.Year() == now.Year():
		return words.Day(t) + " " + t.Format("15:04")
	default:
		return words.DayOfYear(t)
	}
}

// Sentence gives a text a capital at its start and a full stop at its end, where it lacks them. A name at the start, such
// as that of a host or a file, stays as it is.
func Sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if first, _, _ := strings.Cut(s, " "); strings.ToLower(first) == first && !strings.ContainsAny(first, "0123456789./\\_@") {
		r, size := utf8.DecodeRuneInString(s)
		s = string(unicode.ToUpper(r)) + s[size:]
	}
	if !strings.ContainsAny(s[len(s)-1:], ".!?:") {
		s += "."
	}
	return s
}

// Shorten cuts a text to at most n characters, with an ellipsis where something was cut.
func Shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}
