package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func flat(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Join(row, "|")
	}
	return strings.ReplaceAll(strings.Join(lines, " "), storetest.Null, "NULL")
}

func TestQueriesAndProceduresAreRead(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY, name nvarchar(20), at datetime2(3)")
	d.do("INSERT INTO " + table + " VALUES (1, N'a', '2026-01-01 00:00:00.123'), (2, NULL, NULL), (3, N'ü', '1999-12-31')")
	schema, _, _ := strings.Cut(table, ".")
	d.do("CREATE PROCEDURE " + schema + ".Some @least int, @name nvarchar(20) AS SELECT id, name FROM " + table + " WHERE id >= @least AND (name = @name OR @name IS NULL)")
	t.Cleanup(func() { _, _ = d.c.exec(context.Background(), "DROP PROCEDURE "+schema+".Some") })
	for name, c := range map[string]struct{ dataset, activity, want string }{
		"a table":         {dataset(table), `{}`, "1|a|2026-01-01 00:00:00.123 2|NULL|NULL 3|ü|1999-12-31 00:00:00"},
		"a query":         {`{}`, `{"sqlReaderQuery": "SELECT id * 2 AS twice, name FROM ` + table + ` WHERE id > 1 ORDER BY id;"}`, "4|NULL 6|ü"},
		"query":           {`{}`, `{"query": "SELECT 'x' AS x"}`, "x"},
		"a procedure":     {`{}`, `{"sqlReaderStoredProcedureName": "` + schema + `.Some", "storedProcedureParameters": {"least": {"value": "2", "type": "Int"}, "name": {"value": "ü"}}}`, "3|ü"},
		"a NULL":          {dataset("unused"), `{"sqlReaderStoredProcedureName": "` + schema + `.Some", "storedProcedureParameters": {"least": 2, "name": {"value": null, "type": "String"}}}`, "2|NULL 3|ü"},
		"isolation":       {dataset(table), `{"isolationLevel": "readUncommitted"}`, "1|a|2026-01-01 00:00:00.123 2|NULL|NULL 3|ü|1999-12-31 00:00:00"},
		"temporary table": {`{}`, `{"sqlReaderQuery": "SELECT id INTO #mine FROM ` + table + `; SELECT id FROM #mine WHERE id < 3 ORDER BY id"}`, "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			if _, rows := d.read(c.dataset, c.activity); flat(rows) != c.want {
				t.Errorf("the rows are %s, want %s", flat(rows), c.want)
			}
		})
	}
}

