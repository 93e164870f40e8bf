package batch

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"dmgateway/engine/fault"
)

// layout is a compiled .NET date and time format string.
type layout struct {
	format string
	tokens []token
	noon   bool // has h: 12-hour clock
	dated  bool // has the day of the month, beside which months may have another form
	names  *culture
}

// token is one piece: a letter repeated n times, or a literal.
type token struct {
	letter  byte // 0 = literal
	n       int
	literal string
}

func compileLayout(format string, c *culture) (*layout, error) {
	l := &layout{format: format, names: c}
	pattern := format
	if len(format) == 1 {
		if pattern = c.standard(format[0]); pattern == "" {
			return nil, fault.New(fault.BadInput, "the date format %q is no .NET standard format", format).Try("Use d, D, f, F, g, G, m, o, r, s, t, T, u, y or a custom format such as yyyy-MM-dd.")
		}
	}
	for i := 0; i < len(pattern); {
		n, err := l.next(pattern[i:])
		if err != nil {
			return nil, fault.New(fault.BadInput, "the date format %q cannot be read", format).Because(err).Try("Correct the format, such as yyyy-MM-dd HH:mm:ss; letters that stand for themselves go in quotes.")
		}
		i += n
	}
	return l, nil
}

// next compiles the first piece of a pattern and says how long it is.
func (l *layout) next(p string) (int, error) {
	ch := p[0]
	switch {
	case ch == '\'' || ch == '"':
		return l.quoted(p, ch)
	case ch == '\\':
		if len(p) < 2 {
			return 0, fmt.Errorf("nothing follows the last backslash")
		}
		l.text(p[1:2])
		return 2, nil
	case ch == '%':
		if len(p) < 2 || p[1] == '%' {
			return 0, fmt.Errorf("%% stands before one format letter")
		}
		return 1, nil
	case strings.IndexByte("dfFghHKmMstyz", ch) >= 0:
		n := 1
		for n < len(p) && p[n] == ch {
			n++
		}
		if (ch == 'f' || ch == 'F') && n > 7 || ch == 'K' && n > 1 {
			return 0, fmt.Errorf("%s is too long", p[:n])
		}
		l.noon = l.noon || ch == 'h'
		l.dated = l.dated || ch == 'd' && n <= 2
		l.tokens = append(l.tokens, token{letter: ch, n: n})
		return n, nil
	}
	l.text(p[:1]) // as in .NET, everything else is itself
	return 1, nil
}

func (l *layout) quoted(p string, q byte) (int, error) {
	end := strings.IndexByte(p[1:], q)
	if end < 0 {
		return 0, fmt.Errorf("a %c is not closed", q)
	}
	l.text(p[1 : 1+end])
	return end + 2, nil
}

func (l *layout) text(s string) {
	if s == "" {
		return
	}
	if n := len(l.tokens); n > 0 && l.tokens[n-1].letter == 0 {
		l.tokens[n-1].literal += s
		return
	}
	l.tokens = append(l.tokens, token{literal: s})
}

// append writes a Date, Timestamp or TimestampTZ.
func (l *layout) append(dst []byte, c *Column, row int) []byte {
	m := momentOf(c, row)
	for _, t := range l.tokens {
		if t.letter == 0 {
			dst = append(dst, t.literal...)
			continue
		}
		dst = l.appendToken(dst, &m, t)
	}
	return dst
}

// longMonths are the names of MMMM.
func (l *layout) longMonths() []string {
	if l.dated {
		return l.names.months
	}
	return l.names.alone
}

// momentOf takes a value apart as the clock on the wall of its zone showed it.
func momentOf(c *Column, row int) (m moment) {
	var day, rest int64
	u := c.Type.Unit
	switch c.Type.Kind {
	case Date:
		day = c.Ints[row]
	case TimestampTZ:
		m.zoned, m.zone = true, int(c.Zone(row))
		day, rest = splitDay(c.Ints[row], u)
		rest += int64(m.zone) * 60 * u.PerSecond()
		if perDay := 86400 * u.PerSecond(); rest < 0 {
			day, rest = day-1, rest+perDay
		} else if rest >= perDay {
			day, rest = day+1, rest-perDay
		}
	default:
		day, rest = splitDay(c.Ints[row], u)
	}
	m.year, m.month, m.day = Civil(day)
	sec, frac := splitSecond(rest, u)
	m.hour, m.minute, m.sec = int(sec/3600), int(sec/60%60), int(sec%60)
	m.nano = int(frac * (1_000_000_000 / u.PerSecond()))
	return m
}

func (l *layout) appendToken(dst []byte, m *moment, t token) []byte {
	num := func(v int) []byte { return appendPadded2(dst, v, t.n) }
	switch t.letter {
	case 'd':
		switch {
		case t.n == 3:
			return append(dst, l.names.shortDays[m.weekday()]...)
		case t.n > 3:
			return append(dst, l.names.days[m.weekday()]...)
		}
		return num(m.day)
	case 'M':
		switch {
		case t.n == 3:
			return append(dst, l.names.shortMonths[m.month-1]...)
		case t.n > 3:
			return append(dst, l.longMonths()[m.month-1]...)
		}
		return num(m.month)
	case 'y':
		if t.n <= 2 {
			return num(m.year % 100)
		}
		return appendPadded2(dst, m.year, t.n)
	case 'h':
		return num((m.hour+11)%12 + 1)
	case 'H':
		return num(m.hour)
	case 'm':
		return num(m.minute)
	case 's':
		return num(m.sec)
	case 'f', 'F':
		return m.appendFraction(dst, t)
	case 't':
		half := l.names.halves[m.hour/12]
		if t.n == 1 {
			_, n := utf8.DecodeRuneInString(half)
			half = half[:n]
		}
		return append(dst, half...)
	case 'g':
		return append(dst, "A.D."...)
	case 'z', 'K':
		return m.appendZoneToken(dst, t)
	}
	return dst
}

func (m *moment) weekday() time.Weekday {
	return time.Weekday(((m.days()+4)%7 + 7) % 7)
}

// appendPadded2 pads to at least n digits, and to more where the number needs them.
func appendPadded2(dst []byte, v, n int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	width := 1
	for w := v; w >= 10; w /= 10 {
		width++
	}
	return appendPadded(dst, uint64(v), max(n, width))
}

// appendFraction writes f (n digits) or F (up to n, nothing when zero, and the point before it goes too).
func (m *moment) appendFraction(dst []byte, t token) []byte {
	v := uint64(m.nano) / pow10[9-t.n]
	if t.letter == 'f' {
		return appendPadded(dst, v, t.n)
	}
	if v == 0 {
		if n := len(dst); n > 0 && dst[n-1] == '.' {
			dst = dst[:n-1]
		}
		return dst
	}
	return appendFraction(dst, int64(v), t.n)
}

func (m *moment) appendZoneToken(dst []byte, t token) []byte {
	if t.letter == 'K' {
		if !m.zoned {
			return dst
		}
		if m.zone == 0 {
			return append(dst, "+00:00"...)
		}
	}
	if t.letter == 'z' && t.n < 3 {
		sign, h := byte('+'), m.zone/60
		if m.zone < 0 {
			sign, h = '-', -h
		}
		return appendPadded2(append(dst, sign), h, t.n)
	}
	return appendZone(dst, m.zone, true)
}
