package activity

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// roundTrip is .NET's standard format "o", in which Data Factory writes instants.
const roundTrip = "yyyy-MM-ddTHH:mm:ss.fffffffK"

// standardFormats are .NET's one-letter formats in English (United States).
var standardFormats = map[string]string{
	"o": roundTrip, "O": roundTrip,
	"s": "yyyy-MM-ddTHH:mm:ss", "u": "yyyy-MM-dd HH:mm:ssZ",
	"d": "M/d/yyyy", "D": "dddd, MMMM d, yyyy",
	"f": "dddd, MMMM d, yyyy h:mm tt", "F": "dddd, MMMM d, yyyy h:mm:ss tt", "U": "dddd, MMMM d, yyyy h:mm:ss tt",
	"g": "M/d/yyyy h:mm tt", "G": "M/d/yyyy h:mm:ss tt",
	"t": "h:mm tt", "T": "h:mm:ss tt",
	"m": "MMMM d", "M": "MMMM d", "y": "MMMM yyyy", "Y": "MMMM yyyy",
	"r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
}

// formatDate writes an instant with a .NET format, standard or custom, in English and UTC.
func formatDate(t time.Time, format string) (string, error) {
	t = t.UTC()
	if format == "" {
		format = "G"
	}
	if len(format) == 1 {
		std, ok := standardFormats[format]
		if !ok {
			return "", fmt.Errorf("%q is no date format", format)
		}
		format = std
	}
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		switch c {
		case '\'', '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				return "", fmt.Errorf("the date format %q has an open quote", format)
			}
			b.WriteString(format[i+1 : i+1+end])
			n = end + 2
		case '\\':
			if i+1 >= len(format) {
				return "", fmt.Errorf("the date format %q ends with a backslash", format)
			}
			b.WriteByte(format[i+1])
			n = 2
		case '%':
			n = 1
		default:
			s, ok := datePart(t, c, n)
			if !ok {
				s = strings.Repeat(string(c), n)
				if c >= 0x80 { // the bytes of a character that is no ASCII
					s = format[i : i+n]
				}
			}
			b.WriteString(s)
		}
		i += n
	}
	return b.String(), nil
}

// datePart writes n times the letter c.
func datePart(t time.Time, c byte, n int) (string, bool) {
	switch c {
	case 'd':
		return [...]string{strconv.Itoa(t.Day()), pad(t.Day(), 2), t.Weekday().String()[:3], t.Weekday().String()}[min(n, 4)-1], true
	case 'M':
		return [...]string{strconv.Itoa(int(t.Month())), pad(int(t.Month()), 2), t.Month().String()[:3], t.Month().String()}[min(n, 4)-1], true
	case 'y':
		if n <= 2 {
			return pad(t.Year()%100, n), true
		}
		return pad(t.Year(), n), true
	case 'H':
		return pad(t.Hour(), min(n, 2)), true
	case 'h':
		return pad((t.Hour()+11)%12+1, min(n, 2)), true
	case 'm':
		return pad(t.Minute(), min(n, 2)), true
	case 's':
		return pad(t.Second(), min(n, 2)), true
	case 'f', 'F':
		if n > 7 {
			return "", false
		}
		digits := pad(t.Nanosecond()/100, 7)[:n]
		if c == 'F' {
			digits = strings.TrimRight(digits, "0")
		}
		return digits, true
	case 't':
		return map[bool]string{true: "AM", false: "PM"}[t.Hour() < 12][:min(n, 2)], true
	case 'z':
		return [...]string{"+0", "+00", "+00:00"}[min(n, 3)-1], true
	case 'K':
		return strings.Repeat("Z", n), true
	}
	return "", false
}

func pad(v, width int) string {
	s := strconv.Itoa(v)
	if len(s) < width {
		s = strings.Repeat("0", width-len(s)) + s
	}
	return s
}

// parseDate reads an instant as Data Factory's functions take them; without zone it is UTC.
func parseDate(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", time.DateOnly, "1/2/2006", "1/2/2006 15:04:05", "1/2/2006 3:04:05 PM", "20060102",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date and time such as 2026-01-31T00:00:00Z", s)
}
