package oracle

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// decode appends one value to a column. v is what the driver gave for the column's expressions; the first is not nil.
type decode func(c *batch.Column, v []driver.Value) error

// reads is how a column is read: the expressions that are selected, with %s for the column, and what makes a value of
// them.
type reads struct {
	typ         batch.Type
	expressions []string
	decode      decode
}

const (
	asItIs = "%s"
	// inUTC and offset take apart an instant. The driver looks zones up by name on the gateway's machine, which can know
	// them differently than the server, or not at all.
	inUTC  = "CAST(%s AT TIME ZONE 'UTC' AS TIMESTAMP(9))"
	offset = "EXTRACT(TIMEZONE_HOUR FROM %[1]s) * 60 + EXTRACT(TIMEZONE_MINUTE FROM %[1]s)"
	// intervals come as numbers, because the driver reads negative ones wrong and cuts the others to microseconds.
	months  = "EXTRACT(YEAR FROM %[1]s) * 12 + EXTRACT(MONTH FROM %[1]s)"
	secs    = "EXTRACT(DAY FROM %[1]s) * 86400 + EXTRACT(HOUR FROM %[1]s) * 3600 + EXTRACT(MINUTE FROM %[1]s) * 60 + EXTRACT(SECOND FROM %[1]s)"
	asFloat = "CAST(%s AS BINARY_DOUBLE)" // the driver cuts the digits of a BINARY_FLOAT
	asXML   = "XMLSERIALIZE(CONTENT %s AS CLOB)"
	asJSON  = "JSON_SERIALIZE(%s RETURNING CLOB)"
	asWKT   = "SDO_UTIL.TO_WKTGEOMETRY(%s)"
	vector  = "VECTOR_SERIALIZE(%s RETURNING CLOB)"
	boolean = "CASE WHEN %[1]s THEN 1 WHEN NOT %[1]s THEN 0 END"
)

// readsAs tells how the column is read. want is the type that the sink would like best. integers makes whole numbers
// integers, as convertDecimalToInteger asks.
func (c column) readsAs(want batch.Type, integers bool) (reads, error) {
	r := reads{typ: c.typ(), expressions: []string{asItIs}}
	switch base := c.base(); base {
	case typeNumber, typeFloat:
		r.typ = c.integer(r.typ, want, integers)
		r.decode = parsed(r.typ)
	case typeBinFloat:
		r.expressions, r.decode = []string{asFloat}, decodeFloat
	case typeBinDouble:
		r.decode = decodeFloat
	case typeChar, typeVarchar, typeNChar, typeNVarchar, typeLong, typeClob, typeNClob, typeRowID, typeURowID:
		r.decode = decodeText
	case typeRaw, typeLongRaw, typeBlob:
		r.decode = decodeBytes
	case typeDate, typeTimestamp:
		r.decode = decodeTimestamp(r.typ.Unit)
	case typeZoned:
		r.expressions, r.decode = []string{inUTC, offset}, decodeZoned(r.typ.Unit)
	case typeLocalZoned:
		r.expressions, r.decode = []string{inUTC}, decodeTimestamp(r.typ.Unit)
	case typeYearMonth:
		r.expressions, r.decode = []string{months}, parsed(r.typ)
	case typeDaySecond:
		r.expressions, r.decode = []string{secs}, decodeDuration(r.typ.Unit)
	case typeXML:
		r.expressions, r.decode = []string{asXML}, decodeText
	case typeJSON:
		r.expressions, r.decode = []string{asJSON}, decodeText
	case typeVector:
		r.expressions, r.decode = []string{vector}, decodeText
	case typeGeometry:
		r.expressions, r.decode = []string{asWKT}, decodeText
	case typeBoolean:
		r.expressions, r.decode = []string{boolean}, parsed(r.typ)
	default:
		return r, c.refuse()
	}
	return r, nil
}

// refuse says why the column cannot be read, and what to do.
func (c column) refuse() error {
	e := fault.New(fault.Unsupported, "the column %q is of the type %s, which cannot be read", c.name, c.native())
	switch c.base() {
	case typeBFile:
		return e.Try("Leave the column out of the mapping, or copy the file that it points to; a query can select TO_BLOB(%s).", c.name)
	case typeCursor:
		return e.Try("Select the cursor's columns themselves.")
	}
	return e.Try("Leave the column out of the mapping, or give a query that selects the object's attributes, or its text.")
}

// integer is the type of whole numbers: an integer where it is asked for, or the sink wants one that holds them all.
func (c column) integer(own, want batch.Type, asked bool) batch.Type {
	fits := func(digits int) bool {
		return own.Kind == batch.Decimal && own.Precision > 0 && own.Precision <= digits && own.Scale == 0
	}
	switch want.Kind {
	case batch.Int64, batch.Int32, batch.Int16:
		if fits(map[batch.Kind]int{batch.Int64: 18, batch.Int32: 9, batch.Int16: 4}[want.Kind]) {
			return batch.Type{Kind: want.Kind}
		}
	}
	switch {
	case !asked || own.Scale != 0 || c.base() == typeFloat:
		return own
	case fits(4):
		return batch.Type{Kind: batch.Int16}
	case fits(9):
		return batch.Type{Kind: batch.Int32}
	}
	return batch.Type{Kind: batch.Int64}
}

