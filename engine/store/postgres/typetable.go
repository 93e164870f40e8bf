package postgres

import (
	"math"

	"dmgateway/engine/batch"
)

// typeNames are the built-in types with an interim type of their own, in the order of the documentation's chapter "Data
// Types", each with its identifier and the modifier of its usual declaration.
var typeNames = []struct {
	native string
	oid    uint32
	mod    int32
	note   string
}{
	{"smallint", oidInt2, -1, ""},
	{"integer", oidInt4, -1, ""},
	{"bigint", oidInt8, -1, ""},
	{"numeric(p,s)", oidNumeric, 4 + 38<<16 + 10, "p digits, s of them behind the point, up to 1000; a negative s becomes digits before the point. NaN is an error of its row"},
	{"numeric", oidNumeric, -1, "without bounds, as text; NaN and infinities too"},
	{"real", oidFloat4, -1, "with NaN and infinities"},
	{"double precision", oidFloat8, -1, "with NaN and infinities"},
	{"money", oidMoney, -1, "as many digits behind the point as the server's lc_monetary has"},
	{"varchar(n)", oidVarchar, 4 + 40, "n characters"},
	{"char(n)", oidBpchar, 4 + 10, "n characters, padded with blanks"},
	{"text", oidText, -1, ""},
	{"name", oidName, -1, ""},
	{"bytea", oidBytea, -1, ""},
	{"timestamp", oidTimestamp, -1, "infinity is an error of its row"},
	{"timestamp with time zone", oidTimestampTZ, -1, "the instant; the server keeps no offset. infinity is an error of its row"},
	{"date", oidDate, -1, "infinity is an error of its row"},
	{"time", oidTime, -1, "24:00:00 stays"},
	{"boolean", oidBool, -1, ""},
	{"uuid", oidUUID, -1, ""},
	{"xml", oidXML, -1, ""},
	{"json", oidJSON, -1, "the text as it is"},
	{"jsonb", oidJSONB, -1, "the text that the server makes of it"},
	{"oid", oidOID, -1, ""},
}

// textTypes come as the server's text and are cast on the server when they are written.
var textTypes = []string{
	"interval", "time with time zone", "point, line, lseg, box, path, polygon, circle", "cidr, inet, macaddr, macaddr8", "bit, bit varying",
	"tsvector, tsquery", "enumerations", "arrays", "composite types", "ranges, multiranges", "pg_lsn", "all others",
}

// types is the table of types. It is made by the code that reads and declares columns, so it cannot differ from it.
func types() *batch.TypeTable {
	t := &batch.TypeTable{Creates: declare}
	for _, x := range typeNames {
		c := column{oid: x.oid, mod: x.mod, money: 2}
		t.Reads = append(t.Reads, batch.TypeRow{Native: x.native, Interim: c.typ(), Note: x.note})
	}
	for _, name := range textTypes {
		t.Reads = append(t.Reads, batch.TypeRow{Native: name, Interim: column{oid: math.MaxUint32}.typ(), Note: "the server's text; cast on the server when written"})
	}
	return t
}
