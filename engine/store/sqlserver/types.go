package sqlserver

import "dmgateway/engine/batch"

// typeRows is the table of types in the order of Microsoft's documentation
// (https://learn.microsoft.com/sql/t-sql/data-types/data-types-transact-sql). What a type becomes is asked of the same
// function that the readers use.
func typeRows() []batch.TypeRow {
	rows := []struct {
		column
		native, note string
	}{
		{column{typ: "bit"}, "bit", ""},
		{column{typ: "tinyint"}, "tinyint", ""},
		{column{typ: "smallint"}, "smallint", ""},
		{column{typ: "int"}, "int", ""},
		{column{typ: "bigint"}, "bigint", ""},
		{column{typ: "decimal", precision: 18, scale: 4}, "decimal(p,s)", "precision and scale are the column's; numeric is the same"},
		{column{typ: "money"}, "money", ""},
		{column{typ: "smallmoney"}, "smallmoney", ""},
		{column{typ: "float"}, "float", "NaN and infinities cannot be written"},
		{column{typ: "real"}, "real", "NaN and infinities cannot be written"},
		{column{typ: "date"}, "date", "years 1 to 9999"},
		{column{typ: "time", scale: 7}, "time(n)", "the unit follows n: 0 s, 1-3 ms, 4-6 us, 7 100 ns"},
		{column{typ: "datetime2", scale: 7}, "datetime2(n)", "the unit follows n; years 1 to 9999"},
		{column{typ: "datetimeoffset", scale: 7}, "datetimeoffset(n)", "the unit follows n; the offset is kept"},
		{column{typ: "datetime"}, "datetime", "from 1753 on; written milliseconds go to the nearest of its steps of 1/300 s"},
		{column{typ: "smalldatetime"}, "smalldatetime", "1900 to June 2079, whole minutes; other values are refused"},
		{column{typ: "char", length: 10}, "char(n)", "padded by the server; n counts bytes of the collation's code page"},
		{column{typ: "varchar", length: 10}, "varchar(n)", "characters outside the collation's code page are refused"},
		{column{typ: "varchar"}, "varchar(max)", ""},
		{column{typ: "text"}, "text", ""},
		{column{typ: "nchar", length: 10}, "nchar(n)", "padded by the server"},
		{column{typ: "nvarchar", length: 10}, "nvarchar(n)", "n counts UTF-16 units"},
		{column{typ: "nvarchar"}, "nvarchar(max)", ""},
		{column{typ: "ntext"}, "ntext", ""},
		{column{typ: "binary", length: 10}, "binary(n)", "padded by the server"},
		{column{typ: "varbinary", length: 10}, "varbinary(n)", ""},
		{column{typ: "varbinary"}, "varbinary(max)", "FILESTREAM too"},
		{column{typ: "image"}, "image", ""},
		{column{typ: "rowversion"}, "rowversion", "cannot be written"},
		{column{typ: "uniqueidentifier"}, "uniqueidentifier", ""},
		{column{typ: "xml"}, "xml", ""},
		{column{typ: "sql_variant"}, "sql_variant", "read as the text of the value, written as nvarchar(4000)"},
		{column{typ: "hierarchyid"}, "hierarchyid", "as text: /1/2/"},
		{column{typ: "geometry"}, "geometry", "as WKT; written with SRID 0"},
		{column{typ: "geography"}, "geography", "as WKT; written with SRID 4326"},
		{column{typ: "json"}, "json", ""},
		{column{typ: "vector"}, "vector(n)", "as a JSON array"},
	}
	list := make([]batch.TypeRow, len(rows))
	for i, r := range rows {
		list[i] = batch.TypeRow{Native: r.native, Interim: r.interim(), Note: r.note}
	}
	return list
}

// Limits of declared types.
const (
	maxPrecision = 38
	maxUnicode   = 4000
	maxBytes     = 8000
	// keyLength is the length of a text column in the key of a table that is created: 900 bytes fit into an index.
	keyLength = 450
)

// created is the column that the sink makes for a field. A key has no max type, because an index cannot have one.
func created(f batch.Field, key bool) column {
	c := column{name: f.Name, nullable: !key}
	t := f.Type
	switch t.Kind {
	case batch.Boolean:
		c.typ = "bit"
	case batch.Byte:
		c.typ = "tinyint"
	case batch.Int16:
		c.typ = "smallint"
	case batch.Int32:
		c.typ = "int"
	case batch.Int64:
		c.typ = "bigint"
	case batch.Single:
		c.typ = "real"
	case batch.Double:
		c.typ = "float"
	case batch.Decimal:
		c.typ, c.precision, c.scale = decimalFor(t)
	case batch.Date:
		c.typ = "date"
	case batch.Time:
		c.typ, c.scale = "time", digitsOf(t.Unit)
	case batch.Timestamp:
		c.typ, c.scale = "datetime2", digitsOf(t.Unit)
	case batch.TimestampTZ:
		c.typ, c.scale = "datetimeoffset", digitsOf(t.Unit)
	case batch.XML:
		c.typ = "xml"
	case batch.GUID:
		c.typ = "uniqueidentifier"
	case batch.Binary:
		c.typ = "varbinary"
		if t.Length <= maxBytes {
			c.length = t.Length
		}
		if key && c.length == 0 {
			c.length = 2 * keyLength
		}
	case batch.Duration:
		c.typ, c.length = "nvarchar", 40
	default:
		c.typ = "nvarchar"
		if t.Length <= maxUnicode && t.Kind == batch.String {
			c.length = t.Length
		}
		if key && (c.length == 0 || c.length > keyLength) {
			c.length = keyLength
		}
	}
	return c
}

// decimalFor is the decimal that holds most of a type's values. One without bounds has 20 digits before the point and 18
// behind it; values outside are refused row by row.
func decimalFor(t batch.Type) (typ string, precision, scale int) {
	switch {
	case t.Precision == 0:
		return "decimal", maxPrecision, 18
	case t.Precision <= maxPrecision:
		return "decimal", t.Precision, t.Scale
	}
	whole := min(t.Precision-t.Scale, maxPrecision)
	return "decimal", maxPrecision, min(t.Scale, maxPrecision-whole)
}

func digitsOf(u batch.Unit) int { return min(u.Digits(), 7) }
