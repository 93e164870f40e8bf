package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func typed(k batch.Kind, u batch.Unit) batch.Type { return batch.Type{Kind: k, Unit: u} }

// TestTypesGoRound writes into columns of every type, looks at what the server shows, and reads it back.
func TestTypesGoRound(t *testing.T) {
	d := newDatabase(t)
	text := batch.Type{Kind: batch.String}
	for _, c := range []struct {
		column string
		want   batch.Type
		value  string
		back   string // "" = value
	}{
		{"bit", typed(batch.Boolean, 0), "True", ""},
		{"tinyint", typed(batch.Byte, 0), "255", ""},
		{"smallint", typed(batch.Int16, 0), "-32768", ""},
		{"int", typed(batch.Int32, 0), "2147483647", ""},
		{"bigint", typed(batch.Int64, 0), "-9223372036854775808", ""},
		{"decimal(5,2)", batch.Type{Kind: batch.Decimal, Precision: 5, Scale: 2}, "-999.99", ""},
		{"decimal(18,18)", batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 18}, "-0.000000000000000001", ""},
		{"decimal(38,0)", batch.Type{Kind: batch.Decimal, Precision: 38}, "-99999999999999999999999999999999999999", ""},
		{"decimal(38,38)", batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 38}, "0.99999999999999999999999999999999999999", ""},
		{"numeric(19,4)", batch.Type{Kind: batch.Decimal, Precision: 19, Scale: 4}, "123456789012345.6789", ""},
		{"money", batch.Type{Kind: batch.Decimal, Precision: 19, Scale: 4}, "-922337203685477.5808", ""},
		{"money", batch.Type{Kind: batch.Decimal, Precision: 19, Scale: 4}, "0.0000", ""},
		{"smallmoney", batch.Type{Kind: batch.Decimal, Precision: 10, Scale: 4}, "-214748.3648", ""},
		{"float", typed(batch.Double, 0), "1.7976931348623157e+308", ""},
		{"real", typed(batch.Single, 0), "0.1", ""},
		{"date", typed(batch.Date, 0), "0001-01-01", ""},
		{"date", typed(batch.Date, 0), "9999-12-31", ""},
		{"time(7)", typed(batch.Time, batch.Tick), "23:59:59.9999999", ""},
		{"time(0)", typed(batch.Time, batch.Second), "12:30:01", ""},
		{"datetime2(7)", typed(batch.Timestamp, batch.Tick), "9999-12-31 23:59:59.9999999", ""},
		{"datetime2(7)", typed(batch.Timestamp, batch.Tick), "0001-01-01 00:00:00", ""},
		{"datetime2(3)", typed(batch.Timestamp, batch.Milli), "1969-12-31 23:59:59.999", ""},
		{"datetime2(1)", typed(batch.Timestamp, batch.Milli), "2026-02-28 23:59:59.5", ""},
		{"datetime", typed(batch.Timestamp, batch.Milli), "1753-01-01 00:00:00.003", ""},
		{"datetime", typed(batch.Timestamp, batch.Milli), "9999-12-31 23:59:59.997", ""},
		{"datetime", typed(batch.Timestamp, batch.Milli), "2026-02-28 10:00:00.004", "2026-02-28 10:00:00.003"},
		{"smalldatetime", typed(batch.Timestamp, batch.Second), "2079-06-06 23:59:00", ""},
		{"datetimeoffset(7)", typed(batch.TimestampTZ, batch.Tick), "2026-02-28 23:59:59.1234567+05:30", ""},
		{"datetimeoffset(3)", typed(batch.TimestampTZ, batch.Milli), "1900-01-01 00:00:00.5-14", ""},
		{"char(4)", text, "ab", "ab  "},
		{"varchar(10)", text, "español €", ""},
		{"varchar(10)", text, "", ""},
		{"varchar(max)", text, strings.Repeat("é", 9000), ""},
		{"text", text, "naïve", ""},
		{"nchar(3)", text, "漢", "漢  "},
		{"nvarchar(10)", text, "Zażółć 🚚", ""},
		{"nvarchar(10)", text, "", ""},
		{"nvarchar(max)", text, strings.Repeat("🚚漢a", 5000), ""},
		{"ntext", text, "漢字", ""},
		{"binary(4)", typed(batch.Binary, 0), `\x0102`, `\x01020000`},
		{"varbinary(4)", typed(batch.Binary, 0), `\x`, ""},
		{"varbinary(max)", typed(batch.Binary, 0), `\x` + strings.Repeat("00ff", 9000), ""},
		{"image", typed(batch.Binary, 0), `\x0a00`, ""},
		{"uniqueidentifier", typed(batch.GUID, 0), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", ""},
		{"xml", typed(batch.XML, 0), "<a>ü漢</a>", ""},
		{"xml", typed(batch.XML, 0), `<?xml version="1.0" encoding="utf-8"?><a>ü</a>`, "<a>ü</a>"},
		{"sql_variant", text, "variant", ""},
	} {
		t.Run(c.column+" "+c.value[:min(len(c.value), 20)], func(t *testing.T) {
			d.t = t
			table := d.table("id int, v " + c.column + " NULL")
			k := d.sink(dataset(table), `{}`, table)
			n, err := d.put(k, batch.Schema{field("id", batch.Int32), {Name: "v", Type: c.want}}, []string{"1", c.value}, []string{"2", storetest.Null})
			if err != nil || n.Rows != 2 || n.Bytes == 0 {
				t.Fatalf("counts %+v, error %v", n, err)
			}
			want := c.back
			if want == "" {
				want = c.value
			}
			schema, rows := d.read(dataset(table), `{}`)
			if len(rows) != 2 || rows[0][1] != want || rows[1][1] != storetest.Null {
				t.Errorf("the table has %.200q, want %.200q", rows, want)
			}
			if native := schema[1].Native; native != strings.Replace(c.column, "numeric", "decimal", 1) && native != c.column {
				t.Errorf("the native type is %s, want %s", native, c.column)
			}
		})
	}
}

