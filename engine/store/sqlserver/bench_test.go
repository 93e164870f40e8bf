package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// benchRows is the number of rows that the benchmarks copy.
const benchRows = 100_000

// benchTable makes a table of the orders of batchtest and fills it.
func benchTable(b *testing.B) (d *database, table string, load func(table, activity, run string) store.Counts) {
	b.Helper()
	d = newDatabase(b)
	schema := d.schema()
	load = func(table, activity, run string) store.Counts {
		b.Helper()
		k := d.sink(dataset(schema+"."+table), activity, run)
		types, err := k.Prepare(b.Context(), batchtest.Orders(), false)
		if err != nil {
			b.Fatal(err)
		}
		w, err := k.Open(b.Context(), store.Partition{ID: "all"})
		if err != nil {
			b.Fatal(err)
		}
		rows := batch.New(types, 0)
		for first := 0; first < benchRows; first += batch.Rows {
			rows.Reset()
			batchtest.FillOrders(rows, int64(first), min(batch.Rows, benchRows-first))
			if err := w.Write(b.Context(), rows); err != nil {
				b.Fatal(err)
			}
		}
		n, err := w.Commit(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	load("orders", `{"tableOption": "autoCreate"}`, "load")
	return d, schema + ".orders", load
}

func BenchmarkWrite(b *testing.B) {
	_, _, load := benchTable(b)
	b.ReportAllocs()
	run := 0
	for b.Loop() {
		run++
		n := load("orders", `{}`, fmt.Sprint(run))
		b.SetBytes(n.Bytes)
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkRead(b *testing.B) {
	d, table, _ := benchTable(b)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(readAll(b, d, table))
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func readAll(b *testing.B, d *database, table string) int64 {
	b.Helper()
	s, err := d.source(dataset(table), `{}`)
	if err != nil {
		b.Fatal(err)
	}
	schema, _ := s.Schema(b.Context())
	r, err := s.Open(b.Context(), store.Partition{ID: "all"}, schema)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	rows, n := batch.New(r.Schema(), 0), 0
	for {
		rows.Reset()
		err := r.Next(b.Context(), rows)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		n += rows.Len()
	}
	if n < benchRows {
		b.Fatalf("%d rows", n)
	}
	return r.BytesRead()
}

// BenchmarkEncode turns rows into the driver's values without a server.
func BenchmarkEncode(b *testing.B) {
	k := &sink{server: &server{}}
	for _, f := range batchtest.Orders() {
		k.use(created(f, false), f.Type)
	}
	w := &writer{sink: k, values: make([]any, len(k.columns))}
	rows := batch.New(k.fields, 0)
	batchtest.FillOrders(rows, 0, batch.Rows)
	b.ReportAllocs()
	for b.Loop() {
		for row := range rows.Len() {
			if e := w.encode(rows, row, false); e != nil {
				b.Fatal(e)
			}
		}
	}
	b.ReportMetric(float64(batch.Rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkFreebcp is what people use instead: the table into a text file and back.
func BenchmarkFreebcp(b *testing.B) {
	program, err := exec.LookPath("freebcp")
	if err != nil {
		b.Skip("freebcp is not installed")
	}
	d, table, _ := benchTable(b)
	dsn, _ := testserver.SQLServer(b)
	u, _ := url.Parse(dsn)
	password, _ := u.User.Password()
	file := filepath.Join(b.TempDir(), "orders.bcp")
	bcp := func(direction string) time.Duration {
		b.Helper()
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, u.Query().Get("database")+"."+table, direction, file, "-S", u.Hostname()+":"+u.Port(), "-U", u.User.Username(), "-P", password, "-c", "-t", "|~|", "-r", "|#\n", "-b", "10000")
		cmd.Env = append(os.Environ(), "TDSVER=7.4")
		begin := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), fmt.Sprint(benchRows)) {
			b.Fatalf("freebcp %s: %v\n%s", direction, err, out)
		}
		return time.Since(begin)
	}
	var outs, ins time.Duration
	for b.Loop() {
		outs += bcp("out")
		d.do("DELETE FROM " + table)
		ins += bcp("in")
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/outs.Seconds(), "rows-out/s")
	b.ReportMetric(float64(benchRows)*float64(b.N)/ins.Seconds(), "rows-in/s")
}
