package batch

import "unicode/utf8"

// parse reads text in the layout into a Date, Timestamp or TimestampTZ column.
func (l *layout) parse(c *Column, text []byte) problem {
	m := moment{year: 1, month: 1, day: 1}
	pm, twelve := false, false
	rest := trimSpace(text)
	for i, t := range l.tokens {
		var ok bool
		switch t.letter {
		case 0:
			rest, ok = skipLiteral(rest, t.literal, i+1 < len(l.tokens) && l.tokens[i+1].letter == 'F')
		case 't':
			rest, pm, ok = l.readHalf(rest, t.n)
			twelve = true
		default:
			rest, ok = l.readToken(rest, &m, t)
		}
		if !ok {
			return malformed
		}
	}
	if len(rest) > 0 {
		return malformed
	}
	if twelve && l.noon {
		if m.hour < 1 || m.hour > 12 {
			return malformed
		}
		m.hour %= 12
		if pm {
			m.hour += 12
		}
	}
	if m.year < 1 || m.year > 9999 || !validDate(m.year, m.month, m.day) || m.hour > 23 || m.minute > 59 || m.sec > 59 {
		return malformed
	}
	return m.appendTo(c)
}

func (m *moment) appendTo(c *Column) problem {
	switch c.Type.Kind {
	case Timestamp:
		return m.appendTimestamp(c)
	case TimestampTZ:
		return m.appendTimestampTZ(c)
	}
	if m.hour|m.minute|m.sec|m.nano != 0 {
		return tooFine
	}
	if m.zone != 0 {
		return hasZone
	}
	c.AppendInt(m.days())
	return fine
}

// skipLiteral skips the literal; the point before an F may be missing with its digits.
func skipLiteral(text []byte, literal string, beforeF bool) ([]byte, bool) {
	if len(text) >= len(literal) && string(text[:len(literal)]) == literal {
		return text[len(literal):], true
	}
	if n := len(literal); beforeF && literal[n-1] == '.' && len(text) >= n-1 && string(text[:n-1]) == literal[:n-1] {
		return text[n-1:], true
	}
	return text, false
}

func (l *layout) readHalf(text []byte, n int) (rest []byte, pm, ok bool) {
	for i, half := range l.names.halves {
		if n == 1 {
			_, size := utf8.DecodeRuneInString(half)
			half = half[:size]
		}
		if rest, ok := skipFold(text, half); ok {
			return rest, i == 1, true
		}
	}
	return text, false, false
}

func (l *layout) readToken(text []byte, m *moment, t token) (rest []byte, ok bool) {
	switch t.letter {
	case 'd':
		if t.n >= 3 {
			names := l.names.days
			if t.n == 3 {
				names = l.names.shortDays
			}
			_, rest, ok = readName(text, names)
			return rest, ok
		}
		m.day, rest, ok = readNumber(text, t.n, 2)
	case 'M':
		if t.n >= 3 {
			names := l.names.shortMonths
			if t.n > 3 {
				names = l.longMonths()
			}
			m.month, rest, ok = readName(text, names)
			if !ok && t.n > 3 { // either form is understood
				m.month, rest, ok = readName(text, l.names.months)
			}
			m.month++
			return rest, ok
		}
		m.month, rest, ok = readNumber(text, t.n, 2)
	case 'y':
		m.year, rest, ok = readNumber(text, t.n, max(t.n, 2))
		if t.n <= 2 { // .NET's window of two-digit years ends with 2049
			m.year += 1900
			if m.year < 1950 {
				m.year += 100
			}
		}
	case 'h', 'H':
		m.hour, rest, ok = readNumber(text, t.n, 2)
	case 'm':
		m.minute, rest, ok = readNumber(text, t.n, 2)
	case 's':
		m.sec, rest, ok = readNumber(text, t.n, 2)
	case 'f', 'F':
		return m.readFraction(text, t)
	case 'g':
		return readEra(text)
	case 'K':
		return m.scanZone(text)
	case 'z':
		if len(text) == 0 || text[0] != '+' && text[0] != '-' {
			return text, false
		}
		if t.n == 1 && len(text) > 1 && (len(text) == 2 || !isDigit(text[2])) {
			m.zoned, m.zone = true, int(text[1]-'0')*60
			if text[0] == '-' {
				m.zone = -m.zone
			}
			return text[2:], isDigit(text[1])
		}
		return m.scanZone(text)
	}
	return rest, ok
}

// readNumber reads at least one digit where least is 1, else exactly as many as least, but never more than most.
func readNumber(text []byte, least, most int) (v int, rest []byte, ok bool) {
	n := 0
	for n < len(text) && n < most && isDigit(text[n]) {
		v = v*10 + int(text[n]-'0')
		n++
	}
	return v, text[n:], n >= min(least, most) && n > 0
}

func (m *moment) readFraction(text []byte, t token) ([]byte, bool) {
	n := 0
	scale := 100_000_000
	for n < len(text) && n < t.n && isDigit(text[n]) {
		m.nano += int(text[n]-'0') * scale
		scale /= 10
		n++
	}
	return text[n:], t.letter == 'F' || n == t.n
}

func readEra(text []byte) ([]byte, bool) {
	for _, s := range []string{"a.d.", "ad"} {
		if len(text) >= len(s) && equalFold(text[:len(s)], s) {
			return text[len(s):], true
		}
	}
	return text, false
}
