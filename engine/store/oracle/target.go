package oracle

import (
	"fmt"
	"math"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// binding is how values are given to the driver.
type binding uint8

const (
	bindNumber    binding = iota // the driver's Number, made from decimal text
	bindInteger                  // int64
	bindFloat                    // text, because the driver makes a NUMBER of a float, which ends at 1e126
	bindTimestamp                // the driver's TimeStamp; its time.Time costs fifty times as much and defeats indexes on DATE
	bindInstant                  // text in the session's NLS_TIMESTAMP_TZ_FORMAT
	bindDuration                 // text "+1 02:03:04.5"
	bindMonths                   // text "+1-02"
	bindText
	bindNational // text in the national character set
	bindRaw
	bindLob // text, or the driver's Clob where a row's is long
	bindNationalLob
	bindBlob
)

// target is a column that is written.
type target struct {
	column
	typ     batch.Type // what writers take
	key     bool       // of an upsert
	bind    binding
	digits  int    // that a FLOAT keeps, 0 = all
	step    int64  // a whole number must be a multiple of it (NUMBER with a negative scale), 0 = any
	values  string // the placeholder with %s in it
	unicode bool   // the database's character set is Unicode
}

// targetOf tells how a column takes values of the type want best.
func targetOf(c column, want batch.Type, unicode bool) (target, error) {
	t := target{column: c, typ: c.typ(), values: "%s", unicode: unicode}
	if c.computed != "" {
		return t, fault.New(fault.Conflict, "the column %q %s and cannot be written", c.name, c.computed).Try("Leave the column out of the mapping.")
	}
	switch c.base() {
	case typeNumber, typeFloat:
		t.number(want)
	case typeBinFloat, typeBinDouble:
		t.bind = bindFloat
	case typeDate, typeTimestamp:
		t.bind = bindTimestamp
		t.moment(want)
		if want.Kind == batch.Date {
			t.typ = want
		}
	case typeZoned, typeLocalZoned:
		t.bind = bindInstant
		t.moment(want)
	case typeDaySecond:
		t.bind = bindDuration
		t.moment(want)
	case typeYearMonth:
		t.bind = bindMonths
	case typeChar, typeVarchar:
		t.bind = bindText
		t.text(want)
	case typeNChar, typeNVarchar:
		t.bind = bindNational
		t.text(want)
	case typeClob, typeLong:
		t.bind = bindLob
		t.text(want)
	case typeNClob:
		t.bind = bindNationalLob
		t.text(want)
	case typeXML:
		t.bind, t.values = bindLob, "XMLPARSE(CONTENT %s)"
	case typeJSON:
		t.bind = bindLob
	case typeRaw:
		t.bind = bindRaw
		if want.Kind == batch.GUID && c.bytes >= 16 {
			t.typ = want
		}
	case typeBlob, typeLongRaw:
		t.bind = bindBlob
	case typeBoolean:
		t.bind, t.values = bindInteger, "CAST(%s AS BOOLEAN)"
	default:
		return t, fault.New(fault.Unsupported, "the column %q is of the type %s, which cannot be written", c.name, c.native()).
			Try("Leave the column out of the mapping, or write to a view or table with columns of simple types.")
	}
	return t, nil
}

// number chooses between integers and decimals.
func (t *target) number(want batch.Type) {
	t.bind = bindNumber
	digits := map[batch.Kind]int{batch.Boolean: 1, batch.Byte: 3, batch.Int16: 5, batch.Int32: 10, batch.Int64: 19}[want.Kind]
	whole := t.typ.Precision - t.typ.Scale
	if t.scale != nil && *t.scale < 0 {
		t.step = 1
		for range min(-*t.scale, 18) {
			t.step *= 10
		}
	}
	if t.base() == typeFloat && t.precision != nil && *t.precision < 126 {
		t.digits = int(math.Ceil(float64(*t.precision) * 0.30103))
	}
	switch {
	case digits > 0 && t.step == 0 && t.digits == 0 && (t.typ.Precision == 0 || whole >= digits):
		t.typ, t.bind = batch.Type{Kind: want.Kind}, bindInteger
	case t.typ.Precision == 0 && want.Kind == batch.Decimal && want.Precision <= unboundedDigits:
		t.typ = want
	}
}

// moment takes a coarser unit than the column's where the values have it: the mapper then converts nothing.
func (t *target) moment(want batch.Type) {
	if want.Kind == t.typ.Kind && want.Unit < t.typ.Unit {
		t.typ.Unit = want.Unit
	}
	if t.typ.Unit == batch.Nano && want.Kind != t.typ.Kind {
		t.typ.Unit = batch.Tick // which reaches every year
	}
}

func (t *target) text(want batch.Type) {
	if want.Kind == batch.JSON || want.Kind == batch.XML {
		if t.typ.Length == 0 {
			t.typ = want
		}
	}
}

// large reports whether values can be too long to go beside the others of a row.
func (t *target) large() bool {
	return t.bind == bindLob || t.bind == bindNationalLob || t.bind == bindBlob
}

// placeholder is the n-th value of a statement.
func (t *target) placeholder(n int) string { return fmt.Sprintf(t.values, fmt.Sprintf(":%d", n)) }

// cast is the placeholder where it is compared with the column, so that an index on the column is used.
func (t *target) cast(n int) string {
	p := t.placeholder(n)
	switch base := t.base(); base {
	case typeDate, typeBinFloat, typeBinDouble:
		return "CAST(" + p + " AS " + base + ")"
	case typeZoned:
		return "CAST(" + p + " AS TIMESTAMP(9) WITH TIME ZONE)"
	}
	return p
}

// declare is the type of a new column. unicode says that the database's own character set can hold every text.
func declare(f batch.Field, unicode bool) string {
	t := f.Type
	switch t.Kind {
	case batch.Boolean:
		return "NUMBER(1)"
	case batch.Byte:
		return "NUMBER(3)"
	case batch.Int16:
		return "NUMBER(5)"
	case batch.Int32:
		return "NUMBER(10)"
	case batch.Int64:
		return "NUMBER(19)"
	case batch.Single:
		return "BINARY_FLOAT"
	case batch.Double:
		return "BINARY_DOUBLE"
	case batch.Decimal:
		if t.Precision == 0 || t.Precision > unboundedDigits {
			return "NUMBER"
		}
		if t.Scale == 0 {
			return fmt.Sprintf("NUMBER(%d)", t.Precision)
		}
		return fmt.Sprintf("NUMBER(%d,%d)", t.Precision, t.Scale)
	case batch.Date:
		return typeDate
	case batch.Timestamp:
		return fmt.Sprintf("TIMESTAMP(%d)", t.Unit.Digits())
	case batch.TimestampTZ:
		return fmt.Sprintf("TIMESTAMP(%d) WITH TIME ZONE", t.Unit.Digits())
	case batch.Time:
		return fmt.Sprintf("INTERVAL DAY(2) TO SECOND(%d)", t.Unit.Digits())
	case batch.Duration:
		return fmt.Sprintf("INTERVAL DAY(9) TO SECOND(%d)", t.Unit.Digits())
	case batch.Binary:
		if t.Length > 0 && t.Length <= 2000 {
			return fmt.Sprintf("RAW(%d)", t.Length)
		}
		return typeBlob
	case batch.GUID:
		return "VARCHAR2(36 CHAR)"
	case batch.String:
		return declareText(t.Length, unicode)
	}
	return declareText(0, unicode)
}

// declareText is the type of a text. A VARCHAR2 holds 4000 bytes and an NVARCHAR2 2000 units of UTF-16 on every server,
// whatever the length in characters that the declaration names.
func declareText(length int, unicode bool) string {
	switch {
	case unicode && length > 0 && length <= 1000:
		return fmt.Sprintf("VARCHAR2(%d CHAR)", length)
	case unicode:
		return typeClob
	case length > 0 && length <= 1000:
		return fmt.Sprintf("NVARCHAR2(%d)", min(2*length, 2000))
	}
	return typeNClob
}

// noRoom is the error for a value that the column does not hold.
func noRoom(format string, args ...any) *fault.Error {
	return fault.New(fault.Conversion, format, args...).Try("Correct the value, or map the column to another type.")
}

// names are the quoted names of the targets' columns.
func names(list []target) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = sqlstore.Quote(list[i].name)
	}
	return out
}
