package mysql

import (
	"fmt"
	"strings"

	"dmgateway/engine/batch"
)

// Codes of types in the protocol.
const (
	codeDecimal    = 0
	codeTiny       = 1
	codeShort      = 2
	codeLong       = 3
	codeFloat      = 4
	codeDouble     = 5
	codeNull       = 6
	codeTimestamp  = 7
	codeLongLong   = 8
	codeInt24      = 9
	codeDate       = 10
	codeTime       = 11
	codeDatetime   = 12
	codeYear       = 13
	codeNewDate    = 14
	codeVarchar    = 15
	codeBit        = 16
	codeVector     = 242
	codeJSON       = 245
	codeNewDecimal = 246
	codeEnum       = 247
	codeSet        = 248
	codeTinyBlob   = 249
	codeMediumBlob = 250
	codeLongBlob   = 251
	codeBlob       = 252
	codeVarString  = 253
	codeString     = 254
	codeGeometry   = 255
)

// Flags of columns.
const (
	flagNotNull  = 1
	flagUnsigned = 32
)

// binaryCharset is the number of the character set of bytes.
const binaryCharset = 63

// column is a column of rows of the server, and what the catalog says of it.
type column struct {
	name     string
	code     byte
	flags    uint16
	length   uint32 // in bytes, of the longest text; bits of a BIT
	charset  uint16
	decimals byte

	// From the catalog, for tables.
	data      string // data type without digits: "uuid"
	native    string // data type with digits: "varchar(20)"
	charName  string // character set of texts
	isJSON    bool   // MariaDB's json, a text with a check
	generated bool   // computed by the server
	counter   bool   // AUTO_INCREMENT
}

func (c column) unsigned() bool { return c.flags&flagUnsigned != 0 }

// text reports whether the column holds text, not bytes, where its code leaves that open.
func (c column) text() bool { return c.charset != binaryCharset }

// typ is the column's type here.
func (c column) typ(o valueOptions) batch.Type {
	kind := func(signed, unsigned batch.Kind) batch.Type {
		if c.unsigned() {
			return batch.Type{Kind: unsigned}
		}
		return batch.Type{Kind: signed}
	}
	switch c.code {
	case codeTiny:
		if c.isBoolean() && !o.tinyAsNumber {
			return batch.Type{Kind: batch.Boolean}
		}
		return batch.Type{Kind: batch.Int16}
	case codeShort:
		return kind(batch.Int16, batch.Int32)
	case codeInt24, codeLong:
		return kind(batch.Int32, batch.Int64)
	case codeYear:
		return batch.Type{Kind: batch.Int32}
	case codeLongLong:
		if c.unsigned() {
			return batch.Type{Kind: batch.Decimal, Precision: 20}
		}
		return batch.Type{Kind: batch.Int64}
	case codeFloat:
		return batch.Type{Kind: batch.Single}
	case codeDouble:
		return batch.Type{Kind: batch.Double}
	case codeDecimal, codeNewDecimal:
		return c.decimalType()
	case codeBit:
		if c.length == 1 {
			return batch.Type{Kind: batch.Boolean}
		}
		return batch.Type{Kind: batch.Decimal, Precision: 20}
	case codeDate, codeNewDate:
		return batch.Type{Kind: batch.Date}
	case codeTimestamp, codeDatetime:
		return batch.Type{Kind: batch.Timestamp, Unit: unitOf(c.decimals)}
	case codeTime:
		return batch.Type{Kind: batch.Duration, Unit: unitOf(c.decimals)}
	}
	return c.dataType(o)
}

// isBoolean reports whether the column is MySQL's BOOL, which is its name for tinyint(1).
func (c column) isBoolean() bool { return c.code == codeTiny && c.length == 1 && !c.unsigned() }

// decimalType takes sign and point away from the length of the longest text.
func (c column) decimalType() batch.Type {
	precision, scale := int(c.length), int(c.decimals)
	if !c.unsigned() {
		precision--
	}
	if scale > 0 {
		precision--
	}
	return batch.Type{Kind: batch.Decimal, Precision: max(precision, scale, 1), Scale: scale}
}

