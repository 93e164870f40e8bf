package batch

// moment is a date and time as a text has it.
type moment struct {
	year, month, day  int
	hour, minute, sec int
	nano              int // of the second
	zone              int // minutes east of UTC
	zoned             bool
	timed             bool // the text has a time of day
	finer             bool // digits after the ninth that are not zero
}

func (m *moment) days() int64 { return Day(m.year, m.month, m.day) }

// sinceMidnight is the time of day in the unit; tooFine where the unit has fewer digits.
func (m *moment) sinceMidnight(u Unit) (int64, problem) {
	sec := int64(m.hour)*3600 + int64(m.minute)*60 + int64(m.sec)
	frac, _ := rescale(int64(m.nano), Nano, u)
	p := fine
	if k, _ := rescale(frac, u, Nano); m.finer || k != int64(m.nano) {
		p = tooFine
	}
	return sec*u.PerSecond() + frac, p
}

// instant is the moment in the unit since 1970; zones are turned to UTC.
func (m *moment) instant(u Unit) (int64, problem) {
	rest, p := m.sinceMidnight(u)
	if p != fine {
		return 0, p
	}
	v, ok := joinDay(m.days(), rest-int64(m.zone)*60*u.PerSecond(), u)
	if !ok {
		return 0, tooBig
	}
	return v, fine
}

func parseDate(c *Column, text []byte) problem {
	if len(text) == 10 {
		if day, ok := canonicalDay(text); ok {
			c.AppendInt(day)
			return fine
		}
	}
	var m moment
	if !m.scan(text) {
		return malformed
	}
	if m.timed && (m.hour|m.minute|m.sec|m.nano != 0 || m.finer) {
		return tooFine
	}
	if m.zone != 0 {
		return hasZone
	}
	c.AppendInt(m.days())
	return fine
}

func parseTimestamp(c *Column, text []byte) problem {
	if v, rest, ok := canonicalInstant(text, c.Type.Unit); ok && len(rest) == 0 {
		c.AppendInt(v)
		return fine
	}
	var m moment
	if !m.scan(text) {
		return malformed
	}
	return m.appendTimestamp(c)
}

func (m *moment) appendTimestamp(c *Column) problem {
	if m.zone != 0 {
		return hasZone
	}
	v, p := m.instant(c.Type.Unit)
	if p == fine {
		c.AppendInt(v)
	}
	return p
}

func parseTimestampTZ(c *Column, text []byte) problem {
	if v, rest, ok := canonicalInstant(text, c.Type.Unit); ok && (len(rest) == 0 || string(rest) == "+00" || string(rest) == "Z") {
		c.AppendInt(v)
		return fine
	}
	var m moment
	if !m.scan(text) {
		return malformed
	}
	return m.appendTimestampTZ(c)
}

func (m *moment) appendTimestampTZ(c *Column) problem {
	v, p := m.instant(c.Type.Unit)
	switch {
	case p != fine:
	case m.zone != 0:
		c.AppendZoned(v, int16(m.zone))
	default:
		c.AppendInt(v)
	}
	return p
}

func parseTime(c *Column, text []byte) problem {
	var m moment
	text = trimSpace(text)
	rest, ok := m.scanClock(text)
	if !ok || len(rest) > 0 {
		return malformed
	}
	v, p := m.sinceMidnight(c.Type.Unit)
	if p == fine {
		c.AppendInt(v)
	}
	return p
}

// parseDuration reads .NET's [-][days.]hh:mm[:ss[.fraction]] with hours that may exceed 23.
func parseDuration(c *Column, text []byte) problem {
	text = trimSpace(text)
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		text = text[1:]
	}
	var days int64
	if i := dotBeforeColon(text); i > 0 {
		d, p := scanInt(text[:i])
		if p != fine || d < 0 {
			return malformed
		}
		days, text = d, text[i+1:]
	}
	n := 0
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	hours, p := scanInt(text[:n])
	if p != fine || n+3 > len(text) || text[n] != ':' {
		return malformed
	}
	var m moment
	clock := [2]byte{'0', '0'} // the rest is a clock time at hour 0
	rest, ok := m.scanMinutes(text[n:], clock[:])
	if !ok || len(rest) > 0 || hours > 1e12 || days > 1e12 {
		return malformed
	}
	v, p := m.sinceMidnight(c.Type.Unit)
	if p != fine {
		return p
	}
	sum, ok := joinDay(days+hours/24, hours%24*3600*c.Type.Unit.PerSecond()+v, c.Type.Unit)
	if !ok {
		return tooBig
	}
	if neg {
		sum = -sum
	}
	c.AppendInt(sum)
	return fine
}

