package mysql

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// benchRows is the number of rows of the table that the benchmarks copy.
const benchRows = 1_000_000

// benchTable makes src: twelve columns of the usual types, some with NULLs.
const benchTable = `CREATE TABLE src (id bigint NOT NULL PRIMARY KEY, a int, b smallint, amount decimal(18,4), ratio double, flag tinyint(1), made datetime(6),
	seen timestamp NULL, day date, code varchar(20), name varchar(100), note text) ENGINE=InnoDB CHARSET=utf8mb4;
	INSERT INTO src SELECT seq, seq % 100000, IF(seq % 10 > 0, seq % 30000, NULL), seq * 1.2345, sqrt(seq), seq % 3 = 0,
	'2020-01-01' + INTERVAL seq * 1000123 MICROSECOND, IF(seq % 7 > 0, '2021-01-01 00:00:00' + INTERVAL seq * 2 SECOND, NULL),
	'2000-01-01' + INTERVAL seq % 9000 DAY, concat('code-', seq % 1000), concat('name, ', IF(seq % 50 = 0, '"quoted" ', ''), md5(seq)),
	IF(seq % 5 > 0, repeat(md5(seq * 7), 1 + seq % 4), NULL) FROM seq_1_to_%ROWS%; ANALYZE TABLE src`

func sqlScript(t testing.TB, dsn, text string) {
	t.Helper()
	db, err := sql.Open("mysql", dsn+"?multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), text); err != nil {
		t.Fatalf("%.200s: %v", text, err)
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

func benchServer(b *testing.B) (dsn, service string) {
	b.Helper()
	dsn = testserver.MariaDB(b)
	sqlScript(b, dsn, strings.ReplaceAll(benchTable, "%ROWS%", strconv.Itoa(benchRows)))
	return dsn, linked(testserver.MariaDBConnectionString(dsn))
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
		rows := 0
		bytes := drain(b, src, schema, func(rb *batch.Batch) { rows += rb.Len() })
		if rows != benchRows {
			b.Fatalf("%d rows", rows)
		}
		b.SetBytes(bytes)
		_ = src.Close()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkReadDriver reads the same rows through database/sql into sql.RawBytes, for comparison.
func BenchmarkReadDriver(b *testing.B) {
	dsn, _ := benchServer(b)
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	b.ReportAllocs()
	for b.Loop() {
		if n, err := countRaw(b.Context(), db); err != nil || n != benchRows {
			b.Fatalf("%d rows, %v", n, err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func countRaw(ctx context.Context, db *sql.DB) (n int, err error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM src")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	values, dest := make([]sql.RawBytes, 12), make([]any, 12)
	for i := range values {
		dest[i] = &values[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(dest...); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

func drain(b *testing.B, src store.Source, schema batch.Schema, each func(*batch.Batch)) int64 {
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
			return r.BytesRead()
		}
		if err != nil {
			b.Fatal(err)
		}
		each(rb)
	}
}

func BenchmarkWriteLoad(b *testing.B)   { benchWrite(b, "SET GLOBAL local_infile=1") }
func BenchmarkWriteInsert(b *testing.B) { benchWrite(b, "SET GLOBAL local_infile=0") }

func benchWrite(b *testing.B, setting string) {
	dsn, service := benchServer(b)
	sqlScript(b, dsn, `CREATE TABLE dst LIKE src; `+setting)
	defer sqlScript(b, dsn, "SET GLOBAL local_infile=1")
	spec := func(table, activity string) store.Spec {
		return store.Spec{LinkedService: object(b, service), Dataset: object(b, `{"tableName": "`+table+`"}`), Activity: object(b, activity)}
	}
	src, err := Definition().Source(spec("src", `{}`))(b.Context(), store.Env{})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	schema, _ := src.Schema(b.Context())
	var batches []*batch.Batch
	drain(b, src, schema, func(rb *batch.Batch) {
		own := *rb
		batches = append(batches, &own)
		*rb = *batch.New(schema, 0)
	})
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
