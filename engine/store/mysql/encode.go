package mysql

import (
	"math"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// class is how a value's text goes into a statement.
type class int

const (
	digits   class = iota // digits: as they are
	plain                 // nothing in it needs to be escaped: dates and the like
	text                  // any characters
	binaries              // any bytes
	bitField              // digits, which LOAD DATA would take for text
	typed                 // a text that the server does not take as bytes: MySQL's JSON, MariaDB's uuid and inet
	shape                 // WKT
)

// encode appends the text of one value, which is not NULL. On an error, which says what is wrong with the value, dst
// comes back as it was.
type encode func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error)

// target is how a column of the sink is written: the type that writers take, and what makes its text.
type target struct {
	typ    batch.Type
	class  class
	encode encode
}

// targetOf decides how values that are wanted as the type go into the column.
func targetOf(c column, want batch.Type, o valueOptions) target {
	typ := c.typ(o)
	ranged := func(low, high int64) target { return target{typ: typ, class: digits, encode: encodeRange(low, high)} }
	switch c.code {
	case codeTiny:
		switch {
		case c.isBoolean() && (want.Kind == batch.Boolean || !o.tinyAsNumber && want.Kind == batch.String):
			return target{typ: batch.Type{Kind: batch.Boolean}, class: digits, encode: encodeInt}
		case c.unsigned():
			return target{typ: batch.Type{Kind: batch.Byte}, class: digits, encode: encodeInt}
		}
		typ = batch.Type{Kind: batch.Int16}
		return ranged(math.MinInt8, math.MaxInt8)
	case codeShort:
		if c.unsigned() {
			return ranged(0, math.MaxUint16)
		}
		return ranged(math.MinInt16, math.MaxInt16)
	case codeInt24:
		if c.unsigned() {
			return ranged(0, 1<<24-1)
		}
		return ranged(-1<<23, 1<<23-1)
	case codeLong:
		if c.unsigned() {
			return ranged(0, math.MaxUint32)
		}
		return ranged(math.MinInt32, math.MaxInt32)
	case codeYear:
		return target{typ: typ, class: digits, encode: encodeYear}
	case codeLongLong:
		if c.unsigned() {
			return target{typ: typ, class: digits, encode: encodeUnsigned(64)}
		}
		return target{typ: typ, class: digits, encode: encodeInt}
	case codeFloat, codeDouble:
		return target{typ: typ, class: digits, encode: encodeFloat}
	case codeDecimal, codeNewDecimal:
		return target{typ: typ, class: digits, encode: encodeDecimal(c.unsigned())}
	case codeBit:
		if typ.Kind == batch.Boolean {
			return target{typ: typ, class: bitField, encode: encodeInt}
		}
		return target{typ: typ, class: bitField, encode: encodeUnsigned(int(c.length))}
	case codeDate, codeNewDate:
		return target{typ: typ, class: plain, encode: encodeDate}
	case codeDatetime, codeTimestamp:
		return target{typ: typ, class: plain, encode: encodeTimestamp(stepOf(typ.Unit, c.decimals), c.decimals, typ.Unit)}
	case codeTime:
		if want.Kind == batch.Time {
			typ.Kind = batch.Time
		}
		return target{typ: typ, class: plain, encode: encodeTime(stepOf(typ.Unit, c.decimals), c.decimals, typ.Unit)}
	}
	return dataTarget(c, typ)
}

// dataTarget is targetOf for what travels as bytes.
func dataTarget(c column, typ batch.Type) target {
	switch {
	case typ.Kind == batch.GUID && c.text():
		return target{typ: typ, class: typed, encode: encodeCanonical}
	case c.code == codeGeometry:
		return target{typ: batch.Type{Kind: batch.String}, class: shape, encode: encodeBytes}
	case c.code == codeJSON:
		return target{typ: typ, class: typed, encode: encodeBytes}
	case strings.HasPrefix(c.data, "inet"):
		return target{typ: typ, class: typed, encode: encodeBytes}
	case typ.Kind == batch.Binary, typ.Kind == batch.GUID:
		return target{typ: typ, class: binaries, encode: encodeBytes}
	}
	return target{typ: typ, class: text, encode: encodeBytes}
}

func refuse(format string, args ...any) *fault.Error {
	return fault.New(fault.Conversion, format, args...).Try("Correct the value, or change the column's type.")
}

func encodeInt(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return strconv.AppendInt(dst, c.Ints[row], 10), nil
}

