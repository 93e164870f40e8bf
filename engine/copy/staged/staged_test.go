package staged

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

var schema = batch.Schema{
	{Name: "i", Type: batch.Type{Kind: batch.Int64}, Nullable: true},
	{Name: "f", Type: batch.Type{Kind: batch.Double}, Nullable: true},
	{Name: "w", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 4}, Nullable: true},
	{Name: "z", Type: batch.Type{Kind: batch.TimestampTZ, Unit: batch.Tick}, Nullable: true},
	{Name: "s", Type: batch.Type{Kind: batch.String, Length: 9}, Nullable: true},
	{Name: "b", Type: batch.Type{Kind: batch.Binary}, Nullable: false, Native: "varbinary(max)"},
}

// rows makes n rows; every null-th value is NULL.
func rows(n, null int) *batch.Batch {
	b := batch.New(schema, n)
	for i := range n {
		if null > 0 && i%null == 0 {
			for j := range b.Cols {
				b.Cols[j].AppendNull()
			}
			continue
		}
		b.Cols[0].AppendInt(math.MinInt64 + int64(i))
		b.Cols[1].AppendFloat([]float64{math.Copysign(0, -1), math.Inf(1), 1e-320, 1.5}[i%4])
		b.Cols[2].AppendWide(batch.Int128{Lo: uint64(i) * 0x9e3779b97f4a7c15, Hi: -int64(i)})
		b.Cols[3].AppendZoned(int64(i), int16(i%1000-500))
		b.Cols[4].AppendString("é𝄞"[:i%3*2])
		b.Cols[5].AppendBytes(bytes.Repeat([]byte{0, 0xff}, i%7))
	}
	return b
}

func write(t testing.TB, compress bool, list ...*batch.Batch) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, schema, compress)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(End{Rows: w.Rows(), BytesRead: 77}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(data []byte) (list []*batch.Batch, end *End, err error) {
	r, err := NewReader(io.NopCloser(bytes.NewReader(data)))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		b := batch.New(r.Schema(), 0)
		err := r.Next(context.Background(), b)
		if errors.Is(err, io.EOF) {
			return list, r.End(), nil
		}
		if err != nil {
			return nil, nil, err
		}
		list = append(list, b)
	}
}

func TestBatchesComeBackAsTheyWere(t *testing.T) {
	for _, compress := range []bool{false, true} {
		want := []*batch.Batch{rows(1, 0), rows(1000, 0), rows(1000, 3), rows(9, 1), rows(0, 0), rows(4096, 4095)}
		data := write(t, compress, want...)
		got, end, err := read(data)
		if err != nil || len(got) != 5 || end.Rows != 6106 || end.BytesRead != 77 {
			t.Fatalf("%d batches, %+v, %v", len(got), end, err)
		}
		for i, w := range append(want[:4:4], want[5]) {
			if err := batch.Equal(got[i], w); err != nil {
				t.Errorf("batch %d: %v", i, err)
			}
			for row := range w.Len() {
				if g, w := got[i].Cols[3].Zone(row), w.Cols[3].Zone(row); !got[i].Cols[3].IsNull(row) && g != w {
					t.Fatalf("batch %d row %d has the zone %d, want %d", i, row, g, w)
				}
			}
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	whole := write(t, false, rows(50, 5))
	for cut := range len(whole) {
		if _, _, err := read(whole[:cut]); !fault.Is(err, fault.BadData) {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
	}
	start := bytes.Index(whole, []byte("varbinary")) + 20 // behind the header
	for i := start; i < len(whole)-30; i++ {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if _, _, err := read(bad); err == nil {
			t.Fatalf("the changed byte %d of %d is not noticed", i, len(whole))
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write(f, false, rows(3, 2)))
	f.Add(write(f, true, rows(30, 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = read(data)
		// Also what has the right checksum: the block alone.
		b := batch.New(schema, 0)
		if fill(b, data) == nil && b.Len() > len(data) {
			t.Errorf("%d rows out of %d bytes", b.Len(), len(data))
		}
	})
}
