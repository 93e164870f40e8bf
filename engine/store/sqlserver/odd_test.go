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

// TestOddNames creates, fills and reads a table whose names need every kind of quoting.
func TestOddNames(t *testing.T) {
	d := newDatabase(t)
	schema := d.schema()
	for _, table := range []string{"a.b", "a]b[", `quo"te's`, "select", "żółw 漢", "#no; DROP TABLE x --"} {
		if strings.HasPrefix(table, "#") {
			table = "x" + table
		}
		name := fmt.Sprintf(`{"schema": %q, "table": %q}`, schema, table)
		columns := batch.Schema{field("id]", batch.Int32), field("na.me'", batch.String), field(`q"`, batch.Int32), field("select", batch.Int32), field("漢", batch.Int32)}
		for run, activity := range []string{`{"tableOption": "autoCreate"}`, `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["id]"]}}`} {
			if _, err := d.put(d.sink(name, activity, fmt.Sprint(table, run)), columns, []string{"1", "x", "2", "3", "4"}); err != nil {
				t.Errorf("%s, %s: %v", table, activity, err)
			}
		}
		if _, rows := d.read(name, `{}`); flat(rows) != "1|x|2|3|4" {
			t.Errorf("%s: the rows are %s", table, flat(rows))
		}
		d.do("DROP TABLE " + quote(schema) + "." + quote(table))
	}
}

