package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
	"dmgateway/engine/store/storetest"
)

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

// TestWriteTypes looks at how SQLite itself keeps what is written.
func TestWriteTypes(t *testing.T) {
	t.Parallel()
	kind := func(k batch.Kind) batch.Type { return batch.Type{Kind: k, Unit: batch.Micro} }
	decimal := func(p, s int) batch.Type { return batch.Type{Kind: batch.Decimal, Precision: p, Scale: s} }
	for _, c := range []struct {
		declared string
		want     batch.Type
		value    string
		kept     string // storage class and value
	}{
		{"INTEGER", kind(batch.Int16), "-5", "integer -5"},
		{"TEXT", kind(batch.Int64), "5", "text 5"},
		{"", kind(batch.Int64), "5", "integer 5"},
		{"", kind(batch.Double), "5", "real 5.0"},
		{"", decimal(20, 2), "5.00", "text 5.00"},
		{"", kind(batch.Date), "2026-01-02", "text 2026-01-02"},
		{"REAL", kind(batch.Double), "0.1", "real 0.1"},
		{"DECIMAL(10,2)", decimal(10, 2), "12.50", "real 12.5"},
		{"DECIMAL(18,0)", decimal(18, 0), "100000000000000000", "integer 100000000000000000"},
		{"DECIMAL_TEXT(38,2)", decimal(38, 2), "123456789012345678901234567890.12", "text 123456789012345678901234567890.12"},
		{"BOOLEAN", kind(batch.Boolean), "True", "integer 1"},
		{"DATETIME", kind(batch.Timestamp), "2026-01-02 03:04:05.600000", "text 2026-01-02 03:04:05.6"},
		{"TIMESTAMPTZ", kind(batch.TimestampTZ), "2026-01-02 03:04:05+02", "text 2026-01-02 03:04:05+02:00"},
		{"TIMESTAMPTZ", kind(batch.TimestampTZ), "2026-01-02 03:04:05-05:30", "text 2026-01-02 03:04:05-05:30"},
		{"TIME", kind(batch.Time), "03:04:05", "text 03:04:05"},
		{"UUID", kind(batch.GUID), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "text 6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{"BLOB", kind(batch.Binary), `\x616263`, "blob abc"},
		{"TEXT", kind(batch.String), "a\x00b", "text a"}, // the rest is there, SQLite's own text functions stop
	} {
		t.Run(c.declared+" from "+c.want.String(), func(t *testing.T) {
			t.Parallel()
			f := newFile(t, `CREATE TABLE t (v `+c.declared+`)`)
			if err := put(t, f.sink(t, "t", `{}`, "run"), batch.Schema{{Name: "V", Type: c.want, Nullable: true}}, []string{c.value}, []string{storetest.Null}); err != nil {
				t.Fatal(err)
			}
			got := f.text(t, `SELECT typeof(v) || ' ' || CAST(CASE WHEN instr(v, char(0)) THEN substr(v, 1, instr(v, char(0))-1) ELSE v END AS TEXT) FROM t LIMIT 1`)
			if got != c.kept {
				t.Errorf("SQLite has %q, want %q", got, c.kept)
			}
			if n := f.text(t, `SELECT count(*) FROM t WHERE v IS NULL`); n != "1" {
				t.Errorf("%s rows are NULL", n)
			}
		})
	}
}

func TestRefusedRowsNameRowAndColumn(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, amount NUMERIC, ratio REAL, CHECK (id < 100))`)
	all := batch.Schema{field("id", batch.Int64), field("name", batch.String), {Name: "amount", Type: batch.Type{Kind: batch.Decimal}, Nullable: true}, field("ratio", batch.Double)}
	for name, c := range map[string]struct {
		row        []string
		want, text string
	}{
		"NULL":        {[]string{"2", storetest.Null, "1", "1"}, "StoreFailed row 2 name=", "NULL"},
		"many digits": {[]string{"2", "b", "12345678901234567.89", "1"}, "Conversion row 2 amount=12345678901234567.89", "more digits"},
		"NaN":         {[]string{"2", "b", "1", "NaN"}, "Conversion row 2 ratio=NaN", "NaN"},
		"duplicate":   {[]string{"2", "a", "1", "1"}, "StoreFailed row 2 =", "UNIQUE constraint failed: t.name"},
		"check":       {[]string{"200", "b", "1", "1"}, "StoreFailed row 2 =", "CHECK constraint failed"},
	} {
		err := put(t, f.sink(t, "t", `{}`, name), all, []string{"1", "a", "1", "1"}, c.row, []string{"3", "c", "1", "1"})
		e := fault.As(err)
		if got := fmt.Sprintf("%s row %d %s=%s", e.Code, e.Row, e.Column, e.Value); got != c.want || !strings.Contains(err.Error(), c.text) || e.Hint == "" {
			t.Errorf("%s: the error is %q (%v), want %q", name, got, err, c.want)
		}
	}
	if n := f.text(t, `SELECT count(*) FROM t`); n != "0" {
		t.Errorf("%s rows were written", n)
	}
}

func TestCommitCountsWhatTheTableTook(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER); CREATE TRIGGER odd BEFORE INSERT ON t WHEN NEW.id % 2 = 0 BEGIN SELECT RAISE(IGNORE); END`)
	k := f.sink(t, "t", `{}`, "run")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int64)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}, {"2"}, {"3"}})); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Commit(t.Context()); err != nil || n.Rows != 2 {
		t.Errorf("Commit counts %d rows, error %v; want the 2 that the trigger let through", n.Rows, err)
	}
	k = f.sink(t, "t", `{}`, "expected")
	if types, err = k.Prepare(t.Context(), batch.Schema{field("id", batch.Int64)}, false); err != nil {
		t.Fatal(err)
	}
	if w, err = k.Open(t.Context(), store.Partition{ID: "all"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}, {"2"}})); err != nil {
		t.Fatal(err)
	}
	w.(store.Expecter).Expect(2)
	if _, err := w.Commit(t.Context()); fault.Code(err) != store.Inconsistent {
		t.Errorf("a part without a row that was expected ends with %v", err)
	}
	_ = w.Abort()
	if done, err := k.(store.Resumer).Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER, part TEXT, v INTEGER, note TEXT DEFAULT 'kept', UNIQUE (id, part)); INSERT INTO t VALUES (1, 'a', 10, 'old'), (2, 'a', 20, 'old')`)
	all := batch.Schema{field("v", batch.Int64), field("ID", batch.Int64), field("part", batch.String)}
	k := f.sink(t, "t", `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["id", "part"]}}`, "run")
	if err := put(t, k, all, []string{"11", "1", "a"}, []string{"30", "3", "a"}, []string{"12", "1", "a"}); err != nil {
		t.Fatal(err)
	}
	if got := f.text(t, `SELECT group_concat(id || part || v || note, ' ') FROM (SELECT * FROM t ORDER BY id)`); got != "1a12old 2a20old 3a30kept" {
		t.Errorf("the table has %s", got)
	}
	spec := f.spec(t, "t", `{"writeBehavior": "upsert"}`)
	decodeSink(spec)
	if err := spec.Activity.Err(); err == nil || !strings.Contains(err.Error(), "upsertSettings") {
		t.Errorf("upsert without keys gives %v", err)
	}
}

func TestPreCopyScript(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1); CREATE TABLE log (x)`)
	all := batch.Schema{field("id", batch.Int64)}
	activity := `{"preCopyScript": "DROP TABLE t; INSERT INTO log VALUES (1)", "tableOption": "autoCreate", "writeBatchSize": 0, "writeBatchTimeout": "00:00:00"}`
	if err := put(t, f.sink(t, "t", activity, "run"), all, []string{"2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.sink(t, "t", activity, "run").Prepare(t.Context(), all, true); err != nil {
		t.Fatal(err)
	}
	if got := f.text(t, `SELECT (SELECT group_concat(id) FROM t) || ' ' || count(*) FROM log`); got != "2 1" {
		t.Errorf("table and log have %s, want 2 1", got)
	}
	other := filepath.Join(filepath.Dir(f.path), "other.db")
	for script, text := range map[string]string{
		"DELET": "syntax error", "BEGIN; DELETE FROM t; DELETE FROM nowhere": "no such table",
		"PRAGMA Temp_Store_Directory='/'": "whole program",
		"ATTACH '" + other + "' AS other": "too many attached", "VACUUM INTO '" + other + "'": "too many attached",
	} {
		k := f.sink(t, "t", fmt.Sprintf(`{"preCopyScript": %q}`, script), "other")
		_, err := k.Prepare(t.Context(), all, false)
		if err == nil || !strings.Contains(err.Error(), text) || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want %s", script, err, text)
		}
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a script made another file")
	}
	if got := f.text(t, `SELECT group_concat(id) FROM t`); got != "2" {
		t.Errorf("failed scripts left %s", got)
	}
}