func encodeRange(low, high int64) encode {
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		v := c.Ints[row]
		if v < low || v > high {
			return dst, refuse("the value is outside the column's range of %d to %d", low, high)
		}
		return strconv.AppendInt(dst, v, 10), nil
	}
}

func encodeYear(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Ints[row]
	if v != 0 && (v < 1901 || v > 2155) {
		return dst, refuse("the value is outside the column's range of 1901 to 2155")
	}
	if v == 0 {
		return append(dst, "0000"...), nil // 0 alone means 2000 as a text
	}
	return strconv.AppendInt(dst, v, 10), nil
}

// encodeUnsigned writes a Decimal(20,0) into a column of that many bits.
func encodeUnsigned(size int) encode {
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		v := c.Wide[row]
		if v.Hi != 0 || size < 64 && v.Lo>>size != 0 {
			return dst, refuse("the value is outside the column's range of %d bits without sign", size)
		}
		return strconv.AppendUint(dst, v.Lo, 10), nil
	}
}

func encodeFloat(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	if v := c.Floats[row]; math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, refuse("MySQL has no NaN and no infinity")
	}
	// All digits of the double, also of a Single: the server reads a double first and rounds that.
	return strconv.AppendFloat(dst, c.Floats[row], 'g', -1, 64), nil
}

func encodeDecimal(unsigned bool) encode {
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		start := len(dst)
		dst = batch.AppendText(dst, c, row)
		if first := dst[start]; first > '9' || unsigned && first == '-' && !zeroText(dst[start+1:]) {
			return dst[:start], refuse("the value is no number that the column can hold")
		}
		return dst, nil
	}
}

func zeroText(digits []byte) bool {
	for _, ch := range digits {
		if ch != '0' && ch != '.' {
			return false
		}
	}
	return true
}

func encodeCanonical(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return batch.AppendText(dst, c, row), nil
}

func encodeBytes(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return append(dst, c.Bytes(row)...), nil
}

// firstDay and lastDay are the days of the years 1 and 9999, which every server takes.
var (
	firstDay = batch.Day(1, 1, 1)
	lastDay  = batch.Day(9999, 12, 31)
)

func encodeDate(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	if v := c.Ints[row]; v < firstDay || v > lastDay {
		return dst, refuse("MySQL has no dates outside the years 1 to 9999")
	}
	return batch.AppendText(dst, c, row), nil
}

// stepOf is how many units are between two values that a column with so many digits of a second can tell apart.
func stepOf(unit batch.Unit, decimals byte) int64 {
	step := unit.PerSecond()
	for range min(decimals, 6) {
		step /= 10
	}
	return max(step, 1)
}

func tooFine(decimals byte) *fault.Error {
	return refuse("the column keeps %d digits of a second, the value has more", decimals)
}

func encodeTimestamp(step int64, decimals byte, unit batch.Unit) encode {
	low, high := firstDay*86400*unit.PerSecond(), (lastDay+1)*86400*unit.PerSecond()
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		v := c.Ints[row]
		if v%step != 0 {
			return dst, tooFine(decimals)
		}
		if v < low || v >= high {
			return dst, refuse("MySQL has no dates outside the years 1 to 9999")
		}
		return batch.AppendText(dst, c, row), nil
	}
}

// longestTime is the limit of TIME in seconds, 838:59:59 and a fraction being the last value.
const longestTime = 839 * 3600

func encodeTime(step int64, decimals byte, unit batch.Unit) encode {
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		v := c.Ints[row]
		if v%step != 0 {
			return dst, tooFine(decimals)
		}
		if v < 0 {
			if v == math.MinInt64 {
				return dst, refuse("the value is outside the column's range of 838:59:59")
			}
			v = -v
		}
		per := unit.PerSecond()
		seconds, rest := v/per, v%per
		if seconds >= longestTime || seconds == longestTime-1 && decimals == 0 && rest > 0 {
			return dst, refuse("the value is outside the column's range of 838:59:59")
		}
		if c.Ints[row] < 0 {
			dst = append(dst, '-')
		}
		dst = strconv.AppendInt(dst, seconds/3600, 10)
		dst = append(dst, ':', byte('0'+seconds/600%6), byte('0'+seconds/60%10), ':', byte('0'+seconds/10%6), byte('0'+seconds%10))
		if rest > 0 {
			dst = append(dst, '.')
			for per /= 10; per > 0; per /= 10 {
				dst = append(dst, byte('0'+rest/per%10))
			}
		}
		return dst, nil
	}
}
