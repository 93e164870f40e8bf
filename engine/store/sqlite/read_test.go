package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReadTypes puts values of every storage class into columns of every declaration. "!" is a value that does not fit.
func TestReadTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		declared string
		typ      string
		values   string // SQL literals
		want     []string
	}{
		{"INTEGER", "Int64", "(1), ('2'), (3.0), (1.5), ('x'), (x'00'), (9223372036854775807)", []string{"1", "2", "3", "!1.5", "!x", "!1 bytes", "9223372036854775807"}},
		{"unsigned big int", "Int64", "(1)", []string{"1"}},
		{"VARCHAR(10)", "String", "('a'), (1), (0.1), (1e300), (x'00'), (CAST(x'ff' AS TEXT))", []string{"a", "1", "0.1", "1.0e+300", "!1 bytes", "!\xff"}},
		{"REAL", "Double", "(1), (0.1), ('2.5'), (9e999), ('x')", []string{"1", "0.1", "2.5", "Infinity", "!x"}},
		{"double precision", "Double", "(9007199254740993)", []string{"9.007199254740992e+15"}},
		{"BLOB", "Binary", "(x'00ff'), ('text'), (zeroblob(0))", []string{`\x00ff`, "!text", `\x`}},
		{"VARBINARY(10)", "Binary", "(x'00ff')", []string{`\x00ff`}},
		{"BOOLEAN", "Boolean", "(1), (0), ('true'), ('False'), (2), (0.5)", []string{"True", "False", "True", "False", "!2", "!0.5"}},
		{"DECIMAL(6,2)", "Decimal(6,2)", "(1), (1.25), ('2.5'), (1.255), (99999), ('x'), (0.1)", []string{"1.00", "1.25", "2.50", "!1.255", "!99999", "!x", "0.10"}},
		{"numeric", "Decimal", "(1), (0.1), ('abc'), (1e100), (9223372036854775807)", []string{"1", "0.1", "!abc", "1" + strings.Repeat("0", 100), "9223372036854775807"}},
		{"DECIMAL_TEXT(38,10)", "Decimal(38,10)", "('1234567890123456789012345678.0123456789')", []string{"1234567890123456789012345678.0123456789"}},
		{"DATE", "Date", "('2026-02-28'), ('2026-02-28 10:00'), (86400), (86401), (2440587.5), ('soon')", []string{"2026-02-28", "!2026-02-28 10:00", "1970-01-02", "!86401", "1970-01-01", "!soon"}},
		{"DATETIME", "Timestamp(us)", "('2026-02-28 23:59:59.123456'), ('2026-02-28T23:59'), ('2026-02-28 23:59:59Z'), ('2026-02-28 23:59:59+02:00'), (1), (2440587.75), ('2026-02-28 23:59:59.1234567')", []string{"2026-02-28 23:59:59.123456", "2026-02-28 23:59:00", "2026-02-28 23:59:59", "!2026-02-28 23:59:59+02:00", "1970-01-01 00:00:01", "1970-01-01 06:00:00", "!2026-02-28 23:59:59.1234567"}},
		{"datetime(9)", "Timestamp(ns)", "('2026-02-28 23:59:59.123456789')", []string{"2026-02-28 23:59:59.123456789"}},
		{"timestamp with time zone", "TimestampTZ(us)", "('2026-02-28 23:59:59+02:00'), (0)", []string{"2026-02-28 23:59:59+02", "1970-01-01 00:00:00+00"}},
		{"TIME", "Time(us)", "('10:11:12.5'), (5)", []string{"10:11:12.5", "!5"}},
		{"DURATION", "Duration(us)", "('1.02:03:04')", []string{"1.02:03:04"}},
		{"UUID", "GUID", "('6BA7B810-9dad-11d1-80b4-00c04fd430c8'), (x'6ba7b8109dad11d180b400c04fd430c8'), ('x')", []string{"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "!x"}},
		{"JSON_TEXT", "JSON", `('{"a": 1.0}'), ('1.0')`, []string{`{"a": 1.0}`, "1.0"}},
		{"", "Int64", "(1), (2)", []string{"1", "2"}},
		{"", "Double", "(1), (2.5)", []string{"1", "2.5"}},
		{"", "Binary", "(x'01')", []string{`\x01`}},
		{"", "String", "(1), ('a'), (2.5)", []string{"1", "a", "2.5"}},
		{"STRANGE", "Int64", "(7)", []string{"7"}},
	} {
		t.Run(c.declared+" "+c.typ, func(t *testing.T) {
			t.Parallel()
			f := newFile(t, `CREATE TABLE t (v `+c.declared+`); INSERT INTO t VALUES `+c.values+`, (NULL)`)
			src, schema := f.source(t, "t", `{}`)
			if got := schema[0].Type.String(); got != c.typ {
				t.Fatalf("the type is %s, want %s", got, c.typ)
			}
			if got := values(t, src, schema); !slices.Equal(got, append(c.want, storetest.Null)) {
				t.Errorf("the values are %q, want %q and NULL", got, c.want)
			}
		})
	}
}

// values reads the first column; a value that is refused is shown with "!" and reading goes on.
func values(t *testing.T, src store.Source, schema batch.Schema) (list []string) {
	t.Helper()
	r, err := src.Open(t.Context(), store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for b := batch.New(r.Schema(), 0); ; b.Reset() {
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			return list
		}
		if e, ok := errors.AsType[*fault.Error](err); ok {
			if e.Code != fault.Conversion || e.Row != int64(len(list)+1) || e.Column != "v" || e.Hint == "" {
				t.Errorf("error %v: code %s, row %d, column %q, hint %q", e, e.Code, e.Row, e.Column, e.Hint)
			}
			list = append(list, "!"+e.Value)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			if b.Cols[0].IsNull(i) {
				list = append(list, storetest.Null)
			} else {
				list = append(list, string(batch.AppendText(nil, &b.Cols[0], i)))
			}
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, "a""b" TEXT NOT NULL); INSERT INTO t VALUES (1, '2026-01-01', 'x'), (2, NULL, 'y')`)
	src, schema := f.source(t, "", `{"query": "SELECT count(*) AS n, max(day) AS d, day, \"a\"\"b\" FROM t; -- done"}`)
	var got []string
	for _, c := range schema {
		got = append(got, c.Name+" "+c.Type.String())
	}
	if !slices.Equal(got, []string{"n Int64", "d String", "day Date", `a"b String`}) {
		t.Errorf("the columns are %q", got)
	}
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, batch.Schema{schema[1], schema[0]})
	if err != nil || !reflect.DeepEqual(rows, [][]string{{"2026-01-01", "2"}}) {
		t.Errorf("the rows are %q, error %v", rows, err)
	}
	if _, schema = f.source(t, "T", `{}`); schema[0].Nullable || !schema[1].Nullable || schema[2].Nullable {
		t.Errorf("the table's columns are %+v", schema)
	}
	other := filepath.Join(filepath.Dir(f.path), "other.db")
	for query, code := range map[string]string{
		"SELECT 1; SELECT 2": fault.BadInput, "DELETE FROM t": fault.BadInput, "DELETE FROM t RETURNING id": fault.BadInput, " -- nothing": fault.BadInput,
		"SELECT nowhere FROM t": fault.NotFound, "SELEC": fault.StoreFailed, "ATTACH '" + other + "' AS o": fault.BadInput,
	} {
		_, err := decodeSource(f.spec(t, "", fmt.Sprintf(`{"query": %q}`, query)))(t.Context(), store.Env{})
		if fault.Code(err) != code || fault.As(err).Hint == "" && code != fault.BadInput {
			t.Errorf("%s: error %v, want code %s", query, err, code)
		}
	}
}

