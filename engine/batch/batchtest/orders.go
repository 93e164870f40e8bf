package batchtest

import (
	"fmt"
	"math/rand/v2"

	"dmgateway/engine/batch"
)

// Orders is the schema of a usual business table, for benchmarks: twelve columns of mixed types, some 210 bytes a row as
// delimited text.
func Orders() batch.Schema {
	us := batch.Micro
	return batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int64}},
		{Name: "customer", Type: batch.Type{Kind: batch.Int32}},
		{Name: "region", Type: batch.Type{Kind: batch.Int16}, Nullable: true},
		{Name: "amount", Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}},
		{Name: "weight", Type: batch.Type{Kind: batch.Double}},
		{Name: "paid", Type: batch.Type{Kind: batch.Boolean}},
		{Name: "created", Type: batch.Type{Kind: batch.Timestamp, Unit: us}},
		{Name: "shipped", Type: batch.Type{Kind: batch.TimestampTZ, Unit: us}, Nullable: true},
		{Name: "day", Type: batch.Type{Kind: batch.Date}},
		{Name: "code", Type: batch.Type{Kind: batch.String, Length: 20}},
		{Name: "address", Type: batch.Type{Kind: batch.String, Length: 100}},
		{Name: "note", Type: batch.Type{Kind: batch.String}, Nullable: true},
	}
}

// FillOrders appends n rows to a batch of [Orders], with ids from first on.
func FillOrders(b *batch.Batch, first int64, n int) {
	r := rand.New(rand.NewPCG(uint64(first), 7))
	var text []byte
	for i := range n {
		c := b.Cols
		c[0].AppendInt(first + int64(i))
		c[1].AppendInt(r.Int64N(100_000))
		if r.IntN(10) == 0 {
			c[2].AppendNull()
		} else {
			c[2].AppendInt(r.Int64N(50))
		}
		c[3].AppendInt(r.Int64N(10_000_000_000))
		c[4].AppendFloat(r.Float64() * 1000)
		c[5].AppendInt(r.Int64N(2))
		c[6].AppendInt(1_600_000_000_000_000 + r.Int64N(100_000_000_000_000))
		if r.IntN(7) == 0 {
			c[7].AppendNull()
		} else {
			c[7].AppendInt(1_600_000_000_000_000 + r.Int64N(100_000_000_000_000))
		}
		c[8].AppendInt(18_000 + r.Int64N(1500))
		text = fmt.Appendf(text[:0], "CODE-%08d", r.IntN(1e8))
		c[9].AppendBytes(text)
		text = fmt.Appendf(text[:0], "%d Station Road, Unit %d, Springfield %05d", r.IntN(9999), r.IntN(99), r.IntN(99999))
		if r.IntN(50) == 0 {
			text = append(text, ` "rear entrance"`...)
		}
		c[10].AppendBytes(text)
		if r.IntN(5) == 0 {
			c[11].AppendNull()
			continue
		}
		text = text[:0]
		for len(text) < 32+r.IntN(96) {
			text = fmt.Appendf(text, "%x ", r.Uint32())
		}
		c[11].AppendBytes(text)
	}
}
