package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// decode appends the value that data begins with, which is not NULL, to c and says how many bytes it took. Other errors
// than errShort say what is wrong with the value alone.
type decode func(c *batch.Column, data []byte) (n int, err error)

var (
	errShort      = malformed("a row ends early")
	errZeroDate   = errors.New("the date is 0000-00-00")
	errNoDate     = errors.New("the day does not exist")
	errNotBoolean = errors.New("the value is neither 0 nor 1")
	errNotNumber  = errors.New("the number has other digits than its type")
)

// decoderOf gives what reads values of the column into a batch column of the type.
func decoderOf(c column, t batch.Type, o valueOptions) decode {
	switch c.code {
	case codeTiny:
		switch {
		case t.Kind == batch.Boolean:
			return decodeBoolean
		case c.unsigned():
			return decodeUint8
		}
		return decodeInt8
	case codeShort, codeYear:
		if c.unsigned() {
			return decodeUint16
		}
		return decodeInt16
	case codeInt24, codeLong:
		if c.unsigned() {
			return decodeUint32
		}
		return decodeInt32
	case codeLongLong:
		if c.unsigned() {
			return decodeUint64
		}
		return decodeInt64
	case codeFloat:
		return decodeFloat
	case codeDouble:
		return decodeDouble
	case codeDecimal, codeNewDecimal:
		if t.Storage() == batch.InInts {
			return decodeDecimal(t.Scale)
		}
		return decodeParsed
	case codeBit:
		return decodeBit
	case codeDate, codeNewDate, codeDatetime, codeTimestamp:
		return dates{zero: o.zero, unit: t.Unit, day: t.Kind == batch.Date}.decode
	case codeTime:
		return decodeTime(t.Unit)
	}
	if t.Kind == batch.GUID && c.text() {
		return decodeParsed
	}
	return decodeBytes
}

func decodeBoolean(c *batch.Column, data []byte) (int, error) {
	if len(data) < 1 {
		return 0, errShort
	}
	if data[0] > 1 {
		return 1, errNotBoolean
	}
	c.AppendInt(int64(data[0]))
	return 1, nil
}

func decodeInt8(c *batch.Column, data []byte) (int, error) {
	if len(data) < 1 {
		return 0, errShort
	}
	c.AppendInt(int64(int8(data[0])))
	return 1, nil
}

func decodeUint8(c *batch.Column, data []byte) (int, error) {
	if len(data) < 1 {
		return 0, errShort
	}
	c.AppendInt(int64(data[0]))
	return 1, nil
}

func decodeInt16(c *batch.Column, data []byte) (int, error) {
	if len(data) < 2 {
		return 0, errShort
	}
	c.AppendInt(int64(int16(binary.LittleEndian.Uint16(data))))
	return 2, nil
}

func decodeUint16(c *batch.Column, data []byte) (int, error) {
	if len(data) < 2 {
		return 0, errShort
	}
	c.AppendInt(int64(binary.LittleEndian.Uint16(data)))
	return 2, nil
}

func decodeInt32(c *batch.Column, data []byte) (int, error) {
	if len(data) < 4 {
		return 0, errShort
	}
	c.AppendInt(int64(int32(binary.LittleEndian.Uint32(data))))
	return 4, nil
}

func decodeUint32(c *batch.Column, data []byte) (int, error) {
	if len(data) < 4 {
		return 0, errShort
	}
	c.AppendInt(int64(binary.LittleEndian.Uint32(data)))
	return 4, nil
}

func decodeInt64(c *batch.Column, data []byte) (int, error) {
	if len(data) < 8 {
		return 0, errShort
	}
	c.AppendInt(int64(binary.LittleEndian.Uint64(data)))
	return 8, nil
}

func decodeUint64(c *batch.Column, data []byte) (int, error) {
	if len(data) < 8 {
		return 0, errShort
	}
	c.AppendWide(batch.Int128{Lo: binary.LittleEndian.Uint64(data)})
	return 8, nil
}

func decodeFloat(c *batch.Column, data []byte) (int, error) {
	if len(data) < 4 {
		return 0, errShort
	}
	c.AppendFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(data))))
	return 4, nil
}

func decodeDouble(c *batch.Column, data []byte) (int, error) {
	if len(data) < 8 {
		return 0, errShort
	}
	c.AppendFloat(math.Float64frombits(binary.LittleEndian.Uint64(data)))
	return 8, nil
}

func decodeBytes(c *batch.Column, data []byte) (int, error) {
	v, n, ok := lengthBytes(data)
	if !ok {
		return 0, errShort
	}
	c.AppendBytes(v)
	return n, nil
}

// decodeParsed reads the text of a value of c's type.
func decodeParsed(c *batch.Column, data []byte) (int, error) {
	v, n, ok := lengthBytes(data)
	if !ok {
		return 0, errShort
	}
	return n, batch.ParseText(c, v)
}

