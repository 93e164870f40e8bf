package postgres

import (
	"fmt"
	"strings"

	"dmgateway/engine/batch"
)

// Object identifiers of the built-in types that have a decoder or encoder of their own.
const (
	oidBool        = 16
	oidBytea       = 17
	oidChar        = 18
	oidName        = 19
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidOID         = 26
	oidJSON        = 114
	oidXML         = 142
	oidFloat4      = 700
	oidFloat8      = 701
	oidMoney       = 790
	oidBpchar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTime        = 1083
	oidTimestamp   = 1114
	oidTimestampTZ = 1184
	oidInterval    = 1186
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// column is a column of the server: its type's identifier, the type's modifier, and what became of them.
type column struct {
	oid uint32
	mod int32
	// money is how many digits the server's money has behind the point.
	money int
	// enum is set for types whose binary form is their text, though they are not built in.
	enum bool
}

// typ is the column's type here. Types that are not listed come and go as text.
func (c column) typ() batch.Type {
	switch c.oid {
	case oidBool:
		return batch.Type{Kind: batch.Boolean}
	case oidInt2:
		return batch.Type{Kind: batch.Int16}
	case oidInt4:
		return batch.Type{Kind: batch.Int32}
	case oidInt8, oidOID:
		return batch.Type{Kind: batch.Int64}
	case oidFloat4:
		return batch.Type{Kind: batch.Single}
	case oidFloat8:
		return batch.Type{Kind: batch.Double}
	case oidNumeric:
		return numericType(c.mod)
	case oidMoney:
		return batch.Type{Kind: batch.Decimal, Precision: 19, Scale: c.money}
	case oidDate:
		return batch.Type{Kind: batch.Date}
	case oidTime:
		return batch.Type{Kind: batch.Time, Unit: batch.Micro}
	case oidTimestamp:
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}
	case oidTimestampTZ:
		return batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}
	case oidBytea:
		return batch.Type{Kind: batch.Binary}
	case oidUUID:
		return batch.Type{Kind: batch.GUID}
	case oidJSON, oidJSONB:
		return batch.Type{Kind: batch.JSON}
	case oidXML:
		return batch.Type{Kind: batch.XML}
	case oidVarchar, oidBpchar:
		return batch.Type{Kind: batch.String, Length: max(int(c.mod)-4, 0)}
	}
	return batch.Type{Kind: batch.String}
}

// numericType reads a numeric's modifier. A negative scale rounds before the point, and a scale above the precision
// leaves zeros behind it; both are widened to a type that holds the same numbers.
func numericType(mod int32) batch.Type {
	if mod < 4 {
		return batch.Type{Kind: batch.Decimal}
	}
	precision := int((mod - 4) >> 16 & 0xffff)
	scale := int((mod - 4) & 0x7ff)
	if scale >= 1024 {
		scale -= 2048
	}
	if scale < 0 {
		precision, scale = precision-scale, 0
	}
	return batch.Type{Kind: batch.Decimal, Precision: max(precision, scale), Scale: scale}
}

// binary reports whether values of the column are asked for, and can be sent, in their binary format.
func (c column) binary() bool {
	switch c.oid {
	case oidBool, oidInt2, oidInt4, oidInt8, oidOID, oidFloat4, oidFloat8, oidNumeric, oidMoney, oidDate, oidTime, oidTimestamp,
		oidTimestampTZ, oidBytea, oidUUID:
		return true
	}
	return false
}

// textual reports whether the binary format of the column's type is its text, apart from jsonb's version byte.
func (c column) textual() bool {
	switch c.oid {
	case oidText, oidVarchar, oidBpchar, oidName, oidJSON, oidJSONB, oidXML:
		return true
	}
	return c.enum
}

// declare is the type for a new column.
func declare(f batch.Field) string {
	t := f.Type
	digits := func(name, zone string) string {
		if t.Unit < batch.Micro {
			return fmt.Sprintf("%s(%d)%s", name, t.Unit.Digits(), zone)
		}
		return name + zone
	}
	switch t.Kind {
	case batch.Boolean:
		return "boolean"
	case batch.Byte, batch.Int16:
		return "smallint"
	case batch.Int32:
		return "integer"
	case batch.Int64:
		return "bigint"
	case batch.Single:
		return "real"
	case batch.Double:
		return "double precision"
	case batch.Decimal:
		if t.Precision == 0 || t.Precision > 1000 {
			return "numeric"
		}
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case batch.Date:
		return "date"
	case batch.Time:
		return digits("time", "")
	case batch.Timestamp:
		return digits("timestamp", "")
	case batch.TimestampTZ:
		return digits("timestamp", " with time zone")
	case batch.Duration:
		return "interval"
	case batch.Binary:
		return "bytea"
	case batch.GUID:
		return "uuid"
	case batch.JSON:
		if strings.EqualFold(f.Native, "jsonb") {
			return "jsonb"
		}
		return "json"
	case batch.XML:
		return "xml"
	}
	if t.Length > 0 && t.Length <= 10_485_760 {
		return fmt.Sprintf("varchar(%d)", t.Length)
	}
	return "text"
}
