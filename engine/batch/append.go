package batch

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
)

// Appender appends the text of one value, which is not NULL, to dst. It never fails.
type Appender func(dst []byte, c *Column, row int) []byte

// NewAppender makes the appender of a type: [AppendText], unless the options give a format, or a culture with another decimal separator. It fails when the
// options name an unknown culture or a date format that cannot be written.
func NewAppender(t Type, o Options) (Appender, error) {
	layout, culture, err := o.layout(t)
	switch {
	case err != nil:
		return nil, err
	case layout != nil:
		return layout.append, nil
	case t.Kind == Boolean && o.BooleanAsNumber:
		return func(dst []byte, c *Column, row int) []byte { return append(dst, '0'+byte(c.Ints[row])) }, nil
	case culture.decimal != "." && (t.Kind == Single || t.Kind == Double || t.Kind == Decimal):
		return culture.appendNumber, nil
	}
	return appenderOf(t), nil
}

// appenderOf is AppendText without asking for the kind again in every row.
func appenderOf(t Type) Appender {
	switch t.Kind {
	case Byte, Int16, Int32, Int64:
		return func(dst []byte, c *Column, row int) []byte { return strconv.AppendInt(dst, c.Ints[row], 10) }
	case Double:
		return func(dst []byte, c *Column, row int) []byte { return appendFloat(dst, c.Floats[row], 64) }
	case Decimal:
		if scale := t.Scale; t.Storage() == InInts {
			return func(dst []byte, c *Column, row int) []byte { return AppendDecimal(dst, c.Ints[row], scale) }
		}
	case Date:
		return func(dst []byte, c *Column, row int) []byte { return appendDate(dst, c.Ints[row]) }
	case Timestamp:
		unit := t.Unit
		return func(dst []byte, c *Column, row int) []byte { return appendTimestamp(dst, c.Ints[row], unit, "") }
	}
	return AppendText
}