// parsed reads numbers, which the driver gives as text.
func parsed(t batch.Type) decode {
	parse, err := batch.NewParser(t, batch.Options{})
	if err != nil {
		panic(err) // there is a parser for every type of a column
	}
	return func(c *batch.Column, v []driver.Value) error {
		text, ok := v[0].(string)
		if !ok {
			return strange(v[0])
		}
		return parse(c, view(text))
	}
}

// view is a text's bytes, to be read only.
func view(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

func strange(v driver.Value) error {
	return fault.New(fault.BadData, "the driver gives a value of the type %T", v)
}

func decodeText(c *batch.Column, v []driver.Value) error {
	text, ok := v[0].(string)
	if !ok {
		return strange(v[0])
	}
	if !utf8.ValidString(text) {
		return fault.New(fault.BadData, "the text is no valid UTF-8").Try("Correct the row: its bytes do not belong to the database's character set.")
	}
	c.AppendString(text)
	return nil
}

func decodeBytes(c *batch.Column, v []driver.Value) error {
	switch b := v[0].(type) {
	case []byte:
		c.AppendBytes(b)
	case string:
		c.AppendString(b)
	default:
		return strange(v[0])
	}
	return nil
}

func decodeFloat(c *batch.Column, v []driver.Value) error {
	f, ok := v[0].(float64)
	if !ok {
		return strange(v[0])
	}
	c.AppendFloat(f)
	return nil
}

// instant gives a wall clock in steps of the unit since 1970.
func instant(v driver.Value, unit batch.Unit) (int64, error) {
	t, ok := v.(time.Time)
	if !ok {
		return 0, strange(v)
	}
	if t.Year() < 1 {
		return 0, fault.New(fault.Conversion, "the date is before the year 1").Try("Leave the row out with a query, or select TO_CHAR of the column.")
	}
	seconds, nanos := t.Unix(), int64(t.Nanosecond())
	if t.Location() != time.UTC {
		_, east := t.Zone()
		seconds += int64(east)
	}
	if unit == batch.Nano && (seconds > maxNanoSeconds || seconds < -maxNanoSeconds) {
		return 0, fault.New(fault.Conversion, "an instant with nine digits after the second's point must lie between 1678 and 2262").
			Try("Give a query with CAST of the column AS TIMESTAMP(6).")
	}
	step := int64(time.Second) / unit.PerSecond()
	if nanos%step != 0 {
		return 0, fault.New(fault.Conversion, "the instant has more digits after the second's point than the column's type").Try("Give a query with CAST of the column.")
	}
	return seconds*unit.PerSecond() + nanos/step, nil
}

// maxNanoSeconds is how many seconds before and after 1970 an int64 of nanoseconds reaches.
const maxNanoSeconds = 9_223_372_035

func decodeTimestamp(unit batch.Unit) decode {
	return func(c *batch.Column, v []driver.Value) error {
		n, err := instant(v[0], unit)
		if err != nil {
			return err
		}
		c.AppendInt(n)
		return nil
	}
}

func decodeZoned(unit batch.Unit) decode {
	return func(c *batch.Column, v []driver.Value) error {
		n, err := instant(v[0], unit)
		if err != nil {
			return err
		}
		text, _ := v[1].(string)
		minutes, err := strconv.ParseInt(strings.TrimSuffix(text, "."), 10, 16)
		if err != nil || minutes < -24*60 || minutes > 24*60 {
			return fault.New(fault.BadData, "the time zone's offset is %q minutes", text)
		}
		if minutes == 0 {
			c.AppendInt(n)
			return nil
		}
		c.AppendZoned(n, int16(minutes))
		return nil
	}
}

// decodeDuration reads seconds with a fraction.
func decodeDuration(unit batch.Unit) decode {
	t := batch.Type{Kind: batch.Decimal, Precision: 38, Scale: unit.Digits()}
	parse, err := batch.NewParser(t, batch.Options{})
	if err != nil {
		panic(err)
	}
	scratch := batch.Column{Type: t}
	return func(c *batch.Column, v []driver.Value) error {
		text, ok := v[0].(string)
		if !ok {
			return strange(v[0])
		}
		scratch.Reset()
		if err := parse(&scratch, view(text)); err != nil {
			return err
		}
		n, ok := scratch.Wide[0].Int64()
		if !ok {
			return fault.New(fault.Conversion, "the interval is longer than %s in 64 bits can count", unit).Try("Select the interval's days alone.")
		}
		c.AppendInt(n)
		return nil
	}
}

// plain reports whether the column is selected as it is.
func (r reads) plain() bool { return len(r.expressions) == 1 && r.expressions[0] == asItIs }

// of fills the expressions in for a quoted column name.
func (r reads) of(name string) []string {
	list := make([]string, len(r.expressions))
	for i, e := range r.expressions {
		list[i] = fmt.Sprintf(e, name)
	}
	return list
}
