package batch

import "time"

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
			rest, pm, ok = readHalf(rest, t.n)
			twelve = true
		default:
			rest, ok = m.readToken(rest, t)
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

func readHalf(text []byte, n int) (rest []byte, pm, ok bool) {
	n = min(n, 2)
	if len(text) < n || n == 2 && text[1]|0x20 != 'm' {
		return text, false, false
	}
	switch text[0] | 0x20 {
	case 'a':
		return text[n:], false, true
	case 'p':
		return text[n:], true, true
	}
	return text, false, false
}

func (m *moment) readToken(text []byte, t token) (rest []byte, ok bool) {
	switch t.letter {
	case 'd':
		if t.n >= 3 {
			return readDayName(text, t.n)
		}
		m.day, rest, ok = readNumber(text, t.n, 2)
	case 'M':
		if t.n >= 3 {
			m.month, rest, ok = readMonthName(text, t.n)
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

func readDayName(text []byte, n int) ([]byte, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if rest, ok := skipName(text, d.String(), n); ok {
			return rest, true
		}
	}
	return text, false
}

func readMonthName(text []byte, n int) (int, []byte, bool) {
	for mon := time.January; mon <= time.December; mon++ {
		if rest, ok := skipName(text, mon.String(), n); ok {
			return int(mon), rest, true
		}
	}
	return 0, text, false
}

// skipName skips a name of three letters, or whole where n > 3, whatever the case.
func skipName(text []byte, name string, n int) ([]byte, bool) {
	if n == 3 {
		name = name[:3]
	}
	if len(text) < len(name) {
		return text, false
	}
	for i := range name {
		if text[i]|0x20 != name[i]|0x20 {
			return text, false
		}
	}
	return text[len(name):], true
}
