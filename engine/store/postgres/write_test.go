package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func (d database) sink(t testing.TB, dataset, activity, run string) store.Sink {
	t.Helper()
	spec := d.spec(t, dataset, activity)
	open := decodeSink(spec)
	if err := errors.Join(spec.Dataset.Err(), spec.Activity.Err(), spec.LinkedService.Err()); err != nil {
		t.Fatal(err)
	}
	k, err := open(t.Context(), store.Env{RunID: run})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// field is a nullable column.
func field(name string, k batch.Kind) batch.Field {
	return batch.Field{Name: name, Type: batch.Type{Kind: k, Unit: batch.Micro}, Nullable: true}
}

// put writes rows in one partition and commits.
func put(t testing.TB, k store.Sink, want batch.Schema, rows ...[]string) error {
	t.Helper()
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		return err
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		return err
	}
	defer func() {
		if err := w.Abort(); err != nil {
			t.Errorf("abort: %v", err)
		}
	}()
	if err := w.Write(t.Context(), storetest.Fill(t, types, rows)); err != nil {
		return err
	}
	_, err = w.Commit(t.Context())
	return err
}

// TestWriteTypes writes into columns of every type, as text where the type has no column of its own, and compares with
// what the server shows.
func TestWriteTypes(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN small AS int CHECK (VALUE < 10)`)
	text := func(b batch.Kind) batch.Type { return batch.Type{Kind: b, Unit: batch.Micro} }
	for _, c := range []struct {
		column string
		want   batch.Type
		value  string
		shown  string
	}{
		{"int2", text(batch.Int64), "-5", "-5"},
		{"small", text(batch.Int32), "7", "7"},
		{"numeric", text(batch.Int64), "-9223372036854775808", "-9223372036854775808"},
		{"numeric", text(batch.Byte), "255", "255"},
		{"numeric", batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 6}, "-1234.500000", "-1234.500000"},
		{"numeric", batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 20}, "0.00000000000000000001", "0.00000000000000000001"},
		{"numeric", text(batch.Double), "1.5", "1.5"},
		{"numeric", batch.Type{Kind: batch.Decimal}, "-Infinity", "-Infinity"},
		{"numeric(10,3)", batch.Type{Kind: batch.Decimal, Precision: 5, Scale: 1}, "1.5", "1.500"},
		{"numeric(60,1)", batch.Type{Kind: batch.Decimal}, "123456789012345678901234567890123456789012345678901.5", "123456789012345678901234567890123456789012345678901.5"},
		{"money", batch.Type{Kind: batch.Decimal, Precision: 10, Scale: 2}, "-1234.56", "-$1,234.56"},
		{"date", text(batch.Date), "4713-01-01 BC", "4713-01-01 BC"},
		{"time", text(batch.Time), "23:59:59.999999", "23:59:59.999999"},
		{"timestamp(0)", text(batch.Timestamp), "2026-01-02 03:04:05", "2026-01-02 03:04:05"},
		{"timestamp(3)", text(batch.Timestamp), "1900-01-02 03:04:05.678", "1900-01-02 03:04:05.678"},
		{"timestamp", text(batch.Timestamp), "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"},
		{"timestamptz", text(batch.TimestampTZ), "2026-01-02 03:04:05+02", "2026-01-02 01:04:05+00"},
		{"interval", text(batch.Duration), "-1.02:03:04.5", "-26:03:04.5"},
		{"interval", text(batch.String), "1 mon 2 days", "1 mon 2 days"},
		{"char(4)", text(batch.String), "ab", "ab"},
		{"name", text(batch.String), "n", "n"},
		{"bytea", text(batch.Binary), `\x00ff`, `\x00ff`},
		{"uuid", text(batch.GUID), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{"json", text(batch.String), `{"b":1, "a":2}`, `{"b":1, "a":2}`},
		{"jsonb", text(batch.JSON), `{"b":1, "a":2}`, `{"a": 2, "b": 1}`},
		{"xml", text(batch.XML), "<a>ü</a>", "<a>ü</a>"},
		{"mood", text(batch.String), "sad", "sad"},
		{"inet", text(batch.String), "10.0.0.1", "10.0.0.1/32"},
		{"int[]", text(batch.String), "{1,NULL,3}", "{1,NULL,3}"},
		{"int4range", text(batch.String), "[1,4]", "[1,5)"},
		{"bit(4)", text(batch.String), "1010", "1010"},
		{"timetz", text(batch.String), "04:05:06-08", "04:05:06-08"},
		{"oid", text(batch.Int64), "4294967295", "4294967295"},
		{`"char"`, text(batch.String), "x", "x"},
	} {
		t.Run(c.column+" from "+c.want.String(), func(t *testing.T) {
			sqlScript(t, d.dsn, `DROP TABLE IF EXISTS w; CREATE TABLE w ("V" `+c.column+`)`)
			k := d.sink(t, `{"tableName": "w"}`, `{}`, c.column+c.want.String()+c.value)
			if err := put(t, k, batch.Schema{{Name: "v", Type: c.want, Nullable: true}}, []string{c.value}, []string{storetest.Null}); err != nil {
				t.Fatal(err)
			}
			if got := d.text(t, `SELECT string_agg(coalesce(`+show(c.column)+`, 'NULL'), ' | ' ORDER BY "V" IS NULL) FROM w`); got != c.shown+" | NULL" {
				t.Errorf("the table has %q, want %q and NULL", got, c.shown)
			}
		})
	}
}

// show is the column as text; a cast of char drops its blanks.
func show(column string) string {
	switch column {
	case "timestamptz":
		return `replace(("V" AT TIME ZONE 'UTC')::text, '+', '') || '+00'`
	}
	return `"V"::text`
}

func TestAutoCreate(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE SCHEMA "My Schema"`)
	want := batch.Schema{
		field("Id", batch.Int64), field("a", batch.Boolean), field("b", batch.Byte), field("c", batch.Single),
		{Name: "d", Type: batch.Type{Kind: batch.Decimal, Precision: 20, Scale: 3}},
		{Name: "e", Type: batch.Type{Kind: batch.Decimal}},
		{Name: "f", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Milli}},
		{Name: "g", Type: batch.Type{Kind: batch.TimestampTZ, Unit: batch.Nano}},
		{Name: "h", Type: batch.Type{Kind: batch.String, Length: 7}},
		field("i", batch.String), field("j", batch.JSON),
		{Name: "k", Type: batch.Type{Kind: batch.JSON}, Native: "jsonb"},
		field("l", batch.Binary), field("m", batch.GUID), field("n", batch.Duration), field("o", batch.XML), field("p", batch.Date), field(`q"`, batch.Time),
	}
	k := d.sink(t, `{"schema": "My Schema", "table": "My Table"}`, `{"tableOption": "AutoCreate"}`, "run")
	if _, err := k.Prepare(t.Context(), want, false); err != nil {
		t.Fatal(err)
	}
	got := d.text(t, `SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE attrelid='"My Schema"."My Table"'::regclass AND attnum>0`)
	const columns = `Id bigint, a boolean, b smallint, c real, d numeric(20,3), e numeric, f timestamp(3) without time zone, g timestamp with time zone, h character varying(7), i text, j json, k jsonb, l bytea, m uuid, n interval, o xml, p date, q" time without time zone`
	if got != columns {
		t.Errorf("the table is\n%s, want\n%s", got, columns)
	}
	if d.text(t, `SELECT count(*)::text FROM "My Schema".dmgateway_commits`) != "0" {
		t.Error("the marker table is not beside the table")
	}
}

