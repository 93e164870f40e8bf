package text

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
)

const rfc4180 = `{"escapeChar": "\"", "rowDelimiter": "\n"}`

func orders(n int) *batch.Batch {
	b := batch.New(batchtest.Orders(), n)
	batchtest.FillOrders(b, 1, n)
	return b
}

func BenchmarkWrite(b *testing.B) {
	f := formattest.V2(b, Definition(), rfc4180, "")
	rows := orders(4096)
	size := len(formattest.Write(b, f, batchtest.Orders(), rows))
	w, err := f.Write(io.Discard, batchtest.Orders())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(rows); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	f := formattest.V2(b, Definition(), rfc4180, "")
	file := formattest.Write(b, f, batchtest.Orders(), orders(50_000))
	in := formattest.Input("f", file)
	names, err := f.Schema(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	typed := batchtest.Orders()
	for i := range typed {
		typed[i].Name = names[i].Name
	}
	for name, want := range map[string]batch.Schema{"typed": typed, "text": names} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			rows := batch.New(want, 0)
			for b.Loop() {
				r, err := f.Read(b.Context(), in, want)
				if err != nil {
					b.Fatal(err)
				}
				for {
					rows.Reset()
					if err := r.Next(b.Context(), rows); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
				r.Close()
			}
		})
	}
	b.Run("encoding csv, split only", func(b *testing.B) { // for comparison on the same machine
		b.SetBytes(int64(len(file)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(file))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
