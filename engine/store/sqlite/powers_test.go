package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func TestConformanceOfUpsert(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Store{
		Definition: Definition(), LinkedService: linkedService(filepath.Join(t.TempDir(), "upsert.db")),
		Sink:  `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`,
		Lacks: func(typ batch.Type, v string) bool { return strings.Contains(v, "NaN") && typ.Kind != batch.Decimal },
	})
}

func (f file) open(t testing.TB, activity string) (store.Source, error) {
	t.Helper()
	spec := store.Spec{LinkedService: object(t, linkedService(f.path)), Dataset: object(t, `{"tableName": "t"}`), Activity: object(t, activity)}
	open := decodeSource(spec)
	if err := errors.Join(spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()); err != nil {
		return nil, err
	}
	src, err := open(t.Context(), store.Env{})
	if err == nil {
		t.Cleanup(func() { _ = src.Close() })
	}
	return src, err
}

func rowsOf(t testing.TB, src store.Source, p store.Partition) []string {
	t.Helper()
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := storetest.ReadRows(t.Context(), src, p, schema)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, row := range rows {
		list = append(list, strings.ReplaceAll(strings.Join(row, "|"), storetest.Null, "NULL"))
	}
	return list
}

func TestPartitionOptions(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (n INTEGER, s TEXT); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)
		INSERT INTO t SELECT CASE WHEN i % 10 THEN i * 5 END, 'row ' || i FROM c`)
	query := `"query": "SELECT n, s FROM t"`
	for _, c := range []struct {
		activity  string
		n, parts  int
		explained string
	}{
		{`{}`, 1, 1, "one part"},
		{`{}`, 4, 4, "4 ranges of rowid from 1 to 100"},
		{`{"partitionOption": "None"}`, 4, 1, "None"},
		{`{"partitionOption": "DynamicRange"}`, 4, 4, "rowid"},
		{`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "N"}}`, 4, 4, "4 ranges of n from 5 to 495"},
		{`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n", "partitionLowerBound": "100", "partitionUpperBound": "200"}}`, 3, 3, "from 100 to 200"},
		{`{` + query + `}`, 4, 1, "DynamicRange"},
		{`{` + query + `, "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n"}}`, 4, 4, "4 ranges of n"},
		{`{"query": "SELECT n, s FROM t WHERE ?AdfDynamicRangePartitionCondition;", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n"}}`, 4, 4, "4 ranges of n"},
	} {
		src, err := f.open(t, c.activity)
		if err != nil {
			t.Fatalf("%s: %v", c.activity, err)
		}
		parts, err := src.(store.Partitioner).Partitions(t.Context(), c.n)
		if err != nil || len(parts) != c.parts {
			t.Errorf("%s: the parts are %v, %v", c.activity, parts, err)
		}
		if got := src.(store.Explainer).Explain(); !strings.Contains(got, c.explained) {
			t.Errorf("%s: explained as %q", c.activity, got)
		}
		if got := src.(store.Divided).Divided(); got != strings.Contains(c.activity, "DynamicRange") {
			t.Errorf("%s: divided is %v", c.activity, got)
		}
		var all []string
		for _, p := range parts {
			all = append(all, rowsOf(t, src, p)...)
		}
		slices.Sort(all)
		if len(all) != 100 || len(slices.Compact(all)) != 100 {
			t.Errorf("%s: %d rows", c.activity, len(all))
		}
	}
	for activity, code := range map[string]string{
		`{"partitionOption": "PhysicalPartitionsOfTable"}`:                                                                                 fault.Unsupported,
		`{` + query + `, "partitionOption": "DynamicRange"}`:                                                                               fault.BadInput,
		`{"query": "SELECT n FROM t WHERE ?DfDynamicRangePartitionCondition"}`:                                                             fault.BadInput,
		`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "s"}}`:                                           fault.Unsupported,
		`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "x"}}`:                                           fault.NotFound,
		`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "n", "partitionLowerBound": "1; DROP TABLE t"}}`: fault.BadInput,
	} {
		src, err := f.open(t, activity)
		if err == nil {
			_, err = src.(store.Partitioner).Partitions(t.Context(), 4)
		}
		if fault.Code(err) != code {
			t.Errorf("%s gives %v, want code %s", activity, err, code)
		}
	}
}

