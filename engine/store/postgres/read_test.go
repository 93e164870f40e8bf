package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database is a test's own database.
type database struct {
	dsn, service string
}

func newDatabase(t testing.TB, sql string) database {
	t.Helper()
	d := database{dsn: testserver.Postgres(t)}
	d.service = linked(testserver.PostgresConnectionString(d.dsn))
	if sql != "" {
		sqlScript(t, d.dsn, sql)
	}
	return d
}

func (d database) spec(t testing.TB, dataset, activity string) store.Spec {
	return store.Spec{LinkedService: object(t, d.service), Dataset: object(t, dataset), Activity: object(t, activity)}
}

func (d database) source(t testing.TB, dataset, activity string) (store.Source, batch.Schema) {
	t.Helper()
	spec := d.spec(t, dataset, activity)
	open := decodeSource(spec)
	if err := errors.Join(spec.Dataset.Err(), spec.Activity.Err(), spec.LinkedService.Err()); err != nil {
		t.Fatal(err)
	}
	src, err := open(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return src, schema
}

// query is a source of a query's rows.
func queryJSON(sql string) string { return fmt.Sprintf(`{"query": %q}`, sql) }

// text runs a query with one value and gives it as text.
func (d database) text(t testing.TB, sql string) string {
	t.Helper()
	c, err := pgx.Connect(context.Background(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var v string
	if err := c.QueryRow(context.Background(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestReadTypes(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); CREATE DOMAIN small AS int CHECK (VALUE < 10); CREATE TYPE pair AS (a int, b text)`)
	for _, c := range []struct{ sql, typ, want string }{
		{"true", "Boolean", "True"},
		{"(-32768)::int2", "Int16", "-32768"},
		{"(-2147483648)::int4", "Int32", "-2147483648"},
		{"(-9223372036854775808)::int8", "Int64", "-9223372036854775808"},
		{"4294967295::oid", "Int64", "4294967295"},
		{"3::small", "Int32", "3"},
		{"1.1::float4", "Single", "1.1"},
		{"'-Infinity'::float4", "Single", "-Infinity"},
		{"0.1::float8", "Double", "0.1"},
		{"'NaN'::float8", "Double", "NaN"},
		{"12.3400::numeric(18,4)", "Decimal(18,4)", "12.3400"},
		{"(-0.0001)::numeric(18,4)", "Decimal(18,4)", "-0.0001"},
		{"99999999999999.9999::numeric(18,4)", "Decimal(18,4)", "99999999999999.9999"},
		{"123456789012345678::numeric(18,0)", "Decimal(18,0)", "123456789012345678"},
		{"0.123456789012345678::numeric(18,18)", "Decimal(18,18)", "0.123456789012345678"},
		{"12345678901234567.8::numeric(18,1)", "Decimal(18,1)", "12345678901234567.8"},
		{"-99999999999999999999999999999999999999::numeric(38,0)", "Decimal(38,0)", "-99999999999999999999999999999999999999"},
		{"0.00000000000000000000000000000000000001::numeric(38,38)", "Decimal(38,38)", "0.00000000000000000000000000000000000001"},
		{"1::numeric(39,1)", "Decimal(39,1)", "1.0"},
		{"12345::numeric(3,-2)", "Decimal(5,0)", "12300"},
		{"0.00123::numeric(3,5)", "Decimal(5,5)", "0.00123"},
		{"1.10::numeric", "Decimal", "1.10"},
		{"1e30::numeric", "Decimal", "1000000000000000000000000000000"},
		{"1e-30::numeric", "Decimal", "0.000000000000000000000000000001"},
		{"0::numeric", "Decimal", "0"},
		{"0.000::numeric", "Decimal", "0.000"},
		{"'NaN'::numeric", "Decimal", "NaN"},
		{"'-Infinity'::numeric", "Decimal", "-Infinity"},
		{"'$1,234.56'::money", "Decimal(19,2)", "1234.56"},
		{"'-$0.01'::money", "Decimal(19,2)", "-0.01"},
		{"date '2026-02-28'", "Date", "2026-02-28"},
		{"date '4713-01-01 BC'", "Date", "4713-01-01 BC"},
		{"time '23:59:59.999999'", "Time(us)", "23:59:59.999999"},
		{"time '24:00'", "Time(us)", "24:00:00"},
		{"timetz '04:05:06.789-08:30'", "String", "04:05:06.789-08:30"},
		{"timestamp '2026-02-28 23:59:59.999999'", "Timestamp(us)", "2026-02-28 23:59:59.999999"},
		{"timestamp '1969-07-20 20:17:40'", "Timestamp(us)", "1969-07-20 20:17:40"},
		{"timestamptz '2026-02-28 23:59:59.5+02'", "TimestampTZ(us)", "2026-02-28 21:59:59.5+00"},
		{"interval '1 year -2 months 3 days 04:05:06.789'", "String", "10 mons 3 days 04:05:06.789"},
		{"'text ü'::text", "String", "text ü"},
		{"'v'::varchar(20)", "String(20)", "v"},
		{"'c'::char(3)", "String(3)", "c  "},
		{"'n'::name", "String", "n"},
		{`'c'::"char"`, "String", "c"},
		{`'\x00ff'::bytea`, "Binary", `\x00ff`},
		{"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "GUID", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{`'{"b":1,  "a":2}'::json`, "JSON", `{"b":1,  "a":2}`},
		{`'{"b":1,  "a":2}'::jsonb`, "JSON", `{"a": 2, "b": 1}`},
		{"'<a/>'::xml", "XML", "<a/>"},
		{"'10.0.0.1/8'::inet", "String", "10.0.0.1/8"},
		{"'08:00:2b:01:02:03'::macaddr", "String", "08:00:2b:01:02:03"},
		{"B'1010'", "String", "1010"},
		{"'{1,NULL,3}'::int[]", "String", "{1,NULL,3}"},
		{`array['a,b', 'c"d']`, "String", `{"a,b","c\"d"}`},
		{"array[timestamp '2026-01-02 03:04:05']", "String", `{"2026-01-02 03:04:05"}`},
		{"int4range(1, 5)", "String", "[1,5)"},
		{"'it''s ok'::mood", "String", "it's ok"},
		{"row(1, 'x y')::pair", "String", `(1,"x y")`},
		{"point(1, 2)", "String", "(1,2)"},
		{"'a fat cat'::tsvector", "String", "'a' 'cat' 'fat'"},
	} {
		t.Run(c.sql, func(t *testing.T) {
			src, schema := d.source(t, `{}`, queryJSON("SELECT "+c.sql+" AS v UNION ALL SELECT NULL"))
			if got := schema[0].Type.String(); got != c.typ && !strings.HasPrefix(c.typ, "Decimal(") && !strings.HasPrefix(c.typ, "String(") {
				t.Errorf("the type is %s, want %s", got, c.typ)
			}
			rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
			if err != nil || len(rows) != 2 || rows[0][0] != c.want || rows[1][0] != storetest.Null {
				t.Errorf("the rows are %q, error %v; want %q and NULL", rows, err, c.want)
			}
		})
	}
}

func TestReadBoundedTypesOfTables(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE bounded (id int PRIMARY KEY, a numeric(18,4), b numeric(38,10) NOT NULL, c numeric(3,-2), d numeric(3,5), e varchar(7), f char(3), g numeric(50,5))`)
	_, schema := d.source(t, `{"table": "bounded", "schema": "public"}`, `{}`)
	want := []string{
		"id Int32 integer false", "a Decimal(18,4) numeric(18,4) true", "b Decimal(38,10) numeric(38,10) false", "c Decimal(5,0) numeric(3,-2) true",
		"d Decimal(5,5) numeric(3,5) true", "e String(7) character varying(7) true", "f String(3) character(3) true", "g Decimal(50,5) numeric(50,5) true",
	}
	for i, f := range schema {
		if got := fmt.Sprintf("%s %s %s %v", f.Name, f.Type, f.Native, f.Nullable); got != want[i] {
			t.Errorf("column %d is %s, want %s", i, got, want[i])
		}
	}
}

// TestReadNumericsAsTheServerWritesThem compares the three decoders with the server's own text, for many numbers.
func TestReadNumericsAsTheServerWritesThem(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE numbers AS SELECT i AS id,
		((random() - 0.5) * 10::numeric ^ (i % 14))::numeric(18,4) AS a, ((random() - 0.5) * 10::numeric ^ (i % 27))::numeric(38,11) AS b,
		((random() - 0.5)::numeric * 10::numeric ^ (i % 60 - 30)) AS c, ((random() - 0.5) * 10 ^ (i % 17))::numeric(17,0) AS d FROM generate_series(1, 5000) i;
		ALTER TABLE numbers ADD at text, ADD bt text, ADD ct text, ADD dt text; UPDATE numbers SET at=a::text, bt=b::text, ct=c::text, dt=d::text`)
	src, schema := d.source(t, `{"tableName": "public.numbers"}`, `{}`)
	rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
	if err != nil || len(rows) != 5000 {
		t.Fatalf("%d rows, error %v", len(rows), err)
	}
	for _, row := range rows {
		if !reflect.DeepEqual(row[1:5], row[5:9]) {
			t.Fatalf("the numbers are %q, the server writes %q", row[1:5], row[5:9])
		}
	}
}

func TestBadValuesAreErrorsOfTheirRow(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE bad (id int, day date, amount numeric(5,2), made timestamp);
		INSERT INTO bad VALUES (1, '2026-01-01', 1, NULL), (2, 'infinity', 1, NULL), (3, '2026-01-03', 'NaN', NULL), (4, NULL, 2, '-infinity'), (5, NULL, NULL, NULL)`)
	src, schema := d.source(t, `{"tableName": "bad"}`, `{}`)
	r, err := src.Open(t.Context(), store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var log []string
	for b := batch.New(r.Schema(), 0); ; b.Reset() {
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e := fault.As(err)
			if e.Hint == "" || b.Len() != 0 {
				t.Errorf("%v has the hint %q and %d rows", e, e.Hint, b.Len())
			}
			log = append(log, fmt.Sprintf("%s row %d %s=%s", e.Code, e.Row, e.Column, e.Value))
			continue
		}
		for _, id := range b.Cols[0].Ints {
			log = append(log, fmt.Sprint(id))
		}
	}
	want := []string{"1", "Conversion row 2 day=infinity", "Conversion row 3 amount=NaN", "Conversion row 4 made=-infinity", "5"}
	if !reflect.DeepEqual(log, want) {
		t.Errorf("reading gives %q, want %q", log, want)
	}
}

func TestWiderIntegersAreGivenWhereWanted(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE ints (a int2, b int4, c int8); INSERT INTO ints VALUES (1, 2, 3)`)
	src, schema := d.source(t, `{"tableName": "ints"}`, `{}`)
	want := append(batch.Schema(nil), schema...)
	want[0].Type = batch.Type{Kind: batch.Int64}
	want[1].Type = batch.Type{Kind: batch.Int16}
	want[2].Type = batch.Type{Kind: batch.String}
	r, err := src.Open(t.Context(), store.Partition{}, want)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if s := r.Schema(); s[0].Type.Kind != batch.Int64 || s[1].Type.Kind != batch.Int32 || s[2].Type.Kind != batch.Int64 {
		t.Errorf("the reader gives %v", s)
	}
}

func TestQueriesAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	for _, c := range []struct {
		sql  string
		want int
	}{
		{"WITH x AS (SELECT 1 AS a) SELECT a, a AS b FROM x -- a comment", 1},
		{"SELECT 1 AS a, 2 AS a;", 1},
		{"VALUES (1, 'x'), (2, 'y')", 2},
		{"SELECT generate_series(1, 10000) AS a, NULL AS b", 10000},
	} {
		src, schema := d.source(t, `{"tableName": "not used"}`, queryJSON(c.sql))
		rows, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
		if err != nil || len(rows) != c.want || len(schema) != 2 && c.want != 10000 {
			t.Errorf("%s: %d rows of %d columns, error %v", c.sql, len(rows), len(schema), err)
		}
	}
	for sql, code := range map[string]string{
		"SELECT FROM nowhere": fault.NotFound, "SELEC 1": fault.BadInput, "SELECT 1; SELECT 2": fault.BadInput, "CREATE TABLE t (a int)": fault.BadInput,
	} {
		_, err := decodeSource(d.spec(t, `{}`, queryJSON(sql)))(t.Context(), store.Env{})
		if fault.Code(err) != code {
			t.Errorf("%s: error %v with code %s, want %s", sql, err, fault.Code(err), code)
		}
	}
}

func TestAMissingTableHintsAtItsSpelling(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE "Orders" (a int)`)
	_, err := decodeSource(d.spec(t, `{"tableName": "orders"}`, `{}`))(t.Context(), store.Env{})
	if e := fault.As(err); e.Code != fault.NotFound || !strings.Contains(e.Hint, `public."Orders"`) {
		t.Errorf("error %v, hint %q", err, e.Hint)
	}
}

func TestStructureSelectsColumns(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE wide (a int, b text, c date)`)
	spec := d.spec(t, `{"tableName": "wide"}`, `{}`)
	spec.Structure = batch.Schema{{Name: "c"}, {Name: "A"}}
	src, err := decodeSource(spec)(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if schema, _ := src.Schema(t.Context()); len(schema) != 2 || schema[0].Name != "c" || schema[1].Name != "a" {
		t.Errorf("the schema is %v", schema)
	}
}

// TestCancelStopsTheServer cancels a statement before its first row and one that streams rows, and looks at the server.
func TestCancelStopsTheServer(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"no row yet": "SELECT 1 AS a FROM pg_sleep(600) /* dmg */",
		"streaming":  "SELECT generate_series(1, 1000000000000) AS a /* dmg */",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, "")
			src, schema := d.source(t, `{}`, queryJSON(sql))
			ctx, cancel := context.WithCancel(t.Context())
			r, err := src.Open(ctx, store.Partition{}, schema)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ended := make(chan error, 1)
			go func() {
				b := batch.New(schema, 0)
				for {
					b.Reset()
					if err := r.Next(ctx, b); err != nil {
						ended <- err
						return
					}
				}
			}()
			const running = `SELECT count(*)::text FROM pg_stat_activity WHERE state='active' AND query LIKE '%/* dmg */' AND pid<>pg_backend_pid() AND datname=current_database()`
			poll(t, "the statement runs", func() bool { return d.text(t, running) == "1" })
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("a cancelled reader ends with %v", err)
			}
			poll(t, "the statement is stopped", func() bool { return d.text(t, running) == "0" })
		})
	}
}

// poll waits until the condition holds, 15 seconds at most.
func poll(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !condition(); {
		if time.Now().After(end) {
			t.Fatalf("after 15 seconds it does not hold that %s", what)
		}
	}
}

func TestQueryTimeoutEndsAQueryWithoutRows(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	src, schema := d.source(t, `{}`, `{"query": "SELECT 1 AS a FROM pg_sleep(600)", "queryTimeout": "00:00:00.2"}`)
	_, err := storetest.ReadRows(t.Context(), src, store.Partition{}, schema)
	if !errors.Is(err, errTimeout) || fault.As(err).Hint == "" {
		t.Errorf("error %v, want %v with a hint", err, errTimeout)
	}
}

func TestABrokenConnectionIsTransient(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	src, schema := d.source(t, `{}`, queryJSON("SELECT generate_series(1, 1000000000) AS a /* broken */"))
	r, err := src.Open(t.Context(), store.Partition{}, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(schema, 0)
	if err := r.Next(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	sqlScript(t, d.dsn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* broken */' AND pid<>pg_backend_pid()`)
	for err == nil {
		b.Reset()
		err = r.Next(t.Context(), b)
	}
	if e := fault.As(err); !e.Transient || e.Code != fault.Unreachable || e.Hint == "" {
		t.Errorf("error %v with code %s, transient %v", err, e.Code, e.Transient)
	}
}
