package sqlite

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// decode appends the value of column i of the statement's row to c. An error says what is wrong with the value; the
// caller adds row, column and value.
type decode func(c *batch.Column, s *stmt, i int) error

// errMisfit is a value whose storage class is not one that the column's type is kept in.
var errMisfit = errors.New("misfit")

func decoderOf(t batch.Type) decode {
	switch t.Kind {
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return decodeInt
	case batch.Boolean:
		return decodeBoolean
	case batch.Single, batch.Double:
		return decodeFloat
	case batch.Decimal:
		return decimalDecoder()
	case batch.Date, batch.Timestamp, batch.TimestampTZ:
		return decodeInstant
	case batch.Time, batch.Duration:
		return decodeParsed
	case batch.GUID:
		return decodeGUID
	case batch.Binary:
		return decodeBinary
	}
	return decodeText
}

func decodeInt(c *batch.Column, s *stmt, i int) error {
	if s.class(i) != lib.SQLITE_INTEGER {
		return errMisfit
	}
	c.AppendInt(s.int(i))
	return nil
}

func decodeBoolean(c *batch.Column, s *stmt, i int) error {
	switch s.class(i) {
	case lib.SQLITE_INTEGER:
		v := s.int(i)
		if v != 0 && v != 1 {
			return errMisfit
		}
		c.AppendInt(v)
		return nil
	case lib.SQLITE_TEXT:
		return batch.ParseText(c, s.text(i))
	}
	return errMisfit
}

// maxExact is the largest whole number up to which a float64 has all of them.
const maxExact = 1 << 53

func decodeFloat(c *batch.Column, s *stmt, i int) error {
	switch s.class(i) {
	case lib.SQLITE_FLOAT:
		c.AppendFloat(s.float(i))
		return nil
	case lib.SQLITE_INTEGER:
		v := s.int(i)
		if v > maxExact || v < -maxExact {
			return errMisfit
		}
		c.AppendFloat(float64(v))
		return nil
	}
	return errMisfit
}

// decimalDecoder reads numbers of every storage class; its buffer is for the text of those that are none.
func decimalDecoder() decode {
	var buf []byte
	return func(c *batch.Column, s *stmt, i int) error {
		switch s.class(i) {
		case lib.SQLITE_INTEGER:
			buf = strconv.AppendInt(buf[:0], s.int(i), 10)
		case lib.SQLITE_FLOAT:
			buf = appendReal(buf[:0], s.float(i))
		case lib.SQLITE_TEXT:
			return batch.ParseText(c, s.text(i))
		default:
			return errMisfit
		}
		return batch.ParseText(c, buf)
	}
}

// appendReal writes the fewest digits that mean the same number.
func appendReal(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// unixJulian is 1970-01-01T00:00Z as a Julian day number.
const unixJulian = 2440587.5

// decodeInstant reads the three ways in which SQLite keeps dates: text, whole seconds since 1970, or a Julian day
// number, which is exact to the millisecond.
func decodeInstant(c *batch.Column, s *stmt, i int) error {
	switch s.class(i) {
	case lib.SQLITE_TEXT:
		return batch.ParseText(c, s.text(i))
	case lib.SQLITE_INTEGER:
		return appendMillis(c, s.int(i), 1000)
	case lib.SQLITE_FLOAT:
		days := s.float(i) - unixJulian
		if math.IsNaN(days) || math.Abs(days) > 1e9 {
			return errMisfit
		}
		return appendMillis(c, int64(math.Round(days*86_400_000)), 1)
	}
	return errMisfit
}

// appendMillis appends v·scale milliseconds since 1970 in the column's unit.
func appendMillis(c *batch.Column, v, scale int64) error {
	per := int64(86_400_000) // milliseconds of one step of a Date
	if c.Type.Kind != batch.Date {
		steps := c.Type.Unit.PerSecond()
		if steps >= 1000 {
			f := scale * (steps / 1000)
			if v > math.MaxInt64/f || v < math.MinInt64/f {
				return errMisfit
			}
			c.AppendInt(v * f)
			return nil
		}
		per = 1000
	}
	if v > math.MaxInt64/scale || v < math.MinInt64/scale || v*scale%per != 0 {
		return errMisfit
	}
	c.AppendInt(v * scale / per)
	return nil
}

func decodeParsed(c *batch.Column, s *stmt, i int) error {
	if s.class(i) != lib.SQLITE_TEXT {
		return errMisfit
	}
	return batch.ParseText(c, s.text(i))
}

func decodeGUID(c *batch.Column, s *stmt, i int) error {
	switch s.class(i) {
	case lib.SQLITE_TEXT:
		return batch.ParseText(c, s.text(i))
	case lib.SQLITE_BLOB:
		if v := s.blob(i); len(v) == 16 {
			c.AppendBytes(v)
			return nil
		}
	}
	return errMisfit
}

func decodeBinary(c *batch.Column, s *stmt, i int) error {
	if s.class(i) != lib.SQLITE_BLOB {
		return errMisfit
	}
	c.AppendBytes(s.blob(i))
	return nil
}

func decodeText(c *batch.Column, s *stmt, i int) error {
	var buf [32]byte
	switch s.class(i) {
	case lib.SQLITE_TEXT:
		v := s.text(i)
		if !utf8.Valid(v) {
			return errMisfit
		}
		c.AppendBytes(v)
	case lib.SQLITE_INTEGER:
		c.AppendBytes(strconv.AppendInt(buf[:0], s.int(i), 10))
	case lib.SQLITE_FLOAT:
		c.AppendBytes(appendReal(buf[:0], s.float(i)))
	default:
		return errMisfit
	}
	return nil
}

// misfit makes the error for a value that column f cannot take.
func misfit(err error, f batch.Field, s *stmt, i int, target string, row int64) *fault.Error {
	e := &fault.Error{}
	if errors.Is(err, errMisfit) {
		e = fault.New(fault.Conversion, "the %s value is no %s, as the column's type %q promises", className(s.class(i)), f.Type, f.Native).
			Try("Correct the value, or read the column through a query with CAST(%s AS TEXT).", f.Name)
	} else {
		*e = *fault.As(err)
	}
	return e.At(target).InRow(row, f.Name, shown(s, i))
}

func className(class int32) string {
	switch class {
	case lib.SQLITE_INTEGER:
		return "INTEGER"
	case lib.SQLITE_FLOAT:
		return "REAL"
	case lib.SQLITE_TEXT:
		return "TEXT"
	case lib.SQLITE_BLOB:
		return "BLOB"
	}
	return "NULL"
}

// shown is a value for an error message.
func shown(s *stmt, i int) string {
	switch s.class(i) {
	case lib.SQLITE_BLOB:
		return strconv.Itoa(len(s.blob(i))) + " bytes"
	case lib.SQLITE_FLOAT:
		return string(appendReal(nil, s.float(i)))
	case lib.SQLITE_INTEGER:
		return strconv.FormatInt(s.int(i), 10)
	}
	v := s.text(i)
	return string(v[:min(len(v), 100)])
}