// TestUpsertOfTwoSessions puts the same keys into a table from two transactions at once.
func TestUpsertOfTwoSessions(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY, who int")
	want := batch.Schema{field("id", batch.Int32), field("who", batch.Int32)}
	k := d.sink(dataset(table), `{"writeBehavior": "upsert"}`, "r")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		var rows [][]string
		for id := range 50 {
			rows = append(rows, []string{fmt.Sprint(id), fmt.Sprint(i)})
		}
		b := storetest.Fill(t, types, rows)
		wg.Go(func() {
			for try := 0; try < 5; try++ { // the loser of a conflict is told to try again; the stand-in says it with 2627
				w, err := k.Open(t.Context(), store.Partition{ID: fmt.Sprint(i)})
				if err != nil {
					errs[i] = err
					return
				}
				err = w.Write(t.Context(), b)
				if err == nil {
					_, err = w.Commit(t.Context())
				}
				_ = w.Abort()
				errs[i] = err
				if err == nil || !fault.IsTransient(err) && (d.real || !hasNumber(err, 2627)) {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := d.text("SELECT COUNT(*), COUNT(DISTINCT id) FROM " + table); got != "50|50" {
		t.Errorf("the table has %s", got)
	}
}

// TestWideRowsAndLargeValues sends rows larger than a packet and a table of 300 columns.
func TestWideRowsAndLargeValues(t *testing.T) {
	d := newDatabase(t)
	var columns []string
	var want batch.Schema
	var row []string
	for i := range 300 {
		columns = append(columns, fmt.Sprintf("c%d nvarchar(10)", i))
		want = append(want, batch.Field{Name: fmt.Sprintf("c%d", i), Type: batch.Type{Kind: batch.String, Length: 10}})
		row = append(row, fmt.Sprint("v", i))
	}
	columns, want, row = append(columns, "big varbinary(max)"), append(want, field("big", batch.Binary)), append(row, `\x`+strings.Repeat("ab", 3<<20))
	table := d.table(strings.Join(columns, ", "))
	if _, err := d.put(d.sink(dataset(table), `{}`, "r"), want, row, row); err != nil {
		t.Fatal(err)
	}
	_, rows := d.read(dataset(table), `{}`)
	if len(rows) != 2 || rows[1][299] != "v299" || rows[0][300] != row[300] {
		t.Errorf("%d rows, the big value has %d characters", len(rows), len(rows[0][300]))
	}
}

// TestTransactionThatTheServerEndsCommitsNothing kills the transaction behind the writer's back: neither rows nor a mark
// may be left.
func TestTransactionThatTheServerEndsCommitsNothing(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	k := d.sink(dataset(table), `{"writeBatchSize": 1}`, "r")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	b := storetest.Fill(t, types, [][]string{{"1"}})
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := w.(*writer).c.exec(t.Context(), "ROLLBACK TRANSACTION"); err != nil {
		t.Fatal(err)
	}
	bad := w.Write(t.Context(), b)
	if _, err := w.Commit(t.Context()); err == nil || bad == nil {
		t.Fatalf("the write ends with %v, the commit with %v", bad, err)
	}
	_ = w.Abort()
	if done, err := k.(store.Resumer).Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
	if got := d.text("SELECT COUNT(*) FROM " + table); got != "0" {
		t.Errorf("the table has %s rows", got)
	}
}

// TestFinishConnectsAgain cuts the connection that waited while writers worked on theirs.
func TestFinishConnectsAgain(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	k := d.sink(dataset(table), `{}`, "r")
	if _, err := d.put(k, batch.Schema{field("id", batch.Int32)}, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	k.(*sink).c.kill()
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := k.(store.Resumer).Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
}

// TestCancelAtEveryStep cancels copies at moments that grow, and expects nothing half done and no goroutine that hangs.
func TestCancelAtEveryStep(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY, name nvarchar(50)")
	want := batch.Schema{field("id", batch.Int32), field("name", batch.String)}
	var rows [][]string
	for i := range 500 {
		rows = append(rows, []string{fmt.Sprint(i), strings.Repeat("x", 40)})
	}
	k := d.sink(dataset(table), `{"writeBatchSize": 100}`, "r")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	b := storetest.Fill(t, types, rows)
	committed := false
	for i := 0; i < 12 && !committed; i++ {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(1<<i)*time.Millisecond/2, cancel)
		err := func() error {
			w, err := k.Open(ctx, store.Partition{ID: "all"})
			if err != nil {
				return err
			}
			defer func() { _ = w.Abort() }()
			if i%2 == 0 {
				err = w.Write(ctx, b)
			} else {
				err = w.(store.Skipper).WriteSome(ctx, b, func(e *fault.Error) { t.Errorf("rejected: %v", e) })
			}
			if err != nil {
				return err
			}
			_, err = w.Commit(ctx)
			return err
		}()
		timer.Stop()
		cancel()
		done, bad := k.(store.Resumer).Committed(t.Context())
		if bad != nil {
			t.Fatal(bad)
		}
		count := d.text("SELECT COUNT(*) FROM " + table)
		committed = len(done) == 1
		if committed && count != "500" || !committed && count != "0" {
			t.Fatalf("after %v: marks %v, %s rows", err, done, count)
		}
		if err == nil && !committed {
			t.Fatal("a commit without error left no mark")
		}
		if err != nil && !committed && !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled copy ends with %v", err)
		}
	}
}

func TestSinkOptionsAreCheckedByName(t *testing.T) {
	t.Parallel()
	for text, path := range map[string]string{
		`{"writeBehavior": "replace"}`:                                  "$.writeBehavior",
		`{"writeBehavior": "storedProcedure"}`:                          "$.sqlWriterStoredProcedureName",
		`{"sqlWriterStoredProcedureName": "p"}`:                         "$.sqlWriterTableType",
		`{"sqlWriterTableType": "t"}`:                                   "$.sqlWriterStoredProcedureName",
		`{"upsertSettings": {"keys": ["a"]}}`:                           "$.upsertSettings",
		`{"writeBehavior": "upsert", "sliceIdentifierColumnName": "s"}`: "$.sliceIdentifierColumnName",
		`{"writeBatchSize": -1}`:                                        "$.writeBatchSize",
		`{"tableOption": "drop"}`:                                       "$.tableOption",
		`{"sqlWriterStoredProcedureName": "p", "sqlWriterTableType": "t", "storedProcedureParameters": {"a b": {"value": 1}}}`:                "$.storedProcedureParameters",
		`{"sqlWriterStoredProcedureName": "p", "sqlWriterTableType": "t", "storedProcedureParameters": {"a": {"value": "x", "type": "Int"}}}`: "$.storedProcedureParameters.a.value",
		`{"noSuchProperty": 1}`: "$.noSuchProperty",
	} {
		spec := store.Spec{LinkedService: object(t, linked("Server=s;User ID=u")), Dataset: object(t, dataset("t")), Activity: object(t, text)}
		decodeSink(spec)
		if err := spec.Activity.Err(); err == nil || !strings.Contains(fmt.Sprint(err, fault.As(err).Target), path) {
			t.Errorf("%s gives %v at %s, want %s", text, err, fault.As(err).Target, path)
		}
	}
	o := object(t, `{"allowPolyBase": true, "polyBaseSettings": {"rejectValue": 1}, "allowCopyCommand": true, "copyCommandSettings": {}, "sinkRetryCount": 2, "maxConcurrentConnections": 3}`)
	spec := store.Spec{LinkedService: object(t, linked("Server=s;User ID=u")), Dataset: object(t, dataset("t")), Activity: o}
	decodeSink(spec)
	if o.Err() != nil || len(o.Warnings()) != 5 {
		t.Errorf("error %v, warnings %q", o.Err(), o.Warnings())
	}
}

func TestCodePagesByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"SQL_Latin1_General_CP1_CI_AS": 1252, "Latin1_General_100_CI_AS_SC_UTF8": 65001, "Polish_CI_AS": 1250, "SQL_Latin1_General_CP437_BIN": 437, "Cyrillic_General_CI_AS": 1251,
		"Japanese_CI_AS": 932, "Chinese_PRC_CI_AS": 936, "Korean_Wansung_CI_AS": 949, "Chinese_Taiwan_Stroke_CI_AS": 950, "Hindi_CS_AS": 0, "SQL_Croatian_CP1250_CI_AS": 1250,
	} {
		if got := pageByName(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	for page, c := range map[int]struct{ text, want string }{
		1250: {"Łódź", "\xa3\xf3d\x9f"}, 1251: {"Мир", "\xcc\xe8\xf0"}, 932: {"漢", "\x8a\xbf"}, 936: {"汉", "\xba\xba"}, 950: {"漢", "\xba\x7e"}, 949: {"한", "\xc7\xd1"}, 65001: {"漢", "漢"},
	} {
		col := batch.Column{Type: batch.Type{Kind: batch.String}}
		col.AppendString(c.text)
		v, bad := pageEncoder(column{page: page})(&arena{}, &col, 0)
		if bad != nil || string(v.([]byte)) != c.want {
			t.Errorf("%d: %q is %q, error %v", page, c.text, v, bad)
		}
	}
	col := batch.Column{Type: batch.Type{Kind: batch.String}}
	col.AppendString("é")
	for _, page := range []int{0, 1251} {
		if _, bad := pageEncoder(column{page: page, collation: "X"})(&arena{}, &col, 0); bad == nil || bad.Hint == "" {
			t.Errorf("page %d takes é: %v", page, bad)
		}
	}
}

// TestSQLThatOnlyARealServerRuns holds the statements for what the stand-in lacks.
func TestSQLThatOnlyARealServerRuns(t *testing.T) {
	t.Parallel()
	k := &sink{columns: []column{{name: "h", typ: "hierarchyid"}, {name: "g", typ: "geometry"}, {name: "e", typ: "geography"}, {name: "j", typ: "json"}, {name: "v", typ: "vector", length: 3}, {name: "i", typ: "int", identity: true}}}
	k.table.Name = "t"
	const want = "SET IDENTITY_INSERT [t] ON; INSERT INTO [t] ([h], [g], [e], [j], [v], [i]) SELECT hierarchyid::Parse(s.c0), geometry::STGeomFromText(s.c1, 0), " +
		"geography::STGeomFromText(s.c2, 4326), CAST(s.c3 AS json), CAST(s.c4 AS vector(3)), s.c5 FROM #s AS s WHERE s.dmg_row BETWEEN 0 AND 9 ORDER BY s.dmg_row; SET IDENTITY_INSERT [t] OFF"
	if got := k.moveSQL("#s", 0, 9); got != want {
		t.Errorf("the statement is\n%s, want\n%s", got, want)
	}
	for _, c := range []struct {
		c    column
		want string
	}{
		{column{name: "h", typ: "hierarchyid"}, "[h].ToString() AS [h]"},
		{column{name: "g", typ: "geography"}, "[g].AsTextZM() AS [g]"},
		{column{name: "n", typ: "int"}, "[n]"},
		{column{name: "j", typ: "json"}, "CAST([j] AS nvarchar(max)) AS [j]"},
	} {
		if got := c.c.readExpression(); got != c.want {
			t.Errorf("it is %s, want %s", got, c.want)
		}
	}
}
