package oracle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// table makes a table for a test and drops it afterwards.
func table(t testing.TB, dsn, name, columns string) *session {
	t.Helper()
	c := testSession(t, dsn)
	_ = c.run(t.Context(), "DROP TABLE "+name+" PURGE")
	if err := c.run(t.Context(), "CREATE TABLE "+name+" ("+columns+")"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.run(context.Background(), "DROP TABLE "+name+" PURGE")
		c.hangUp()
	})
	return c
}

func mustRun(t testing.TB, c *session, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.run(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func openSource(t testing.TB, dsn, dataset, activity string) (*source, error) {
	t.Helper()
	spec := store.Spec{LinkedService: parse(t, linked(t, dsn, "")), Dataset: parse(t, dataset), Activity: parse(t, activity)}
	open := decodeSource(spec)
	for _, err := range []error{spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()} {
		if err != nil {
			return nil, err
		}
	}
	s, err := open(t.Context(), store.Env{RunID: "r", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*source), nil
}

func openSink(t testing.TB, dsn, dataset, activity, run string) *sink {
	t.Helper()
	spec := store.Spec{LinkedService: parse(t, linked(t, dsn, "")), Dataset: parse(t, dataset), Activity: parse(t, activity)}
	open := decodeSink(spec)
	for _, err := range []error{spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	k, err := open(t.Context(), store.Env{RunID: run, Slice: "slice 1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k.(*sink)
}

// all reads every row of the source.
func all(t testing.TB, s *source) [][]string {
	t.Helper()
	schema, err := s.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := storetest.ReadRows(t.Context(), s, store.Partition{ID: "all"}, schema)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestQueryIsRead(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_QUERY", "ID NUMBER(9) NOT NULL, F BINARY_FLOAT, D DATE, Z TIMESTAMP(6) WITH TIME ZONE, V VARCHAR2(20)")
	mustRun(t, c, "INSERT INTO DMG_QUERY VALUES (1, 0.7, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.5 +00:00', 'a')",
		"INSERT INTO DMG_QUERY VALUES (2, NULL, NULL, NULL, NULL)")
	s, err := openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT V, ID AS \"The Id\", F, D, Z FROM DMG_QUERY ORDER BY ID;"}`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a", "1", "0.7", "2026-01-02 00:00:00", "2026-01-02 03:04:05.5+00"}, {storetest.Null, "2", storetest.Null, storetest.Null, storetest.Null}}
	if got := all(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
	// Names that repeat are no trouble where nothing needs a name.
	s, err = openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT a.V, b.V FROM DMG_QUERY a, DMG_QUERY b WHERE a.ID = b.ID AND a.ID = 1"}`)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := storetest.ReadRows(t.Context(), s, store.Partition{ID: "all"}, batch.Schema{{Name: "V"}}); err != nil || len(rows) != 1 || rows[0][0] != "a" {
		t.Errorf("%q, error %v", rows, err)
	}
}

func TestWrongQueriesAreExplained(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	for query, code := range map[string]string{
		"SELECT * FROM DMG_NO_SUCH_TABLE":   fault.NotFound,
		"SELECT NO_SUCH_COLUMN FROM DUAL":   fault.NotFound,
		"SELEC 1 FROM DUAL":                 fault.BadInput,
		"SELECT 1 FROM DUAL WHERE (1 = 1":   fault.BadInput,
		"DELETE FROM DMG_NO_SUCH_TABLE":     "",
		"SELECT 1 FROM DUAL; DROP TABLE XX": "",
	} {
		_, err := openSource(t, dsn, `{}`, fmt.Sprintf(`{"oracleReaderQuery": %q}`, query))
		if err == nil || code != "" && fault.Code(err) != code || fault.As(err).Hint == "" || strings.Contains(err.Error(), "error occur") {
			t.Errorf("%s: %v (%s), want %s and a hint", query, err, fault.Code(err), code)
		}
	}
}

func TestTablesAreFoundAsTheServerWould(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_FOUND", "ID NUMBER(9) PRIMARY KEY, V VARCHAR2(20)")
	mustRun(t, c, "INSERT INTO DMG_FOUND VALUES (1, 'a')")
	user := testServer(t, dsn).user
	for _, dataset := range []string{
		`{"tableName": "DMG_FOUND"}`, `{"tableName": "dmg_found"}`, `{"table": "dmg_Found"}`,
		fmt.Sprintf(`{"schema": %q, "table": "DMG_FOUND"}`, strings.ToUpper(user)), fmt.Sprintf(`{"tableName": "%s.dmg_found"}`, strings.ToLower(user)),
	} {
		s, err := openSource(t, dsn, dataset, `{}`)
		if err != nil {
			t.Errorf("%s: %v", dataset, err)
			continue
		}
		if rows := all(t, s); len(rows) != 1 {
			t.Errorf("%s: %q", dataset, rows)
		}
	}
}

func TestRangesAreAllRowsOnce(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_RANGES", "ID NUMBER(9) PRIMARY KEY, D DATE, N NUMBER")
	text := "INSERT INTO DMG_RANGES VALUES (:1, :2, :3)"
	for i := range 60 {
		var at, n any
		if i%7 != 0 {
			at, n = fmt.Sprintf("2026-01-%02d 00:00:00", i%28+1), fmt.Sprintf("%d.%d", i, i)
		}
		if at != nil {
			mustRun(t, c, fmt.Sprintf("INSERT INTO DMG_RANGES VALUES (%d, TO_DATE('%s', 'YYYY-MM-DD HH24:MI:SS'), %s)", i, at, n))
		} else if err := c.run(t.Context(), text, i, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct{ dataset, activity string }{
		"the primary key by itself": {`{"tableName": "DMG_RANGES"}`, `{}`},
		"dates":                     {`{"tableName": "DMG_RANGES"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "d"}}`},
		"fractions":                 {`{"tableName": "DMG_RANGES"}`, `{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "N", "partitionLowerBound": "10", "partitionUpperBound": "20"}}`},
		"a query":                   {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID"}}`},
		"a query with a condition":  {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES WHERE ?AdfDynamicRangePartitionCondition", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID"}}`},
		"a query with bounds":       {`{}`, `{"oracleReaderQuery": "SELECT * FROM DMG_RANGES WHERE ?AdfRangePartitionColumnName BETWEEN ?AdfRangePartitionLowbound AND ?AdfRangePartitionUpbound", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "ID", "partitionLowerBound": "0", "partitionUpperBound": "59"}}`},
	} {
		s, err := openSource(t, dsn, tt.dataset, tt.activity)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parts, err := s.Partitions(t.Context(), 4)
		if err != nil || len(parts) < 2 {
			t.Errorf("%s: %d parts, error %v, %s", name, len(parts), err, s.Explain())
			continue
		}
		var ids []string
		for _, p := range parts {
			rows, err := storetest.ReadRows(t.Context(), s, p, batch.Schema{{Name: "ID"}})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, p.Spec, err)
			}
			for _, row := range rows {
				ids = append(ids, row[0])
			}
		}
		slices.Sort(ids)
		if len(ids) != 60 || len(slices.Compact(ids)) != 60 {
			t.Errorf("%s: %d rows, want 60 different ones", name, len(ids))
		}
	}
}

func TestWatermarkReadsWhatCameSince(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_SINCE", "ID NUMBER(9), D DATE, TS TIMESTAMP(6), TZ TIMESTAMP(6) WITH TIME ZONE, V VARCHAR2(9)")
	for i := 1; i <= 5; i++ {
		mustRun(t, c, fmt.Sprintf("INSERT INTO DMG_SINCE VALUES (%[1]d, DATE '2026-01-0%[1]d', TIMESTAMP '2026-01-0%[1]d 01:02:03.000004', TIMESTAMP '2026-01-0%[1]d 01:02:03.5 +00:00', 'x')", i))
	}
	for column, after := range map[string]string{"id": "3", "D": "2026-01-03 00:00:00", "TS": "2026-01-03 01:02:03.000004", "TZ": "2026-01-03 01:02:03.5+00"} {
		s, err := openSource(t, dsn, `{"tableName": "DMG_SINCE"}`, `{}`)
		if err != nil {
			t.Fatal(err)
		}
		high, ok, err := s.Highest(t.Context(), column)
		if err != nil || !ok {
			t.Errorf("%s: %q, %v, error %v", column, high, ok, err)
			continue
		}
		s.Between(column, after, high)
		if rows := all(t, s); len(rows) != 2 || high != strings.ReplaceAll(after, "03 0", "05 0") && column != "id" {
			t.Errorf("%s up to %s: %d rows, want 2", column, high, len(rows))
		}
	}
	s, err := openSource(t, dsn, `{"tableName": "DMG_SINCE"}`, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Highest(t.Context(), "V"); fault.Code(err) != fault.Unsupported {
		t.Errorf("a text as watermark: %v", err)
	}
}

func TestBadRowsAreLeftOut(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_SKIP", "ID NUMBER(4) PRIMARY KEY, V VARCHAR2(5) NOT NULL, N NUMBER(3) CHECK (N > 0)")
	k := openSink(t, dsn, `{"tableName": "DMG_SKIP"}`, `{}`, "run-skip-1")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}, {Name: "V", Type: batch.Type{Kind: batch.String}}, {Name: "N", Type: batch.Type{Kind: batch.Int32}}}
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	types = slices.Clone(types)
	types[1].Type.Length = 0 // as of a caller that does not look
	b := storetest.Fill(t, types, [][]string{
		{"1", "a", "1"},
		{"1", "again", "1"},        // the key is there
		{"2", storetest.Null, "1"}, // no NULL allowed
		{"3", "too long", "1"},
		{"4", "b", "-1"}, // broken constraint
		{"5", "c", "2"},
		{"6", "", "2"}, // which is NULL
	})
	rejected := map[int64]*fault.Error{}
	if err := w.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { rejected[e.Row] = e }); err != nil {
		t.Fatal(err)
	}
	n, err := w.Commit(t.Context())
	if err != nil || n.Rows != 2 {
		t.Fatalf("%d rows are counted, error %v, want 2", n.Rows, err)
	}
	for _, row := range []int64{2, 3, 4, 5, 7} {
		if rejected[row] == nil || rejected[row].Hint == "" {
			t.Errorf("row %d is not rejected with a hint: %v", row, rejected[row])
		}
	}
	if len(rejected) != 5 || rejected[4].Column != "V" || rejected[3].Column != "V" {
		t.Errorf("%d rows are rejected: %v", len(rejected), rejected)
	}
	rows, err := c.query(t.Context(), "SELECT ID FROM DMG_SKIP ORDER BY ID")
	if err != nil || len(rows) != 2 || rows[0][0].text != "1" || rows[1][0].text != "5" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedRowsFailTheCopyByName(t *testing.T) {
	dsn, real := testserver.Oracle(t)
	c := table(t, dsn, "DMG_REFUSE", "ID NUMBER(4), V VARCHAR2(5 CHAR), R RAW(2), D TIMESTAMP(1)")
	k := openSink(t, dsn, `{"tableName": "DMG_REFUSE"}`, `{}`, "run-refuse")
	want := batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Decimal}},
		{Name: "v", Type: batch.Type{Kind: batch.String}},
		{Name: "r", Type: batch.Type{Kind: batch.Binary}},
		{Name: "d", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
	}
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	types = slices.Clone(types)
	for i := range types {
		types[i].Type.Length = 0 // as of a caller that does not look
	}
	for column, row := range map[string][]string{
		"V": {"1", "ąęśćłż", `\x`, "2026-01-01 00:00:00"},
		"R": {"1", "a", `\x010203`, "2026-01-01 00:00:00"},
		"D": {"1", "a", `\x01`, "2026-01-01 00:00:00.01"},
	} {
		if column == "R" && !real { // the stand-in forgets the length of a RAW
			continue
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		good := []string{"1", "ąęść", `\x01`, "2026-01-01 00:00:00"}
		err = w.Write(t.Context(), storetest.Fill(t, types, [][]string{good, row}))
		if e := fault.As(err); err == nil || e.Row != 2 || e.Column != column || e.Hint == "" {
			t.Errorf("%s: %+v", column, e)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_REFUSE"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
}

func TestLongAndShortTextsGoIntoOneColumn(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	table(t, dsn, "DMG_LONG", "ID NUMBER(9) PRIMARY KEY, C CLOB, B BLOB, V VARCHAR2(4000)")
	for _, activity := range []string{`{}`, `{"writeBehavior": "Upsert", "upsertSettings": {"keys": ["ID"]}, "writeBatchSize": 2}`} {
		k := openSink(t, dsn, `{"tableName": "DMG_LONG"}`, activity, "run-long"+itoa(len(activity)))
		want := batch.Schema{
			{Name: "ID", Type: batch.Type{Kind: batch.Int32}},
			{Name: "C", Type: batch.Type{Kind: batch.String}},
			{Name: "B", Type: batch.Type{Kind: batch.Binary}},
			{Name: "V", Type: batch.Type{Kind: batch.String}},
		}
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		for i, n := range []int{1, 4000, 4001, 10, 32767, 32768, 3_000_000, 2, 1} {
			text := strings.Repeat("x", n-1) + string(rune('a'+i))
			c, b := text, `\x`+strings.Repeat("0b", n)
			if i == 7 {
				c, b = storetest.Null, storetest.Null
			}
			rows = append(rows, []string{itoa(i), c, b, text[max(0, n-4000):]})
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][][]string{rows[:5], rows[5:]} {
			if err := w.Write(t.Context(), storetest.Fill(t, types, part)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		s, err := openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT ID, C, B, V FROM DMG_LONG ORDER BY ID"}`)
		if err != nil {
			t.Fatal(err)
		}
		got := all(t, s)
		if len(got) != len(rows) {
			t.Fatalf("%d rows, want %d", len(got), len(rows))
		}
		for i := range rows {
			if !slices.Equal(got[i], rows[i]) {
				t.Errorf("row %d differs: %.40q… of %d, %.40q… of %d", i, got[i][1], len(got[i][1]), rows[i][1], len(rows[i][1]))
			}
		}
	}
}

func TestUpsertReplacesAndLastRowCounts(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_UPSERT", "ID NUMBER(9), D DATE, V VARCHAR2(20), KEEP VARCHAR2(5) DEFAULT 'k', PRIMARY KEY (ID, D)")
	mustRun(t, c, "INSERT INTO DMG_UPSERT VALUES (1, DATE '2026-01-01', 'old', 'mine')")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}, {Name: "D", Type: batch.Type{Kind: batch.Date}}, {Name: "V", Type: batch.Type{Kind: batch.String}}}
	for _, some := range []bool{false, true} {
		k := openSink(t, dsn, `{"tableName": "DMG_UPSERT"}`, `{"writeBehavior": "Upsert", "upsertSettings": {"useTempDB": true, "keys": ["id", "d"]}}`, fmt.Sprint("run-upsert-", some))
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		b := storetest.Fill(t, types, [][]string{{"1", "2026-01-01", "first"}, {"2", "2026-01-01", "other"}, {"1", "2026-01-01", "last"}})
		if some {
			err = w.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { t.Errorf("rejected: %v", e) })
		} else {
			err = w.Write(t.Context(), b)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := k.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := c.query(t.Context(), "SELECT ID, V, KEEP FROM DMG_UPSERT ORDER BY ID")
		if err != nil || len(rows) != 2 || rows[0][1].text != "last" || rows[0][2].text != "mine" || rows[1][1].text != "other" {
			t.Errorf("skipping %v: %v, error %v", some, rows, err)
		}
	}
}

func TestSliceReplacesItsRows(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_SLICE", "ID NUMBER(9), SLICE RAW(32)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	for i := range 2 {
		k := openSink(t, dsn, `{"tableName": "DMG_SLICE"}`, `{"sliceIdentifierColumnName": "slice", "writeBatchSize": 0, "writeBatchTimeout": "00:00:00"}`, fmt.Sprint("run-slice-", i))
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}, {"2"}})); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_SLICE"); err != nil || rows[0][0].text != "2" {
		t.Errorf("%v rows, error %v, want 2", rows, err)
	}
}

