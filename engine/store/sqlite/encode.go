package sqlite

import (
	"math"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// encode binds the value in row of c, which is not NULL, to parameter i. An error says what is wrong with the value.
type encode func(s *stmt, i int, c *batch.Column, row int) *fault.Error

// encoderOf gives what writes values of the type into a column with the affinity.
func encoderOf(t batch.Type, a affinity) encode {
	switch t.Storage() {
	case batch.InFloats:
		return encodeFloat
	case batch.InData:
		switch t.Kind {
		case batch.Binary:
			return func(s *stmt, i int, c *batch.Column, row int) *fault.Error { s.bindBlob(i, c.Bytes(row)); return nil }
		case batch.Decimal, batch.GUID:
		default:
			return func(s *stmt, i int, c *batch.Column, row int) *fault.Error { s.bindText(i, c.Bytes(row)); return nil }
		}
	}
	switch t.Kind {
	case batch.Boolean, batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return func(s *stmt, i int, c *batch.Column, row int) *fault.Error { s.bindInt(i, c.Ints[row]); return nil }
	case batch.Decimal:
		return decimalEncoder(a)
	case batch.TimestampTZ:
		return textEncoder(appendZoned)
	}
	return textEncoder(batch.AppendText)
}

func textEncoder(appendText batch.Appender) encode {
	var buf []byte
	return func(s *stmt, i int, c *batch.Column, row int) *fault.Error {
		buf = appendText(buf[:0], c, row)
		s.bindText(i, buf)
		return nil
	}
}

// appendZoned writes the offset with its minutes, +02:00, as SQLite's own date functions want it.
func appendZoned(dst []byte, c *batch.Column, row int) []byte {
	dst = batch.AppendText(dst, c, row)
	if n := len(dst); n > 3 && (dst[n-3] == '+' || dst[n-3] == '-') {
		dst = append(dst, ":00"...)
	}
	return dst
}

func encodeFloat(s *stmt, i int, c *batch.Column, row int) *fault.Error {
	v := c.Floats[row]
	if math.IsNaN(v) {
		return fault.New(fault.Conversion, "SQLite cannot keep NaN, it would become NULL").InRow(0, "", "NaN").
			Try("Replace the value in the source's query, or write the column as text.")
	}
	s.bindFloat(i, v)
	return nil
}

// decimalEncoder refuses what a column that turns text into numbers would round.
func decimalEncoder(a affinity) encode {
	var buf []byte
	return func(s *stmt, i int, c *batch.Column, row int) *fault.Error {
		buf = batch.AppendText(buf[:0], c, row)
		if a != asText && a != asBlob && significant(buf) > realDigits {
			return fault.New(fault.Conversion, "the number has more digits than an SQLite number keeps").InRow(0, "", string(buf)).
				Try("Declare the column as %s, which keeps every digit, or as TEXT.", decimalText)
		}
		s.bindText(i, buf)
		return nil
	}
}

// significant counts the digits from the first that is not 0 to the last that is not 0.
func significant(text []byte) int {
	count, zeros := 0, 0
	for _, b := range text {
		switch {
		case b == '0':
			if count > 0 {
				zeros++
			}
		case b > '0' && b <= '9':
			count += zeros + 1
			zeros = 0
		}
	}
	return count
}
