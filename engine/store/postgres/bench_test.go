package postgres

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// benchRows is the number of rows of the table that the benchmarks copy.
const benchRows = 1_000_000

// benchTable makes src: twelve columns of the usual types, some with NULLs.
const benchTable = `CREATE TABLE src AS SELECT i::bigint AS id, (i % 100000)::int AS a, CASE WHEN i % 10 > 0 THEN (i % 30000)::smallint END AS b,
	(i * 1.2345)::numeric(18,4) AS amount, sqrt(i)::double precision AS ratio, i % 3 = 0 AS flag,
	timestamp '2020-01-01' + i * interval '1.000123 seconds' AS made, CASE WHEN i % 7 > 0 THEN timestamptz '2021-01-01 00:00Z' + i * interval '2 seconds' END AS seen,
	date '2000-01-01' + (i % 9000)::int AS day, ('code-' || i % 1000)::varchar(20) AS code,
	('name, ' || CASE WHEN i % 50 = 0 THEN '"quoted" ' ELSE '' END || md5(i::text))::varchar(100) AS name,
	CASE WHEN i % 5 > 0 THEN repeat(md5((i * 7)::text), 1 + (i % 4)::int) END AS note
	FROM generate_series(1, %ROWS%) i; ANALYZE src`

func benchServer(b *testing.B) (dsn string, linkedService string) {
	b.Helper()
	dsn = testserver.Postgres(b)
	sqlScript(b, dsn, benchSQL(benchRows))
	return dsn, linked(testserver.PostgresConnectionString(dsn))
}

func sqlScript(t testing.TB, dsn, sql string) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func object(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func BenchmarkRead(b *testing.B) {
	_, service := benchServer(b)
	open := Definition().Source(store.Spec{LinkedService: object(b, service), Dataset: object(b, `{"tableName": "src"}`), Activity: object(b, `{}`)})
	b.ReportAllocs()
	for b.Loop() {
		src, err := open(b.Context(), store.Env{})
		if err != nil {
			b.Fatal(err)
		}
		schema, _ := src.Schema(b.Context())
		rows, bytes := drain(b, src, schema)
		if rows != benchRows {
			b.Fatalf("%d rows", rows)
		}
		b.SetBytes(bytes)
		_ = src.Close()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func drain(b *testing.B, src store.Source, schema batch.Schema) (rows int, bytes int64) {
	b.Helper()
	r, err := src.Open(b.Context(), store.Partition{}, schema)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	rb := batch.New(r.Schema(), 0)
	for {
		rb.Reset()
		err := r.Next(b.Context(), rb)
		if errors.Is(err, io.EOF) {
			return rows, r.BytesRead()
		}
		if err != nil {
			b.Fatal(err)
		}
		rows += rb.Len()
	}
}

func BenchmarkWrite(b *testing.B) {
	dsn, service := benchServer(b)
	sqlScript(b, dsn, `CREATE TABLE dst (LIKE src)`)
	spec := func(table, activity string) store.Spec {
		return store.Spec{LinkedService: object(b, service), Dataset: object(b, `{"tableName": "`+table+`"}`), Activity: object(b, activity)}
	}
	batches, schema := keep(b, Definition().Source(spec("src", `{}`)))
	b.ReportAllocs()
	for b.Loop() {
		k, err := Definition().Sink(spec("dst", `{"preCopyScript": "TRUNCATE dst"}`))(b.Context(), store.Env{RunID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := k.Prepare(b.Context(), schema, false); err != nil {
			b.Fatal(err)
		}
		writeAll(b, k, batches)
		if err := k.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
		_ = k.Close()
		b.StopTimer()
		sqlScript(b, dsn, `DROP TABLE dmgateway_commits`)
		b.StartTimer()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// keep reads the source into batches of its own.
func keep(b *testing.B, open store.OpenSource) ([]*batch.Batch, batch.Schema) {
	b.Helper()
	src, err := open(b.Context(), store.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	schema, _ := src.Schema(b.Context())
	r, err := src.Open(b.Context(), store.Partition{}, schema)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	var batches []*batch.Batch
	for {
		rb := batch.New(schema, 0)
		err := r.Next(b.Context(), rb)
		if errors.Is(err, io.EOF) {
			return batches, schema
		}
		if err != nil {
			b.Fatal(err)
		}
		batches = append(batches, rb)
	}
}

func writeAll(b *testing.B, k store.Sink, batches []*batch.Batch) {
	b.Helper()
	w, err := k.Open(b.Context(), store.Partition{ID: "all"})
	if err != nil {
		b.Fatal(err)
	}
	for _, rb := range batches {
		if err := w.Write(b.Context(), rb); err != nil {
			b.Fatal(err)
		}
	}
	n, err := w.Commit(b.Context())
	if err != nil || n.Rows != benchRows {
		b.Fatalf("%d rows, %v", n.Rows, err)
	}
}

func benchSQL(rows int) string { return strings.ReplaceAll(benchTable, "%ROWS%", strconv.Itoa(rows)) }