func TestScriptsRunOnceBeforeTheRows(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_SCRIPT", "ID NUMBER(9)")
	mustRun(t, c, "INSERT INTO DMG_SCRIPT VALUES (1)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	k := openSink(t, dsn, `{"tableName": "DMG_SCRIPT"}`, `{"preCopyScript": "DELETE FROM DMG_SCRIPT; INSERT INTO DMG_SCRIPT VALUES (7)", "sqlWriterCleanupScript": "INSERT INTO DMG_SCRIPT VALUES (8);"}`, "run-script")
	for _, resuming := range []bool{false, true} {
		if _, err := k.Prepare(t.Context(), want, resuming); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := c.query(t.Context(), "SELECT ID FROM DMG_SCRIPT ORDER BY ID")
	if err != nil || len(rows) != 2 || rows[0][0].text != "7" || rows[1][0].text != "8" {
		t.Errorf("%v, error %v", rows, err)
	}
	bad := openSink(t, dsn, `{"tableName": "DMG_SCRIPT"}`, `{"preCopyScript": "DELETE FROM DMG_NO_SUCH"}`, "run-script-2")
	if _, err := bad.Prepare(t.Context(), want, false); fault.Code(err) != fault.NotFound || !strings.Contains(err.Error(), "pre-copy script") {
		t.Errorf("a script that fails: %v", err)
	}
}

func TestBrowseShowsSchemasAndTables(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_BROWSE", "ID NUMBER(9)")
	_ = c.run(t.Context(), "DROP VIEW DMG_BROWSE_V")
	mustRun(t, c, "CREATE VIEW DMG_BROWSE_V AS SELECT ID FROM DMG_BROWSE")
	t.Cleanup(func() { _ = c.run(context.Background(), "DROP VIEW DMG_BROWSE_V") })
	browse := Definition().Browse(parse(t, linked(t, dsn, "")))
	user := strings.ToUpper(testServer(t, dsn).user)
	found := map[string]string{}
	note := func(e store.Entry) error { found[e.Path] = e.Kind; return nil }
	for _, path := range []string{"", user} {
		if err := browse(t.Context(), store.Env{}, path, note); err != nil {
			t.Fatal(err)
		}
	}
	for path, kind := range map[string]string{user: store.KindSchema, user + ".DMG_BROWSE": store.KindTable, user + ".DMG_BROWSE_V": store.KindView} {
		if found[path] != kind {
			t.Errorf("%s is %q, want %s", path, found[path], kind)
		}
	}
	stop := errors.New("enough")
	if err := browse(t.Context(), store.Env{}, user, func(store.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller: %v", err)
	}
}

func TestCancelStopsALongStatement(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := testSession(t, dsn)
	defer c.hangUp()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	// Never ends by itself.
	_, err := c.query(ctx, "SELECT COUNT(*) FROM ALL_TAB_COLUMNS A, ALL_TAB_COLUMNS B, ALL_TAB_COLUMNS C, ALL_TAB_COLUMNS D, ALL_TAB_COLUMNS E, ALL_TAB_COLUMNS F, ALL_TAB_COLUMNS G, ALL_TAB_COLUMNS H, ALL_TAB_COLUMNS I, ALL_TAB_COLUMNS J, ALL_TAB_COLUMNS K")
	if took := time.Since(start); took > cancelPatience+5*time.Second {
		t.Errorf("it took %v", took)
	}
	if err == nil || !errors.Is(explain(ctx, err, "read", "x"), context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestQueryTimeoutEndsAQueryWithoutRows(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	s, err := openSource(t, dsn, `{}`, `{"oracleReaderQuery": "SELECT COUNT(*) AS N FROM ALL_TAB_COLUMNS A, ALL_TAB_COLUMNS B, ALL_TAB_COLUMNS C, ALL_TAB_COLUMNS D, ALL_TAB_COLUMNS E, ALL_TAB_COLUMNS F, ALL_TAB_COLUMNS G, ALL_TAB_COLUMNS H", "queryTimeout": "00:00:01"}`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), store.Partition{ID: "all"}, batch.Schema{{Name: "N"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Next(t.Context(), batch.New(r.Schema(), 0))
	if !errors.Is(err, errTimeout) || fault.As(err).Hint == "" {
		t.Errorf("error %v", err)
	}
	if again := r.Next(t.Context(), batch.New(r.Schema(), 0)); again == nil || errors.Is(again, io.EOF) {
		t.Errorf("a reader that failed goes on with %v", again)
	}
}

func TestDeadServerIsUnreachable(t *testing.T) {
	for name, json := range map[string]string{
		"nothing listens": `{"connectionString": "Host=127.0.0.1;Port=1;ServiceName=X;User Id=u;Password=hunter2"}`,
		"no such name":    `{"connectionString": "Host=no-such-host.invalid;ServiceName=X;User Id=u;Password=hunter2"}`,
	} {
		s := decodeServer(parse(t, json))
		_, err := s.connect(t.Context(), store.Env{}, reading{})
		if fault.Code(err) != fault.Unreachable || fault.As(err).Hint == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownServiceIsNotFound(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	s := testServer(t, dsn)
	s.service = "NO_SUCH_SERVICE"
	_, err := s.connect(t.Context(), store.Env{}, reading{})
	if fault.Code(err) != fault.NotFound || !strings.Contains(err.Error(), "12514") || fault.As(err).Hint == "" {
		t.Errorf("error %v (%s)", err, fault.Code(err))
	}
}

func TestRowThatTheServerRefusesIsNamed(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_NAMED", "ID NUMBER(9) PRIMARY KEY, N NUMBER(9) CHECK (N > 0)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}, {Name: "N", Type: batch.Type{Kind: batch.Int32}}}
	k := openSink(t, dsn, `{"tableName": "DMG_NAMED"}`, `{}`, "run-named")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for i := range 1000 {
		rows = append(rows, []string{itoa(i), "1"})
	}
	rows[776][1] = "-1"
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(t.Context(), storetest.Fill(t, types, rows))
	if e := fault.As(err); err == nil || e.Row != 777 || e.Hint == "" || !strings.Contains(err.Error(), "ORA-02290") {
		t.Errorf("error %v", err)
	}
	if again := w.Write(t.Context(), storetest.Fill(t, types, rows[:1])); again == nil {
		t.Error("a writer that failed takes more rows")
	}
	if _, err := w.Commit(t.Context()); err == nil {
		t.Error("a writer that failed commits")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_NAMED"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
}

func TestCutConnectionIsUnreachableAndLeavesNothing(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_CUT", "ID NUMBER(9)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	k := openSink(t, dsn, `{"tableName": "DMG_CUT"}`, `{}`, "run-cut")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"write", "commit"} {
		opened, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		w := opened.(*writer)
		if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}, {"2"}})); err != nil {
			t.Fatal(err)
		}
		_ = w.c.wire.Close()
		if when == "write" {
			err = w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"3"}}))
		} else {
			_, err = w.Commit(t.Context())
		}
		if fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
			t.Errorf("%s: %v (%s)", when, err, fault.Code(err))
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_CUT"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
	mustRun(t, c, "INSERT INTO DMG_CUT VALUES (1)")
	s, err := openSource(t, dsn, `{"tableName": "DMG_CUT"}`, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(t.Context(), store.Partition{ID: "all"}, batch.Schema{{Name: "ID"}})
	if err != nil {
		t.Fatal(err)
	}
	r := opened.(*reader)
	_ = r.c.wire.Close()
	if err := r.Next(t.Context(), batch.New(r.Schema(), 0)); fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
		t.Errorf("read: %v (%s)", err, fault.Code(err))
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestFinishConnectsAgain cuts the connection that waited while writers worked on theirs.
func TestFinishConnectsAgain(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	table(t, dsn, "DMG_FINISH", "ID NUMBER(9)")
	k := openSink(t, dsn, `{"tableName": "DMG_FINISH"}`, `{}`, "run-finish")
	types, err := k.Prepare(t.Context(), batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = k.c.wire.Close()
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := k.Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
}

func TestWriteThatWaitsForALockEndsInTime(t *testing.T) {
	dsn, _ := testserver.Oracle(t)
	c := table(t, dsn, "DMG_LOCKED", "ID NUMBER(9) PRIMARY KEY")
	holder := testSession(t, dsn)
	defer holder.hangUp()
	tx, err := holder.c.Begin()
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, holder, "INSERT INTO DMG_LOCKED VALUES (1)")
	want := batch.Schema{{Name: "ID", Type: batch.Type{Kind: batch.Int32}}}
	for name, activity := range map[string]string{"cancelled": `{}`, "late": `{"writeBatchTimeout": "00:00:01"}`} {
		k := openSink(t, dsn, `{"tableName": "DMG_LOCKED"}`, activity, "run-locked-"+name)
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if name == "cancelled" {
			ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
		}
		err = w.Write(ctx, storetest.Fill(t, types, [][]string{{"0"}, {"1"}}))
		cancel()
		switch {
		case name == "cancelled" && !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("a cancelled write gives %v", err)
		case name == "late" && (!errors.Is(err, errBatchTimeout) || !fault.IsTransient(err) || fault.As(err).Hint == ""):
			t.Errorf("a late write gives %v", err)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if rows, err := c.query(t.Context(), "SELECT COUNT(*) FROM DMG_LOCKED"); err != nil || rows[0][0].text != "0" {
		t.Errorf("the table holds %v, error %v", rows, err)
	}
}
