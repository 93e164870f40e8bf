package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

var (
	int32Type  = batch.Type{Kind: batch.Int32}
	int64Type  = batch.Type{Kind: batch.Int64}
	stringType = batch.Type{Kind: batch.String}
)

// TestNothingIsChangedSilently writes values that LOAD DATA LOCAL would cut, round, replace or leave out with a warning.
func TestNothingIsChangedSilently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (0)`)
	for i, c := range []struct {
		what, declaration string
		typ               batch.Type
		value             string
		code              string
	}{
		{"too long", "varchar(3)", stringType, "abcd", fault.Conversion},
		{"too long by spaces", "varchar(3)", stringType, "abc ", fault.Conversion},
		{"bytes too long", "varbinary(3)", batch.Type{Kind: batch.Binary}, `\x00010203`, fault.Conversion},
		{"not in the enum", "enum('a','b')", stringType, "c", fault.Conversion},
		{"not in the set", "set('a','b')", stringType, "a,c", fault.Conversion},
		{"not in the character set", "varchar(9) CHARACTER SET latin1", stringType, "漢", fault.Conversion},
		{"four bytes into utf8mb3", "varchar(9) CHARACTER SET utf8mb3", stringType, "🚚", fault.Conversion},
		{"broken JSON", "json", batch.Type{Kind: batch.JSON}, "{", fault.StoreFailed},
		{"a key that is there", "int PRIMARY KEY", int32Type, "0", fault.Conflict},
		{"a broken foreign key", "int, FOREIGN KEY (v) REFERENCES parent (id)", int32Type, "7", fault.StoreFailed},
		{"a broken check", "int CHECK (v < 5)", int32Type, "7", fault.StoreFailed},
		{"a timestamp out of range", "timestamp NULL", batch.Type{Kind: batch.Timestamp}, "1960-01-01 00:00:00", fault.Conversion},
		{"no partition for it", "int) PARTITION BY RANGE (v) (PARTITION a VALUES LESS THAN (5)", int32Type, "7", fault.StoreFailed},
		{"no geometry", "geometry", stringType, "POINT(", fault.Conversion},
	} {
		good := map[string]string{"Int32": "0", "Timestamp(s)": "2024-01-01 00:00:00", "Binary": `\x00`}[c.typ.String()]
		if good == "" {
			good = storetest.Null
		}
		for _, way := range []string{"LOAD DATA", "INSERT", "skipping"} {
			name := fmt.Sprintf("t%d_%s", i, strings.ReplaceAll(way, " ", ""))
			w.sql("CREATE TABLE " + name + " (v " + c.declaration + ")")
			k := w.sink(name, `{}`, name)
			types, err := k.Prepare(t.Context(), batch.Schema{column1("v", c.typ)}, false)
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if types[0].Type.Length > 0 {
				types[0].Type.Length = 0 // as if nobody had looked at the length before
			}
			if types[0].Type.Kind == batch.JSON {
				types[0].Type.Kind = batch.String
			}
			wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
			if err != nil {
				t.Fatal(err)
			}
			wr.(*writer).c.loads = way != "INSERT"
			rows := [][]string{{good}, {c.value}}
			if c.what != "a key that is there" {
				rows = append(rows, []string{good})
			}
			b := storetest.Fill(t, types, rows)
			var rejected []*fault.Error
			if way == "skipping" {
				err = wr.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { rejected = append(rejected, e) })
			} else {
				err = wr.Write(t.Context(), b)
			}
			var n store.Counts
			if err == nil {
				n, err = wr.Commit(t.Context())
			}
			_ = wr.Abort()
			if way == "skipping" {
				if err != nil || n.Rows != int64(len(rows)-1) || len(rejected) != 1 || rejected[0].Row != 2 || rejected[0].Code != c.code {
					t.Errorf("%s, %s: %d rows, rejected %v, error %v", c.what, way, n.Rows, rejected, err)
				}
				continue
			}
			if e := fault.As(err); err == nil || e.Code != c.code || e.Hint == "" {
				t.Errorf("%s, %s: %v, want code %s", c.what, way, err, c.code)
				continue
			}
			if got := w.query("SELECT count(*) FROM " + name)[0]; got != "0" {
				t.Errorf("%s, %s: %s rows stayed", c.what, way, got)
			}
		}
	}
}

// TestValuesOutsideTheColumnAreRefusedWithRowAndColumn writes values that are refused before the server sees them.
func TestValuesOutsideTheColumnAreRefusedWithRowAndColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, c := range []struct {
		declaration string
		typ         batch.Type
		value       string
	}{
		{"tinyint", int32Type, "128"},
		{"mediumint", int32Type, "8388608"},
		{"mediumint unsigned", int64Type, "-1"},
		{"int unsigned", int64Type, "4294967296"},
		{"smallint unsigned", int32Type, "65536"},
		{"bigint unsigned", batch.Type{Kind: batch.Decimal, Precision: 20}, "18446744073709551616"},
		{"bit(3)", batch.Type{Kind: batch.Decimal, Precision: 20}, "8"},
		{"year", int32Type, "1900"},
		{"double", batch.Type{Kind: batch.Double}, "NaN"},
		{"float", batch.Type{Kind: batch.Single}, "Infinity"},
		{"decimal(5,2) unsigned", batch.Type{Kind: batch.Decimal, Precision: 5, Scale: 2}, "-0.01"},
		{"date", batch.Type{Kind: batch.Date}, "10000-01-01"},
		{"date", batch.Type{Kind: batch.Date}, "0001-01-01 BC"},
		{"datetime(1)", batch.Type{Kind: batch.Timestamp, Unit: batch.Milli}, "2024-01-01 00:00:00.01"},
		{"time", batch.Type{Kind: batch.Duration}, "-35.00:00:00"},
		{"time(4)", batch.Type{Kind: batch.Duration, Unit: batch.Micro}, "00:00:00.00001"},
		{"int NOT NULL", int32Type, storetest.Null},
	} {
		name := fmt.Sprintf("r%d", i)
		w.sql("CREATE TABLE " + name + " (v " + c.declaration + ")")
		k := w.sink(name, `{}`, name)
		types, err := k.Prepare(t.Context(), batch.Schema{column1("v", c.typ)}, false)
		if err != nil {
			t.Fatal(err)
		}
		wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		err = wr.Write(t.Context(), storetest.Fill(t, types, [][]string{{c.value}}))
		if e := fault.As(err); err == nil || e.Row != 1 || e.Column != "v" || e.Hint == "" {
			t.Errorf("%s into %s: %v", c.value, c.declaration, err)
		}
		_ = wr.Abort()
	}
}

func TestCountersAndZeros(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE c (id int AUTO_INCREMENT PRIMARY KEY, v int DEFAULT 9, g int AS (v + 1) STORED)")
	if _, err := w.write(w.sink("c", `{}`, "a"), batch.Schema{column1("id", int32Type), column1("v", int32Type)}, [][]string{{"0", "1"}, {"-5", "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.write(w.sink("c", `{}`, "b"), batch.Schema{column1("v", int32Type)}, [][]string{{storetest.Null}}); err != nil {
		t.Fatal(err)
	}
	if got := w.query("SELECT id, v FROM c ORDER BY id"); !slices.Equal(got, []string{"-5|2", "0|1", "1|NULL"}) {
		t.Errorf("%v", got)
	}
	_, err := w.write(w.sink("c", `{}`, "c"), batch.Schema{column1("g", int32Type)}, nil)
	_ = wantCode(t, "a computed column", err, fault.Conflict)
}

func TestUpsert(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE u (id int AUTO_INCREMENT PRIMARY KEY, code varchar(10) COLLATE utf8mb4_bin UNIQUE, v int, other int); INSERT INTO u (code, v, other) VALUES ('a', 1, 100), ('b', 2, 200)")
	want := batch.Schema{column1("Code", stringType), column1("v", int32Type)}
	activity := `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["code"]}}`
	rows := [][]string{{"b", "20"}, {"c", "30"}, {"c", "31"}, {"A", "5"}}
	n, err := w.write(w.sink("u", activity, "1"), want, rows)
	if err != nil || n.Rows != 4 {
		t.Fatalf("%d rows, %v", n.Rows, err)
	}
	if got := w.query("SELECT code, v, other FROM u ORDER BY code"); !slices.Equal(got, []string{"A|5|NULL", "a|1|100", "b|20|200", "c|31|NULL"}) {
		t.Errorf("%v", got)
	}
	for what, c := range map[string]struct{ ddl, activity string }{
		"no unique index":            {"CREATE TABLE u1 (code varchar(10), v int)", activity},
		"a unique index on more":     {"CREATE TABLE u1 (code varchar(10), v int, UNIQUE (code, v))", activity},
		"a unique index on a prefix": {"CREATE TABLE u1 (code varchar(10), v int, UNIQUE (code(3)))", activity},
		"another unique index":       {"CREATE TABLE u1 (code varchar(10) UNIQUE, v int UNIQUE)", activity},
	} {
		w.sql("DROP TABLE IF EXISTS u1; " + c.ddl)
		_, err := w.write(w.sink("u1", c.activity, what), want, rows)
		_ = wantCode(t, what, err, fault.Conflict)
	}
	_, err = w.write(w.sink("u", `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["other"]}}`, "2"), want, rows)
	_ = wantCode(t, "a key that is not written", err, fault.BadInput)
	// A table that is made for it tells keys apart that differ in case or spaces.
	n, err = w.write(w.sink("made", `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["code"]}}`, "3"), want,
		[][]string{{"x", "1"}, {"X", "2"}, {"x ", "3"}, {"x", "4"}})
	if got := w.query("SELECT concat(code, '.'), v FROM made ORDER BY v"); err != nil || n.Rows != 4 || !slices.Equal(got, []string{"X.|2", "x .|3", "x.|4"}) {
		t.Errorf("%v, %d, %v", got, n.Rows, err)
	}
	// Skipping with upsert.
	k := w.sink("u", activity, "4")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	types[0].Type.Length = 0
	wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	rejected := 0
	if err := wr.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"b", "21"}, {"far too long for it", "1"}, {"d", "40"}}), func(e *fault.Error) { rejected++ }); err != nil {
		t.Fatal(err)
	}
	n, err = wr.Commit(t.Context())
	if got := w.query("SELECT code, v FROM u WHERE code IN ('b', 'd') ORDER BY 1"); err != nil || n.Rows != 2 || rejected != 1 || !slices.Equal(got, []string{"b|21", "d|40"}) {
		t.Errorf("%v, %+v, %d rejected, %v", got, n, rejected, err)
	}
}

func TestSkippingFindsEveryBadRowAmongMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE s (id int PRIMARY KEY, v varchar(5) NOT NULL)")
	k := w.sink("s", `{"writeBatchSize": 100}`, "s")
	types, err := k.Prepare(t.Context(), batch.Schema{column1("id", int32Type), column1("v", stringType)}, false)
	if err != nil {
		t.Fatal(err)
	}
	types[1].Type.Length = 0
	var rows [][]string
	var bad []int64
	for i := range 1000 {
		row := []string{fmt.Sprint(i), "ok"}
		switch i % 97 {
		case 5:
			row[1] = "too long"
		case 6:
			row[0] = "0" // there already
		case 7:
			row[1] = storetest.Null
		}
		if i%97 >= 5 && i%97 <= 7 {
			bad = append(bad, int64(i+1))
		}
		rows = append(rows, row)
	}
	wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	var found []int64
	if err := wr.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, rows), func(e *fault.Error) {
		found = append(found, e.Row)
		if e.Hint == "" {
			t.Errorf("no hint: %v", e)
		}
	}); err != nil {
		t.Fatal(err)
	}
	n, err := wr.Commit(t.Context())
	if err != nil || int(n.Rows) != len(rows)-len(bad) || !slices.Equal(found, bad) {
		t.Errorf("%d rows, %v; left out are %v, want %v", n.Rows, err, found, bad)
	}
	if got := w.query("SELECT count(*) FROM s")[0]; got != fmt.Sprint(len(rows)-len(bad)) {
		t.Errorf("the table has %s rows", got)
	}
}

func TestTablesWithoutTransactionsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE old (v int) ENGINE=MyISAM; CREATE TABLE base (v int); CREATE VIEW seen AS SELECT * FROM base")
	for _, name := range []string{"old", "seen"} {
		_, err := w.write(w.sink(name, `{}`, name), batch.Schema{column1("v", int32Type)}, nil)
		_ = wantCode(t, name, err, fault.Unsupported)
	}
}

func TestScriptsAndWideTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := batch.Schema{column1("v", int32Type)}
	script := `{"tableOption": "autoCreate", "preCopyScript": "DELETE FROM t WHERE v > 1; INSERT INTO t VALUES (0)"}`
	for run := range 2 {
		if _, err := w.write(w.sink("t", script, fmt.Sprint(run)), want, [][]string{{"5"}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.query("SELECT v FROM t ORDER BY v"); !slices.Equal(got, []string{"0", "0", "5"}) {
		t.Errorf("%v", got)
	}
	for script, code := range map[string]string{"START TRANSACTION": fault.BadInput, "DELETE FROM nope": fault.NotFound, "DELET": fault.BadInput, "DO 1; DELET": fault.BadInput} {
		_, err := w.sink("t", `{"preCopyScript": "`+script+`"}`, "x").Prepare(t.Context(), want, false)
		_ = wantCode(t, script, err, code)
	}
	var wide batch.Schema
	var row []string
	for i := range 300 {
		wide = append(wide, column1(fmt.Sprintf("c%d", i), batch.Type{Kind: batch.String, Length: 500}))
		row = append(row, strings.Repeat("ü", 10))
	}
	if n, err := w.write(w.sink("wide", `{"tableOption": "autoCreate"}`, "w"), wide, [][]string{row}); err != nil || n.Rows != 1 {
		t.Errorf("300 columns of 500 characters: %d, %v", n.Rows, err)
	}
	odd := batch.Schema{column1("a`b", int32Type), column1(`"c" d`, stringType), column1("ü.x\\", stringType)}
	if _, err := w.write(w.sink(`\"o'd.d\"`, `{"tableOption": "autoCreate"}`, "o"), odd, [][]string{{"1", "x", "y"}}); err != nil {
		t.Errorf("odd names: %v", err)
	}
	if got, err := w.rows(w.source(table(`\"o'd.d\"`), `{}`), store.Partition{}); err != nil || !slices.Equal(got, []string{"1|x|y"}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestFinishConnectsAgain cuts the connection that waited while writers worked on theirs.
func TestFinishConnectsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE f (id int)")
	k := w.sink("f", `{}`, "f")
	if _, err := w.write(k, batch.Schema{column1("id", int32Type)}, [][]string{{"1"}}); err != nil {
		t.Fatal(err)
	}
	_ = k.(*sink).c.Close()
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := k.(store.Resumer).Committed(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("committed are %v, error %v", done, err)
	}
}

func TestACancelledWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1)")
	locker := w.source(table("c"), `{}`).(*source).c
	if _, err := locker.exec(t.Context(), "START TRANSACTION; SELECT * FROM c FOR UPDATE; INSERT INTO c VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	k := w.sink("c", `{}`, "c")
	types, err := k.Prepare(t.Context(), batch.Schema{column1("id", int32Type)}, false)
	if err != nil {
		t.Fatal(err)
	}
	wr, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	if err := wr.Write(t.Context(), storetest.Fill(t, types, [][]string{{"3"}, {"2"}})); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := wr.Commit(ctx); ended <- err }()
	until(t, "the write waits", func() bool {
		return w.query("SELECT count(*) FROM information_schema.INNODB_TRX WHERE trx_state='LOCK WAIT'")[0] != "0"
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Commit ends with %v", err)
	}
	if err := wr.Abort(); err != nil {
		t.Error(err)
	}
	if _, err := locker.exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if got := w.query("SELECT id FROM c"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("%v", got)
	}
}

func TestWriteBatchTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE c (id int PRIMARY KEY); INSERT INTO c VALUES (1)")
	locker := w.source(table("c"), `{}`).(*source).c
	if _, err := locker.exec(t.Context(), "START TRANSACTION; INSERT INTO c VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	_, err := w.write(w.sink("c", `{"writeBatchTimeout": "00:00:01"}`, "c"), batch.Schema{column1("id", int32Type)}, [][]string{{"2"}})
	if e := wantCode(t, "a locked row", err, fault.StoreFailed); !e.Transient {
		t.Errorf("%v", err)
	}
}

