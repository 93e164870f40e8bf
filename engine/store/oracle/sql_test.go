package oracle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

func digits(n int) *int { return &n }

// everyType is a table with a column of every type.
var everyType = []column{
	{name: "ID", data: "NUMBER", precision: digits(9), scale: digits(0), required: true},
	{name: "N", data: "NUMBER"},
	{name: "F", data: "FLOAT", precision: digits(126)},
	{name: "BF", data: "BINARY_FLOAT"},
	{name: "BD", data: "BINARY_DOUBLE"},
	{name: "D", data: "DATE"},
	{name: "TS", data: "TIMESTAMP(6)", scale: digits(6)},
	{name: "TZ", data: "TIMESTAMP(9) WITH TIME ZONE", scale: digits(9)},
	{name: "LTZ", data: "TIMESTAMP(3) WITH LOCAL TIME ZONE", scale: digits(3)},
	{name: "YM", data: "INTERVAL YEAR(2) TO MONTH", precision: digits(2), scale: digits(0)},
	{name: "DS", data: "INTERVAL DAY(2) TO SECOND(6)", precision: digits(2), scale: digits(6)},
	{name: "V", data: "VARCHAR2", bytes: 80, chars: 20},
	{name: "NC", data: "NCHAR", bytes: 20, chars: 10},
	{name: "R", data: "RAW", bytes: 16},
	{name: "CL", data: "CLOB", bytes: 4000},
	{name: "BL", data: "BLOB", bytes: 4000},
	{name: "X", data: "XMLTYPE", owner: "SYS"},
	{name: "J", data: "JSON"},
	{name: "VEC", data: "VECTOR"},
	{name: "B", data: "BOOLEAN"},
	{name: "G", data: "SDO_GEOMETRY", owner: "MDSYS"},
	{name: "RID", data: "ROWID"},
	{name: "FI", data: "BFILE"},
	{name: "O", data: "ADDRESS_T", owner: "APP"},
}

func tableSource(columns []column) *source {
	return &source{
		server: &server{place: place{addresses: []address{{"h", 1}}, service: "s"}}, table: sqlstore.Table{Name: "T"},
		object: object{sqlstore.Table{Schema: "APP", Name: "T"}, "TABLE"}, all: columns, columns: columns,
	}
}

func querySource(query string, columns []column) *source {
	s := tableSource(columns)
	s.table, s.query = sqlstore.Table{}, query
	return s
}

