package sqlite

import "dmgateway/engine/batch"

// typeTable is the table of types: declarations, since SQLite keeps the type with each value.
func typeTable() *batch.TypeTable {
	row := func(declared, note string) batch.TypeRow {
		return batch.TypeRow{Native: declared, Interim: typeOf(declared), Note: note}
	}
	return &batch.TypeTable{
		Creates: func(f batch.Field) string { return declare(f.Type) },
		Reads: []batch.TypeRow{
			row("BOOLEAN", "also BOOL, BIT; 0, 1, or text such as true"),
			row("INTEGER", "and whatever contains INT"),
			row("REAL", "and whatever contains REAL, FLOA or DOUB"),
			row("DECIMAL(18,4)", "also NUMERIC, NUMBER, DEC, MONEY, with the declared digits; a number of more than 15 digits must be kept as text"),
			row("DECIMAL_TEXT(38,10)", "keeps every digit, as text"),
			row("DATE", "text, whole seconds since 1970, or a Julian day number"),
			row("DATETIME", "also TIMESTAMP, with the declared digits of a second, 6 where none are; kept as DATE is"),
			row("TIMESTAMPTZ", "also DATETIMEOFFSET; with the offset of the text"),
			row("TIME", ""),
			row("DURATION", ""),
			row("TEXT", "and whatever contains CHAR, CLOB or TEXT; numbers become their text"),
			row("JSON_TEXT", "also JSON"),
			row("XML_TEXT", "also XML"),
			row("UUID", "also GUID, UNIQUEIDENTIFIER; text, or 16 bytes"),
			row("BLOB", "and whatever contains BLOB; also BINARY, VARBINARY"),
			{Native: "(nothing)", Interim: batch.Type{Kind: batch.String}, Note: "by the first 1,000 values: all INTEGER Int64, all numbers Double, all BLOB Binary, else String"},
		},
	}
}
