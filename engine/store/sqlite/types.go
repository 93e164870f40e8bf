package sqlite

import (
	"fmt"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
)

// affinity is SQLite's: what a column does to the values that are put into it.
type affinity uint8

const (
	asBlob affinity = iota // keeps every value as it is
	asText
	asNumeric // turns text that looks like a number into one
	asInteger
	asReal
)

// affinityOf follows the five rules of SQLite's documentation, in their order.
func affinityOf(declared string) affinity {
	d := strings.ToUpper(declared)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(d, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return asInteger
	case has("CHAR", "CLOB", "TEXT"):
		return asText
	case d == "" || has("BLOB"):
		return asBlob
	case has("REAL", "FLOA", "DOUB"):
		return asReal
	}
	return asNumeric
}

// typeOf is the type of a column that was declared so. Names that say more than their affinity come first, then the
// affinity decides. Invalid means that the declaration says nothing, and that the values have to be looked at.
func typeOf(declared string) batch.Type {
	name, first, second := splitDeclared(declared)
	switch name {
	case "BOOLEAN", "BOOL", "BIT":
		return batch.Type{Kind: batch.Boolean}
	case "DATE":
		return batch.Type{Kind: batch.Date}
	case "TIME", "TIME WITHOUT TIME ZONE":
		return batch.Type{Kind: batch.Time, Unit: unitOf(first)}
	case "DURATION":
		return batch.Type{Kind: batch.Duration, Unit: unitOf(first)}
	case "DATETIME", "DATETIME2", "SMALLDATETIME", "TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE":
		return batch.Type{Kind: batch.Timestamp, Unit: unitOf(first)}
	case "TIMESTAMPTZ", "DATETIMEOFFSET", "TIMESTAMP WITH TIME ZONE":
		return batch.Type{Kind: batch.TimestampTZ, Unit: unitOf(first)}
	case "UUID", "GUID", "UNIQUEIDENTIFIER":
		return batch.Type{Kind: batch.GUID}
	case "DECIMAL", "NUMERIC", "DEC", "NUMBER", "MONEY", decimalText:
		return decimalOf(first, second)
	case "JSON", "JSON_TEXT":
		return batch.Type{Kind: batch.JSON}
	case "XML", "XML_TEXT":
		return batch.Type{Kind: batch.XML}
	case "BINARY", "VARBINARY":
		return batch.Type{Kind: batch.Binary}
	}
	switch affinityOf(declared) {
	case asInteger:
		return batch.Type{Kind: batch.Int64}
	case asText:
		return batch.Type{Kind: batch.String}
	case asReal:
		return batch.Type{Kind: batch.Double}
	case asBlob:
		if declared != "" {
			return batch.Type{Kind: batch.Binary}
		}
	}
	return batch.Type{}
}

// splitDeclared takes "decimal(18, 4)" apart; numbers that are not there are -1.
func splitDeclared(declared string) (name string, first, second int) {
	first, second = -1, -1
	d := strings.ToUpper(strings.TrimSpace(declared))
	open := strings.IndexByte(d, '(')
	if open < 0 {
		return strings.Join(strings.Fields(d), " "), first, second
	}
	inside, after, _ := strings.Cut(d[open+1:], ")")
	name = strings.Join(strings.Fields(d[:open]+" "+after), " ")
	a, b, _ := strings.Cut(inside, ",")
	if n, err := strconv.Atoi(strings.TrimSpace(a)); err == nil {
		first = n
	}
	if n, err := strconv.Atoi(strings.TrimSpace(b)); err == nil {
		second = n
	}
	return name, first, second
}

// decimalText declares a decimal with TEXT affinity: a number with more digits than a REAL holds stays exact in it.
const decimalText = "DECIMAL_TEXT"

// realDigits is how many significant decimal digits every REAL keeps.
const realDigits = 15

func decimalOf(precision, scale int) batch.Type {
	if precision <= 0 || scale > precision {
		return batch.Type{Kind: batch.Decimal}
	}
	return batch.Type{Kind: batch.Decimal, Precision: precision, Scale: max(scale, 0)}
}

// unitOf is the unit for a number of digits after the second's point, microseconds where none is declared.
func unitOf(digits int) batch.Unit {
	switch {
	case digits < 0:
		return batch.Micro
	case digits == 0:
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

// declare is the declaration for a new column of the type.
func declare(t batch.Type) string {
	digits := func(name string) string {
		if t.Unit == batch.Micro {
			return name
		}
		return fmt.Sprintf("%s(%d)", name, t.Unit.Digits())
	}
	switch t.Kind {
	case batch.Boolean:
		return "BOOLEAN"
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return "INTEGER"
	case batch.Single, batch.Double:
		return "REAL"
	case batch.Decimal:
		switch {
		case t.Precision == 0:
			return decimalText
		case t.Precision > realDigits:
			return fmt.Sprintf("%s(%d,%d)", decimalText, t.Precision, t.Scale)
		}
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case batch.Date:
		return "DATE"
	case batch.Time:
		return digits("TIME")
	case batch.Duration:
		return digits("DURATION")
	case batch.Timestamp:
		return digits("DATETIME")
	case batch.TimestampTZ:
		return digits("TIMESTAMPTZ")
	case batch.GUID:
		return "UUID"
	case batch.JSON:
		return "JSON_TEXT"
	case batch.XML:
		return "XML_TEXT"
	case batch.Binary:
		return "BLOB"
	}
	return "TEXT"
}