func TestColumnsAreReadByWhatTheDriverReadsExactly(t *testing.T) {
	t.Parallel()
	want := map[string]struct{ typ, expression string }{
		"ID": {"Decimal(9,0)", `"ID"`}, "N": {"Decimal", `"N"`}, "F": {"Decimal", `"F"`},
		"BF": {"Single", `CAST("BF" AS BINARY_DOUBLE)`}, "BD": {"Double", `"BD"`},
		"D": {"Timestamp(s)", `"D"`}, "TS": {"Timestamp(us)", `"TS"`},
		"TZ":  {"TimestampTZ(ns)", `CAST("TZ" AT TIME ZONE 'UTC' AS TIMESTAMP(9)), EXTRACT(TIMEZONE_HOUR FROM "TZ") * 60 + EXTRACT(TIMEZONE_MINUTE FROM "TZ")`},
		"LTZ": {"TimestampTZ(ms)", `CAST("LTZ" AT TIME ZONE 'UTC' AS TIMESTAMP(9))`},
		"YM":  {"Int32", `EXTRACT(YEAR FROM "YM") * 12 + EXTRACT(MONTH FROM "YM")`},
		"DS":  {"Duration(us)", `EXTRACT(DAY FROM "DS") * 86400 + EXTRACT(HOUR FROM "DS") * 3600 + EXTRACT(MINUTE FROM "DS") * 60 + EXTRACT(SECOND FROM "DS")`},
		"V":   {"String(20)", `"V"`}, "NC": {"String(10)", `"NC"`}, "R": {"Binary(16)", `"R"`}, "CL": {"String", `"CL"`}, "BL": {"Binary", `"BL"`},
		"X": {"XML", `XMLSERIALIZE(CONTENT "X" AS CLOB)`}, "J": {"JSON", `JSON_SERIALIZE("J" RETURNING CLOB)`},
		"VEC": {"JSON", `VECTOR_SERIALIZE("VEC" RETURNING CLOB)`}, "B": {"Boolean", `CASE WHEN "B" THEN 1 WHEN NOT "B" THEN 0 END`},
		"G": {"String", `SDO_UTIL.TO_WKTGEOMETRY("G")`}, "RID": {"String", `"RID"`},
	}
	s := tableSource(everyType)
	for _, c := range everyType {
		p, err := s.statement(slice{}, batch.Schema{{Name: c.name}})
		w, ok := want[c.name]
		if !ok {
			if fault.Code(err) != fault.Unsupported || fault.As(err).Hint == "" || !strings.Contains(err.Error(), c.name) {
				t.Errorf("%s: error %v, want a refusal by name", c.native(), err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.native(), err)
			continue
		}
		if text := "SELECT " + w.expression + ` FROM "APP"."T"`; p.text != text || p.schema[0].Type.String() != w.typ {
			t.Errorf("%s is read as %s by\n%s\nwant %s by\n%s", c.native(), p.schema[0].Type, p.text, w.typ, text)
		}
	}
}

func TestNumbersHaveTheDigitsOfTheirDeclaration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		precision, scale *int
		want             string
	}{
		{nil, nil, "Decimal"},
		{nil, digits(0), "Decimal(38,0)"},
		{digits(10), digits(2), "Decimal(10,2)"},
		{digits(5), digits(-2), "Decimal(7,0)"},
		{digits(2), digits(5), "Decimal(5,5)"},
		{digits(38), digits(127), "Decimal(127,127)"},
		{digits(38), digits(-84), "Decimal(122,0)"},
	} {
		if got := (column{data: "NUMBER", precision: tt.precision, scale: tt.scale}).typ().String(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func TestWholeNumbersBecomeIntegersWhereAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		column  column
		want    batch.Kind
		asked   bool
		becomes string
	}{
		{"nobody asks", column{data: "NUMBER", precision: digits(9), scale: digits(0)}, batch.Decimal, false, "Decimal(9,0)"},
		{"the sink wants one that holds all", column{data: "NUMBER", precision: digits(9), scale: digits(0)}, batch.Int32, false, "Int32"},
		{"the sink wants one that does not", column{data: "NUMBER", precision: digits(10), scale: digits(0)}, batch.Int32, false, "Decimal(10,0)"},
		{"with a fraction", column{data: "NUMBER", precision: digits(9), scale: digits(2)}, batch.Int64, true, "Decimal(9,2)"},
		{"the job asks", column{data: "NUMBER", precision: digits(4), scale: digits(0)}, batch.Decimal, true, "Int16"},
		{"the job asks, no digits", column{data: "NUMBER"}, batch.Decimal, true, "Int64"},
		{"the job asks, a FLOAT", column{data: "FLOAT", precision: digits(126)}, batch.Decimal, true, "Decimal"},
	} {
		r, err := tt.column.readsAs(batch.Type{Kind: tt.want}, tt.asked)
		if err != nil || r.typ.String() != tt.becomes {
			t.Errorf("%s: %v, error %v; want %s", tt.name, r.typ, err, tt.becomes)
		}
	}
}

func TestPartsAreSelected(t *testing.T) {
	t.Parallel()
	s := tableSource(everyType)
	for name, tt := range map[string]struct {
		slice slice
		want  string
	}{
		"rows of ids":         {slice{SCN: "77", FromRow: "AAAB", ToRow: "AAAC"}, ` AS OF SCN 77 WHERE ROWID >= CHARTOROWID('AAAB') AND ROWID < CHARTOROWID('AAAC')`},
		"hash":                {slice{Parts: 4, Hash: 3}, ` WHERE ORA_HASH(ROWID, 3) = 3`},
		"physical":            {slice{Physical: `p"1`, SCN: "5"}, ` PARTITION ("p""1") AS OF SCN 5`},
		"range of numbers":    {slice{Column: "N", Kind: aNumber, From: "-5", To: "10"}, ` WHERE "N" >= -5 AND "N" < 10`},
		"first range":         {slice{Column: "D", Kind: aDate, To: "2026-01-01 00:00:00", Nulls: true}, ` WHERE ("D" < TO_DATE('2026-01-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS') OR "D" IS NULL)`},
		"range of timestamps": {slice{Column: "TS", Kind: aTimestamp, From: "2026-01-01 00:00:00.5"}, ` WHERE "TS" >= TIMESTAMP '2026-01-01 00:00:00.5'`},
		"range of instants":   {slice{Column: "TZ", Kind: anInstant, From: "2026-01-01 00:00:00+00"}, ` WHERE "TZ" >= TIMESTAMP '2026-01-01 00:00:00 +00:00'`},
		"a number that lies":  {slice{Column: "N", Kind: aNumber, From: "1 OR 1=1"}, ` WHERE "N" >= TO_NUMBER('1 OR 1=1')`},
		"a percent in a name": {slice{Column: "a%d", Kind: aNumber, From: "1"}, ` WHERE "a%d" >= 1`},
	} {
		back, err := parseSlice(tt.slice.spec())
		if err != nil || back != tt.slice {
			t.Errorf("%s: the spec %s comes back as %+v, error %v", name, tt.slice.spec(), back, err)
		}
		p, err := s.statement(back, batch.Schema{{Name: "id"}})
		if want := `SELECT "ID" FROM "APP"."T"` + tt.want; err != nil || p.text != want {
			t.Errorf("%s: error %v\n%s\nwant\n%s", name, err, p.text, want)
		}
	}
	for _, spec := range []string{`{"scn":"1; DROP"}`, `{"fromRow":"a'b"}`, "x"} {
		if _, err := parseSlice(spec); err == nil {
			t.Errorf("the spec %s is taken", spec)
		}
	}
}