func TestPreCopyScriptRunsOnce(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int); INSERT INTO target VALUES (1); CREATE TABLE log (x int)`)
	activity := `{"preCopyScript": "TRUNCATE target; INSERT INTO log VALUES (1)", "writeBatchSize": 0, "writeBatchTimeout": "00:00:00"}`
	k := d.sink(t, `{"tableName": "target"}`, activity, "run")
	if err := put(t, k, batch.Schema{field("id", batch.Int32)}, []string{"2"}); err != nil {
		t.Fatal(err)
	}
	again := d.sink(t, `{"tableName": "target"}`, activity, "run")
	if _, err := again.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, true); err != nil {
		t.Fatal(err)
	}
	if got := d.text(t, `SELECT (SELECT string_agg(id::text, ',') FROM target) || ' ' || count(*) FROM log`); got != "2 1" {
		t.Errorf("table and log have %s, want 2 1", got)
	}
	for name, c := range map[string]struct{ script, code string }{
		"wrong SQL":        {"TRUNCAT target", fault.BadInput},
		"open transaction": {"BEGIN; DELETE FROM target", fault.BadInput},
		"missing table":    {"DELETE FROM nowhere", fault.NotFound},
	} {
		k := d.sink(t, `{"tableName": "target"}`, fmt.Sprintf(`{"preCopyScript": %q}`, c.script), "run")
		_, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
		if fault.Code(err) != c.code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want code %s and a hint", name, err, c.code)
		}
	}
	if got := d.text(t, `SELECT string_agg(id::text, ',') FROM target`); got != "2" {
		t.Errorf("after failed scripts the table has %s", got)
	}
}

func TestRefusedRowsNameRowColumnAndValue(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE strict (id int PRIMARY KEY, name varchar(5) NOT NULL, at timestamp(1), day date, data jsonb, ip inet)`)
	all := batch.Schema{field("id", batch.Int32), field("name", batch.String), field("at", batch.Timestamp), field("day", batch.Date), field("data", batch.JSON)}
	for name, c := range map[string]struct {
		row  []string
		want string
		in   string // of the error's text
	}{
		"NULL":             {[]string{"2", storetest.Null, storetest.Null, storetest.Null, storetest.Null}, "StoreFailed row 2 name=", "NULL"},
		"zero byte":        {[]string{"2", "a\x00b", storetest.Null, storetest.Null, storetest.Null}, "Conversion row 2 name=a\x00b", "zero byte"},
		"lost digits":      {[]string{"2", "a", "2026-01-02 03:04:05.678", storetest.Null, storetest.Null}, "Conversion row 2 at=2026-01-02 03:04:05.678", "keeps 1 digits"},
		"duplicate key":    {[]string{"1", "a", storetest.Null, storetest.Null, storetest.Null}, "StoreFailed row 2 =", "strict_pkey"},
		"bad JSON":         {[]string{"2", "a", storetest.Null, storetest.Null, "{"}, "Conversion row 2 data=", "SQLSTATE 22P02"},
		"too long a value": {[]string{"2", "too long", storetest.Null, storetest.Null, storetest.Null}, "Conversion row 2 name=", "SQLSTATE 22001"},
	} {
		t.Run(name, func(t *testing.T) {
			k := d.sink(t, `{"tableName": "strict"}`, `{}`, name)
			types, err := k.Prepare(t.Context(), all, false)
			if err != nil {
				t.Fatal(err)
			}
			w, err := k.Open(t.Context(), store.Partition{ID: "all"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Abort() }()
			types = append(batch.Schema(nil), types...)
			types[1].Type.Length = 0 // so that the value comes as far as the server
			types[4].Type.Kind = batch.String
			good := []string{"1", "good", storetest.Null, storetest.Null, storetest.Null}
			err = w.Write(t.Context(), storetest.Fill(t, types, [][]string{good, c.row}))
			if err == nil {
				_, err = w.Commit(t.Context())
			}
			e := fault.As(err)
			if got := fmt.Sprintf("%s row %d %s=%s", e.Code, e.Row, e.Column, e.Value); !strings.HasPrefix(got, c.want) {
				t.Errorf("the error is %q, want %q", got, c.want)
			}
			if !strings.Contains(err.Error(), c.in) || e.Hint == "" || e.Transient {
				t.Errorf("error %v, hint %q", err, e.Hint)
			}
			if got := d.text(t, `SELECT count(*)::text FROM strict`); got != "0" {
				t.Errorf("the table has %s rows", got)
			}
		})
	}
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int, part text, v int, note text DEFAULT 'kept', UNIQUE (id, part)); INSERT INTO target VALUES (1, 'a', 10), (2, 'a', 20)`)
	all := batch.Schema{field("v", batch.Int32), field("ID", batch.Int32), field("part", batch.String)}
	activity := `{"writeBehavior": "Upsert", "upsertSettings": {"useTempDB": true, "keys": ["id", "part"]}}`
	k := d.sink(t, `{"tableName": "target"}`, activity, "run")
	if err := put(t, k, all, []string{"11", "1", "a"}, []string{"30", "3", "a"}, []string{"12", "1", "a"}, []string{"13", "1", "b"}); err != nil {
		t.Fatal(err)
	}
	if got := d.text(t, `SELECT string_agg(concat_ws(':', id, part, v, note), ' ' ORDER BY id, part) FROM target`); got != "1:a:12:kept 1:b:13:kept 2:a:20:kept 3:a:30:kept" {
		t.Errorf("the table has %s", got)
	}
	for name, c := range map[string]struct{ keys, code string }{
		"no unique index":    {`["id"]`, fault.Conflict},
		"key is not written": {`["note"]`, fault.BadInput},
	} {
		k := d.sink(t, `{"tableName": "target"}`, `{"writeBehavior": "upsert", "upsertSettings": {"keys": `+c.keys+`}}`, name)
		err := put(t, k, all, []string{"11", "1", "a"})
		if fault.Code(err) != c.code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want code %s and a hint", name, err, c.code)
		}
	}
}

func TestCommitCountsWhatTheServerTook(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE direct (id int); CREATE TABLE cast_ (id int, ip inet);
		CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END';
		CREATE TRIGGER odd BEFORE INSERT ON direct FOR EACH ROW EXECUTE FUNCTION odd(); CREATE TRIGGER odd BEFORE INSERT ON cast_ FOR EACH ROW EXECUTE FUNCTION odd()`)
	for table, want := range map[string]batch.Schema{"direct": {field("id", batch.Int32)}, "cast_": {field("id", batch.Int32), field("ip", batch.String)}} {
		k := d.sink(t, `{"tableName": "`+table+`"}`, `{}`, table)
		types, err := k.Prepare(t.Context(), want, false)
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		rows := [][]string{{"1", "10.0.0.1"}, {"2", "10.0.0.2"}, {"3", "10.0.0.3"}}
		for i := range rows {
			rows[i] = rows[i][:len(want)]
		}
		if err := w.Write(t.Context(), storetest.Fill(t, types, rows)); err != nil {
			t.Fatal(err)
		}
		if n, err := w.Commit(t.Context()); err != nil || n.Rows != 2 {
			t.Errorf("%s: Commit counts %d rows, error %v; want the 2 that the trigger let through", table, n.Rows, err)
		}
	}
}

