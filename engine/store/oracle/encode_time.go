package oracle

import (
	"bytes"
	"strconv"
	"time"

	go_ora "github.com/sijms/go-ora/v2"

	"dmgateway/engine/batch"
)

// The years that a DATE takes, of those that this program has.
const (
	firstSecond = -62135596800 // 0001-01-01
	lastSecond  = 253402300799 // 9999-12-31 23:59:59
)

// split takes an instant apart and checks that the column keeps it.
func split(t *target, typ batch.Type, v int64) (seconds, nanos int64, err error) {
	if typ.Kind == batch.Date {
		seconds = v * 86400
	} else {
		per := typ.Unit.PerSecond()
		seconds, nanos = v/per, v%per
		if nanos < 0 {
			seconds, nanos = seconds-1, nanos+per
		}
		nanos *= int64(time.Second) / per
	}
	if seconds < firstSecond || seconds > lastSecond {
		return 0, 0, noRoom("dates are written for the years 1 to 9999")
	}
	return seconds, nanos, t.fits(nanos)
}

// fits refuses digits that the column would round away.
func (t *target) fits(nanos int64) error {
	digits := 0
	if t.base() != typeDate {
		digits = t.fraction()
	}
	step := int64(time.Second)
	for range digits {
		step /= 10
	}
	if step > 0 && nanos%step != 0 {
		return noRoom("the column keeps %d digits after the second's point and would round the value", digits)
	}
	return nil
}

func timestamp(t *target, typ batch.Type, v int64) (any, error) {
	seconds, nanos, err := split(t, typ, v)
	if err != nil {
		return nil, err
	}
	return go_ora.TimeStamp(time.Unix(seconds, nanos).UTC()), nil
}

// instant writes an instant with its offset in the session's format.
func (e *encoder) instant(t *target, c *batch.Column, i int) (any, error) {
	seconds, nanos, err := split(t, c.Type, c.Ints[i])
	if err != nil {
		return nil, err
	}
	zone := int(c.Zone(i))
	if zone < -15*60-59 || zone > 15*60+59 {
		return nil, noRoom("the time zone's offset is beyond 15:59 hours")
	}
	at := time.Unix(seconds, nanos).UTC().Add(time.Duration(zone) * time.Minute)
	if at.Year() < 1 || at.Year() > 9999 {
		return nil, noRoom("dates are written for the years 1 to 9999")
	}
	e.buf = at.AppendFormat(e.buf[:0], "2006-01-02 15:04:05.000000000 ")
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	e.buf = append(e.buf, sign)
	e.buf = two(e.buf, zone/60)
	e.buf = two(append(e.buf, ':'), zone%60)
	return string(e.buf), nil
}

func two(b []byte, n int) []byte { return append(b, '0'+byte(n/10), '0'+byte(n%10)) }

// duration writes "+days hh:mm:ss.fraction".
func (e *encoder) duration(t *target, unit batch.Unit, v int64) (any, error) {
	per := uint64(unit.PerSecond())
	m, sign := uint64(v), byte('+')
	if v < 0 {
		m, sign = -m, '-'
	}
	seconds, rest := m/per, m%per
	nanos := int64(rest) * (int64(time.Second) / unit.PerSecond())
	if err := t.fits(nanos); err != nil {
		return nil, err
	}
	days := 2
	if t.precision != nil {
		days = *t.precision
	}
	n := seconds / 86400
	if len(strconv.FormatUint(n, 10)) > max(days, 1) {
		return nil, noRoom("the interval has more days than %d digits", days)
	}
	e.buf = strconv.AppendUint(append(e.buf[:0], sign), n, 10)
	e.buf = two(append(e.buf, ' '), int(seconds/3600%24))
	e.buf = two(append(e.buf, ':'), int(seconds/60%60))
	e.buf = two(append(e.buf, ':'), int(seconds%60))
	if nanos > 0 {
		fraction := strconv.FormatInt(int64(time.Second)+nanos, 10)[1:]
		e.buf = append(append(e.buf, '.'), bytes.TrimRight([]byte(fraction), "0")...)
	}
	return string(e.buf), nil
}

// months writes "+years-months".
func (e *encoder) months(v int64) any {
	sign := byte('+')
	if v < 0 {
		sign, v = '-', -v
	}
	e.buf = strconv.AppendInt(append(e.buf[:0], sign), v/12, 10)
	return string(strconv.AppendInt(append(e.buf, '-'), v%12, 10))
}
