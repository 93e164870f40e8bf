// Package batch holds rows on their way from a source to a sink: typed column batches, the kinds of values, and the
// conversions between kinds. It is the one table of types: a store or format says which [Type] each of its own types
// becomes and which it makes of each [Type], and nothing else in the program knows about types.
//
// The memory layout of a column is Apache Arrow's (validity bitmap with the least significant bit first, offsets of 32
// bits, little-endian 128-bit decimals), so that Parquet can wrap the buffers.
package batch

import (
	"fmt"
	"strings"
)

// Kind is what a value is, apart from how many digits it has.
type Kind uint8

// The kinds. In brackets: the interim type of Data Factory's dataset structures, and where a [Column] keeps the values.
const (
	Invalid     Kind = iota
	Boolean          // [Boolean; Ints 0 or 1]
	Byte             // 0..255 [Byte; Ints]
	Int16            // [Int16; Ints]
	Int32            // [Int32; Ints]
	Int64            // [Int64; Ints]
	Single           // [Single; Floats holding exact float32 values]
	Double           // [Double; Floats]
	Decimal          // [Decimal; Ints, Wide or Data, by precision: see Type.Storage]
	Date             // [Datetime; Ints: days since 1970-01-01, proleptic Gregorian]
	Time             // time of day [Timespan; Ints: units since midnight]
	Duration         // [Timespan; Ints: units]
	Timestamp        // wall clock without zone [Datetime; Ints: units since 1970-01-01T00:00]
	TimestampTZ      // instant [Datetimeoffset; Ints: units since 1970-01-01T00:00Z; Zones: the offset it was written with, where the store keeps one]
	String           // UTF-8 [String; Data]
	JSON             // UTF-8 JSON text [String; Data]
	XML              // UTF-8 XML text [String; Data]
	Binary           // [Byte[]; Data]
	GUID             // 16 bytes in the order of its text form, RFC 9562 [Guid; Data]
)

var kindNames = [...]string{"Invalid", "Boolean", "Byte", "Int16", "Int32", "Int64", "Single", "Double", "Decimal", "Date", "Time", "Duration", "Timestamp", "TimestampTZ", "String", "JSON", "XML", "Binary", "GUID"}

// String is the kind's name, as written in this package.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Unit is the length of one step of a Time, Duration, Timestamp or TimestampTZ.
type Unit uint8

// The units. Tick is .NET's and SQL Server's 100 ns. An int64 of Nano covers the years 1678 to 2262, of Tick and Micro
// all years that any store has.
const (
	Second Unit = iota
	Milli
	Micro
	Tick
	Nano
)

// PerSecond is how many steps of the unit make one second.
func (u Unit) PerSecond() int64 { return perSecond[u] }

var (
	perSecond  = [...]int64{1, 1_000, 1_000_000, 10_000_000, 1_000_000_000}
	unitDigits = [...]int{0, 3, 6, 7, 9}
)

// Digits is how many digits after the second's point the unit has: 0, 3, 6, 7 or 9.
func (u Unit) Digits() int { return unitDigits[u] }

// String is s, ms, us, 100ns or ns.
func (u Unit) String() string { return [...]string{"s", "ms", "us", "100ns", "ns"}[u] }

// Type is a kind with its digits.
type Type struct {
	Kind Kind
	// Precision is a Decimal's number of digits; 0 means unbounded, as in PostgreSQL's bare numeric.
	Precision int
	// Scale is a Decimal's number of digits after the point, 0 to Precision (every value of the column has it); for an
	// unbounded Decimal it means nothing.
	Scale int
	// Unit belongs to Time, Duration, Timestamp and TimestampTZ.
	Unit Unit
	// Length is the largest length of a String (in characters) or Binary (in bytes), 0 where unknown or unbounded.
	Length int
}

// Storage is the field of a [Column] that holds the values.
type Storage uint8

// The storages.
const (
	InInts Storage = iota
	InFloats
	InWide
	InData
)

// Storage says where a column of this type keeps its values. A Decimal is an unscaled int64 up to precision 18, an
// unscaled [Int128] up to 38, and otherwise (and when unbounded) plain decimal text "-123.4500", "NaN", in Data.
func (t Type) Storage() Storage {
	switch t.Kind {
	case Single, Double:
		return InFloats
	case String, JSON, XML, Binary, GUID:
		return InData
	case Decimal:
		switch {
		case t.Precision == 0 || t.Precision > 38:
			return InData
		case t.Precision > 18:
			return InWide
		}
	}
	return InInts
}

// String is a short form for messages and plans: "Decimal(18,4)", "Timestamp(us)", "String(20)".
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		if t.Precision == 0 {
			return "Decimal"
		}
		return fmt.Sprintf("Decimal(%d,%d)", t.Precision, t.Scale)
	case Time, Duration, Timestamp, TimestampTZ:
		return fmt.Sprintf("%s(%s)", t.Kind, t.Unit)
	case String, Binary:
		if t.Length > 0 {
			return fmt.Sprintf("%s(%d)", t.Kind, t.Length)
		}
	}
	return t.Kind.String()
}

// Field is one column's name and type.
type Field struct {
	Name string
	Type Type
	// Nullable is false only where the store promises that there are no NULLs.
	Nullable bool
	// Native is the store's own name of the type, "character varying(20)"; "" for formats without one.
	Native string
}

// Schema is the columns in order. Names can repeat and can be empty; they are compared as written.
type Schema []Field

// Index finds a column by name: as written, else the only one that differs in case alone; -1 where there is none.
func (s Schema) Index(name string) int {
	for i := range s {
		if s[i].Name == name {
			return i
		}
	}
	found := -1
	for i, f := range s {
		if strings.EqualFold(f.Name, name) {
			if found >= 0 {
				found = -2
			} else if found == -1 {
				found = i
			}
		}
	}
	if found < 0 {
		return -1
	}
	return found
}