func TestWatermarks(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER, at DATETIME, d DATE, amount DECIMAL(10,2), exact DECIMAL_TEXT(20,2), s TEXT);
		INSERT INTO t VALUES (1, '2024-01-01T10:00:00Z', '2024-01-01', 1.5, '9', 'a'), (2, '2024-01-02 10:00:00.500', '2024-01-02', 10, '10', 'b'),
			(3, 1704362400, 19726 * 86400, -2, '8', 'c'), (4, NULL, NULL, NULL, NULL, NULL)`)
	for _, c := range []struct{ column, highest, after, upto, ids string }{
		{"id", "4", "", "2", "1,2"},
		{"ID", "4", "2", "4", "3,4"},
		{"at", "2024-01-04 10:00:00", "2024-01-01 10:00:00", "2024-01-04 10:00:00", "2,3"},
		{"at", "2024-01-04 10:00:00", "2024-01-02 10:00:00.5", "2024-01-04 10:00:00", "3"},
		{"at", "2024-01-04 10:00:00", "", "2024-01-02 10:00:00.5", "1,2,4"}, // NULL comes with the first window,
		{"d", "2024-01-04", "2024-01-01", "2024-01-04", "2,3"},
		{"amount", "10.00", "1.50", "10.00", "2"},
	} {
		for _, activity := range []string{`{}`, `{"query": "SELECT * FROM t"}`} {
			src, err := f.open(t, activity)
			if err != nil {
				t.Fatal(err)
			}
			x := src.(store.Watermarker)
			if got, ok, err := x.Highest(t.Context(), c.column); err != nil || !ok || got != c.highest {
				t.Errorf("the highest %s is %q, %v, %v, want %s", c.column, got, ok, err, c.highest)
			}
			x.Between(c.column, c.after, c.upto)
			parts, err := src.(store.Partitioner).Partitions(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, p := range parts {
				for _, row := range rowsOf(t, src, p) {
					id, _, _ := strings.Cut(row, "|")
					ids = append(ids, id)
				}
			}
			if got := strings.Join(ids, ","); got != c.ids {
				t.Errorf("%s after %q upto %q gives %s, want %s", c.column, c.after, c.upto, got, c.ids)
			}
		}
	}
	src, err := f.open(t, `{}`)
	if err != nil {
		t.Fatal(err)
	}
	for column, code := range map[string]string{"s": fault.Unsupported, "exact": fault.Unsupported, "x": fault.NotFound} {
		if _, _, err := src.(store.Watermarker).Highest(t.Context(), column); fault.Code(err) != code || fault.As(err).Hint == "" {
			t.Errorf("%s gives %v", column, err)
		}
	}
	f.run(t, "DELETE FROM t")
	if _, ok, err := src.(store.Watermarker).Highest(t.Context(), "id"); ok || err != nil {
		t.Errorf("an empty table has a highest value: %v", err)
	}
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE b (v INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW "a view" AS SELECT * FROM b`)
	browse := Definition().Browse(object(t, linkedService(f.path)))
	var list []string
	if err := browse(t.Context(), store.Env{}, "", func(e store.Entry) error { list = append(list, e.Kind+" "+e.Path); return nil }); err != nil ||
		!slices.Equal(list, []string{"view a view", "table b"}) {
		t.Errorf("%v, %v", list, err)
	}
	if err := browse(t.Context(), store.Env{}, "b", nil); fault.Code(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestSkippedRows(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER UNIQUE, v TEXT NOT NULL CHECK (v <> 'bad')); INSERT INTO t VALUES (7, 'old')`)
	want := batch.Schema{field("id", batch.Int64), field("v", batch.String)}
	k := f.sink(t, "t", `{}`, "run")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs, rejected, written := make([]error, 3), make([][]int64, 3), make([]int64, 3)
	for part := range 3 {
		rows := make([][]string, 200)
		for i := range rows {
			rows[i] = []string{fmt.Sprint(part*1000 + i + 100), "ok"}
		}
		rows[5] = []string{"7", "there already"}
		rows[50][1] = "bad"
		rows[51][1] = storetest.Null
		rows[52][0] = rows[0][0]
		b := storetest.Fill(t, types, rows)
		wg.Go(func() {
			w, err := k.Open(t.Context(), store.Partition{ID: fmt.Sprint(part)})
			if err != nil {
				errs[part] = err
				return
			}
			for range 2 { // the second time every key is there
				err = w.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { rejected[part] = append(rejected[part], e.Row) })
				if err != nil {
					break
				}
			}
			var n store.Counts
			if err == nil {
				n, err = w.Commit(t.Context())
			}
			written[part], errs[part] = n.Rows, errors.Join(err, w.Abort())
		})
	}
	wg.Wait()
	for part := range 3 {
		if errs[part] != nil || written[part] != 196 || !slices.Equal(rejected[part][:4], []int64{6, 51, 52, 53}) || len(rejected[part]) != 4+200 {
			t.Errorf("part %d: %d rows, %d rejected, error %v", part, written[part], len(rejected[part]), errs[part])
		}
	}
	if got := f.text(t, "SELECT count(*) FROM t"); got != "589" {
		t.Errorf("the table has %s rows", got)
	}
	// What was not committed goes, and the next writer has its turn.
	w, err := k.Open(t.Context(), store.Partition{ID: "given-up"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"1", "gone"}}), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	late, err := k.Open(t.Context(), store.Partition{ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := late.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"2", "late"}}), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Commit(t.Context()); !errors.Is(err, store.ErrAlreadyCommitted) {
		t.Errorf("a partition that is committed: %v", err)
	}
	if got := f.text(t, "SELECT count(*) FROM t WHERE v IN ('gone', 'late')"); got != "0" {
		t.Errorf("%s rows that were given up are there", got)
	}
}

func TestSkippingWithUpsert(t *testing.T) {
	t.Parallel()
	f := newFile(t, `CREATE TABLE t (id INTEGER UNIQUE, v TEXT CHECK (v <> 'bad')); INSERT INTO t VALUES (7, 'old')`)
	k := f.sink(t, "t", `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`, "run")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int64), field("v", batch.String)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	if err := w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"7", "new"}, {"8", "bad"}, {"9", "x"}, {"9", "y"}}), func(*fault.Error) { bad++ }); err != nil {
		t.Fatal(err)
	}
	n, err := w.Commit(t.Context())
	if err != nil || n.Rows != 3 || bad != 1 || f.text(t, "SELECT group_concat(id || v) FROM t") != "7new,9y" {
		t.Errorf("%d rows, %d left out, %v", n.Rows, bad, err)
	}
}

func TestTheTableOfTypesIsTrue(t *testing.T) {
	t.Parallel()
	for _, row := range Definition().Types.Reads {
		if row.Interim.Kind == batch.Invalid {
			t.Errorf("%s has no type", row.Native)
		}
	}
}
