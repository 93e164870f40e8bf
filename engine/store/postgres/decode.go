package postgres

import (
	"encoding/binary"
	"errors"
	"math"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// decode appends one value, which is not NULL, to c. What it returns says what is wrong with the value alone.
type decode func(c *batch.Column, v []byte) error

// Days and microseconds from 1970-01-01 to PostgreSQL's 2000-01-01.
const (
	epochDays   = 10_957
	epochMicros = epochDays * 86_400_000_000
)

// decoderOf gives what reads values of the column into a batch column of its type.
func decoderOf(c column) decode {
	switch c.oid {
	case oidBool:
		return decodeBool
	case oidInt2:
		return decodeInt2
	case oidInt4:
		return decodeInt4
	case oidInt8, oidMoney:
		if c.oid == oidMoney {
			return decodeMoney
		}
		return decodeInt8
	case oidOID:
		return decodeOID
	case oidFloat4:
		return decodeFloat4
	case oidFloat8:
		return decodeFloat8
	case oidDate:
		return decodeDate
	case oidTime:
		return decodeInt8
	case oidTimestamp, oidTimestampTZ:
		return decodeTimestamp
	case oidNumeric:
		switch c.typ().Storage() {
		case batch.InInts:
			return decodeNumeric64
		case batch.InWide:
			return decodeNumeric128
		}
		return decodeNumericText
	case oidUUID:
		return decodeUUID
	}
	return decodeBytes
}

func decodeBool(c *batch.Column, v []byte) error {
	if len(v) != 1 {
		return errMalformed
	}
	c.AppendInt(int64(v[0]))
	return nil
}

func decodeInt2(c *batch.Column, v []byte) error {
	if len(v) != 2 {
		return errMalformed
	}
	c.AppendInt(int64(int16(binary.BigEndian.Uint16(v))))
	return nil
}

func decodeInt4(c *batch.Column, v []byte) error {
	if len(v) != 4 {
		return errMalformed
	}
	c.AppendInt(int64(int32(binary.BigEndian.Uint32(v))))
	return nil
}

func decodeInt8(c *batch.Column, v []byte) error {
	if len(v) != 8 {
		return errMalformed
	}
	c.AppendInt(int64(binary.BigEndian.Uint64(v)))
	return nil
}

func decodeOID(c *batch.Column, v []byte) error {
	if len(v) != 4 {
		return errMalformed
	}
	c.AppendInt(int64(binary.BigEndian.Uint32(v)))
	return nil
}

func decodeMoney(c *batch.Column, v []byte) error {
	if len(v) != 8 {
		return errMalformed
	}
	n := int64(binary.BigEndian.Uint64(v))
	c.AppendWide(batch.Int128{Lo: uint64(n), Hi: n >> 63})
	return nil
}

func decodeFloat4(c *batch.Column, v []byte) error {
	if len(v) != 4 {
		return errMalformed
	}
	c.AppendFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(v))))
	return nil
}

func decodeFloat8(c *batch.Column, v []byte) error {
	if len(v) != 8 {
		return errMalformed
	}
	c.AppendFloat(math.Float64frombits(binary.BigEndian.Uint64(v)))
	return nil
}

func decodeDate(c *batch.Column, v []byte) error {
	if len(v) != 4 {
		return errMalformed
	}
	days := int32(binary.BigEndian.Uint32(v))
	if days == math.MaxInt32 || days == math.MinInt32 {
		return errInfinite
	}
	c.AppendInt(int64(days) + epochDays)
	return nil
}

func decodeTimestamp(c *batch.Column, v []byte) error {
	if len(v) != 8 {
		return errMalformed
	}
	micros := int64(binary.BigEndian.Uint64(v))
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		return errInfinite
	}
	if micros > math.MaxInt64-epochMicros {
		return errRange
	}
	c.AppendInt(micros + epochMicros)
	return nil
}

func decodeUUID(c *batch.Column, v []byte) error {
	if len(v) != 16 {
		return errMalformed
	}
	c.AppendBytes(v)
	return nil
}

func decodeBytes(c *batch.Column, v []byte) error {
	c.AppendBytes(v)
	return nil
}

// misfit makes the error for a value that has no place in the column f.
func misfit(err error, f batch.Field, v []byte, target string, row int64) error {
	e := fault.New(fault.Conversion, "a value of type %s cannot be read as %s", f.Native, f.Type).At(target).Because(err)
	value := ""
	switch {
	case errors.Is(err, errNotFinite):
		value = "NaN"
		if n, bad := splitNumeric(v); bad == nil && n.sign != numericNaN {
			value = "Infinity"
		}
		e.Try("Read the column through a query with %s::double precision or %s::text.", f.Name, f.Name)
	case errors.Is(err, errInfinite):
		value = "infinity"
		if len(v) > 0 && v[0]&0x80 != 0 {
			value = "-infinity"
		}
		e.Try("Read the column through a query with %s::text, or with nullif(%s, 'infinity').", f.Name, f.Name)
	default:
		e.Try("Read the column through a query with %s::text.", f.Name)
	}
	return e.InRow(row, f.Name, value)
}