func TestStructureSelectsColumns(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 2, 3)`)
	spec := f.spec(t, "t", `{}`)
	spec.Structure = batch.Schema{{Name: "c"}, {Name: "A"}}
	src, err := decodeSource(spec)(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	schema, _ := src.Schema(t.Context())
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
	if err != nil || !reflect.DeepEqual(rows, [][]string{{"3", "1"}}) {
		t.Errorf("the rows are %q, error %v", rows, err)
	}
}

// TestCancelEndsALongStep cancels a query that never gives its first row, and one that never gives its second.
func TestCancelEndsALongStep(t *testing.T) {
	t.Parallel()
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "
	for name, query := range map[string]string{
		"before the first row": endless + "SELECT count(*) AS v FROM n",
		"between two rows":     endless + "SELECT i AS v FROM n WHERE i=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFile(t, "CREATE TABLE t (v)")
			s := &source{path: f.path, query: query, schema: batch.Schema{field("v", batch.Int64)}}
			ctx, cancel := context.WithCancel(t.Context())
			r, err := s.Open(ctx, store.Partition{}, s.schema)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ended := make(chan error, 1)
			go func() {
				for b := batch.New(s.schema, 1); ; b.Reset() {
					if err := r.Next(ctx, b); err != nil {
						ended <- err
						return
					}
				}
			}()
			time.AfterFunc(100*time.Millisecond, cancel)
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("a cancelled reader ends with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("a cancelled reader goes on for 10 seconds")
			}
		})
	}
}

func TestPartitions(t *testing.T) {
	t.Parallel()
	f := newFile(t, `
		CREATE TABLE series (value INTEGER); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000) INSERT INTO series SELECT i FROM n;
		CREATE TABLE plain (v INTEGER); INSERT INTO plain SELECT value FROM series;
		CREATE TABLE extreme (v INTEGER PRIMARY KEY); INSERT INTO extreme VALUES (-9223372036854775808), (-5), (0), (7), (9223372036854775807);
		CREATE TABLE shadowed (v INTEGER, rowid TEXT); INSERT INTO shadowed SELECT value, 'x' FROM series;
		CREATE TABLE hidden (v INTEGER, rowid, _rowid_, oid); INSERT INTO hidden (v) SELECT value FROM series;
		CREATE TABLE keyed (v INTEGER PRIMARY KEY) WITHOUT ROWID; INSERT INTO keyed SELECT value FROM series;
		CREATE TABLE one (v); INSERT INTO one VALUES (1);
		CREATE VIEW seen AS SELECT v FROM plain`)
	for table, parts := range map[string]int{"plain": 4, "extreme": 4, "shadowed": 4, "hidden": 1, "keyed": 1, "one": 1, "seen": 1} {
		src, schema := f.source(t, table, `{}`)
		plan, err := src.(store.Partitioner).Partitions(t.Context(), 4)
		if err != nil || len(plan) != parts {
			t.Errorf("%s: the partitions are %v, error %v; want %d", table, plan, err, parts)
		}
		whole, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema[:1])
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]string
		for _, p := range plan {
			part, err := storetest.ReadRows(t.Context(), src, p, schema[:1])
			if err != nil {
				t.Fatalf("%s: %s: %v", table, p.Spec, err)
			}
			rows = append(rows, part...)
		}
		if !reflect.DeepEqual(rows, whole) {
			t.Errorf("%s: the partitions have %d rows, the table %d", table, len(rows), len(whole))
		}
	}
	for _, spec := range []string{"x", "rowid:1", "rowid:a:b", "v:1:2", "rowid:1:2; DROP TABLE plain"} {
		src, schema := f.source(t, "plain", `{}`)
		if _, err := src.Open(t.Context(), store.Partition{Spec: spec}, schema); fault.Code(err) != fault.BadInput {
			t.Errorf("the partition %q gives %v", spec, err)
		}
	}
}

func TestCutsDivideEvenly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high int64
		n         int
		want      []int64
	}{
		{1, 100, 4, []int64{26, 51, 76}},
		{-1 << 63, 1<<63 - 1, 2, []int64{0}},
		{5, 5, 3, nil},
		{5, 6, 3, []int64{6}},
		{0, 2, 10, []int64{1, 2}},
	} {
		if got := cut(c.low, c.high, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d to %d in %d is cut at %v, want %v", c.low, c.high, c.n, got, c.want)
		}
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]string{
		filepath.Join(folder, "nowhere.db"): fault.NotFound, folder: fault.BadInput, text: fault.BadData, filepath.Join(folder, "no", "folder.db"): fault.NotFound,
	} {
		f := file{path}
		_, err := decodeSource(f.spec(t, "t", `{}`))(t.Context(), store.Env{})
		if fault.Code(err) != code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v, want code %s and a hint", path, err, code)
		}
		if code == fault.NotFound {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s was made", path)
			}
		}
	}
}

func TestTheOperatorsFoldersAreKept(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (v)`)
	var asked []string
	env := store.Env{RunID: "run", Allow: func(path string, write bool) error {
		asked = append(asked, filepath.Base(path)+" "+strconv.FormatBool(write))
		if !filepath.IsAbs(path) {
			t.Errorf("the path %s is not absolute", path)
		}
		return fault.New(fault.FolderNotAllowed, "no")
	}}
	_, readErr := decodeSource(f.spec(t, "t", `{}`))(t.Context(), env)
	_, writeErr := decodeSink(f.spec(t, "t", `{}`))(t.Context(), env)
	testErr := decodeTest(object(t, linkedService(f.path)))(t.Context(), env, func(store.Stage) {})
	for _, err := range []error{readErr, writeErr, testErr} {
		if fault.Code(err) != fault.FolderNotAllowed {
			t.Errorf("error %v", err)
		}
	}
	if !slices.Equal(asked, []string{"test.db false", "test.db true", "test.db false"}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestWrongLinkedServicesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]string{
		`{}`: "connectionString", `{"connectionString": "Data Source=:memory:"}`: "memory", `{"connectionString": "Data Source=a.db;Mode=ReadOnly"}`: "Mode",
		`{"connectionString": "Password=x"}`: "Data Source", `{"connectionString": "a.db"}`: "key=value", `{"connectionString": "Data Source=a.db", "host": "x"}`: "host",
	} {
		o := object(t, json)
		decodeFile(o)
		if err := o.Err(); err == nil || !strings.Contains(err.Error()+fmt.Sprint(errors.Unwrap(err)), want) {
			t.Errorf("%s gives %v, want an error about %s", json, err, want)
		}
	}
}
