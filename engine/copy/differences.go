package copy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// Rows are compared in buckets by the hash of their key: the first pass over both sides finds buckets that differ, the
// second keeps the rows of a few of them. So memory stays small whatever the number of rows.
const (
	buckets         = 1 << 16
	openBuckets     = 16
	maxDifferences  = 10
	maxKeyText      = 200
	maxRowsInBucket = 10_000 // of all open buckets, each side
)

// differences names the first rows that are not the same on both sides.
func (w *rowWork) differences(ctx context.Context) ([]string, error) {
	d := &differ{hash: w.run.newSum(w.schema).hash, keys: w.keyColumns()}
	var sides [2][buckets]checksum
	err := w.bothSides(ctx, d, func(side int, b *batch.Batch, row int, sum checksum) {
		sides[side][d.bucket(b, row)].add(sum)
	})
	if err != nil {
		return nil, err
	}
	open := map[uint64]bool{}
	for i := range sides[0] {
		if sides[0][i] != sides[1][i] && len(open) < openBuckets {
			open[uint64(i)] = true
		}
	}
	found, rows := [2]map[string][]checksum{{}, {}}, [2]int{}
	err = w.bothSides(ctx, d, func(side int, b *batch.Batch, row int, sum checksum) {
		if rows[side] < maxRowsInBucket && open[d.bucket(b, row)] {
			key := d.text(b, row)
			found[side][key] = append(found[side][key], sum)
			rows[side]++
		}
	})
	if err != nil {
		return nil, err
	}
	return compareKeys(found[0], found[1]), nil
}

// bothSides reads the source (side 0), without what the sink did not take, and the sink (side 1).
func (w *rowWork) bothSides(ctx context.Context, d *differ, each func(side int, b *batch.Batch, row int, sum checksum)) error {
	refused := maps.Clone(w.run.verified.refused)
	err := w.readAgain(ctx, func(b *batch.Batch) error {
		for row := range b.Len() {
			sum := d.hash.of(b, row)
			if refused[sum] > 0 {
				refused[sum]--
				continue
			}
			each(0, b, row, sum)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.readBack(ctx, func(b *batch.Batch) error {
		for row := range b.Len() {
			each(1, b, row, d.hash.of(b, row))
		}
		return nil
	})
}

// differ tells keys of rows.
type differ struct {
	hash rowHash
	keys []int
	buf  []byte
}

func (d *differ) bucket(b *batch.Batch, row int) uint64 {
	d.buf = d.buf[:0]
	for _, i := range d.keys {
		d.buf = d.hash.value(d.buf, &b.Cols[i], i, row)
	}
	return xxh3.Hash(d.buf) % buckets
}

// text is the key for people: id=5, name="a".
func (d *differ) text(b *batch.Batch, row int) string {
	var t strings.Builder
	for n, i := range d.keys {
		if n > 0 {
			t.WriteString(", ")
		}
		c := &b.Cols[i]
		t.WriteString(d.hash.schema[i].Name + "=")
		switch {
		case c.IsNull(row):
			t.WriteString("NULL")
		case c.Type.Storage() == batch.InData:
			v := batch.AppendText(nil, c, row)
			fmt.Fprintf(&t, "%q", v[:min(len(v), maxKeyText)])
		default:
			t.Write(batch.AppendText(nil, c, row))
		}
		if t.Len() > maxKeyText {
			return t.String()[:maxKeyText] + "…"
		}
	}
	return t.String()
}

// keyColumns are the columns that the job gives as keys; all of them where it gives none that the sink has.
func (w *rowWork) keyColumns() []int {
	var keys []int
	for _, k := range w.run.job.Verification.Keys {
		if i := w.schema.Index(k); i >= 0 {
			keys = append(keys, i)
		}
	}
	if len(keys) > 0 {
		return keys
	}
	for i := range w.schema {
		keys = append(keys, i)
	}
	return keys
}

func compareKeys(source, sink map[string][]checksum) []string {
	var out []string
	for key, rows := range source {
		switch other := sink[key]; {
		case len(other) == 0:
			out = append(out, key+" is missing in the sink")
		case len(other) != len(rows):
			out = append(out, fmt.Sprintf("%s is there %d times in the source and %d times in the sink", key, len(rows), len(other)))
		case !sameSums(rows, other):
			out = append(out, key+" differs")
		}
	}
	for key := range sink {
		if len(source[key]) == 0 {
			out = append(out, key+" is only in the sink")
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxDifferences)]
}

func sameSums(a, b []checksum) bool {
	var x, y checksum
	for i := range a {
		x.add(a[i])
		y.add(b[i])
	}
	return x == y
}

// readAgain gives the rows of the source as the sink was given them, without those that do not fit.
func (w *rowWork) readAgain(ctx context.Context, each func(*batch.Batch) error) error {
	parts := w.run.plan.Partitions
	if len(parts) == 0 {
		parts = []store.Partition{{ID: "all"}}
	}
	for _, p := range parts {
		if err := eachRow(ctx, w.source, p, w.mapping, w.schema, w.limit(), w.run.job.Skip != nil, each); err != nil {
			return err
		}
	}
	return nil
}
