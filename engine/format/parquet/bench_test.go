package parquet

import (
	"errors"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
)

const textBytesPerRow = 210

func orders(n int) *batch.Batch {
	b := batch.New(batchtest.Orders(), n)
	batchtest.FillOrders(b, 1, n)
	return b
}

// The rate is of the rows' size as delimited text.
func BenchmarkWrite(b *testing.B) {
	rows := orders(batch.ColumnarRows)
	for _, codec := range []string{"snappy", "zstd", "none"} {
		b.Run(codec, func(b *testing.B) {
			w, err := v2(b, `{"compressionCodec": "`+codec+`"}`).Write(io.Discard, batchtest.Orders())
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(textBytesPerRow * batch.ColumnarRows)
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(rows); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	f := v2(b, `{}`)
	const n = 100_000
	in := formattest.Input("f", formattest.Write(b, f, batchtest.Orders(), orders(n)))
	b.SetBytes(textBytesPerRow * n)
	b.ReportAllocs()
	rows := batch.New(batchtest.Orders(), batch.ColumnarRows)
	for b.Loop() {
		r, err := f.Read(b.Context(), in, batchtest.Orders())
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
}
