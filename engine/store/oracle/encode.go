package oracle

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	go_ora "github.com/sijms/go-ora/v2"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// The longest values that go beside the others of a row on every server. A longer text in an array makes the driver
// declare the whole column as LONG, with which rows are refused (ORA-01461) or end in the wrong column.
const (
	inlineText  = 4000
	inlineBytes = 2000
)

// encoder turns values into what the driver takes. One writer uses it.
type encoder struct {
	buf []byte
}

// long reports whether a value must go as a large object of its own.
func (t *target) long(c *batch.Column, i int) bool {
	if c.IsNull(i) {
		return false
	}
	n := len(c.Bytes(i))
	switch t.bind {
	case bindLob:
		return n > inlineText
	case bindNationalLob:
		return n > inlineText/2 // two bytes a character on the way
	case bindBlob:
		return n > inlineBytes
	}
	return false
}

// value gives row i of c for the driver, nil for NULL. Texts and bytes share c's buffer. whole says that a large object
// goes as one.
func (e *encoder) value(t *target, c *batch.Column, i int, whole bool) (any, error) {
	if c.IsNull(i) {
		if t.required {
			return nil, t.noNull()
		}
		return nil, nil
	}
	switch t.bind {
	case bindInteger:
		return c.Ints[i], nil
	case bindNumber:
		return e.number(t, c, i)
	case bindFloat:
		return e.float(c, i), nil
	case bindTimestamp:
		return timestamp(t, c.Type, c.Ints[i])
	case bindInstant:
		return e.instant(t, c, i)
	case bindDuration:
		return e.duration(t, c.Type.Unit, c.Ints[i])
	case bindMonths:
		return e.months(c.Ints[i]), nil
	case bindRaw:
		return raw(t, c.Bytes(i))
	case bindBlob:
		return blob(t, c.Bytes(i), whole)
	}
	return text(t, c.Text(i), whole)
}

