package oracle

import (
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

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