// TestAnyTextAndBytesArrive sends random texts and bytes both ways through the server.
func TestAnyTextAndBytesArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := batch.Schema{column1("id", int32Type), column1("s", stringType), column1("b", batch.Type{Kind: batch.Binary}), column1("f", batch.Type{Kind: batch.Single}), column1("d", batch.Type{Kind: batch.Double})}
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		k := w.sink("anything", `{"tableOption": "autoCreate", "preCopyScript": "DELETE FROM anything"}`, fmt.Sprint(run))
		types, err := k.Prepare(context.Background(), want, false)
		if err != nil {
			r.Fatal(err)
		}
		b := batch.New(types, 50)
		n := rapid.IntRange(1, 20).Draw(r, "rows")
		for i := range n {
			b.Cols[0].AppendInt(int64(i))
			b.Cols[1].AppendString(rapid.String().Draw(r, "text"))
			b.Cols[2].AppendBytes(rapid.SliceOf(rapid.Byte()).Draw(r, "bytes"))
			b.Cols[3].AppendFloat(float64(rapid.Float32().Draw(r, "single")))
			b.Cols[4].AppendFloat(rapid.Float64().Draw(r, "double"))
		}
		wr, err := k.Open(context.Background(), store.Partition{ID: "all"})
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = wr.Abort() }()
		wr.(*writer).c.loads = rapid.Bool().Draw(r, "load")
		if err := wr.Write(context.Background(), b); err != nil {
			r.Fatal(err)
		}
		if _, err := wr.Commit(context.Background()); err != nil {
			r.Fatal(err)
		}
		_ = k.Close()
		src, err := w.open(`{}`, `{"query": "SELECT * FROM anything ORDER BY id"}`)
		if err != nil {
			r.Fatal(err)
		}
		defer src.Close()
		schema, _ := src.Schema(context.Background())
		reader, err := src.Open(context.Background(), store.Partition{}, schema)
		if err != nil {
			r.Fatal(err)
		}
		defer reader.Close()
		got := batch.New(reader.Schema(), 0)
		if err := reader.Next(context.Background(), got); err != nil {
			r.Fatal(err)
		}
		if got.Len() != n {
			r.Fatalf("%d rows, want %d", got.Len(), n)
		}
		for i := range b.Cols {
			for row := range n {
				x, y := string(batch.AppendText(nil, &b.Cols[i], row)), string(batch.AppendText(nil, &got.Cols[i], row))
				if x == "-0" {
					x, y = "0", strings.TrimPrefix(y, "-") // INSERT drops the sign
				}
				if x != y {
					r.Fatalf("column %d, row %d: %q became %q", i, row, x, y)
				}
			}
		}
	})
}