func dotBeforeColon(text []byte) int {
	for i, c := range text {
		switch c {
		case '.':
			return i
		case ':':
			return -1
		}
	}
	return -1
}

func two(b []byte) (int, bool) {
	a, c := b[0]-'0', b[1]-'0'
	return int(a)*10 + int(c), a <= 9 && c <= 9
}

// canonicalDay reads exactly yyyy-MM-dd at the beginning of text, which has ten bytes or more.
func canonicalDay(text []byte) (int64, bool) {
	a, ok1 := two(text)
	b, ok2 := two(text[2:])
	mon, ok3 := two(text[5:])
	d, ok4 := two(text[8:])
	year := a*100 + b
	if text[4] != '-' || text[7] != '-' || !ok1 || !ok2 || !ok3 || !ok4 || year == 0 || !validDate(year, mon, d) {
		return 0, false
	}
	return Day(year, mon, d), true
}

// canonicalInstant reads yyyy-MM-dd HH:mm:ss and a fraction that the unit can hold, and gives what follows. What it does
// not take may still be a moment.
func canonicalInstant(text []byte, u Unit) (v int64, rest []byte, ok bool) {
	if len(text) < 19 || text[16] != ':' {
		return 0, nil, false
	}
	year, month, d, h, m, ok0 := plainClock(text)
	s, ok1 := two(text[17:])
	if !ok0 || !ok1 || h > 23 || m > 59 || s > 59 || year == 0 || !validDate(year, month, d) {
		return 0, nil, false
	}
	v, rest = int64(h*3600+m*60+s), text[19:]
	left := u.Digits()
	if len(rest) > 1 && rest[0] == '.' {
		rest = rest[1:]
		if n := u.Digits(); n > 0 && len(rest) >= n { // the usual case: as many digits as the unit has
			if f, ok := plainDigits(rest[:n]); ok {
				v, left, rest = v*int64(pow10[n])+int64(f), 0, rest[n:]
			}
		}
		for len(rest) > 0 && isDigit(rest[0]) {
			if left == 0 {
				return 0, nil, false
			}
			v = v*10 + int64(rest[0]-'0')
			left--
			rest = rest[1:]
		}
	}
	v, ok = joinDay(Day(year, month, d), v*int64(pow10[left]), u)
	return v, rest, ok
}

// scan reads a date with or without time. The canonical form yyyy-MM-dd HH:mm:ss goes the short way.
func (m *moment) scan(text []byte) bool {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return m.scanLoose(trimSpace(text))
	}
	a, ok1 := two(text)
	b, ok2 := two(text[2:])
	mon, ok3 := two(text[5:])
	d, ok4 := two(text[8:])
	m.year, m.month, m.day = a*100+b, mon, d
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return m.scanLoose(trimSpace(text))
	}
	return m.year != 0 && m.scanAfterDate(text[10:]) && validDate(m.year, m.month, m.day)
}

// scanAfterDate reads what may follow a date: a time, a zone, BC.
func (m *moment) scanAfterDate(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if text[0] == 'T' || text[0] == 't' {
		text = text[1:]
	} else {
		text = trimSpace(text)
	}
	if len(text) > 0 && isDigit(text[0]) {
		var ok bool
		m.timed = true
		if text, ok = m.scanClock(text); !ok || m.hour == 24 {
			return false
		}
	}
	text = trimSpace(text)
	if text, ok := m.scanZone(text); ok && len(text) > 0 {
		return m.scanEra(trimSpace(text))
	} else if !ok {
		return false
	}
	return true
}

// scanEra reads PostgreSQL's BC.
func (m *moment) scanEra(text []byte) bool {
	if !equalFold(text, "bc") {
		return false
	}
	m.year = 1 - m.year
	return true
}

// scanLoose reads the less usual dates: month/day/year, short months and days, years of more than four digits.
func (m *moment) scanLoose(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	var part [3]int
	var width [3]int
	var sep byte
	for i := range part {
		n := 0
		for n < len(text) && n < 7 && isDigit(text[n]) {
			part[i] = part[i]*10 + int(text[n]-'0')
			n++
		}
		if n == 0 {
			return false
		}
		width[i], text = n, text[n:]
		if i == 2 {
			break
		}
		if len(text) == 0 || text[0] != '-' && text[0] != '/' || sep != 0 && text[0] != sep {
			return false
		}
		sep, text = text[0], text[1:]
	}
	switch {
	case width[0] >= 4:
		m.year, m.month, m.day = part[0], part[1], part[2]
	case sep == '/' && width[2] >= 4:
		m.month, m.day, m.year = part[0], part[1], part[2]
	default:
		return false
	}
	return m.year != 0 && m.year <= 300_000 && m.scanAfterDate(text) && validDate(m.year, m.month, m.day)
}
