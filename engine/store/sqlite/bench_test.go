package sqlite

import (
	"errors"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// benchRows is the number of rows of the table that the benchmarks copy.
const benchRows = 200_000

const benchTable = `CREATE TABLE src (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, amount DECIMAL(15,4), ratio REAL, flag BOOLEAN, made DATETIME, seen TIMESTAMPTZ,
	day DATE, code VARCHAR(20), name VARCHAR(100), note TEXT);
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<200000)
	INSERT INTO src SELECT i, i % 100000, CASE WHEN i % 10 > 0 THEN i % 30000 END, i * 1.25, sqrt(i), i % 3 = 0, datetime(1577836800 + i, 'unixepoch') || '.000123',
	CASE WHEN i % 7 > 0 THEN datetime(1577836800 + i * 2, 'unixepoch') || '+00:00' END, date(i % 9000 * 86400, 'unixepoch'), 'code-' || i % 1000,
	'name, ' || hex(i * 7919), CASE WHEN i % 5 > 0 THEN substr('0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz', 1, 32 + i % 64) END FROM n`

func keep(b *testing.B, src store.Source, schema batch.Schema) (batches []*batch.Batch, rows int) {
	b.Helper()
	r, err := src.Open(b.Context(), store.Partition{}, schema)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for {
		rb := batch.New(schema, 0)
		err := r.Next(b.Context(), rb)
		if errors.Is(err, io.EOF) {
			return batches, rows
		}
		if err != nil {
			b.Fatal(err)
		}
		batches, rows = append(batches, rb), rows+rb.Len()
	}
}

func BenchmarkRead(b *testing.B) {
	f := newFile(b, benchTable)
	src, schema := f.source(b, "src", `{}`)
	b.ReportAllocs()
	for b.Loop() {
		r, err := src.Open(b.Context(), store.Partition{}, schema)
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		for rb := batch.New(schema, 0); ; rb.Reset() {
			if err := r.Next(b.Context(), rb); err != nil {
				break
			}
			rows += rb.Len()
		}
		if rows != benchRows {
			b.Fatalf("%d rows", rows)
		}
		b.SetBytes(r.BytesRead())
		_ = r.Close()
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWrite(b *testing.B) {
	f := newFile(b, benchTable)
	src, schema := f.source(b, "src", `{}`)
	batches, _ := keep(b, src, schema)
	b.ReportAllocs()
	for b.Loop() {
		k := f.sink(b, "dst", `{"tableOption": "autoCreate", "preCopyScript": "DELETE FROM dst; DROP TABLE IF EXISTS dmgateway_commits"}`, "run")
		if _, err := k.Prepare(b.Context(), schema, false); err != nil {
			b.Fatal(err)
		}
		w, err := k.Open(b.Context(), store.Partition{ID: "all"})
		if err != nil {
			b.Fatal(err)
		}
		for _, rb := range batches {
			if err := w.Write(b.Context(), rb); err != nil {
				b.Fatal(err)
			}
		}
		if n, err := w.Commit(b.Context()); err != nil || n.Rows != benchRows {
			b.Fatalf("%d rows, %v", n.Rows, err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