func TestStructureChoosesColumns(t *testing.T) {
	d := newDatabase(t)
	table := d.table("a int, b int, c int")
	d.do("INSERT INTO " + table + " VALUES (1, 2, 3)")
	spec := d.spec(dataset(table), `{}`)
	spec.Structure = batch.Schema{field("C", batch.Int32), field("a", batch.Int32)}
	s, err := decodeSource(spec)(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	schema, _ := s.Schema(t.Context())
	rows, err := storetest.ReadRows(t.Context(), s, store.Partition{ID: "all"}, schema)
	if err != nil || flat(rows) != "3|1" {
		t.Errorf("the rows are %s, error %v", flat(rows), err)
	}
}

// TestPartitionsHoldEveryRowOnce divides by each kind of column, with and without bounds, NULLs included.
func TestPartitionsHoldEveryRowOnce(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id bigint NOT NULL PRIMARY KEY, n int, day date, at datetime2(7), old datetime, zoned datetimeoffset(3), price decimal(10,2), small smalldatetime")
	const n = 60
	for i := range n {
		at := time.Date(2020, 1, 1, 0, 0, 0, 123456700, time.UTC).AddDate(0, 0, i*7)
		values := fmt.Sprintf("'%s', '%s', '%s', '%s', %d.%02d, '%s'", at.Format(time.DateOnly), at.Format("2006-01-02T15:04:05.9999999"), at.Format("2006-01-02T15:04:05.000"),
			at.Format("2006-01-02T15:04:05.000+02:00"), i-30, i, at.Format("2006-01-02T15:04:00"))
		if i%7 == 3 {
			values = "NULL, NULL, NULL, NULL, NULL, NULL"
		}
		d.do(fmt.Sprintf("INSERT INTO %s VALUES (%d, %d, %s)", table, i*1000-7, i%5, values))
	}
	for name, c := range map[string]struct {
		activity string
		parts    int // 0 = more than one
	}{
		"by itself":              {`{}`, 4},
		"key":                    {`{"partitionOption": "DynamicRange"}`, 4},
		"int with few values":    {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "N"}}`, 4},
		"date":                   {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "day"}}`, 4},
		"datetime2":              {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "at"}}`, 4},
		"datetime":               {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "old"}}`, 4},
		"smalldatetime":          {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "small"}}`, 4},
		"datetimeoffset":         {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "zoned"}}`, 4},
		"decimal":                {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "price"}}`, 4},
		"bounds inside":          {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "id", "partitionLowerBound": "10000", "partitionUpperBound": 20000}}`, 4},
		"one bound":              {`{"partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "at", "partitionLowerBound": "2020-06-01"}}`, 4},
		"query":                  {`{"sqlReaderQuery": "SELECT id, day FROM ` + table + `", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "day"}}`, 4},
		"query with placeholder": {`{"sqlReaderQuery": "SELECT id FROM ` + table + ` WHERE ?AdfDynamicRangePartitionCondition ORDER BY id", "partitionOption": "DynamicRange", "partitionSettings": {"partitionColumnName": "id"}}`, 4},
		"none":                   {`{"partitionOption": "None"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			s, err := d.source(dataset(table), c.activity)
			if err != nil {
				t.Fatal(err)
			}
			parts, err := s.(store.Partitioner).Partitions(t.Context(), 4)
			if err != nil {
				t.Fatal(err)
			}
			if len(parts) != c.parts || s.(store.Explainer).Explain() == "" {
				t.Errorf("%d parts, want %d: %s", len(parts), c.parts, s.(store.Explainer).Explain())
			}
			schema, _ := s.Schema(t.Context())
			seen := map[string]int{}
			for _, p := range parts {
				rows, err := storetest.ReadRows(t.Context(), s, p, schema[:1])
				if err != nil {
					t.Fatalf("part %s: %v", p.Spec, err)
				}
				for _, row := range rows {
					seen[row[0]]++
				}
			}
			for i := range n {
				if seen[fmt.Sprint(i*1000-7)] != 1 {
					t.Errorf("the row %d is there %d times", i, seen[fmt.Sprint(i*1000-7)])
				}
			}
			if len(seen) != n {
				t.Errorf("%d rows", len(seen))
			}
		})
	}
}

func TestPhysicalPartitionsNeedARealServer(t *testing.T) {
	d := newDatabase(t)
	if !d.real {
		t.Skip("the stand-in has no partitions")
	}
	f, scheme := d.name("f"), d.name("p")
	d.do("CREATE PARTITION FUNCTION " + f + "(int) AS RANGE RIGHT FOR VALUES (10, 20)")
	d.do("CREATE PARTITION SCHEME " + scheme + " AS PARTITION " + f + " ALL TO ([PRIMARY])")
	table := d.schema() + ".t"
	d.do("CREATE TABLE " + table + " (id int) ON " + scheme + "(id)")
	d.do("INSERT INTO " + table + " VALUES (1), (10), (25)")
	t.Cleanup(func() {
		for _, text := range []string{"DROP TABLE " + table, "DROP PARTITION SCHEME " + scheme, "DROP PARTITION FUNCTION " + f} {
			_, _ = d.c.exec(context.Background(), text)
		}
	})
	s, err := d.source(dataset(table), `{"partitionOption": "PhysicalPartitionsOfTable"}`)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.(store.Partitioner).Partitions(t.Context(), 1)
	if err != nil || len(parts) != 3 {
		t.Fatalf("parts %v, error %v", parts, err)
	}
	schema, _ := s.Schema(t.Context())
	var all []string
	for _, p := range parts {
		rows, err := storetest.ReadRows(t.Context(), s, p, schema)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, flat(rows))
	}
	if got := strings.Join(all, " / "); got != "1 / 10 / 25" {
		t.Errorf("the parts are %s", got)
	}
}

// TestPartitionSQL holds the SQL of conditions that only a real server runs.
func TestPartitionSQL(t *testing.T) {
	t.Parallel()
	s := &source{server: &server{}, columns: []column{{name: "a]b", typ: "datetime", nullable: true}, {name: "v", typ: "rowversion"}, {name: "z", typ: "datetimeoffset", scale: 3}}}
	s.table.Name = "t"
	for spec, want := range map[string]string{
		`{"function":"f]x","column":"c","number":3}`:        "$PARTITION.[f]]x]([c]) = 3",
		`{"column":"a]b","from":"2026-01-01 00:00:00.003"}`: "[a]]b] >= CAST(N'2026-01-01T00:00:00.003' AS datetime)",
		`{"column":"a]b","to":"2026-01-01","nulls":true}`:   "([a]]b] < CAST(N'2026-01-01T00:00:00' AS datetime) OR [a]]b] IS NULL)",
		`{"column":"z","from":"2026-01-01 00:00:00.5+00"}`:  "[z] >= CAST(N'2026-01-01T00:00:00.5+00:00' AS datetimeoffset(3))",
		`{"column":"v","from":"\\x0000000000000001"}`:       "[v] >= 0x0000000000000001",
		`{"column":"a]b"}`: "",
	} {
		if got, err := s.condition(store.Partition{Spec: spec}); err != nil || got != want {
			t.Errorf("%s is %s, error %v; want %s", spec, got, err, want)
		}
	}
	for _, spec := range []string{"x", `{"column":"gone","from":"1"}`, `{"column":"a]b","from":"'; DROP TABLE t"}`} {
		if got, err := s.condition(store.Partition{Spec: spec}); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
			t.Errorf("%s is %q, error %v", spec, got, err)
		}
	}
}

func TestAdviceGoesByRowsAndKey(t *testing.T) {
	d := newDatabase(t)
	for columns, want := range map[string]int{"id int NOT NULL PRIMARY KEY": 1, "id int": 1, "id uniqueidentifier NOT NULL PRIMARY KEY": 1} {
		s, err := d.source(dataset(d.table(columns)), `{}`)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.(store.Adviser).Advise(t.Context(), 8); n != want || err != nil {
			t.Errorf("%s: %d parts, error %v; want %d", columns, n, err, want)
		}
	}
}

func TestDivideCoversTheWholeRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high int64
		n         int
		want      []int64
	}{
		{0, 99, 4, []int64{25, 50, 75}},
		{5, 5, 4, nil},
		{1, 2, 8, []int64{2}},
		{-10, -1, 2, []int64{-5}},
		{-9223372036854775808, 9223372036854775807, 2, []int64{0}},
		{1, 0, 3, nil},
	} {
		if got := divide(c.low, c.high, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d to %d in %d: %d, want %d", c.low, c.high, c.n, got, c.want)
		}
	}
}

func TestWatermark(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY, at datetime2(7), name nvarchar(10)")
	for _, q := range []string{"", `{"sqlReaderQuery": "SELECT * FROM ` + table + `"}`} {
		d.do("DELETE FROM " + table)
		if q == "" {
			q = "{}"
		}
		open := func() store.Source {
			s, err := d.source(dataset(table), q)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if _, ok, err := open().(store.Watermarker).Highest(t.Context(), "at"); ok || err != nil {
			t.Errorf("an empty table has a mark, error %v", err)
		}
		d.do("INSERT INTO " + table + " VALUES (1, '2026-01-01 00:00:00.0000001', 'a'), (2, '2026-01-01 00:00:00.0000002', 'b'), (3, NULL, 'c')")
		s := open()
		upto, ok, err := s.(store.Watermarker).Highest(t.Context(), "AT")
		if upto != "2026-01-01 00:00:00.0000002" || !ok || err != nil {
			t.Fatalf("the mark is %q, %t, error %v", upto, ok, err)
		}
		for _, c := range []struct{ after, want string }{{"", "1 2 3"}, {"2026-01-01 00:00:00.0000001", "2"}, {upto, ""}} {
			s := open()
			s.(store.Watermarker).Between("at", c.after, upto)
			schema, _ := s.Schema(t.Context())
			parts, err := s.(store.Partitioner).Partitions(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			var all [][]string
			for _, p := range parts {
				rows, err := storetest.ReadRows(t.Context(), s, p, schema[:1])
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, rows...)
			}
			if flat(all) != c.want {
				t.Errorf("after %q the rows are %s, want %s", c.after, flat(all), c.want)
			}
		}
		if _, _, err := s.(store.Watermarker).Highest(t.Context(), "name"); fault.Code(err) != fault.Unsupported {
			t.Errorf("a text as mark: %v", err)
		}
	}
}

func TestMissingThingsAreNamed(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	_, bare, _ := strings.Cut(table, ".")
	for name, c := range map[string]struct{ dataset, activity, code string }{
		"a table":            {dataset("nowhere"), `{}`, fault.NotFound},
		"a table's schema":   {dataset("dbo.no_" + bare), `{}`, fault.NotFound},
		"a table of a query": {`{}`, `{"sqlReaderQuery": "SELECT * FROM nowhere"}`, fault.NotFound},
		"wrong SQL":          {`{}`, `{"sqlReaderQuery": "SELECT 1 FROM WHERE"}`, fault.BadInput},
		"a column":           {`{}`, `{"sqlReaderQuery": "SELECT nocolumn FROM ` + table + `"}`, fault.NotFound},
		"a procedure":        {`{}`, `{"sqlReaderStoredProcedureName": "nowhere"}`, fault.NotFound},
		"no rows":            {`{}`, `{"sqlReaderQuery": "UPDATE ` + table + ` SET id = 1"}`, fault.BadInput},
	} {
		_, err := d.source(c.dataset, c.activity)
		if fault.Code(err) != c.code || fault.As(err).Hint == "" {
			t.Errorf("%s: error %v with code %s, want %s and a hint", name, err, fault.Code(err), c.code)
		}
	}
}

// TestCancelStopsTheServersWork cancels a query that gives no row for a minute.
func TestCancelStopsTheServersWork(t *testing.T) {
	d := newDatabase(t)
	for _, name := range []string{"cancelled", "too late"} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			s := &source{server: decodeServer(object(t, linked(d.connection))), query: "WAITFOR DELAY '00:01:00'; SELECT 1 AS x", columns: []column{{name: "x", typ: "int"}}}
			c, err := s.server.connect(t.Context(), store.Env{})
			if err != nil {
				t.Fatal(err)
			}
			s.c = c
			defer s.Close()
			if name == "too late" {
				s.timeout = time.Second
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			schema, _ := s.Schema(ctx)
			r, err := s.Open(ctx, store.Partition{ID: "all"}, schema)
			if err != nil {
				t.Fatal(err)
			}
			if name == "cancelled" {
				timer := time.AfterFunc(300*time.Millisecond, cancel)
				defer timer.Stop()
			}
			begin := time.Now()
			err = r.Next(ctx, batch.New(r.Schema(), 0))
			if err == nil || errors.Is(err, io.EOF) || time.Since(begin) > 20*time.Second {
				t.Fatalf("after %v the reader says %v", time.Since(begin), err)
			}
			if name == "too late" && !errors.Is(err, errTimeout) || name == "cancelled" && !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBrowse(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int")
	schema, _, _ := strings.Cut(table, ".")
	d.do("CREATE VIEW " + schema + ".[a.view] AS SELECT 1 AS x")
	t.Cleanup(func() { _, _ = d.c.exec(context.Background(), "DROP VIEW "+schema+".[a.view]") })
	browse := decodeBrowse(object(t, linked(d.connection)))
	var got []string
	show := func(e store.Entry) error { got = append(got, e.Kind+" "+e.Path); return nil }
	if err := browse(t.Context(), store.Env{}, "", show); err != nil || !slices.Contains(got, "schema "+schema) {
		t.Errorf("schemas %q, error %v", got, err)
	}
	got = nil
	if err := browse(t.Context(), store.Env{}, schema, show); err != nil || strings.Join(got, ", ") != `view "`+schema+`"."a.view", table `+table {
		t.Errorf("tables %q, error %v", got, err)
	}
	stop := errors.New("enough")
	if err := browse(t.Context(), store.Env{}, "", func(store.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want that of fn", err)
	}
}