// decodeDecimal reads the text of a decimal of up to 18 digits: the server writes every digit of the scale.
func decodeDecimal(scale int) decode {
	return func(c *batch.Column, data []byte) (int, error) {
		v, n, ok := lengthBytes(data)
		if !ok || len(v) == 0 {
			return 0, errShort
		}
		digits := v
		if v[0] == '-' {
			digits = v[1:]
		}
		point := len(digits) - scale - 1 // where the point is, if there is one
		var u uint64
		if scale == 0 {
			point = -1
		}
		if len(digits) > 19 {
			return n, errNotNumber
		}
		for i, ch := range digits {
			if d := ch - '0'; d <= 9 {
				u = u*10 + uint64(d)
			} else if i != point || ch != '.' {
				return n, errNotNumber
			}
		}
		if scale > 0 && (point < 0 || digits[point] != '.') {
			return n, errNotNumber
		}
		if v[0] == '-' {
			c.AppendInt(-int64(u))
		} else {
			c.AppendInt(int64(u))
		}
		return n, nil
	}
}

// decodeBit reads a BIT, whose bytes come most significant first.
func decodeBit(c *batch.Column, data []byte) (int, error) {
	v, n, ok := lengthBytes(data)
	if !ok || len(v) > 8 {
		return 0, errShort
	}
	var u uint64
	for _, b := range v {
		u = u<<8 | uint64(b)
	}
	if c.Type.Kind == batch.Boolean {
		if bits.Len64(u) > 1 {
			return n, errNotBoolean
		}
		c.AppendInt(int64(u))
		return n, nil
	}
	c.AppendWide(batch.Int128{Lo: u})
	return n, nil
}

// dates reads dates and times of day of a date, in which the server leaves out parts at the end that are 0.
type dates struct {
	zero zeroDates
	unit batch.Unit
	day  bool // a date alone
}

func (d dates) decode(c *batch.Column, data []byte) (int, error) {
	if len(data) < 1 || len(data) < 1+int(data[0]) {
		return 0, errShort
	}
	n := 1 + int(data[0])
	v := data[1:n]
	if len(v) < 4 || v[0]|v[1]|v[2]|v[3] == 0 {
		return n, d.decodeZero(c)
	}
	year, month, day := int(binary.LittleEndian.Uint16(v)), int(v[2]), int(v[3])
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysOf(year, month) {
		return n, errNoDate
	}
	days := batch.Day(year, month, day)
	if d.day {
		c.AppendInt(days)
		return n, nil
	}
	var seconds, micros int64
	if len(v) >= 7 {
		seconds = int64(v[4])*3600 + int64(v[5])*60 + int64(v[6])
	}
	if len(v) >= 11 {
		micros = int64(binary.LittleEndian.Uint32(v[7:]))
	}
	c.AppendInt((days*86400+seconds)*d.unit.PerSecond() + micros/(1_000_000/d.unit.PerSecond()))
	return n, nil
}

func (d dates) decodeZero(c *batch.Column) error {
	switch d.zero {
	case zeroNull:
		c.AppendNull()
	case zeroMinimum:
		v := batch.Day(1, 1, 1)
		if !d.day {
			v *= 86400 * d.unit.PerSecond()
		}
		c.AppendInt(v)
	default:
		return errZeroDate
	}
	return nil
}

func daysOf(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// decodeTime reads a TIME, which is a length of time with a sign.
func decodeTime(unit batch.Unit) decode {
	return func(c *batch.Column, data []byte) (int, error) {
		if len(data) < 1 || len(data) < 1+int(data[0]) {
			return 0, errShort
		}
		n := 1 + int(data[0])
		v := data[1:n]
		if len(v) < 8 {
			c.AppendInt(0)
			return n, nil
		}
		seconds := int64(binary.LittleEndian.Uint32(v[1:]))*86400 + int64(v[5])*3600 + int64(v[6])*60 + int64(v[7])
		value := seconds * unit.PerSecond()
		if len(v) >= 12 {
			value += int64(binary.LittleEndian.Uint32(v[8:])) / (1_000_000 / unit.PerSecond())
		}
		if v[0] != 0 {
			value = -value
		}
		c.AppendInt(value)
		return n, nil
	}
}

// misfit makes the error for a value that has no place in the column f. data begins with the value.
func misfit(err error, c column, f batch.Field, data []byte, target string, row int64) error {
	if errors.Is(err, errShort) {
		return fault.New(fault.Unreachable, "read the rows").At(target).Because(err).AsTransient().Try("Check the network and the server's log.")
	}
	e := fault.New(fault.Conversion, "a value of type %s cannot be read as %s", f.Native, f.Type).At(target).Because(err)
	value := ""
	switch {
	case errors.Is(err, errZeroDate):
		value = "0000-00-00"
		e.Try("Set convertZeroDateTime to true in the linked service, or read nullif(%s, 0) by a query.", quote(f.Name))
	case errors.Is(err, errNoDate):
		value = dayText(data)
		e.Try("Correct the value, or read CAST(%s AS CHAR) by a query.", quote(f.Name))
	case errors.Is(err, errNotBoolean) && c.code == codeTiny:
		value = smallText(data)
		e.Try("Set treatTinyAsBoolean to false in the linked service: the column is then a number.")
	default:
		if v, _, ok := lengthBytes(data); ok {
			value = string(v)
		}
		e.Try("Read CAST(%s AS CHAR) by a query.", quote(f.Name))
	}
	return e.InRow(row, f.Name, value)
}

// dayText is a date that does not exist, as the server would print it.
func dayText(data []byte) string {
	if len(data) < 5 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", binary.LittleEndian.Uint16(data[1:]), data[3], data[4])
}

func smallText(data []byte) string {
	if len(data) < 1 {
		return ""
	}
	return strconv.Itoa(int(int8(data[0])))
}