// TestCopyWithinOneFile reads one table in parts while the parts are written into another table of the file.
func TestCopyWithinOneFile(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"delete", "wal"} {
		f := newFile(t, `PRAGMA journal_mode=`+mode+`; CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT);
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000) INSERT INTO a SELECT i, 'row ' || i FROM n`)
		src, schema := f.source(t, "a", `{}`)
		parts, err := src.(store.Partitioner).Partitions(t.Context(), 4)
		if err != nil {
			t.Fatal(err)
		}
		k := f.sink(t, "b", `{"tableOption": "autoCreate"}`, "run")
		if _, err := k.Prepare(t.Context(), schema, false); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, len(parts))
		var wg sync.WaitGroup
		for i, p := range parts {
			wg.Go(func() { errs[i] = copyPart(t.Context(), src, k, p, schema) })
		}
		wg.Wait()
		if err := errors.Join(append(errs, k.Finish(t.Context()))...); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if got := f.text(t, `SELECT (SELECT count(*) FROM a) || ' ' || (SELECT count(*) FROM b) || ' ' || (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b))`); got != "20000 20000 0" {
			t.Errorf("%s: rows of both and differences are %s", mode, got)
		}
		if got := f.text(t, `PRAGMA journal_mode`); got != mode {
			t.Errorf("the journal mode was %s and is %s", mode, got)
		}
	}
}