func TestQueriesTakeTheirPart(t *testing.T) {
	t.Parallel()
	columns := everyType[:4]
	for name, tt := range map[string]struct {
		query string
		part  partitioning
		slice slice
		want  string
	}{
		"as it is": {"SELECT a FROM b;\n", partitioning{}, slice{}, "SELECT a FROM b"},
		"wrapped": {
			"SELECT a FROM b",
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.DynamicRange, Column: "ID"}},
			slice{Column: "ID", Kind: aNumber, From: "5", To: "9", Last: "8"},
			"SELECT \"ID\" FROM (\nSELECT a FROM b\n) Q WHERE \"ID\" >= 5 AND \"ID\" < 9",
		},
		"condition": {
			"SELECT * FROM b WHERE ?AdfDynamicRangePartitionCondition",
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.DynamicRange, Column: "ID"}, hooked: true},
			slice{Column: "ID", Kind: aNumber, From: "5", To: "9", Last: "8"},
			`SELECT * FROM b WHERE "ID" >= 5 AND "ID" < 9`,
		},
		"bounds": {
			"SELECT * FROM b WHERE ?AdfRangePartitionColumnName <= ?AdfRangePartitionUpbound AND ?AdfRangePartitionColumnName >= ?AdfRangePartitionLowbound",
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.DynamicRange, Column: "ID", Lower: "1", Upper: "100"}, hooked: true},
			slice{Column: "ID", Kind: aNumber, From: "51", To: "", Last: ""},
			`SELECT * FROM b WHERE "ID" <= 100 AND "ID" >= 51`,
		},
		"bounds, first part": {
			"SELECT * FROM b WHERE ?AdfRangePartitionColumnName BETWEEN ?AdfRangePartitionLowbound AND ?AdfRangePartitionUpbound",
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.DynamicRange, Column: "ID", Lower: "1", Upper: "100"}, hooked: true},
			slice{Column: "ID", Kind: aNumber, To: "51", Last: "50", Nulls: true},
			`SELECT * FROM b WHERE "ID" BETWEEN 1 AND 50`,
		},
		"physical": {
			`SELECT * FROM b PARTITION("?AdfTabularPartitionName")`,
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.PhysicalPartitions, Names: []string{"P1", "P2"}}},
			slice{Physical: "P2"},
			`SELECT * FROM b PARTITION("P2")`,
		},
		"physical, all": {
			`SELECT * FROM b PARTITION(?AdfTabularPartitionName)`,
			partitioning{Partitioning: sqlstore.Partitioning{Option: sqlstore.PhysicalPartitions, Names: []string{"P1", "P2"}}},
			slice{},
			"SELECT * FROM (\nSELECT * FROM b PARTITION(\"P1\")\n) Q UNION ALL SELECT * FROM (\nSELECT * FROM b PARTITION(\"P2\")\n) Q",
		},
	} {
		s := querySource(tt.query, columns)
		s.part = tt.part
		p, err := s.statement(tt.slice, batch.Schema{{Name: "ID"}})
		if err != nil || p.text != tt.want {
			t.Errorf("%s: error %v\n%s\nwant\n%s", name, err, p.text, tt.want)
		}
	}
}

