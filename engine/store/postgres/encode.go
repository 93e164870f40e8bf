package postgres

import (
	"bytes"
	"encoding/binary"
	"math"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// encode appends one value, which is not NULL, in the binary COPY format: four bytes of length, then the value. On an
// error, which says what is wrong with the value, dst comes back as it was.
type encode func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error)

// target is how a column of the sink is written: the type that writers take, and what puts it into binary COPY.
type target struct {
	typ    batch.Type
	encode encode
	// cast is set where the value is staged as text and cast on the server, because its binary form is the server's own.
	cast bool
}

// targetOf decides how values that are wanted as the type go into the column.
func targetOf(c column, want batch.Type) target {
	typ := c.typ()
	switch c.oid {
	case oidBool:
		return target{typ: typ, encode: encodeBool}
	case oidInt2:
		return target{typ: typ, encode: encodeInt2}
	case oidInt4:
		return target{typ: typ, encode: encodeInt4}
	case oidInt8:
		return target{typ: typ, encode: encodeInt8}
	case oidOID:
		return target{typ: typ, encode: encodeOID}
	case oidFloat4:
		return target{typ: typ, encode: encodeFloat4}
	case oidFloat8:
		return target{typ: typ, encode: encodeFloat8}
	case oidNumeric:
		if typ.Precision == 0 && (want.Kind == batch.Decimal || want.Kind >= batch.Byte && want.Kind <= batch.Int64) {
			typ = want
		}
		return target{typ: typ, encode: numericEncoder(typ)}
	case oidMoney:
		return target{typ: typ, encode: encodeMoney}
	case oidDate:
		return target{typ: typ, encode: encodeDate}
	case oidTime, oidTimestamp, oidTimestampTZ:
		return timed(c, typ)
	case oidInterval:
		if want.Kind == batch.Duration {
			return target{typ: batch.Type{Kind: batch.Duration, Unit: batch.Micro}, encode: encodeInterval}
		}
	case oidBytea, oidUUID:
		return target{typ: typ, encode: encodeBytes}
	case oidJSONB:
		return target{typ: typ, encode: encodeJSONB}
	}
	return target{typ: typ, encode: encodeText, cast: !c.textual()}
}

// timed writes times with no more digits than the column keeps, because the server would round the rest away.
func timed(c column, typ batch.Type) target {
	digits := 6
	if c.mod >= 0 && c.mod < 6 {
		digits = int(c.mod)
	}
	switch {
	case digits == 0:
		typ.Unit = batch.Second
	case digits <= 3:
		typ.Unit = batch.Milli
	}
	scale := 1_000_000 / typ.Unit.PerSecond() // microseconds of one step
	step := typ.Unit.PerSecond()              // steps between two values that the column can tell apart
	for range digits {
		step /= 10
	}
	epoch := int64(epochMicros)
	if c.oid == oidTime {
		epoch = 0
	}
	return target{typ: typ, encode: func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		v := c.Ints[row]
		if step > 1 && v%step != 0 {
			return dst, refuse("the column keeps %d digits of a second, the value has more", digits)
		}
		if v > math.MaxInt64/scale || v <= (math.MinInt64+epoch)/scale {
			return dst, refuse("the value is outside the range of the column")
		}
		return appendInt8(dst, v*scale-epoch), nil
	}}
}

func refuse(format string, args ...any) *fault.Error {
	return fault.New(fault.Conversion, format, args...).Try("Correct the value, or change the column's type.")
}

func appendInt8(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 8), uint64(v))
}

func encodeBool(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return append(dst, 0, 0, 0, 1, byte(c.Ints[row])), nil
}

func encodeInt2(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Ints[row]
	return append(dst, 0, 0, 0, 2, byte(v>>8), byte(v)), nil
}

func encodeInt4(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), uint32(c.Ints[row])), nil
}

func encodeInt8(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return appendInt8(dst, c.Ints[row]), nil
}

func encodeOID(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Ints[row]
	if v < 0 || v > math.MaxUint32 {
		return dst, refuse("the value is outside the range of the column")
	}
	return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), uint32(v)), nil
}

func encodeFloat4(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), math.Float32bits(float32(c.Floats[row]))), nil
}

func encodeFloat8(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	return appendInt8(dst, int64(math.Float64bits(c.Floats[row]))), nil
}

// minDate and maxDate are PostgreSQL's: 4714-11-24 BC and 5874897-12-31.
const (
	minDate = -2_440_588
	maxDate = 2_145_031_948
)

func encodeDate(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Ints[row]
	if v < minDate || v > maxDate {
		return dst, refuse("the value is outside the range of the column")
	}
	return binary.BigEndian.AppendUint32(append(dst, 0, 0, 0, 4), uint32(v-epochDays)), nil
}

// encodeInterval writes a duration as microseconds alone; days and months stay 0.
func encodeInterval(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	dst = binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 16), uint64(c.Ints[row]))
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0), nil
}

func encodeMoney(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Wide[row]
	if v.Hi != int64(v.Lo)>>63 {
		return dst, refuse("the value is outside the range of the column")
	}
	return appendInt8(dst, int64(v.Lo)), nil
}

func numericEncoder(t batch.Type) encode {
	switch {
	case t.Storage() == batch.InInts: // a decimal, or an integer as it is
		scale := t.Scale
		return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
			start := len(dst)
			dst = appendNumeric64(append(dst, 0, 0, 0, 0), c.Ints[row], scale)
			binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
			return dst, nil
		}
	case t.Storage() == batch.InWide:
		scale := t.Scale
		return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
			var text [48]byte // 38 digits, sign, point; the encoder is shared by the writers of all partitions
			return encodeNumericText(dst, batch.AppendDecimalWide(text[:0], c.Wide[row], scale))
		}
	}
	return func(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
		return encodeNumericText(dst, c.Bytes(row))
	}
}

func encodeNumericText(dst, text []byte) ([]byte, *fault.Error) {
	start := len(dst)
	out, err := appendNumericText(append(dst, 0, 0, 0, 0), text)
	if err != nil {
		return dst[:start], refuse("the value is no number that the column can hold")
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-4))
	return out, nil
}

func encodeBytes(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Bytes(row)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...), nil
}

func encodeText(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Bytes(row)
	if bytes.IndexByte(v, 0) >= 0 {
		return dst, refuse("PostgreSQL text cannot hold a zero byte")
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v)))
	return append(dst, v...), nil
}

// encodeJSONB writes the version of the format, 1, in front of the text.
func encodeJSONB(dst []byte, c *batch.Column, row int) ([]byte, *fault.Error) {
	v := c.Bytes(row)
	if bytes.IndexByte(v, 0) >= 0 {
		return dst, refuse("PostgreSQL text cannot hold a zero byte")
	}
	dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(v)+1)), 1)
	return append(dst, v...), nil
}
