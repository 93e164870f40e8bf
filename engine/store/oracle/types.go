package oracle

import (
	"dmgateway/engine/batch"
)

// typeTable is the store's table of types, in the order of the SQL Language Reference, "Oracle Built-in Data Types".
var typeTable = batch.TypeTable{
	Reads:   typeRows(),
	Creates: func(f batch.Field) string { return declare(f, true) },
}

// typeRows makes the rows from the code that reads, so that the two cannot differ.
func typeRows() []batch.TypeRow {
	digits := func(n int) *int { return &n }
	row := func(native string, c column, note string) batch.TypeRow {
		return batch.TypeRow{Native: native, Interim: c.typ(), Note: note}
	}
	refused := func(native, note string) batch.TypeRow { return batch.TypeRow{Native: native, Note: note} }
	return []batch.TypeRow{
		row("CHAR(n), VARCHAR2(n)", column{data: typeVarchar, chars: 20}, "length as declared; '' is NULL; CHAR keeps its blanks"),
		row("NCHAR(n), NVARCHAR2(n)", column{data: typeNVarchar, chars: 20}, "length as declared"),
		row("NUMBER(p,s)", column{data: typeNumber, precision: digits(10), scale: digits(2)}, "digits as declared; a negative scale adds to p, a scale above p is also the precision; whole numbers become integers where the sink wants them, or with convertDecimalToInteger"),
		row("NUMBER", column{data: typeNumber}, "every digit, without bounds"),
		row("FLOAT(b)", column{data: typeFloat}, "a NUMBER inside: every digit"),
		row("LONG", column{data: typeLong}, ""),
		row("DATE", column{data: typeDate}, "years 1 to 9999; a date before is an error of its row"),
		row("BINARY_FLOAT", column{data: typeBinFloat}, "with NaN and infinities"),
		row("BINARY_DOUBLE", column{data: typeBinDouble}, "with NaN and infinities"),
		row("TIMESTAMP(f)", column{data: typeTimestamp, scale: digits(6)}, "unit by f: 0 s, 1-3 ms, 4-6 us, 7 100ns, 8-9 ns; with 8 or 9 the years 1678 to 2262, others are errors of their rows"),
		row("TIMESTAMP(f) WITH TIME ZONE", column{data: typeZoned, scale: digits(6)}, "instant and offset; a zone's name becomes its offset then"),
		row("TIMESTAMP(f) WITH LOCAL TIME ZONE", column{data: typeLocalZoned, scale: digits(6)}, "instant, in UTC"),
		row("INTERVAL YEAR TO MONTH", column{data: typeYearMonth}, "months"),
		row("INTERVAL DAY TO SECOND(f)", column{data: typeDaySecond, scale: digits(6)}, "unit by f"),
		row("RAW(n)", column{data: typeRaw, bytes: 16}, "length as declared"),
		row("LONG RAW", column{data: typeLongRaw}, ""),
		row("ROWID, UROWID", column{data: typeRowID}, ""),
		row("CLOB, NCLOB", column{data: typeClob}, ""),
		row("BLOB", column{data: typeBlob}, ""),
		refused("BFILE", "refused: copy the file, or select TO_BLOB of it"),
		row("JSON", column{data: typeJSON}, "JSON_SERIALIZE, 21c"),
		row("BOOLEAN", column{data: typeBoolean}, "23ai"),
		row("VECTOR", column{data: typeVector}, "as an array, 23ai"),
		row("XMLTYPE", column{data: typeXML}, "XMLSERIALIZE"),
		row("SDO_GEOMETRY", column{data: typeGeometry}, "well-known text"),
		refused("object types, collections, REF, ANYDATA, REF CURSOR", "refused by name: select their attributes"),
	}
}
