package sqlserver

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"dmgateway/engine/batch"
)

// decode appends one value of the driver, which is not NULL, to c. What it returns says what is wrong with the value.
type decode func(c *batch.Column, v driver.Value) error

var errMalformed = errors.New("the server's value has an unexpected form")

// decoderOf gives what reads values of the column into a batch column of its type.
func decoderOf(c column) decode {
	switch c.interim().Kind {
	case batch.Boolean:
		return decodeBool
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return decodeInt
	case batch.Single, batch.Double:
		return decodeFloat
	case batch.Decimal:
		if c.interim().Storage() == batch.InInts {
			return decodeDecimal64
		}
		return decodeDecimal
	case batch.Date:
		return decodeDate
	case batch.Time:
		return decodeTime
	case batch.Timestamp:
		return decodeTimestamp
	case batch.TimestampTZ:
		return decodeZoned
	case batch.GUID:
		return decodeGUID
	}
	if c.typ == "sql_variant" {
		return decodeVariant
	}
	return decodeData
}

func decodeBool(c *batch.Column, v driver.Value) error {
	b, ok := v.(bool)
	if !ok {
		return errMalformed
	}
	if b {
		c.AppendInt(1)
	} else {
		c.AppendInt(0)
	}
	return nil
}

func decodeInt(c *batch.Column, v driver.Value) error {
	n, ok := v.(int64)
	if !ok {
		return errMalformed
	}
	c.AppendInt(n)
	return nil
}

func decodeFloat(c *batch.Column, v driver.Value) error {
	f, ok := v.(float64) // of a real: the exact value
	if !ok {
		return errMalformed
	}
	c.AppendFloat(f)
	return nil
}

// decodeDecimal64 reads the driver's decimal text, which always has the digits of the column's scale.
func decodeDecimal64(c *batch.Column, v driver.Value) error {
	text, ok := v.([]byte)
	if !ok {
		return errMalformed
	}
	var n int64
	digits, after, seen := 0, 0, false
	for i, b := range text {
		switch {
		case b >= '0' && b <= '9':
			n = n*10 + int64(b-'0')
			if digits++; seen {
				after++
			}
		case b == '.' && !seen:
			seen = true
		case b != '-' || i != 0:
			return errMalformed
		}
	}
	if digits == 0 || digits > 19 || after != c.Type.Scale {
		return batch.ParseText(c, text)
	}
	if text[0] == '-' {
		n = -n
	}
	c.AppendInt(n)
	return nil
}

func decodeDecimal(c *batch.Column, v driver.Value) error {
	text, ok := v.([]byte)
	if !ok {
		return errMalformed
	}
	return batch.ParseText(c, text)
}

const secondsPerDay = 86_400

func decodeDate(c *batch.Column, v driver.Value) error {
	t, ok := v.(time.Time)
	if !ok {
		return errMalformed
	}
	c.AppendInt(floorDiv(t.Unix(), secondsPerDay))
	return nil
}

func decodeTime(c *batch.Column, v driver.Value) error {
	t, ok := v.(time.Time)
	if !ok {
		return errMalformed
	}
	sec := t.Unix() - floorDiv(t.Unix(), secondsPerDay)*secondsPerDay
	c.AppendInt(steps(sec, t.Nanosecond(), c.Type.Unit))
	return nil
}

func decodeTimestamp(c *batch.Column, v driver.Value) error {
	t, ok := v.(time.Time)
	if !ok {
		return errMalformed
	}
	c.AppendInt(steps(t.Unix(), t.Nanosecond(), c.Type.Unit))
	return nil
}

func decodeZoned(c *batch.Column, v driver.Value) error {
	t, ok := v.(time.Time)
	if !ok {
		return errMalformed
	}
	_, offset := t.Zone()
	c.AppendZoned(steps(t.Unix(), t.Nanosecond(), c.Type.Unit), int16(offset/60))
	return nil
}

// steps is an instant in a unit.
func steps(sec int64, nanos int, u batch.Unit) int64 {
	per := u.PerSecond()
	return sec*per + int64(nanos)/(1_000_000_000/per)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// decodeGUID turns the server's order of bytes, in which the first three groups are swapped, into that of the text.
func decodeGUID(c *batch.Column, v driver.Value) error {
	id, ok := v.([]byte)
	if !ok || len(id) != 16 {
		return errMalformed
	}
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Data = append(c.Data, id[3], id[2], id[1], id[0], id[5], id[4], id[7], id[6], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15])
	c.EndBytes()
	return nil
}

func decodeData(c *batch.Column, v driver.Value) error {
	switch v := v.(type) {
	case string:
		c.AppendString(v)
	case []byte:
		c.AppendBytes(v)
	default:
		return errMalformed
	}
	return nil
}

// decodeVariant makes text of whatever a sql_variant holds. The driver gives decimals as their digits and binary data as
// bytes, both as []byte: what looks like a decimal is one.
func decodeVariant(c *batch.Column, v driver.Value) error {
	switch v := v.(type) {
	case string:
		c.AppendString(v)
	case int64:
		c.AppendString(strconv.FormatInt(v, 10))
	case float64:
		c.AppendString(strconv.FormatFloat(v, 'g', -1, 64))
	case bool:
		if v {
			c.AppendString("1")
		} else {
			c.AppendString("0")
		}
	case time.Time:
		layout := "2006-01-02 15:04:05.9999999"
		if v.Location() != time.UTC {
			layout += " -07:00"
		}
		c.AppendString(v.Format(layout))
	case []byte:
		if isDecimal(v) {
			c.AppendBytes(v)
		} else {
			c.AppendString("0x" + hex.EncodeToString(v))
		}
	default:
		c.AppendString(fmt.Sprint(v))
	}
	return nil
}

func isDecimal(text []byte) bool {
	digits, point := 0, false
	for i, b := range text {
		switch {
		case b >= '0' && b <= '9':
			digits++
		case b == '.' && !point && digits > 0:
			point = true
		case b != '-' || i != 0:
			return false
		}
	}
	return digits > 0
}
