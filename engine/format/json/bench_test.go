package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

func orders(b *testing.B, f format.Format, rows int) ([]byte, batch.Schema) {
	b.Helper()
	s := batchtest.Orders()
	var all []*batch.Batch
	for i := 0; i < rows; i += batch.Rows {
		one := batch.New(s, 0)
		batchtest.FillOrders(one, int64(i), batch.Rows)
		all = append(all, one)
	}
	return formattest.Write(b, f, s, all...), s
}

func benchmarkRead(b *testing.B, want func(batch.Schema) batch.Schema) {
	f := formattest.V2(b, Definition(), `{}`, ``)
	file, s := orders(b, f, 1<<16)
	s = want(s)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := f.Read(b.Context(), formattest.Input("f", file), s)
		if err != nil {
			b.Fatal(err)
		}
		out := batch.New(r.Schema(), 0)
		for {
			out.Reset()
			if err := r.Next(b.Context(), out); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	benchmarkRead(b, func(s batch.Schema) batch.Schema { return s })
}

func BenchmarkReadAsText(b *testing.B) {
	benchmarkRead(b, func(s batch.Schema) batch.Schema {
		for i := range s {
			s[i].Type = batch.Type{Kind: batch.String}
		}
		return s
	})
}

func BenchmarkReadOneColumn(b *testing.B) {
	benchmarkRead(b, func(s batch.Schema) batch.Schema { return s[:1] })
}

// BenchmarkStandardDecoder is encoding/json into maps, for comparison.
func BenchmarkStandardDecoder(b *testing.B) {
	file, _ := orders(b, formattest.V2(b, Definition(), `{}`, ``), 1<<16)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		dec := json.NewDecoder(bytes.NewReader(file))
		dec.UseNumber()
		for {
			var m map[string]any
			if err := dec.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	f := formattest.V2(b, Definition(), `{}`, ``)
	s := batchtest.Orders()
	rows := batch.New(s, 0)
	batchtest.FillOrders(rows, 0, batch.Rows)
	b.SetBytes(int64(len(formattest.Write(b, f, s, rows))))
	b.ReportAllocs()
	w, err := f.Write(io.Discard, s)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := w.Write(rows); err != nil {
			b.Fatal(err)
		}
	}
}