func copyPart(ctx context.Context, src store.Source, k store.Sink, p store.Partition, schema batch.Schema) error {
	r, err := src.Open(ctx, p, schema)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := k.Open(ctx, p)
	if err != nil {
		return err
	}
	defer func() { _ = w.Abort() }()
	for b := batch.New(r.Schema(), 500); ; b.Reset() {
		if err := r.Next(ctx, b); err != nil {
			if b.Len() == 0 && strings.Contains(err.Error(), "EOF") {
				break
			}
			return err
		}
		if err := w.Write(ctx, b); err != nil {
			return err
		}
	}
	_, err = w.Commit(ctx)
	return err
}

func TestALockedFile(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER)`)
	all := batch.Schema{field("id", batch.Int64)}
	k := f.sink(t, "t", `{"writeBatchTimeout": "00:00:00.1"}`, "run")
	types, err := k.Prepare(t.Context(), all, false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := connect(f.path, lib.SQLITE_OPEN_READWRITE)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.exec(t.Context(), "BEGIN IMMEDIATE; INSERT INTO t VALUES (0)"); err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err != nil {
		t.Fatalf("staging waits for the lock of another program: %v", err)
	}
	_, err = w.Commit(t.Context())
	if e := fault.As(err); !e.Transient || e.Hint == "" {
		t.Fatalf("a locked file gives %v", err)
	}

	patient := f.sink(t, "t", `{}`, "run")
	if _, err := patient.Prepare(t.Context(), all, true); err != nil {
		t.Fatal(err)
	}
	w, err = patient.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err != nil {
		t.Fatal(err)
	}
	given := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { given <- other.exec(context.Background(), "COMMIT") })
	_, err = w.Commit(t.Context())
	if err := errors.Join(err, <-given); err != nil {
		t.Fatalf("waiting for a lock that is given back: %v", err)
	}
	if got := f.text(t, `SELECT group_concat(id) FROM t`); got != "0,1" {
		t.Errorf("the table has %s", got)
	}
}

func TestAFileThatMayOnlyBeRead(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		// Root may write everything: look at the error alone.
		e := fault.As(explain(&sqlError{code: lib.SQLITE_READONLY, message: "attempt to write a readonly database"}, "write", "t"))
		if e.Code != fault.Forbidden || e.Hint == "" {
			t.Errorf("a read-only database becomes %v", e)
		}
		return
	}
	f := newFile(t, `CREATE TABLE t (id INTEGER)`)
	if err := os.Chmod(f.path, 0o400); err != nil {
		t.Fatal(err)
	}
	_, err := f.sink(t, "t", `{}`, "run").Prepare(t.Context(), batch.Schema{field("id", batch.Int64)}, false)
	if fault.Code(err) != fault.Forbidden {
		t.Errorf("error %v", err)
	}
}

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (v TEXT)`)
	k := f.sink(t, "t", `{}`, "run")
	types, err := k.Prepare(t.Context(), batch.Schema{field("v", batch.String)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	if err := w.(*writer).c.exec(t.Context(), "PRAGMA main.max_page_count=10"); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{strings.Repeat("x", 1<<20)}})); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit(t.Context())
	if e := fault.As(err); e.Code != fault.DiskFull || e.Hint == "" {
		t.Errorf("a full disk gives %v", err)
	}
	if n := f.text(t, `SELECT count(*) FROM t`) + f.text(t, `SELECT count(*) FROM dmgateway_commits`); n != "00" {
		t.Errorf("rows and marks are %s", n)
	}
}

func TestANewFileIsMadeByPrepareAlone(t *testing.T) {
	t.Parallel()
	f := file{filepath.Join(t.TempDir(), "new.db")}
	all := batch.Schema{field("id", batch.Int64)}
	k := f.sink(t, "t", `{"tableOption": "autoCreate"}`, "run")
	if _, err := k.(store.Inspector).Inspect(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path); err == nil {
		t.Fatal("Inspect made the file")
	}
	if err := put(t, k, all, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	if got := f.text(t, `SELECT group_concat(id) FROM t`); got != "1" {
		t.Errorf("the table has %s", got)
	}
}

func TestFinishForgetsOldRuns(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER)`)
	k := f.sink(t, "t", `{}`, "new")
	if err := put(t, k, batch.Schema{field("id", batch.Int64)}, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	f.run(t, `INSERT INTO dmgateway_commits VALUES ('old', 'all', 1, 1, strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-31 days')), ('recent', 'all', 1, 1, strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-29 days'))`)
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.text(t, `SELECT group_concat(run || ' ' || partition, ', ') FROM (SELECT * FROM dmgateway_commits ORDER BY run)`); got != "new "+sqlstore.FinishedPartition+", recent all" {
		t.Errorf("the marker table has %s", got)
	}
}
