package avro

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/hamba/avro/v2/ocf"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
)

func orders(b *testing.B, f *Format) ([]byte, batch.Schema) {
	b.Helper()
	s := batchtest.Orders()
	var all []*batch.Batch
	for i := 0; i < 1<<16; i += batch.Rows {
		one := batch.New(s, 0)
		batchtest.FillOrders(one, int64(i), batch.Rows)
		all = append(all, one)
	}
	return formattest.Write(b, f, s, all...), s
}

func BenchmarkRead(b *testing.B) {
	for _, codec := range []string{"none", "deflate", "snappy", "zstandard"} {
		b.Run(codec, func(b *testing.B) {
			f := v2(b, `{"avroCompressionCodec":"`+codec+`"}`)
			file, s := orders(b, f)
			plain, _ := orders(b, v2(b, `{}`))
			b.SetBytes(int64(len(plain)))
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
		})
	}
}

// BenchmarkHamba is hamba's library reading the same file into maps, for comparison.
func BenchmarkHamba(b *testing.B) {
	file, _ := orders(b, v2(b, `{}`))
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		dec, err := ocf.NewDecoder(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		for dec.HasNext() {
			var row map[string]any
			if err := dec.Decode(&row); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, codec := range []string{"none", "deflate", "snappy", "zstandard"} {
		b.Run(codec, func(b *testing.B) {
			f := v2(b, `{"avroCompressionCodec":"`+codec+`"}`)
			s := batchtest.Orders()
			rows := batch.New(s, 0)
			batchtest.FillOrders(rows, 0, batch.Rows)
			b.SetBytes(int64(len(formattest.Write(b, v2(b, `{}`), s, rows))))
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
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