// AppendText appends the canonical text of row, which is not NULL, to dst: exact, the same in every culture, and read
// back by [ParseText] as the same value. Apart from booleans and times of unusual kinds it is what PostgreSQL writes.
//   - Boolean: True, False
//   - Single, Double: the shortest digits that mean the same number; NaN, Infinity, -Infinity
//   - Decimal: all digits of the scale, no exponent
//   - Date 2006-01-02, Timestamp 2006-01-02 15:04:05.999999, TimestampTZ with +00, -03 or +05:30 behind; the fraction without
//     trailing zeros; years before 1 as "0044-03-15 BC"
//   - Time 15:04:05.999999, Duration [-][days.]15:04:05.999999
//   - Binary \x68656c6c6f, GUID in lower case with hyphens
func AppendText(dst []byte, c *Column, row int) []byte {
	switch c.Type.Kind {
	case Boolean:
		if c.Ints[row] != 0 {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case Byte, Int16, Int32, Int64:
		return strconv.AppendInt(dst, c.Ints[row], 10)
	case Single:
		return appendFloat(dst, c.Floats[row], 32)
	case Double:
		return appendFloat(dst, c.Floats[row], 64)
	case Decimal:
		switch c.Type.Storage() {
		case InInts:
			return AppendDecimal(dst, c.Ints[row], c.Type.Scale)
		case InWide:
			return AppendDecimalWide(dst, c.Wide[row], c.Type.Scale)
		}
		return append(dst, c.Bytes(row)...)
	case Date:
		return appendDate(dst, c.Ints[row])
	case Time:
		return appendClock(dst, c.Ints[row], c.Type.Unit)
	case Duration:
		return appendDuration(dst, c.Ints[row], c.Type.Unit)
	case Timestamp:
		return appendTimestamp(dst, c.Ints[row], c.Type.Unit, "")
	case TimestampTZ:
		return appendTimestampTZ(dst, c.Ints[row], c.Type.Unit, int64(c.Zone(row)))
	case Binary:
		return hex.AppendEncode(append(dst, '\\', 'x'), c.Bytes(row))
	case GUID:
		return appendGUID(dst, c.Bytes(row))
	}
	return append(dst, c.Bytes(row)...)
}

// appendFloat writes as PostgreSQL does: with exponent below 1e-4, and from 1e15 (single: 1e6) on.
func appendFloat(dst []byte, f float64, size int) []byte {
	limit := 1e15
	if size == 32 {
		limit = 1e6
	}
	a := math.Abs(f)
	switch {
	case a < limit && a >= 1e-4:
		if v := int64(f); size == 64 && float64(v) == f {
			return strconv.AppendInt(dst, v, 10)
		}
		return strconv.AppendFloat(dst, f, 'f', -1, size)
	case a == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	case a != a:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, size)
}

func appendTwo(dst []byte, v int) []byte {
	return append(dst, pairs[v*2], pairs[v*2+1])
}

// appendDay appends year, month and day, and says whether the year is before 1.
func appendDay(dst []byte, day int64) (_ []byte, bc bool) {
	year, month, d := Civil(day)
	if year < 1 {
		year, bc = 1-year, true
	}
	if year < 10000 {
		y := uint(year)
		dst = append(dst, pairs[y/100*2], pairs[y/100*2+1], pairs[y%100*2], pairs[y%100*2+1],
			'-', pairs[month*2], pairs[month*2+1], '-', pairs[d*2], pairs[d*2+1])
		return dst, bc
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	dst = appendTwo(append(dst, '-'), month)
	return appendTwo(append(dst, '-'), d), bc
}

func appendDate(dst []byte, day int64) []byte {
	dst, bc := appendDay(dst, day)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendClock appends hh:mm:ss and the fraction without trailing zeros.
func appendClock(dst []byte, v int64, u Unit) []byte {
	sec, rest := splitSecond(v, u)
	s := uint32(sec)
	h, m, s := s/3600, s/60%60, s%60
	if h > 99 { // no time of day, but no reason to crash
		dst = strconv.AppendUint(dst, uint64(h), 10)
	} else {
		dst = append(dst, pairs[h*2], pairs[h*2+1])
	}
	dst = append(dst, ':', pairs[m*2], pairs[m*2+1], ':', pairs[s*2], pairs[s*2+1])
	if rest == 0 {
		return dst
	}
	return appendFraction(append(dst, '.'), rest, u.Digits())
}

// appendFraction appends digits of a fraction that is not zero, without trailing zeros.
func appendFraction(dst []byte, rest int64, digits int) []byte {
	dst = appendPadded(dst, uint64(rest), digits)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendTimestamp(dst []byte, v int64, u Unit, zone string) []byte {
	day, rest := splitDay(v, u)
	if day >= MinDay && day <= MaxDay {
		return append(appendMoment(dst, day, rest, u), zone...)
	}
	dst, bc := appendDay(dst, day)
	dst = appendClock(append(dst, ' '), rest, u)
	dst = append(dst, zone...)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendMoment appends a day of the years 1 to 9999 and the time that begins with it: the form with all its separators at
// once, and the digits over it two by two.
func appendMoment(dst []byte, day, rest int64, u Unit) []byte {
	const form = "0000-00-00 00:00:00.0000000000"
	n := len(dst)
	dst = append(dst, form...)
	b := dst[n : n+len(form)]
	year, month, d := civilQuick(uint32(day + 719468))
	sec, rest := splitSecond(rest, u)
	y, s := uint32(year), uint32(sec)
	century, minutes := y/100, s/60
	hours := minutes / 60
	putPair(b, 0, century)
	putPair(b, 2, y-century*100)
	putPair(b, 5, uint32(month))
	putPair(b, 8, uint32(d))
	putPair(b, 11, hours)
	putPair(b, 14, minutes-hours*60)
	putPair(b, 17, s-minutes*60)
	if rest == 0 {
		return dst[:n+19]
	}
	digits, f := u.Digits(), uint64(rest)
	if digits&1 == 1 {
		digits, f = digits+1, f*10
	}
	for i := 18 + digits; i >= 20; i -= 2 {
		q := f / 100
		putPair(b, i, uint32(f-q*100))
		f = q
	}
	end := 20 + digits
	for b[end-1] == '0' {
		end--
	}
	return dst[:n+end]
}

// putPair writes the two digits of v, which is below 100.
func putPair(b []byte, at int, v uint32) {
	binary.LittleEndian.PutUint16(b[at:], pairWords[v])
}

// pairWords are pairs as numbers.
var pairWords = func() (w [100]uint16) {
	for i := range w {
		w[i] = uint16(pairs[2*i]) | uint16(pairs[2*i+1])<<8
	}
	return w
}()

func appendTimestampTZ(dst []byte, v int64, u Unit, zone int64) []byte {
	if zone == 0 {
		return appendTimestamp(dst, v, u, "+00")
	}
	day, rest := splitDay(v, u)
	rest += zone * 60 * u.PerSecond()
	if perDay := 86400 * u.PerSecond(); rest < 0 {
		day, rest = day-1, rest+perDay
	} else if rest >= perDay {
		day, rest = day+1, rest-perDay
	}
	dst, bc := appendDay(dst, day)
	dst = appendClock(append(dst, ' '), rest, u)
	dst = appendZone(dst, int(zone), false)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendZone appends ±hh and, where they are not zero or full, the minutes.
func appendZone(dst []byte, zone int, full bool) []byte {
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	dst = appendTwo(append(dst, sign), zone/60%100)
	if m := zone % 60; m != 0 || full {
		dst = appendTwo(append(dst, ':'), m)
	}
	return dst
}

// appendDuration appends .NET's [-][d.]hh:mm:ss[.fraction].
func appendDuration(dst []byte, v int64, u Unit) []byte {
	perDay := 86400 * u.PerSecond()
	days, rest := v/perDay, v%perDay
	if v < 0 {
		dst = append(dst, '-')
		days, rest = -days, -rest
	}
	if days != 0 {
		dst = append(strconv.AppendInt(dst, days, 10), '.')
	}
	return appendClock(dst, rest, u)
}

func appendGUID(dst, id []byte) []byte {
	if len(id) != 16 {
		return hex.AppendEncode(dst, id)
	}
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}