// dataType is the type of what travels as bytes.
func (c column) dataType(o valueOptions) batch.Type {
	switch {
	case c.code == codeJSON || c.isJSON:
		return batch.Type{Kind: batch.JSON}
	case c.data == "uuid", c.isGUID(o):
		return batch.Type{Kind: batch.GUID}
	case c.code == codeGeometry && c.data != "": // a table's is read as text
		return batch.Type{Kind: batch.String}
	case c.code == codeGeometry, c.code == codeVector:
		return batch.Type{Kind: batch.Binary}
	case c.code == codeNull || c.code == codeEnum || c.code == codeSet:
		return batch.Type{Kind: batch.String}
	}
	length := 0
	if c.code == codeVarchar || c.code == codeVarString || c.code == codeString {
		length = int(c.length)
	}
	if !c.text() {
		return batch.Type{Kind: batch.Binary, Length: length}
	}
	return batch.Type{Kind: batch.String, Length: length / 4} // bytes of utf8mb4, as the session has it
}

func (c column) isGUID(o valueOptions) bool {
	if c.code != codeString {
		return false
	}
	switch o.guid {
	case guidChar36:
		return c.text() && c.length == 36*4
	case guidChar32:
		return c.text() && c.length == 32*4
	case guidBinary16:
		return !c.text() && c.length == 16
	}
	return false
}

// unitOf is the unit that holds the digits of a time; 31 stands for an unknown number of them.
func unitOf(decimals byte) batch.Unit {
	switch {
	case decimals == 0:
		return batch.Second
	case decimals <= 3:
		return batch.Milli
	}
	return batch.Micro
}

// nativeName is the type's name for people.
func (c column) nativeName() string {
	if c.native != "" {
		return c.native
	}
	name, ok := codeNames[c.code]
	if !ok {
		name = fmt.Sprintf("type %d", c.code)
	}
	if !c.text() && c.dataLike() {
		name = binaryNames[c.code]
	}
	switch c.code {
	case codeDecimal, codeNewDecimal:
		t := c.decimalType()
		name = fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case codeVarchar, codeVarString, codeString:
		if t := c.dataType(valueOptions{}); t.Length > 0 {
			name = fmt.Sprintf("%s(%d)", name, t.Length)
		}
	case codeTiny, codeBit:
		if c.length == 1 || c.code == codeBit {
			name = fmt.Sprintf("%s(%d)", name, c.length)
		}
	case codeTime, codeDatetime, codeTimestamp:
		if c.decimals > 0 && c.decimals <= 6 {
			name = fmt.Sprintf("%s(%d)", name, c.decimals)
		}
	}
	if c.unsigned() && c.code != codeYear && c.code != codeBit && !c.dataLike() {
		name += " unsigned"
	}
	return name
}

func (c column) dataLike() bool { _, ok := binaryNames[c.code]; return ok }

var codeNames = map[byte]string{
	codeTiny: "tinyint", codeShort: "smallint", codeInt24: "mediumint", codeLong: "int", codeLongLong: "bigint", codeFloat: "float", codeDouble: "double",
	codeNull: "null", codeTimestamp: "timestamp", codeDatetime: "datetime", codeDate: "date", codeNewDate: "date", codeTime: "time", codeYear: "year",
	codeVarchar: "varchar", codeVarString: "varchar", codeString: "char", codeBit: "bit", codeJSON: "json", codeEnum: "enum", codeSet: "set",
	codeTinyBlob: "tinytext", codeBlob: "text", codeMediumBlob: "mediumtext", codeLongBlob: "longtext", codeGeometry: "geometry", codeVector: "vector",
}

var binaryNames = map[byte]string{
	codeVarchar: "varbinary", codeVarString: "varbinary", codeString: "binary", codeTinyBlob: "tinyblob", codeBlob: "blob",
	codeMediumBlob: "mediumblob", codeLongBlob: "longblob",
}

// longestVarchar is the length up to which a new text column is a varchar; a row has room for 65,535 bytes at most.
const longestVarchar = 16_000