func TestGUIDIsTheOneThatTheServerShows(t *testing.T) {
	d := newDatabase(t)
	table := d.table("v uniqueidentifier")
	if _, err := d.put(d.sink(dataset(table), `{}`, "r"), batch.Schema{field("v", batch.GUID)}, []string{"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}); err != nil {
		t.Fatal(err)
	}
	if got := d.text("SELECT LOWER(CONVERT(varchar(36), v)) FROM " + table); got != "6ba7b810-9dad-11d1-80b4-00c04fd430c8" {
		t.Errorf("the server shows %s", got)
	}
}

// TestBadValuesAreRefusedByRowAndColumn writes values that the column cannot hold, and none of which may be clamped, cut or
// rounded.
func TestBadValuesAreRefusedByRowAndColumn(t *testing.T) {
	d := newDatabase(t)
	text := batch.Type{Kind: batch.String}
	for _, c := range []struct {
		column string
		want   batch.Type
		value  string
	}{
		{"int NOT NULL", typed(batch.Int32, 0), storetest.Null},
		{"real", typed(batch.Single, 0), "NaN"},
		{"float", typed(batch.Double, 0), "Infinity"},
		{"money", batch.Type{Kind: batch.Decimal, Precision: 19, Scale: 4}, "922337203685477.5808"},
		{"smallmoney", batch.Type{Kind: batch.Decimal, Precision: 10, Scale: 4}, "214748.3648"},
		{"date", typed(batch.Date, 0), "10000-01-01"},
		{"datetime", typed(batch.Timestamp, batch.Milli), "1752-12-31 23:59:59"},
		{"datetime", typed(batch.Timestamp, batch.Milli), "9999-12-31 23:59:59.999"},
		{"smalldatetime", typed(batch.Timestamp, batch.Second), "1899-12-31 00:00:00"},
		{"smalldatetime", typed(batch.Timestamp, batch.Second), "2026-01-01 00:00:30"},
		{"datetime2(1)", typed(batch.Timestamp, batch.Milli), "2026-01-01 00:00:00.123"},
		{"time(0)", typed(batch.Time, batch.Second), "24:00:00"},
		{"datetimeoffset(0)", typed(batch.TimestampTZ, batch.Second), "0001-01-01 00:00:00+01"},
		{"nvarchar(3)", text, "🚚🚚"},
		{"varchar(3)", text, "four"},
		{"varchar(3)", text, "漢"},
		{"char(3)", text, "four"},
		{"varbinary(2)", typed(batch.Binary, 0), `\x010203`},
	} {
		t.Run(c.column+" "+c.value, func(t *testing.T) {
			d.t = t
			table := d.table("id int, v " + c.column)
			k := d.sink(dataset(table), `{}`, "r")
			types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32), {Name: "v", Type: c.want}}, false)
			if err != nil {
				t.Fatal(err)
			}
			w, err := k.Open(t.Context(), store.Partition{ID: "all"})
			if err != nil {
				t.Fatal(err)
			}
			types[1].Type.Length = 0 // so that the batch takes what the column does not
			b := storetest.Fill(t, batch.Schema{types[0]}, [][]string{{"1"}, {"2"}})
			b.Cols = append(b.Cols, batch.Column{Type: types[1].Type})
			for _, v := range []string{good(types[1].Type), c.value} {
				if v == storetest.Null {
					b.Cols[1].AppendNull()
				} else if err := batch.ParseText(&b.Cols[1], []byte(v)); err != nil {
					t.Skipf("no batch holds it: %v", err)
				}
			}
			err = w.Write(t.Context(), b)
			e := fault.As(err)
			if err == nil || e.Row != 2 || e.Column != "v" || e.Hint == "" {
				t.Fatalf("error %v (row %d, column %s, hint %q), want one in row 2 and column v", err, e.Row, e.Column, e.Hint)
			}
			if _, err := w.Commit(t.Context()); err == nil {
				t.Error("a partition with a refused row was committed")
			}
			_ = w.Abort()
			if got := d.text("SELECT COUNT(*) FROM " + table); got != "0" {
				t.Errorf("the table has %s rows", got)
			}
		})
	}
}

