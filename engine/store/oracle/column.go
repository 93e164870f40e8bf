package oracle

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
)

// column is a column as the dictionary describes it.
type column struct {
	name  string
	data  string // the type as in ALL_TAB_COLUMNS.DATA_TYPE: "NUMBER", "TIMESTAMP(6) WITH TIME ZONE"
	owner string // of an object type, "" for built-in types
	bytes int    // DATA_LENGTH
	// chars is the length in characters where the column is declared so (CHAR_USED = C), else 0.
	chars int
	// precision and scale are absent where the declaration leaves them out.
	precision, scale *int
	required         bool // takes no NULL
	// computed says why the column cannot be written, "" where it can.
	computed string
}

// The types that the program knows, as DATA_TYPE without its digits.
const (
	typeNumber      = "NUMBER"
	typeFloat       = "FLOAT"
	typeBinFloat    = "BINARY_FLOAT"
	typeBinDouble   = "BINARY_DOUBLE"
	typeChar        = "CHAR"
	typeVarchar     = "VARCHAR2"
	typeNChar       = "NCHAR"
	typeNVarchar    = "NVARCHAR2"
	typeLong        = "LONG"
	typeClob        = "CLOB"
	typeNClob       = "NCLOB"
	typeRaw         = "RAW"
	typeLongRaw     = "LONG RAW"
	typeBlob        = "BLOB"
	typeBFile       = "BFILE"
	typeDate        = "DATE"
	typeTimestamp   = "TIMESTAMP"
	typeZoned       = "TIMESTAMP WITH TIME ZONE"
	typeLocalZoned  = "TIMESTAMP WITH LOCAL TIME ZONE"
	typeYearMonth   = "INTERVAL YEAR TO MONTH"
	typeDaySecond   = "INTERVAL DAY TO SECOND"
	typeRowID       = "ROWID"
	typeURowID      = "UROWID"
	typeXML         = "XMLTYPE"
	typeJSON        = "JSON"
	typeVector      = "VECTOR"
	typeBoolean     = "BOOLEAN"
	typeGeometry    = "SDO_GEOMETRY"
	typeCursor      = "REF CURSOR"
	unboundedDigits = 38 // of an INTEGER, or a NUMBER(*,s)
)

var digitsInType = regexp.MustCompile(`\((\d+)\)`)

// base is the type without digits.
func (c column) base() string { return digitsInType.ReplaceAllString(c.data, "") }

// fraction is how many digits a timestamp or interval has after the second's point.
func (c column) fraction() int {
	if c.scale != nil {
		return *c.scale
	}
	if m := digitsInType.FindAllStringSubmatch(c.data, -1); m != nil {
		n, _ := strconv.Atoi(m[len(m)-1][1])
		return n
	}
	return 6
}

// unitOf is the coarsest unit that has so many digits after the second's point.
func unitOf(digits int) batch.Unit {
	switch {
	case digits <= 0:
		return batch.Second
	case digits <= 3:
		return batch.Milli
	case digits <= 6:
		return batch.Micro
	case digits == 7:
		return batch.Tick
	}
	return batch.Nano
}

// typ is the column's type here.
func (c column) typ() batch.Type {
	switch c.base() {
	case typeNumber:
		return numberType(c.precision, c.scale)
	case typeFloat:
		return batch.Type{Kind: batch.Decimal}
	case typeBinFloat:
		return batch.Type{Kind: batch.Single}
	case typeBinDouble:
		return batch.Type{Kind: batch.Double}
	case typeChar, typeVarchar, typeNChar, typeNVarchar:
		if c.chars > 0 {
			return batch.Type{Kind: batch.String, Length: c.chars}
		}
		return batch.Type{Kind: batch.String, Length: c.bytes}
	case typeRaw:
		return batch.Type{Kind: batch.Binary, Length: c.bytes}
	case typeLongRaw, typeBlob:
		return batch.Type{Kind: batch.Binary}
	case typeDate:
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Second}
	case typeTimestamp:
		return batch.Type{Kind: batch.Timestamp, Unit: unitOf(c.fraction())}
	case typeZoned, typeLocalZoned:
		return batch.Type{Kind: batch.TimestampTZ, Unit: unitOf(c.fraction())}
	case typeYearMonth:
		return batch.Type{Kind: batch.Int32}
	case typeDaySecond:
		return batch.Type{Kind: batch.Duration, Unit: unitOf(c.fraction())}
	case typeXML:
		return batch.Type{Kind: batch.XML}
	case typeJSON, typeVector:
		return batch.Type{Kind: batch.JSON}
	case typeBoolean:
		return batch.Type{Kind: batch.Boolean}
	}
	return batch.Type{Kind: batch.String}
}