// declare is the type for a new column.
func declare(f batch.Field) string {
	t := f.Type
	digits := func(name string) string {
		if d := min(t.Unit.Digits(), 6); d > 0 {
			return fmt.Sprintf("%s(%d)", name, d)
		}
		return name
	}
	switch t.Kind {
	case batch.Boolean:
		return "tinyint(1)"
	case batch.Byte:
		return "tinyint unsigned"
	case batch.Int16:
		return "smallint"
	case batch.Int32:
		return "int"
	case batch.Int64:
		return "bigint"
	case batch.Single:
		return "float"
	case batch.Double:
		return "double"
	case batch.Decimal:
		if t.Precision == 0 || t.Precision > 65 || t.Scale > 30 {
			return "decimal(65,30)"
		}
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case batch.Date:
		return "date"
	case batch.Time, batch.Duration:
		return digits("time")
	case batch.Timestamp, batch.TimestampTZ:
		return digits("datetime")
	case batch.JSON:
		return "json"
	case batch.GUID:
		return "char(36)"
	case batch.Binary:
		if t.Length > 0 && t.Length <= longestVarchar {
			return fmt.Sprintf("varbinary(%d)", t.Length)
		}
		return "longblob"
	}
	if t.Length > 0 && t.Length <= longestVarchar {
		return fmt.Sprintf("varchar(%d)", t.Length)
	}
	return "longtext"
}

// declareKey is declare for a column of a key, whose length must be limited.
func declareKey(f batch.Field) string {
	switch native := declare(f); {
	case native == "longtext", f.Type.Kind == batch.JSON:
		return "varchar(255)"
	case native == "longblob":
		return "varbinary(255)"
	case strings.HasPrefix(native, "varchar") && f.Type.Length > 768:
		return "varchar(768)"
	default:
		return native
	}
}

// types is the table of types.
func types() *batch.TypeTable {
	decimal := func(p, s int) batch.Type { return batch.Type{Kind: batch.Decimal, Precision: p, Scale: s} }
	kind := func(k batch.Kind) batch.Type { return batch.Type{Kind: k} }
	return &batch.TypeTable{
		Creates: declare,
		Reads: []batch.TypeRow{
			{Native: "tinyint(1), bool", Interim: kind(batch.Boolean), Note: "a value other than 0 and 1 is an error of its row; treatTinyAsBoolean=false reads Int16"},
			{Native: "tinyint", Interim: kind(batch.Int16), Note: "unsigned too"},
			{Native: "smallint", Interim: kind(batch.Int16)},
			{Native: "smallint unsigned", Interim: kind(batch.Int32)},
			{Native: "mediumint, int", Interim: kind(batch.Int32)},
			{Native: "mediumint unsigned, int unsigned", Interim: kind(batch.Int64)},
			{Native: "bigint", Interim: kind(batch.Int64)},
			{Native: "bigint unsigned", Interim: decimal(20, 0)},
			{Native: "decimal(p,s)", Interim: decimal(10, 0), Note: "with the column's digits, up to 65"},
			{Native: "float", Interim: kind(batch.Single), Note: "all digits, not the six that the server prints"},
			{Native: "double", Interim: kind(batch.Double)},
			{Native: "bit(1)", Interim: kind(batch.Boolean)},
			{Native: "bit(n)", Interim: decimal(20, 0)},
			{Native: "year", Interim: kind(batch.Int32)},
			{Native: "date", Interim: kind(batch.Date), Note: "0000-00-00 and days that do not exist are errors of their row, see README"},
			{Native: "datetime(d)", Interim: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Note: "in seconds, milliseconds or microseconds, as d needs"},
			{Native: "timestamp(d)", Interim: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Note: "in UTC"},
			{Native: "time(d)", Interim: batch.Type{Kind: batch.Duration, Unit: batch.Micro}, Note: "negative and beyond 24 hours too; writing is limited to 838:59:59.999999"},
			{Native: "char(n), varchar(n)", Interim: batch.Type{Kind: batch.String, Length: 20}, Note: "the server drops spaces at the end of a char"},
			{Native: "tinytext, text, mediumtext, longtext", Interim: kind(batch.String)},
			{Native: "enum, set", Interim: kind(batch.String)},
			{Native: "binary(n), varbinary(n)", Interim: batch.Type{Kind: batch.Binary, Length: 20}},
			{Native: "tinyblob, blob, mediumblob, longblob", Interim: kind(batch.Binary)},
			{Native: "json", Interim: kind(batch.JSON), Note: "MariaDB's too, which is a longtext with a check"},
			{Native: "uuid (MariaDB)", Interim: kind(batch.GUID)},
			{Native: "inet4, inet6 (MariaDB)", Interim: kind(batch.String)},
			{Native: "geometry, point, …", Interim: kind(batch.String), Note: "WKT from a table; from a query the server's bytes, unless it says ST_AsText"},
			{Native: "vector", Interim: kind(batch.Binary)},
		},
	}
}