// good is a value that every column of the type takes.
func good(t batch.Type) string {
	switch t.Kind {
	case batch.Date:
		return "2026-01-01"
	case batch.Timestamp:
		return "2026-01-01 00:00:00"
	case batch.TimestampTZ:
		return "2026-01-01 00:00:00+00"
	case batch.Time:
		return "01:00:00"
	case batch.Binary:
		return `\x01`
	}
	return "1"
}

func TestIdentityValuesAreKeptWhereTheyAreWritten(t *testing.T) {
	for name, skips := range map[string]bool{"bulk copy": false, "interim table": true} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			table := d.table("id int IDENTITY(1,1) PRIMARY KEY, name nvarchar(20)")
			k := d.sink(dataset(table), `{}`, "r")
			types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32), field("name", batch.String)}, false)
			if err != nil {
				t.Fatal(err)
			}
			w, err := k.Open(t.Context(), store.Partition{ID: "all"})
			if err != nil {
				t.Fatal(err)
			}
			b := storetest.Fill(t, types, [][]string{{"70", "a"}, {"50", "b"}})
			if skips {
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
			if _, err := d.put(d.sink(dataset(table), `{}`, "other"), batch.Schema{field("name", batch.String)}, []string{"generated"}); err != nil {
				t.Fatal(err)
			}
			if got := d.text("SELECT COUNT(*) FROM " + table + " WHERE id IN (50, 70)"); got != "2" {
				t.Errorf("the table has %s", d.text("SELECT id, name FROM "+table))
			}
		})
	}
}

func TestColumnsThatTheServerFillsAreRefused(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int, twice AS id * 2, version rowversion")
	for _, c := range []string{"twice", "version"} {
		_, err := d.sink(dataset(table), `{}`, "r").Prepare(t.Context(), batch.Schema{field("id", batch.Int32), field(c, batch.Binary)}, false)
		if fault.Code(err) != fault.Conflict || !strings.Contains(fault.As(err).Hint, "mapping") {
			t.Errorf("%s: error %v", c, err)
		}
	}
}

