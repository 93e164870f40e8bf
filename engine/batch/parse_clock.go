package batch

// scanClock reads h[h]:mm[:ss[.fraction]] [AM|PM] and gives what is left. 24:00:00 is taken as the end of the day.
func (m *moment) scanClock(text []byte) ([]byte, bool) {
	n := 0
	for n < len(text) && n < 2 && isDigit(text[n]) {
		n++
	}
	if n == 0 {
		return text, false
	}
	rest, ok := m.scanMinutes(text[n:], text[:n])
	if !ok {
		return rest, false
	}
	if len(rest) > 1 && rest[0] == ' ' || len(rest) >= 2 && rest[1]|0x20 == 'm' {
		rest, ok = m.scanNoon(rest)
	}
	end := m.hour == 24 && m.minute|m.sec|m.nano == 0
	return rest, ok && (m.hour < 24 || end)
}

// scanMinutes reads :mm[:ss[.fraction]] after the hour.
func (m *moment) scanMinutes(text, hour []byte) ([]byte, bool) {
	for _, c := range hour {
		m.hour = m.hour*10 + int(c-'0')
	}
	var ok bool
	if len(text) < 3 || text[0] != ':' {
		return text, false
	}
	if m.minute, ok = two(text[1:]); !ok || m.minute > 59 {
		return text, false
	}
	text = text[3:]
	if len(text) < 3 || text[0] != ':' {
		return text, len(text) == 0 || text[0] != ':'
	}
	if m.sec, ok = two(text[1:]); !ok || m.sec > 59 {
		return text, false
	}
	text = text[3:]
	if len(text) == 0 || text[0] != '.' && text[0] != ',' {
		return text, true
	}
	n := 1
	scale := 100_000_000
	for n < len(text) {
		d := text[n] - '0'
		if d > 9 {
			break
		}
		if scale == 0 && d != 0 {
			m.finer = true
		}
		m.nano += int(d) * scale
		scale /= 10
		n++
	}
	return text[n:], n > 1
}

// scanNoon reads AM or PM.
func (m *moment) scanNoon(text []byte) ([]byte, bool) {
	t := text
	for len(t) > 0 && t[0] == ' ' {
		t = t[1:]
	}
	if len(t) < 2 || t[1]|0x20 != 'm' || t[0]|0x20 != 'a' && t[0]|0x20 != 'p' {
		return text, true
	}
	if m.hour < 1 || m.hour > 12 {
		return text, false
	}
	m.hour %= 12
	if t[0]|0x20 == 'p' {
		m.hour += 12
	}
	return t[2:], true
}

// scanZone reads nothing, Z or ±hh[[:]mm[:ss]].
func (m *moment) scanZone(text []byte) ([]byte, bool) {
	if len(text) == 0 {
		return text, true
	}
	switch text[0] {
	case 'Z', 'z':
		m.zoned = true
		return text[1:], true
	case '+', '-':
	default:
		return text, true
	}
	neg := text[0] == '-'
	if len(text) < 3 {
		return text, false
	}
	h, ok := two(text[1:])
	if !ok || h > 18 {
		return text, false
	}
	text = text[3:]
	mins := 0
	if len(text) > 0 && text[0] == ':' {
		text = text[1:]
		if len(text) < 2 {
			return text, false
		}
	}
	if len(text) >= 2 && isDigit(text[0]) {
		if mins, ok = two(text); !ok || mins > 59 {
			return text, false
		}
		text = text[2:]
	}
	m.zoned = true
	m.zone = h*60 + mins
	if neg {
		m.zone = -m.zone
	}
	return text, true
}