func TestQueriesAreWrappedWhereAColumnNeedsIt(t *testing.T) {
	t.Parallel()
	s := querySource("SELECT ID, BF FROM T", []column{everyType[0], everyType[3]})
	p, err := s.statement(slice{}, batch.Schema{{Name: "BF"}, {Name: "ID"}})
	if want := "SELECT CAST(\"BF\" AS BINARY_DOUBLE), \"ID\" FROM (\nSELECT ID, BF FROM T\n) Q"; err != nil || p.text != want {
		t.Errorf("error %v: %s", err, p.text)
	}
	twice := querySource("SELECT a.BF, b.BF FROM a, b", []column{everyType[3], everyType[3]})
	if _, err := twice.statement(slice{}, batch.Schema{{Name: "BF"}}); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
		t.Errorf("a column that is there twice: %v", err)
	}
}

func TestWatermarkRestrictsTheRows(t *testing.T) {
	t.Parallel()
	s := tableSource(everyType)
	s.Between("d", "2026-01-01 00:00:00", "2026-02-01 00:00:00")
	p, err := s.statement(slice{Parts: 2, Hash: 1}, batch.Schema{{Name: "ID"}})
	want := `SELECT "ID" FROM "APP"."T" WHERE ORA_HASH(ROWID, 1) = 1 AND "D" > TO_DATE('2026-01-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS') AND "D" <= TO_DATE('2026-02-01 00:00:00', 'YYYY-MM-DD HH24:MI:SS')`
	if err != nil || p.text != want {
		t.Errorf("error %v\n%s", err, p.text)
	}
	s.Between("nowhere", "", "1")
	if p, _ := s.statement(slice{}, batch.Schema{{Name: "ID"}}); !strings.Contains(p.text, `"nowhere" <= `) {
		t.Errorf("a watermark without its column reads everything: %s", p.text)
	}
}

func TestLargeObjectsAreFetchedApart(t *testing.T) {
	t.Parallel()
	s := tableSource(everyType)
	p, err := s.statement(slice{SCN: "9"}, batch.Schema{{Name: "ID"}, {Name: "CL"}})
	if err != nil {
		t.Fatal(err)
	}
	l := s.divide(p, slice{SCN: "9"})
	want := `SELECT "ID", CASE WHEN DBMS_LOB.GETLENGTH("CL") <= 131072 THEN "CL" END, DBMS_LOB.GETLENGTH("CL"), ROWIDTOCHAR(ROWID) FROM "APP"."T" AS OF SCN 9`
	if p.text != want || p.values != 4 || l.text[1] != `SELECT "CL" FROM "APP"."T" AS OF SCN 9 WHERE ROWID = :1` {
		t.Errorf("%d values by\n%s\nand %v", p.values, p.text, l.text)
	}
	if none := s.divide(&plan{columns: everyType[:1], reads: []reads{{expressions: []string{asItIs}}}, values: 1}, slice{}); none != nil {
		t.Error("a table without large objects is divided")
	}
}

func TestExtentsAreCutIntoEvenRanges(t *testing.T) {
	t.Parallel()
	var extents [][]cell
	for i := range 100 {
		extents = append(extents, []cell{{text: fmt.Sprintf("AAA%03d", i)}, {text: itoa(8 + i%3*56)}})
	}
	for _, n := range []int{1, 2, 7, 100, 1000} {
		pieces := cutExtents(extents, n)
		if len(pieces) > n || len(pieces) < min(n, 90) || pieces[0].FromRow != "" || pieces[len(pieces)-1].ToRow != "" {
			t.Fatalf("%d asked for: %d ranges, from %q to %q", n, len(pieces), pieces[0].FromRow, pieces[len(pieces)-1].ToRow)
		}
		for i := 1; i < len(pieces); i++ {
			if pieces[i].FromRow != pieces[i-1].ToRow || pieces[i].FromRow <= pieces[i-1].FromRow {
				t.Fatalf("%d asked for: range %d begins at %q, the one before ends at %q", n, i, pieces[i].FromRow, pieces[i-1].ToRow)
			}
		}
	}
}