func TestStoredProcedureTakesTheRowsOfEachBatch(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int, name nvarchar(20), at datetime2(7), price decimal(20,4), flag bit, raw varbinary(10), who uniqueidentifier, run nvarchar(10), n int")
	schema, _, _ := strings.Cut(table, ".")
	d.do("CREATE TYPE " + schema + ".Rows AS TABLE (id int, name nvarchar(20), at datetime2(7), unused int, price decimal(20,4), flag bit, raw varbinary(10), who uniqueidentifier)")
	d.do("CREATE PROCEDURE " + schema + ".Take @Rows " + schema + ".Rows READONLY, @run nvarchar(10) AS INSERT INTO " + table +
		" SELECT id, name, at, price, flag, raw, who, @run, (SELECT COUNT(*) FROM @Rows) FROM @Rows")
	t.Cleanup(func() {
		_, _ = d.c.exec(context.Background(), "DROP PROCEDURE "+schema+".Take")
		_, _ = d.c.exec(context.Background(), "DROP TYPE "+schema+".Rows")
	})
	activity := fmt.Sprintf(`{"sqlWriterStoredProcedureName": "%[1]s.Take", "sqlWriterTableType": "%[1]s.Rows", "storedProcedureTableTypeParameterName": "Rows",
		"storedProcedureParameters": {"run": {"value": "x", "type": "String"}}, "writeBatchSize": 2}`, schema)
	k := d.sink(`{}`, activity, "r")
	want := batch.Schema{
		field("who", batch.GUID), field("id", batch.Int32), field("name", batch.String),
		{Name: "at", Type: typed(batch.Timestamp, batch.Tick)},
		{Name: "price", Type: batch.Type{Kind: batch.Decimal, Precision: 20, Scale: 4}},
		field("flag", batch.Boolean), field("raw", batch.Binary),
	}
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	n, err := d.put(k, want, []string{id, "1", "żółw", "2026-01-01 00:00:00.1234567", "1234567890123456.7891", "True", `\x00ff`},
		[]string{storetest.Null, "2", storetest.Null, storetest.Null, storetest.Null, storetest.Null, storetest.Null}, []string{id, "3", "", "0001-01-01 00:00:00", "-0.0001", "False", `\x`})
	if err != nil || n.Rows != 3 {
		t.Fatalf("counts %+v, error %v", n, err)
	}
	_, rows := d.read(dataset(table), `{}`)
	got := ""
	for _, row := range rows {
		got += strings.ReplaceAll(strings.Join(row, "|"), storetest.Null, "NULL") + "\n"
	}
	const expected = "1|żółw|2026-01-01 00:00:00.1234567|1234567890123456.7891|True|\\x00ff|" + id + "|x|2\n2|NULL|NULL|NULL|NULL|NULL|NULL|x|2\n" +
		"3||0001-01-01 00:00:00|-0.0001|False|\\x|" + id + "|x|1\n"
	if got != expected {
		t.Errorf("the table has\n%s, want\n%s", got, expected)
	}
	if err := k.Finish(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSliceIsReplacedByALaterRun(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int, slice binary(32)")
	d.do("INSERT INTO " + table + " (id) VALUES (99)")
	for i, slice := range []string{"monday", "monday", "tuesday"} {
		k, err := d.trySink(dataset(table), `{"sliceIdentifierColumnName": "slice"}`, store.Env{RunID: fmt.Sprint(i), Slice: slice})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.put(k, batch.Schema{field("id", batch.Int32)}, []string{fmt.Sprint(i)}, []string{fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.text("SELECT id FROM " + table + " ORDER BY id"); got != "1 1 2 2 99" {
		t.Errorf("the table has %s", got)
	}
	_, err := d.sink(dataset(table), `{"sliceIdentifierColumnName": "slice"}`, "r").Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
		t.Errorf("without a slice: %v", err)
	}
}

func TestScriptsRunOnce(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	d.do("INSERT INTO " + table + " VALUES (1)")
	activity := fmt.Sprintf(`{"preCopyScript": "DELETE FROM %s", "writeBatchSize": 0, "writeBatchTimeout": "00:00:00"}`, table)
	want := batch.Schema{field("id", batch.Int32)}
	if _, err := d.put(d.sink(dataset(table), activity, "r"), want, []string{"2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sink(dataset(table), activity, "r").Prepare(t.Context(), want, true); err != nil {
		t.Fatal(err)
	}
	if got := d.text("SELECT id FROM " + table); got != "2" {
		t.Errorf("the table has %s", got)
	}
	for script, code := range map[string]string{"DELET FROM x": fault.BadInput, "DELETE FROM nowhere": fault.NotFound, "BEGIN TRANSACTION": fault.BadInput} {
		_, err := d.sink(dataset(table), fmt.Sprintf(`{"sqlWriterCleanupScript": %q}`, script), "r").Prepare(t.Context(), want, false)
		if fault.Code(err) != code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v with code %s, want %s and a hint", script, err, fault.Code(err), code)
		}
	}
}

func TestConstraintErrorEndsThePartitionWithNothingWritten(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY")
	_, err := d.put(d.sink(dataset(table), `{}`, "r"), batch.Schema{field("id", batch.Int32)}, []string{"1"}, []string{"1"})
	if fault.Code(err) != fault.StoreFailed || !strings.Contains(fault.As(err).Hint, "upsert") || fault.IsTransient(err) {
		t.Errorf("error %v", err)
	}
	if got := d.text("SELECT COUNT(*) FROM " + table); got != "0" {
		t.Errorf("the table has %s rows", got)
	}
}

// TestCancelledWriteEnds stops a write that waits for a lock.
func TestCancelledWriteEnds(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY")
	k := d.sink(dataset(table), `{"writeBatchSize": 1}`, "r")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	blocker, err := k.Open(t.Context(), store.Partition{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	b := storetest.Fill(t, types, [][]string{{"1"}})
	if err := blocker.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	waiting, err := k.Open(t.Context(), store.Partition{ID: "b"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() { failed = waiting.Write(ctx, b) })
	timer := time.AfterFunc(300*time.Millisecond, cancel)
	defer timer.Stop()
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("a cancelled write goes on for 10 seconds")
	}
	if !errors.Is(failed, context.Canceled) {
		t.Errorf("the write ends with %v", failed)
	}
	if err := errors.Join(waiting.Abort(), blocker.Abort()); err != nil {
		t.Error(err)
	}
}

// TestBrokenConnectionIsTransient cuts the connection between two writes.
func TestBrokenConnectionIsTransient(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	k := d.sink(dataset(table), `{"writeBatchSize": 1}`, "r")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	b := storetest.Fill(t, types, [][]string{{"1"}})
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.(*writer).c.kill()
	err = w.Write(t.Context(), b)
	if !fault.IsTransient(err) || fault.Code(err) != fault.Unreachable {
		t.Errorf("error %v, want a transient one", err)
	}
	if _, err := w.Commit(t.Context()); err == nil {
		t.Error("a broken partition was committed")
	}
	_ = w.Abort()
}