func TestWriteBatchTimeoutEndsAWaitForALock(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int)`)
	k := d.sink(t, `{"tableName": "target"}`, `{"writeBatchTimeout": "00:00:00.3"}`, "run")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), `BEGIN; LOCK TABLE target`); err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if err = w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err == nil {
		_, err = w.Commit(t.Context())
	}
	if !errors.Is(err, errBatchTimeout) || !fault.IsTransient(err) {
		t.Errorf("error %v, want %v, transient", err, errBatchTimeout)
	}
	done := make(chan error, 1)
	go func() { done <- w.Abort() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Abort hangs on a locked table")
	}
}

func TestComputedColumnsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED)`)
	_, err := d.sink(t, `{"tableName": "target"}`, `{}`, "run").Prepare(t.Context(), batch.Schema{field("b", batch.Int32)}, false)
	if fault.Code(err) != fault.Conflict {
		t.Errorf("a computed column gives %v", err)
	}
	k := d.sink(t, `{"tableName": "target"}`, `{}`, "run")
	if err := put(t, k, batch.Schema{field("id", batch.Int32), field("a", batch.Int32)}, []string{"7", "3"}); err != nil {
		t.Fatal(err)
	}
	if got := d.text(t, `SELECT concat_ws(',', id, a, b) FROM target`); got != "7,3,6" {
		t.Errorf("the row is %s", got)
	}
}
