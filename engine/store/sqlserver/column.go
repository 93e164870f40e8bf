package sqlserver

import (
	"fmt"
	"strings"

	"dmgateway/engine/batch"
)

// column is a column of the server: what its catalogue, or the description of a result, says of it.
type column struct {
	name string
	// typ is the system type's name in lower case, also for alias types: "nvarchar", "decimal", "geometry".
	typ string
	// length is that of text (in the type's own units: bytes, or pairs of bytes for nchar and nvarchar) and binary data;
	// 0 means max.
	length           int
	precision, scale int
	nullable         bool
	identity         bool
	// computed is set for every column that the server fills itself: computed, rowversion, period columns.
	computed bool
	// collation and page (its code page, 0 where unknown) are for char, varchar and text of tables.
	collation string
	page      int
}

// native is the type as SQL declares it.
func (c column) native() string {
	switch c.typ {
	case "decimal", "numeric":
		return fmt.Sprintf("%s(%d,%d)", c.typ, c.precision, c.scale)
	case "char", "nchar", "varchar", "nvarchar", "binary", "varbinary":
		if c.length == 0 {
			return c.typ + "(max)"
		}
		return fmt.Sprintf("%s(%d)", c.typ, c.length)
	case "datetime2", "datetimeoffset", "time":
		return fmt.Sprintf("%s(%d)", c.typ, c.scale)
	}
	return c.typ
}

// unitOf is the unit of a type that keeps the digits behind the second's point.
func unitOf(digits int) batch.Unit {
	switch {
	case digits == 0:
		return batch.Second
	case digits <= 3:
		return batch.Milli
	case digits <= 6:
		return batch.Micro
	}
	return batch.Tick
}

// interim is the column's type here.
func (c column) interim() batch.Type {
	switch c.typ {
	case "bit":
		return batch.Type{Kind: batch.Boolean}
	case "tinyint":
		return batch.Type{Kind: batch.Byte}
	case "smallint":
		return batch.Type{Kind: batch.Int16}
	case "int":
		return batch.Type{Kind: batch.Int32}
	case "bigint":
		return batch.Type{Kind: batch.Int64}
	case "decimal", "numeric":
		return batch.Type{Kind: batch.Decimal, Precision: c.precision, Scale: c.scale}
	case "money":
		return batch.Type{Kind: batch.Decimal, Precision: 19, Scale: 4}
	case "smallmoney":
		return batch.Type{Kind: batch.Decimal, Precision: 10, Scale: 4}
	case "float":
		return batch.Type{Kind: batch.Double}
	case "real":
		return batch.Type{Kind: batch.Single}
	case "date":
		return batch.Type{Kind: batch.Date}
	case "datetime":
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Milli}
	case "smalldatetime":
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Second}
	case "datetime2":
		return batch.Type{Kind: batch.Timestamp, Unit: unitOf(c.scale)}
	case "datetimeoffset":
		return batch.Type{Kind: batch.TimestampTZ, Unit: unitOf(c.scale)}
	case "time":
		return batch.Type{Kind: batch.Time, Unit: unitOf(c.scale)}
	case "char", "varchar", "nchar", "nvarchar":
		return batch.Type{Kind: batch.String, Length: c.length}
	case "xml":
		return batch.Type{Kind: batch.XML}
	case "json":
		return batch.Type{Kind: batch.JSON}
	case "binary", "varbinary":
		return batch.Type{Kind: batch.Binary, Length: c.length}
	case "rowversion", "timestamp":
		return batch.Type{Kind: batch.Binary, Length: 8}
	case "image":
		return batch.Type{Kind: batch.Binary}
	case "uniqueidentifier":
		return batch.Type{Kind: batch.GUID}
	}
	return batch.Type{Kind: batch.String} // text, ntext, sql_variant, hierarchyid, geometry, geography, vector
}

// field is the column as a reader or writer gives it.
func (c column) field() batch.Field {
	return batch.Field{Name: c.name, Type: c.interim(), Nullable: c.nullable, Native: c.native()}
}

// spatial reports whether values are geometry, which travels as WKT.
func (c column) spatial() bool { return c.typ == "geometry" || c.typ == "geography" }

// cast reports whether values are staged as text and turned into the type by the server: bulk copy cannot fill it.
func (c column) cast() bool {
	switch c.typ {
	case "sql_variant", "hierarchyid", "geometry", "geography", "json", "vector":
		return true
	}
	return false
}

// userDefined reports whether values come in a binary form of the server's own, unless a method makes text of them.
func (c column) userDefined() bool { return c.spatial() || c.typ == "hierarchyid" }

// readExpression is what stands in a SELECT list for the column, as text where the type is the server's own.
func (c column) readExpression() string {
	name := quote(c.name)
	switch {
	case c.typ == "hierarchyid":
		return name + ".ToString() AS " + name
	case c.spatial():
		return name + ".AsTextZM() AS " + name
	case c.typ == "json" || c.typ == "vector":
		return "CAST(" + name + " AS nvarchar(max)) AS " + name
	}
	return name
}

// writeExpression makes the column's type of a text column of the interim table.
func (c column) writeExpression(from string) string {
	switch c.typ {
	case "hierarchyid":
		return "hierarchyid::Parse(" + from + ")"
	case "geometry":
		return "geometry::STGeomFromText(" + from + ", 0)"
	case "geography":
		return "geography::STGeomFromText(" + from + ", 4326)"
	case "json":
		return "CAST(" + from + " AS json)"
	case "vector":
		return "CAST(" + from + " AS vector(" + fmt.Sprint(c.length) + "))"
	case "sql_variant":
		return "CAST(" + from + " AS nvarchar(4000))"
	}
	return from
}

// stageType declares the column of the interim table that holds the values on their way.
func (c column) stageType() string {
	switch {
	case c.cast():
		return "nvarchar(max)"
	case c.collation != "" && (c.typ == "char" || c.typ == "varchar" || c.typ == "text"):
		return c.native() + " COLLATE " + c.collation
	}
	return c.native()
}

// quote puts an identifier in brackets.
func quote(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return strings.Join(quoted, ", ")
}

// literal is a text as SQL.
func literal(s string) string { return "N'" + strings.ReplaceAll(s, "'", "''") + "'" }
