package oracle

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"

	go_ora "github.com/sijms/go-ora/v2"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// benchRows is how many rows the benchmarks read and write.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("DMGATEWAY_BENCH_ROWS")); err == nil {
		return n
	}
	return 100_000
}

var benchSchema = batch.Schema{
	{Name: "ID", Type: batch.Type{Kind: batch.Int32}},
	{Name: "AMOUNT", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}},
	{Name: "RATIO", Type: batch.Type{Kind: batch.Double}},
	{Name: "AT", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
	{Name: "NAME", Type: batch.Type{Kind: batch.String, Length: 40}},
	{Name: "NOTE", Type: batch.Type{Kind: batch.String, Length: 100}},
	{Name: "CODE", Type: batch.Type{Kind: batch.Int64}},
	{Name: "DAY", Type: batch.Type{Kind: batch.Date}},
}

// fillBench makes rows like those of a ledger.
func fillBench(b *batch.Batch, from, to int) {
	for i := from; i < to; i++ {
		b.Cols[0].AppendInt(int64(i))
		b.Cols[1].AppendInt(int64(i) * 137 % 1_000_000_000)
		b.Cols[2].AppendFloat(float64(i) / 7)
		b.Cols[3].AppendInt(1_700_000_000_000_000 + int64(i)*1_000_003)
		b.Cols[4].AppendString("name of row " + strconv.Itoa(i))
		if i%10 == 0 {
			b.Cols[5].AppendNull()
		} else {
			b.Cols[5].AppendString("a note of some length about the row with the number " + strconv.Itoa(i))
		}
		b.Cols[6].AppendInt(int64(i) * 1_000_000_007)
		b.Cols[7].AppendInt(int64(i % 20000))
	}
}

// writeBench copies the rows into a table, which it makes.
func writeBench(b *testing.B, dsn, table, run string, rows int) {
	b.Helper()
	k := openSink(b, dsn, `{"tableName": "`+table+`"}`, `{"tableOption": "autoCreate"}`, run)
	types, err := k.Prepare(b.Context(), benchSchema, false)
	if err != nil {
		b.Fatal(err)
	}
	w, err := k.Open(b.Context(), store.Partition{ID: "all"})
	if err != nil {
		b.Fatal(err)
	}
	data := batch.New(types, 0)
	for from := 0; from < rows; from += batch.Rows {
		data.Reset()
		fillBench(data, from, min(from+batch.Rows, rows))
		if err := w.Write(b.Context(), data); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func dropBench(b *testing.B, dsn, table string) {
	c := testSession(b, dsn)
	defer c.hangUp()
	_ = c.run(context.Background(), "DROP TABLE "+table+" PURGE")
}

func BenchmarkWrite(b *testing.B) {
	dsn, _ := testserver.Oracle(b)
	rows := benchRows()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		dropBench(b, dsn, "DMG_BENCH_W")
		b.StartTimer()
		writeBench(b, dsn, "DMG_BENCH_W", fmt.Sprint("bench-", b.N, "-", i), rows)
	}
	dropBench(b, dsn, "DMG_BENCH_W")
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRead reads the table into text as the copy into a file does, beside the shortest loop over the driver's rows
// that prints them.
func BenchmarkRead(b *testing.B) {
	dsn, _ := testserver.Oracle(b)
	rows := benchRows()
	dropBench(b, dsn, "DMG_BENCH_R")
	writeBench(b, dsn, "DMG_BENCH_R", fmt.Sprint("bench-read-", os.Getpid()), rows)
	b.Cleanup(func() { dropBench(b, dsn, "DMG_BENCH_R") })
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if n := readAsText(b, dsn); n != rows {
				b.Fatalf("%d rows", n)
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	for name, fetch := range map[string]int{"driver": 0, "driver, 4096 rows a fetch": 4096} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n := loopOverRows(b, testServer(b, dsn).url(reading{rows: fetch})); n != rows {
					b.Fatalf("%d rows", n)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func readAsText(b *testing.B, dsn string) (n int) {
	s, err := openSource(b, dsn, `{"tableName": "DMG_BENCH_R"}`, `{}`)
	if err != nil {
		b.Fatal(err)
	}
	schema, err := s.Schema(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Open(b.Context(), store.Partition{ID: "all"}, schema)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	data := batch.New(r.Schema(), 0)
	var out []byte
	for {
		data.Reset()
		if err := r.Next(b.Context(), data); errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			b.Fatal(err)
		}
		out = out[:0]
		for row := range data.Len() {
			for i := range data.Cols {
				if !data.Cols[i].IsNull(row) {
					out = batch.AppendText(out, &data.Cols[i], row)
				}
				out = append(out, ',')
			}
			out = append(out, '\n')
		}
		_, _ = io.Discard.Write(out)
		n += data.Len()
	}
}

// loopOverRows is the shortest program that prints a table.
func loopOverRows(b *testing.B, url string) (n int) {
	db := sql.OpenDB(go_ora.NewConnector(url))
	defer db.Close()
	rows, err := db.QueryContext(b.Context(), "SELECT * FROM DMG_BENCH_R")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	values, pointers, texts := make([]any, len(columns)), make([]any, len(columns)), make([]string, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	out := csv.NewWriter(io.Discard)
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			b.Fatal(err)
		}
		for i, v := range values {
			if texts[i] = ""; v != nil {
				texts[i] = fmt.Sprint(v)
			}
		}
		if err := out.Write(texts); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkEncode turns batches into what the driver takes, without a server.
func BenchmarkEncode(b *testing.B) {
	types := make(batch.Schema, len(benchSchema))
	k := &sink{server: &server{}}
	for i, f := range benchSchema {
		t, err := targetOf(declared(f.Name, declare(f, true)), f.Type, true)
		if err != nil {
			b.Fatal(err)
		}
		k.targets = append(k.targets, t)
		types[i] = batch.Field{Name: f.Name, Type: t.typ}
	}
	w := newWriter(k, &session{}, "all")
	data := batch.New(types, 0)
	fillBench(data, 0, batch.Rows)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.take(data, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch.Rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