func TestRangesLeaveNothingBetweenThem(t *testing.T) {
	t.Parallel()
	whole := column{name: "ID", data: "NUMBER", precision: digits(9), scale: digits(0)}
	cents := column{name: "C", data: "NUMBER", precision: digits(9), scale: digits(2)}
	any := column{name: "A", data: "NUMBER"}
	for _, tt := range []struct {
		column column
		cut    int64
		want   string
	}{{whole, 10, "9"}, {cents, 10, "9.99"}, {any, 10, "9." + strings.Repeat("9", 37)}, {cents, 0, "-0.01"}} {
		if got := tt.column.before(batch.Type{Kind: batch.Int64}, tt.cut); got != tt.want {
			t.Errorf("before %d in %s is %s, want %s", tt.cut, tt.column.native(), got, tt.want)
		}
	}
	date := column{name: "D", data: "DATE"}
	pieces := rangePieces(date, date.typ(), cutRange(0, 86400*10, 2))
	if len(pieces) != 2 || pieces[0].Last != "1970-01-05 23:59:59" || pieces[1].From != "1970-01-06 00:00:00" || !pieces[0].Nulls || pieces[1].Nulls {
		t.Errorf("%+v", pieces)
	}
	if cuts := cutRange(-1<<63, 1<<63-1, 4); len(cuts) != 3 {
		t.Errorf("all of 64 bits is cut at %v", cuts)
	}
}

func TestStatementsOfTheSink(t *testing.T) {
	t.Parallel()
	k := &sink{server: &server{}, env: store.Env{RunID: "r"}, object: object{Table: sqlstore.Table{Schema: "APP", Name: "T"}}}
	k.options.Keys, k.options.Upsert = []string{"id", "d"}, true
	for _, name := range []string{"ID", "D", "X", "V"} {
		for _, c := range everyType {
			if c.name != name {
				continue
			}
			target, err := targetOf(c, batch.Type{}, true)
			if err != nil {
				t.Fatal(err)
			}
			k.targets, k.fields = append(k.targets, target), append(k.fields, c.field())
		}
	}
	if err := k.findKeys(); err != nil {
		t.Fatal(err)
	}
	if got, want := k.insert(), `INSERT INTO "APP"."T" ("ID", "D", "X", "V") VALUES (:1, :2, XMLPARSE(CONTENT :3), :4)`; got != want {
		t.Errorf("insert\n%s\nwant\n%s", got, want)
	}
	merge, order := k.merge()
	want := `MERGE INTO "APP"."T" T USING DUAL ON (T."ID" = :1 AND T."D" = CAST(:2 AS DATE)) WHEN MATCHED THEN UPDATE SET "X" = XMLPARSE(CONTENT :3), "V" = :4` +
		` WHEN NOT MATCHED THEN INSERT ("ID", "D", "X", "V") VALUES (:5, :6, XMLPARSE(CONTENT :7), :8)`
	if merge != want || fmt.Sprint(order) != "[0 1 2 3 0 1 2 3]" {
		t.Errorf("merge by %v\n%s\nwant\n%s", order, merge, want)
	}
	g := newStage(k)
	if len(g.name) > 30 || g.ddl() != `CREATE GLOBAL TEMPORARY TABLE "`+g.name+`" (SEQ NUMBER, C0 NUMBER, C1 DATE, C2 CLOB, C3 VARCHAR2(20 CHAR)) ON COMMIT DELETE ROWS` {
		t.Errorf("the stage %s is made by\n%s", g.name, g.ddl())
	}
	want = `MERGE INTO "APP"."T" T USING (SELECT C0, C1, C2, C3 FROM (SELECT X.*, ROW_NUMBER() OVER (PARTITION BY C0, C1 ORDER BY SEQ DESC) RN FROM "` + g.name +
		`" X) Y WHERE Y.RN = 1) S ON (T."ID" = S.C0 AND T."D" = S.C1) WHEN MATCHED THEN UPDATE SET "X" = XMLPARSE(CONTENT S.C2), "V" = S.C3` +
		` WHEN NOT MATCHED THEN INSERT ("ID", "D", "X", "V") VALUES (S.C0, S.C1, XMLPARSE(CONTENT S.C2), S.C3)`
	if got := g.move(); got != want {
		t.Errorf("move\n%s\nwant\n%s", got, want)
	}
}

func TestNewTablesKeepEveryValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ           batch.Type
		want, without string // in a database with Unicode, and in one without
	}{
		{batch.Type{Kind: batch.String}, "CLOB", "NCLOB"},
		{batch.Type{Kind: batch.String, Length: 1000}, "VARCHAR2(1000 CHAR)", "NVARCHAR2(2000)"},
		{batch.Type{Kind: batch.String, Length: 1001}, "CLOB", "NCLOB"},
		{batch.Type{Kind: batch.Binary, Length: 2000}, "RAW(2000)", "RAW(2000)"},
		{batch.Type{Kind: batch.Binary, Length: 2001}, "BLOB", "BLOB"},
		{batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 10}, "NUMBER(38,10)", "NUMBER(38,10)"},
		{batch.Type{Kind: batch.Decimal, Precision: 39, Scale: 1}, "NUMBER", "NUMBER"},
		{batch.Type{Kind: batch.Timestamp, Unit: batch.Nano}, "TIMESTAMP(9)", "TIMESTAMP(9)"},
		{batch.Type{Kind: batch.Single}, "BINARY_FLOAT", "BINARY_FLOAT"},
	} {
		if got, other := declare(batch.Field{Type: tt.typ}, true), declare(batch.Field{Type: tt.typ}, false); got != tt.want || other != tt.without {
			t.Errorf("%v: %s and %s, want %s and %s", tt.typ, got, other, tt.want, tt.without)
		}
	}
	k := &sink{unicode: true, object: object{}}
	got := k.ddl(sqlstore.Table{Schema: "APP", Name: "T"}, batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int32}},
		{Name: "Two Words", Type: batch.Type{Kind: batch.Date}},
		{Name: "a", Type: batch.Type{Kind: batch.Double}},
		{Name: "A", Type: batch.Type{Kind: batch.Double}},
	})
	if want := `CREATE TABLE "APP"."T" ("ID" NUMBER(10), "Two Words" DATE, "a" BINARY_DOUBLE, "A" BINARY_DOUBLE)`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestScriptsAreTakenApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"DELETE FROM t":                                     {"DELETE FROM t"},
		"DELETE FROM t; COMMIT;":                            {"DELETE FROM t", "COMMIT"},
		"INSERT INTO t VALUES ('a;b''c'); DELETE t":         {"INSERT INTO t VALUES ('a;b''c')", "DELETE t"},
		"DELETE t -- a; b\n; DELETE u /* ; */":              {"DELETE t -- a; b", "DELETE u /* ; */"},
		"BEGIN a; b; END;":                                  {"BEGIN a; b; END;"},
		"DELETE t\n/\nBEGIN a; END;\n/\nDELETE u":           {"DELETE t", "BEGIN a; END;", "DELETE u"},
		"create or replace procedure p is begin null; end;": {"create or replace procedure p is begin null; end;"},
		" ; ;":                       nil,
		`DELETE "a;b"; x 'unclosed;`: {`DELETE "a;b"`, `x 'unclosed;`},
	} {
		if got := statements(text); fmt.Sprint(got) != fmt.Sprint(want) || len(got) != len(want) {
			t.Errorf("%q is taken apart to %q, want %q", text, got, want)
		}
	}
}

func TestDatesBeforeTheYearOneAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at   time.Time
		unit batch.Unit
		ok   bool
	}{
		"year 1":                  {time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), batch.Second, true},
		"year 9999":               {time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), batch.Micro, true},
		"4712 BC":                 {time.Date(-4711, 1, 1, 0, 0, 0, 0, time.UTC), batch.Second, false},
		"nanoseconds, now":        {time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC), batch.Nano, true},
		"nanoseconds, too late":   {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), batch.Nano, false},
		"nanoseconds, too early":  {time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC), batch.Nano, false},
		"more digits than it has": {time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC), batch.Micro, false},
	} {
		_, err := instant(tt.at, tt.unit)
		if (err == nil) != tt.ok || err != nil && fault.As(err).Hint == "" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	// A wall clock is taken as it is, whatever zone the driver gives it.
	n, err := instant(time.Date(2026, 3, 29, 2, 30, 0, 0, time.FixedZone("", 7200)), batch.Second)
	if want := time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC).Unix(); err != nil || n != want {
		t.Errorf("%d, error %v, want %d", n, err, want)
	}
}

func TestFetchesFitIntoTheirBudget(t *testing.T) {
	t.Parallel()
	wide := make([]column, 10)
	for i := range wide {
		wide[i] = column{data: "VARCHAR2", bytes: 4000}
	}
	if n := fetchRows(wide, 0); n < 40 || n > 100 {
		t.Errorf("ten columns of 4000 bytes: %d rows", n)
	}
	if n := fetchRows(everyType[:2], 0); n != 4096 {
		t.Errorf("two numbers: %d rows", n)
	}
	if n := fetchRows(everyType, 0); n != 32 {
		t.Errorf("large objects: %d rows", n)
	}
	for budget := range int64(5000) {
		if fetchRows(wide[:1], budget*10) == 25 {
			t.Fatal("25 rows mean something else to the driver")
		}
	}
}