// text checks a text against the column and wraps it.
func text(t *target, s string, whole bool) (any, error) {
	switch {
	case s == "" && t.required:
		return nil, noRoom("Oracle keeps an empty text as NULL, which the column does not allow")
	case t.large():
	case t.chars > 0 && len(s) > t.chars && units(t, s) > t.chars:
		return nil, noRoom("the text has %d characters, the column holds %d", units(t, s), t.chars)
	case t.chars == 0 && t.unicode && len(s) > t.bytes:
		return nil, noRoom("the text has %d bytes, the column holds %d", len(s), t.bytes)
	case len(s) > max(inlineText, t.bytes):
		return nil, noRoom("the text has %d bytes, the column holds %d", len(s), max(inlineText, t.bytes))
	}
	switch t.bind {
	case bindNational:
		return go_ora.NVarChar(s), nil
	case bindLob:
		if whole {
			return go_ora.Clob{String: s, Valid: true}, nil
		}
	case bindNationalLob:
		if whole {
			return go_ora.NClob{String: s, Valid: true}, nil
		}
		return go_ora.NVarChar(s), nil
	}
	if !t.unicode && !ascii(s) && t.values == "%s" && t.bind != bindNationalLob {
		return nil, noRoom("the database's character set is not Unicode and may lack characters of the text").
			Try("Write into an NVARCHAR2 or NCLOB column.")
	}
	return s, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// units is a text's length as the column counts it: the national character set counts units of UTF-16.
func units(t *target, s string) int {
	n := utf8.RuneCountInString(s)
	if t.bind == bindNational {
		for i := range len(s) {
			if s[i] >= 0xf0 { // beyond the first plane: two units
				n++
			}
		}
	}
	return n
}

func raw(t *target, b []byte) (any, error) {
	switch {
	case len(b) == 0 && t.required:
		return nil, noRoom("Oracle keeps an empty RAW as NULL, which the column does not allow")
	case len(b) > t.bytes:
		return nil, noRoom("the value has %d bytes, the column holds %d", len(b), t.bytes)
	}
	return b, nil
}

func blob(t *target, b []byte, whole bool) (any, error) {
	if len(b) == 0 && t.required {
		return nil, noRoom("an empty BLOB goes as NULL, which the column does not allow")
	}
	if whole {
		return go_ora.Blob{Data: b, Valid: true}, nil
	}
	return b, nil
}

// number gives a decimal or integer as the driver's Number.
func (e *encoder) number(t *target, c *batch.Column, i int) (any, error) {
	e.buf = batch.AppendText(e.buf[:0], c, i)
	if c.Type.Kind == batch.Boolean {
		e.buf = strconv.AppendInt(e.buf[:0], c.Ints[i], 10)
	}
	if t.step > 1 && !multiple(e.buf, t.step) {
		return nil, noRoom("the column rounds to %d and would change the number", t.step)
	}
	text, digits, err := scientific(e.buf)
	if err != nil {
		return nil, err
	}
	if t.digits > 0 && digits > t.digits {
		return nil, noRoom("the number has %d digits, the column keeps %d", digits, t.digits)
	}
	n, err := go_ora.NewNumberFromString(text)
	if err != nil {
		return nil, noRoom("the number cannot be written").Because(err)
	}
	return n, nil
}

// multiple reports whether a whole number's text ends in as many zeros as step has.
func multiple(text []byte, step int64) bool {
	zeros := len(strconv.FormatInt(step, 10)) - 1
	text = bytes.TrimPrefix(text, []byte("-"))
	if len(text) <= zeros {
		return len(bytes.Trim(text, "0")) == 0
	}
	return len(bytes.Trim(text[len(text)-zeros:], "0")) == 0
}

// scientific writes plain decimal text as the driver reads it rightly: one digit that is not zero before the point, the
// others behind it, and the exponent. The driver stores anything else as a number that the server compares wrongly. It
// tells how many digits there are; more than a NUMBER holds are refused.
func scientific(plain []byte) (text string, digits int, err error) {
	var out [64]byte
	b := out[:0]
	rest := plain
	if len(rest) > 0 && rest[0] == '-' {
		b, rest = append(b, '-'), rest[1:]
	}
	if len(rest) == 0 || rest[0] < '0' || rest[0] > '9' {
		return "", 0, noRoom("a NUMBER cannot be %s", plain)
	}
	point := bytes.IndexByte(rest, '.')
	if point < 0 {
		point = len(rest)
	}
	first, last := -1, -1 // places of the first and last digit that is not zero
	for i, d := range rest {
		if d >= '1' && d <= '9' {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return "0", 0, nil
	}
	exponent := point - first - 1
	if first > point {
		exponent = point - first
	}
	digits = last - first + 1
	if first < point && last > point {
		digits--
	}
	// A NUMBER keeps 20 pairs of digits; a first pair of one digit costs one.
	room := 40
	if exponent%2 == 0 {
		room = 39
	}
	if digits > room {
		return "", 0, noRoom("the number has %d digits, a NUMBER keeps %d", digits, room)
	}
	if exponent > 125 || exponent < -130 {
		return "", 0, noRoom("a NUMBER lies between 1e-130 and 1e126")
	}
	b = append(b, rest[first])
	if last > first {
		b = append(b, '.')
		for _, d := range rest[first+1 : last+1] {
			if d != '.' {
				b = append(b, d)
			}
		}
	}
	b = append(b, 'e')
	b = strconv.AppendInt(b, int64(exponent), 10)
	return string(b), digits, nil
}

func (e *encoder) float(c *batch.Column, i int) any {
	f := c.Floats[i]
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Inf"
	case math.IsInf(f, -1):
		return "-Inf"
	}
	size := 64
	if c.Type.Kind == batch.Single {
		size = 32
	}
	e.buf = strconv.AppendFloat(e.buf[:0], f, 'g', -1, size)
	return string(e.buf)
}

// noNull is the error for a NULL, or an empty text, which is one in Oracle.
func (t *target) noNull() *fault.Error {
	if t.key {
		return sqlstore.NullKey()
	}
	return sqlstore.NoNull()
}
