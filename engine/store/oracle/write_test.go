package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

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