// numberType reads a NUMBER's digits. A negative scale rounds before the point, and a scale above the precision leaves
// zeros behind it; both are widened to a type that holds the same numbers.
func numberType(precision, scale *int) batch.Type {
	switch {
	case precision == nil && scale == nil:
		return batch.Type{Kind: batch.Decimal}
	case precision == nil:
		n := unboundedDigits
		precision = &n
	}
	p, s := *precision, 0
	if scale != nil {
		s = *scale
	}
	if s < 0 {
		p, s = p-s, 0
	}
	return batch.Type{Kind: batch.Decimal, Precision: max(p, s), Scale: s}
}

// native is the declaration, for people.
func (c column) native() string {
	switch base := c.base(); base {
	case typeNumber:
		switch {
		case c.precision == nil && c.scale == nil:
			return base
		case c.precision == nil:
			return fmt.Sprintf("NUMBER(*,%d)", *c.scale)
		case c.scale == nil || *c.scale == 0:
			return fmt.Sprintf("NUMBER(%d)", *c.precision)
		}
		return fmt.Sprintf("NUMBER(%d,%d)", *c.precision, *c.scale)
	case typeFloat:
		if c.precision != nil {
			return fmt.Sprintf("FLOAT(%d)", *c.precision)
		}
	case typeChar, typeVarchar:
		if c.chars > 0 {
			return fmt.Sprintf("%s(%d CHAR)", base, c.chars)
		}
		return fmt.Sprintf("%s(%d BYTE)", base, c.bytes)
	case typeNChar, typeNVarchar:
		return fmt.Sprintf("%s(%d)", base, c.chars)
	case typeRaw:
		return fmt.Sprintf("RAW(%d)", c.bytes)
	case typeDaySecond:
		return fmt.Sprintf("INTERVAL DAY TO SECOND(%d)", c.fraction())
	}
	if c.owner != "" && c.data != typeXML && !strings.HasPrefix(c.data, "SDO_") {
		return c.owner + "." + c.data
	}
	return c.data
}

func (c column) field() batch.Field {
	return batch.Field{Name: c.name, Type: c.typ(), Nullable: !c.required, Native: c.native()}
}

// national reports whether the column's text is in the national character set.
func (c column) national() bool {
	switch c.base() {
	case typeNChar, typeNVarchar, typeNClob:
		return true
	}
	return false
}

// large reports whether values can be larger than what fits beside the others of a row.
func (c column) large() bool {
	switch c.base() {
	case typeClob, typeNClob, typeBlob, typeLong, typeLongRaw, typeXML, typeJSON, typeVector, typeGeometry:
		return true
	}
	return false
}

// width is about how many bytes a value takes at most on its way, to decide how many rows a fetch brings.
func (c column) width() int {
	switch c.base() {
	case typeChar, typeVarchar, typeNChar, typeNVarchar, typeRaw:
		return max(c.bytes, c.chars) + 2
	}
	return 24
}

func schemaOf(columns []column) batch.Schema {
	s := make(batch.Schema, len(columns))
	for i, c := range columns {
		s[i] = c.field()
	}
	return s
}
