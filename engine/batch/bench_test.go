package batch_test

import (
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
)

// Each run converts 4,096 values; the goal is 12 ns a value without allocation.
func BenchmarkConvert(b *testing.B) {
	us := batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}
	dec := batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}
	str := batch.Type{Kind: batch.String}
	i32 := batch.Type{Kind: batch.Int32}
	for _, c := range []struct {
		name     string
		from, to batch.Type
	}{
		{"int32 to int64", i32, batch.Type{Kind: batch.Int64}},
		{"int32 to decimal", i32, dec},
		{"decimal to double", dec, batch.Type{Kind: batch.Double}},
		{"decimal to wide", dec, batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 10}},
		{"boolean to int32", batch.Type{Kind: batch.Boolean}, i32},
		{"us to ticks", us, batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}},
		{"int32 to text", i32, str},
		{"timestamp to text", us, str},
		{"decimal to text", dec, str},
		{"text to text(100)", str, batch.Type{Kind: batch.String, Length: 1000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := batchtest.Random(batchtest.Schema(c.from), 1, 4096, 10)
			conv, err := batch.NewConverter(c.from, c.to, batch.Options{})
			if err != nil {
				b.Fatal(err)
			}
			out := batch.Column{Type: c.to}
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				if err := conv.Convert(&out, &rows.Cols[0], nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/value")
		})
	}
}
