package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func quoteJSON(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// values are columns with a value, and what they are read as.
var values = []struct{ declaration, value, typ, text string }{
	{"tinyint", "-128", "Int16", "-128"},
	{"tinyint unsigned", "255", "Int16", "255"},
	{"tinyint(1)", "1", "Boolean", "True"},
	{"bool", "0", "Boolean", "False"},
	{"smallint", "-32768", "Int16", "-32768"},
	{"smallint unsigned", "65535", "Int32", "65535"},
	{"mediumint", "-8388608", "Int32", "-8388608"},
	{"mediumint unsigned", "16777215", "Int64", "16777215"},
	{"int", "-2147483648", "Int32", "-2147483648"},
	{"int unsigned", "4294967295", "Int64", "4294967295"},
	{"int(5) zerofill", "7", "Int64", "7"},
	{"bigint", "-9223372036854775808", "Int64", "-9223372036854775808"},
	{"bigint unsigned", "18446744073709551615", "Decimal(20,0)", "18446744073709551615"},
	{"decimal(5,2)", "-123.40", "Decimal(5,2)", "-123.40"},
	{"decimal(4,4)", "-0.5", "Decimal(4,4)", "-0.5000"},
	{"decimal(18,0)", "-999999999999999999", "Decimal(18,0)", "-999999999999999999"},
	{"decimal(38,10)", "1234567890123456789012345678.0123456789", "Decimal(38,10)", "1234567890123456789012345678.0123456789"},
	{"decimal(65,30)", "-12345678901234567890123456789012345.012345678901234567890123456789", "Decimal(65,30)", "-12345678901234567890123456789012345.012345678901234567890123456789"},
	{"decimal(10,2) unsigned", "12345678.90", "Decimal(10,2)", "12345678.90"},
	{"float", "16777217.3", "Single", "1.6777218e+07"},
	{"float", "0.1234567", "Single", "0.1234567"},
	{"double", "0.1", "Double", "0.1"},
	{"double", "1.7976931348623157e308", "Double", "1.7976931348623157e+308"},
	{"bit(1)", "b'1'", "Boolean", "True"},
	{"bit(64)", "b'" + strings.Repeat("1", 64) + "'", "Decimal(20,0)", "18446744073709551615"},
	{"bit(10)", "b'1000000001'", "Decimal(20,0)", "513"},
	{"year", "2155", "Int32", "2155"},
	{"year", "0", "Int32", "0"},
	{"date", "'9999-12-31'", "Date", "9999-12-31"},
	{"date", "'0001-01-01'", "Date", "0001-01-01"},
	{"datetime", "'2024-02-29 23:59:59'", "Timestamp(s)", "2024-02-29 23:59:59"},
	{"datetime(3)", "'2024-02-29 23:59:59.999'", "Timestamp(ms)", "2024-02-29 23:59:59.999"},
	{"datetime(6)", "'9999-12-31 23:59:59.999999'", "Timestamp(us)", "9999-12-31 23:59:59.999999"},
	{"timestamp(6) NULL", "'2038-01-19 03:14:07.999999'", "Timestamp(us)", "2038-01-19 03:14:07.999999"},
	{"time", "'838:59:59'", "Duration(s)", "34.22:59:59"},
	{"time(6)", "'-838:59:59.000001'", "Duration(us)", "-34.22:59:59.000001"},
	{"time(2)", "'-00:00:00.25'", "Duration(ms)", "-00:00:00.25"},
	{"time", "'00:00:00'", "Duration(s)", "00:00:00"},
	{"char(10)", "'ab'", "String(10)", "ab"},
	{"varchar(20)", "'Zażółć 🚚 '", "String(20)", "Zażółć 🚚 "},
	{"varchar(20) CHARACTER SET latin1", "'äöü'", "String(20)", "äöü"},
	{"text", "''", "String", ""},
	{"longtext", "repeat('x', 300)", "String", strings.Repeat("x", 300)},
	{"enum('a','b c')", "'b c'", "String", "b c"},
	{"set('a','b','c')", "'a,c'", "String", "a,c"},
	{"binary(4)", "X'00FF'", "Binary(4)", `\x00ff0000`},
	{"varbinary(10)", "X'00FF5C'", "Binary(10)", `\x00ff5c`},
	{"blob", "X'0A0D'", "Binary", `\x0a0d`},
	{"json", `'{"a": [1, 2.50]}'`, "JSON", `{"a": [1, 2.50]}`},
	{"uuid", "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", "GUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
	{"inet6", "'2001:db8::1'", "String(39)", "2001:db8::1"},
	{"inet4", "'10.0.0.1'", "String(15)", "10.0.0.1"},
	{"point", "ST_GeomFromText('POINT(1.5 -2)')", "String", "POINT(1.5 -2)"},
	{"geometry", "ST_GeomFromText('LINESTRING(0 0,1 1)')", "String", "LINESTRING(0 0,1 1)"},
}

func TestEveryTypeIsReadAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var columns, list []string
	for i, v := range values {
		columns = append(columns, fmt.Sprintf("c%d %s", i, v.declaration))
		list = append(list, v.value)
	}
	w.sql("CREATE TABLE t (" + strings.Join(columns, ", ") + "); INSERT INTO t VALUES (" + strings.Join(list, ", ") + ")")
	src := w.source(table("t"), `{}`)
	schema, _ := src.Schema(t.Context())
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{ID: "all"}, schema)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, v := range values {
		if got := schema[i].Type.String(); got != v.typ {
			t.Errorf("%s is %s, want %s", v.declaration, got, v.typ)
		}
		if rows[0][i] != v.text {
			t.Errorf("%s %s is %q, want %q", v.declaration, v.value, rows[0][i], v.text)
		}
	}
}

func TestEveryTypeGoesFromTableToTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, way := range []string{"LOAD DATA in bytes", "LOAD DATA in text", "INSERT"} {
		var columns, list, names []string
		for i, v := range values {
			if way == "LOAD DATA in bytes" && strings.Contains(v.declaration, "latin1") {
				continue // one such column has all texts converted
			}
			columns = append(columns, fmt.Sprintf("c%d %s", i, v.declaration))
			list, names = append(list, v.value), append(names, fmt.Sprintf("c%d", i))
		}
		declaration := " (" + strings.Join(columns, ", ") + "); "
		w.sql("DROP TABLE IF EXISTS a, b; CREATE TABLE a" + declaration + "CREATE TABLE b" + declaration + "INSERT INTO a VALUES (" + strings.Join(list, ", ") + "), (" +
			strings.TrimSuffix(strings.Repeat("NULL, ", len(list)), ", ") + ")")
		src := w.source(table("a"), `{}`)
		schema, _ := src.Schema(t.Context())
		k := w.sink("b", `{}`, way).(*sink)
		types, err := k.Prepare(t.Context(), schema, false)
		if err != nil {
			t.Fatal(err)
		}
		if k.raw != (way == "LOAD DATA in bytes") && way != "INSERT" {
			t.Fatalf("%s: raw is %v", way, k.raw)
		}
		rows, err := storetest.ReadRows(t.Context(), src, store.Partition{ID: "all"}, schema)
		if err != nil {
			t.Fatal(err)
		}
		wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		wr.(*writer).c.loads = way != "INSERT"
		if err := wr.Write(t.Context(), storetest.Fill(t, types, rows)); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if n, err := wr.Commit(t.Context()); err != nil || n.Rows != 2 {
			t.Fatalf("%s: %d rows, %v", way, n.Rows, err)
		}
		// The server itself compares, byte by byte.
		for _, name := range names {
			q := fmt.Sprintf("SELECT (SELECT group_concat(hex(%[1]s)) FROM a) = (SELECT group_concat(hex(%[1]s)) FROM b), (SELECT count(*) FROM b WHERE %[1]s IS NULL)", name)
			if got := w.query(q); got[0] != "1|1" {
				t.Errorf("%s: the column %s %s arrived otherwise: %s", way, name, columns[slices.Index(names, name)], got)
			}
		}
	}
}

func TestDatesThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`SET sql_mode='ALLOW_INVALID_DATES'; CREATE TABLE z (id int, d date NOT NULL, at datetime(3)); INSERT INTO z VALUES (1, '2024-01-01', NULL), (2, '0000-00-00', NULL), (3, '2024-02-30', NULL), (4, '2024-03-01', '0000-00-00')`)
	read := func(w *world) (rows []string, errs []*fault.Error) {
		src := w.source(table("z"), `{}`)
		schema, _ := src.Schema(t.Context())
		r, err := src.Open(t.Context(), store.Partition{ID: "all"}, schema)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b := batch.New(r.Schema(), 0)
		for {
			b.Reset()
			err := r.Next(t.Context(), b)
			for i := range b.Len() {
				rows = append(rows, string(batch.AppendText(nil, &b.Cols[0], i)))
			}
			if errors.Is(err, io.EOF) {
				return rows, errs
			}
			if err != nil {
				errs = append(errs, fault.As(err))
			}
		}
	}
	rows, errs := read(w)
	if !slices.Equal(rows, []string{"1"}) || len(errs) != 3 {
		t.Fatalf("rows %v, errors %v", rows, errs)
	}
	for i, want := range []struct {
		row           int64
		column, value string
	}{{2, "d", "0000-00-00"}, {3, "d", "2024-02-30"}, {4, "at", "0000-00-00"}} {
		if e := errs[i]; e.Row != want.row || e.Column != want.column || e.Value != want.value || e.Code != fault.Conversion || e.Hint == "" {
			t.Errorf("error %d is %+v", i, e)
		}
	}
	if rows, errs := read(w.with("ConvertZeroDateTime=true")); len(rows) != 3 || len(errs) != 1 {
		t.Errorf("with ConvertZeroDateTime: rows %v, errors %v", rows, errs)
	}
	if got, err := w.rows(w.with("ZeroDateTimeBehavior=convertToNull").source(`{}`, `{"query": "SELECT d, at FROM z WHERE id IN (2, 4)"}`), store.Partition{}); err != nil ||
		!slices.Equal(got, []string{"NULL|NULL", "2024-03-01|NULL"}) {
		t.Errorf("with convertToNull: %v, %v", got, err)
	}
}

func TestATinyintThatIsNoBooleanIsAnErrorOfItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE b (v tinyint(1)); INSERT INTO b VALUES (1), (2)")
	_, err := w.rows(w.source(table("b"), `{}`), store.Partition{})
	if e := wantCode(t, "2 as Boolean", err, fault.Conversion); e.Row != 2 || e.Value != "2" || !strings.Contains(e.Hint, "treatTinyAsBoolean") {
		t.Errorf("%+v", e)
	}
	if got, err := w.rows(w.with("TreatTinyAsBoolean=false").source(table("b"), `{}`), store.Partition{}); err != nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("as number: %v, %v", got, err)
	}
	src := w.source(table("b"), `{}`)
	if rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, batch.Schema{column1("v", batch.Type{Kind: batch.Int32})}); err != nil || len(rows) != 2 || rows[1][0] != "2" {
		t.Errorf("wanted as Int32: %v, %v", rows, err)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE q (id int PRIMARY KEY, v varchar(10)); INSERT INTO q VALUES (1, 'a'), (2, NULL), (3, 'c'); CREATE PROCEDURE p() SELECT * FROM q; CREATE VIEW vw AS SELECT v, id FROM q")
	for text, want := range map[string][]string{
		"SELECT v, id FROM q ORDER BY id;":                             {"a|1", "NULL|2", "c|3"},
		"SELECT 1 AS x, 1 AS x, NULL, 'a?b'":                           {"1|1|NULL|a?b"},
		"SELECT * FROM q WHERE id > 99":                                nil,
		"SELECT count(*), 1.50, now() > 0 FROM q":                      {"3|1.50|1"},
		"WITH x AS (SELECT 1 AS a) SELECT a FROM x UNION ALL SELECT 2": {"1", "2"},
		"SHOW TABLES LIKE 'q'":                                         {"q"},
		"SELECT * FROM vw":                                             {"a|1", "NULL|2", "c|3"},
	} {
		if got := w.query(text); !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", text, got, want)
		}
	}
	for text, code := range map[string]string{
		"SELECT ? FROM q": fault.BadInput, "DO 1": fault.BadInput, "CALL p()": fault.BadInput, "SELEC 1": fault.BadInput, "SELECT nope FROM q": fault.NotFound, "SELECT * FROM nowhere.q": fault.NotFound,
	} {
		_, err := w.open(`{}`, `{"query": `+quoteJSON(text)+`}`)
		_ = wantCode(t, text, err, code)
	}
	src := w.source(`{}`, `{"query": "SELECT id, v, id + 1 AS n FROM q ORDER BY id"}`)
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, batch.Schema{{Name: "n"}, {Name: "v"}})
	if err != nil || len(rows) != 3 || rows[2][0] != "4" || rows[2][1] != "c" {
		t.Errorf("two columns in another order: %v, %v", rows, err)
	}
}

func TestPartitionsHoldEveryRowOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`CREATE TABLE k (id bigint unsigned PRIMARY KEY, d date, n int); INSERT INTO k SELECT seq * 3, IF(seq % 10, '2024-01-01' + INTERVAL seq DAY, NULL), seq FROM seq_1_to_500;
		INSERT INTO k VALUES (18446744073709551615, '0001-01-01', 0);
		CREATE TABLE p (id int, v int) PARTITION BY HASH (id) PARTITIONS 3; INSERT INTO p SELECT seq, seq FROM seq_1_to_100; CREATE TABLE heap (v text); INSERT INTO heap VALUES ('x')`)
	for _, c := range []struct {
		name, dataset, activity string
		rows, parts             int
		explained               string
	}{
		{"key", table("k"), `{}`, 501, 4, `4 ranges of the column "id" from 3 to 18446744073709551615`},
		{"asked for none", table("k"), `{"partitionOption": "None"}`, 501, 1, "None"},
		{"dates with NULLs", table("k"), `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "d"}}`, 501, 4, "from 0001-01-01 to"},
		{"bounds that leave rows outside", table("k"), `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n", "partitionLowerBound": "100", "partitionUpperBound": "200"}}`, 501, 4, "from 100 to 200"},
		{"query", `{}`, `{"query": "SELECT n FROM k", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n"}}`, 501, 4, "4 ranges"},
		{"query with a place", `{}`, `{"query": "SELECT n FROM k WHERE ?DfDynamicRangePartitionCondition AND n >= 0", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n"}}`, 501, 4, "4 ranges"},
		{"physical", table("p"), `{"partitionOption": "PhysicalPartitionsOfTable"}`, 100, 3, "3 partitions"},
		{"physical by name", table("p"), `{"partitionOption": "PhysicalPartitionsOfTable", "partitionSettings": {"partitionNames": ["p0", "P2"]}}`, 66, 2, "2 partitions"},
		{"physical without", table("k"), `{"partitionOption": "PhysicalPartitionsOfTable"}`, 501, 1, "no partitions"},
		{"heap", table("heap"), `{}`, 1, 1, "no index"},
	} {
		src := w.source(c.dataset, c.activity)
		parts, err := src.(store.Partitioner).Partitions(t.Context(), 4)
		if err != nil || len(parts) != c.parts {
			t.Errorf("%s: the parts are %v, %v", c.name, parts, err)
			continue
		}
		if got := src.(store.Explainer).Explain(); !strings.Contains(got, c.explained) {
			t.Errorf("%s: explained as %q", c.name, got)
		}
		if got := src.(store.Divided).Divided(); got != (strings.Contains(c.activity, "DynamicRange") || strings.Contains(c.activity, "Physical")) {
			t.Errorf("%s: divided is %v", c.name, got)
		}
		seen := map[string]int{}
		for _, p := range parts {
			rows, err := w.rows(src, p)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, row := range rows {
				seen[row]++
			}
		}
		if len(seen) != c.rows {
			t.Errorf("%s: %d different rows, want %d", c.name, len(seen), c.rows)
		}
		for row, n := range seen {
			if n != 1 {
				t.Errorf("%s: the row %s is there %d times", c.name, row, n)
			}
		}
	}
	for what, activity := range map[string]string{
		"an unknown column": `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "x"}}`, "an unknown partition": `{"partitionOption": "PhysicalPartitionsOfTable", "partitionSettings": {"partitionNames": ["nope"]}}`,
		"a bad bound": `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n", "partitionLowerBound": "x' OR 1"}}`,
	} {
		if _, err := w.source(table("k"), activity).(store.Partitioner).Partitions(t.Context(), 4); err == nil || fault.As(err).Hint == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestWatermarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`CREATE TABLE m (id int, at datetime(6), s varchar(5), e decimal(10,2)); INSERT INTO m VALUES (1, '2024-01-01', 'a', 1.5), (2, '2024-01-02 00:00:00.000001', 'b', -2), (3, NULL, 'c', NULL)`)
	for _, c := range []struct{ column, highest, after, upto, ids string }{
		{"id", "3", "", "2", "1,2"},
		{"ID", "3", "1", "3", "2,3"},
		{"at", "2024-01-02 00:00:00.000001", "2024-01-01 00:00:00", "2024-01-02 00:00:00.000001", "2"},
		{"at", "2024-01-02 00:00:00.000001", "", "2024-01-02 00:00:00", "1,3"},
		{"e", "1.50", "-2.00", "1.50", "1"},
	} {
		for _, src := range []store.Source{w.source(table("m"), `{}`), w.source(`{}`, `{"query": "SELECT * FROM m"}`)} {
			x := src.(store.Watermarker)
			if got, ok, err := x.Highest(t.Context(), c.column); err != nil || !ok || got != c.highest {
				t.Errorf("the highest %s is %q, %v, %v", c.column, got, ok, err)
			}
			x.Between(c.column, c.after, c.upto)
			rows, err := w.rows(src, store.Partition{})
			var ids []string
			for _, row := range rows {
				id, _, _ := strings.Cut(row, "|")
				ids = append(ids, id)
			}
			if err != nil || strings.Join(ids, ",") != c.ids {
				t.Errorf("%s after %q upto %q gives %v, %v", c.column, c.after, c.upto, ids, err)
			}
		}
	}
	src := w.source(table("m"), `{}`).(store.Watermarker)
	_, _, err := src.Highest(t.Context(), "s")
	_ = wantCode(t, "a text", err, fault.Unsupported)
	_, _, err = src.Highest(t.Context(), "x")
	_ = wantCode(t, "no column", err, fault.NotFound)
	w.sql("DELETE FROM m")
	if _, ok, err := src.Highest(t.Context(), "id"); ok || err != nil {
		t.Errorf("an empty table has a highest value: %v, %v", ok, err)
	}
	// Text that is no value is no SQL either.
	src.Between("id", "", "0) OR (1=1 -- '")
	if rows, err := w.rows(src.(store.Source), store.Partition{}); err != nil || len(rows) != 0 {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestACancelledReadStopsTheStatementOnTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	src := w.source(`{}`, `{"query": "SELECT 4711 AS x, SLEEP(100) AS y"}`)
	schema, _ := src.Schema(t.Context())
	r, err := src.Open(t.Context(), store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Next(ctx, batch.New(r.Schema(), 0)) }()
	running := func() bool {
		return w.query("SELECT count(*) > 0 FROM information_schema.PROCESSLIST WHERE INFO LIKE '%4711 AS x, SLEEP%' AND INFO NOT LIKE '%PROCESSLIST%'")[0] == "1"
	}
	until(t, "the statement runs", running)
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Next ends with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Next goes on")
	}
	until(t, "the statement is gone", func() bool { return !running() })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("it is not so after 20 seconds: %s", what)
		}
	}
}

func TestAQueryThatGivesNoRowInTimeIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	src := w.source(`{}`, `{"query": "SELECT SLEEP(100) AS y", "queryTimeout": "00:00:00.3"}`)
	_, err := w.rows(src, store.Partition{})
	if e := wantCode(t, "a slow query", err, fault.StoreFailed); !errors.Is(e, errTimeout) {
		t.Errorf("%v", e)
	}
}

func TestALostConnectionIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	src := w.source(`{}`, `{"query": "SELECT seq, repeat('x', 1000) FROM seq_1_to_1000000"}`)
	schema, _ := src.Schema(t.Context())
	r, err := src.Open(t.Context(), store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(r.Schema(), 0)
	if err := r.Next(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.sql("KILL CONNECTION " + r.(*reader).c.id)
	for err == nil {
		b.Reset()
		err = r.Next(t.Context(), b)
	}
	if e := wantCode(t, "a killed connection", err, fault.Unreachable); !e.Transient {
		t.Errorf("not transient: %v", err)
	}
}

func TestLargeValuesComeInSeveralPackets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("SET GLOBAL max_allowed_packet=1073741824")
	w2 := &world{t, w.dsn, w.service}
	for _, size := range []int{maxPacket - 10, maxPacket - 5, maxPacket - 4, maxPacket, 2 * maxPacket, 40 << 20} {
		src := w2.source(`{}`, fmt.Sprintf(`{"query": "SELECT 1 AS a, repeat('x', %d) AS b, 2 AS c UNION ALL SELECT 3, 'y', 4"}`, size))
		rows, err := w2.rows(src, store.Partition{})
		if err != nil || len(rows) != 2 || len(rows[0]) != size+4 || !strings.HasSuffix(rows[0], "x|2") || rows[1] != "3|y|4" {
			t.Fatalf("a value of %d bytes: %d rows, %v", size, len(rows), err)
		}
	}
	w2.sql("CREATE TABLE big (id int, v longblob, s longtext)")
	src := w2.source(`{}`, fmt.Sprintf(`{"query": "SELECT 1 AS id, CAST(repeat('\\0\\n\\t', %d) AS BINARY) AS v, repeat('ü', %d) AS s"}`, 8<<20, 5<<20))
	schema, _ := src.Schema(t.Context())
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w2.write(w2.sink("big", `{}`, "big"), schema, rows); err != nil || n.Rows != 1 {
		t.Fatalf("%d rows, %v", n.Rows, err)
	}
	if got := w2.query("SELECT length(v), md5(v) = md5(repeat('\\0\\n\\t', " + fmt.Sprint(8<<20) + ")), char_length(s) FROM big"); got[0] != fmt.Sprintf("%d|1|%d", 24<<20, 5<<20) {
		t.Errorf("arrived as %s", got)
	}
}

func TestNoConnectionStaysBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT seq FROM seq_1_to_10000")
	for i := range 20 {
		src, err := w.open(table("t"), `{}`)
		if err != nil {
			t.Fatal(err)
		}
		schema, _ := src.Schema(t.Context())
		r, err := src.Open(t.Context(), store.Partition{}, schema)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // half of them are given up in the middle
			if err := r.Next(t.Context(), batch.New(r.Schema(), 100)); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = r.Close(), src.Close()
		k := w.sink("t", `{}`, "x")
		types, err := k.Prepare(t.Context(), batch.Schema{column1("id", int32Type)}, false)
		if err != nil {
			t.Fatal(err)
		}
		wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		if err := wr.Write(t.Context(), storetest.Fill(t, types, [][]string{{"0"}})); err != nil {
			t.Fatal(err)
		}
		_ = k.Close()
	}
	until(t, "one connection is left, which asks", func() bool {
		return w.query("SELECT count(*) <= 2 FROM information_schema.PROCESSLIST WHERE DB=DATABASE()")[0] == "1"
	})
}
