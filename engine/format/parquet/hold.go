package parquet

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
)

// mostHeld is how many bytes of values a row group may have, by its footer, that is read column by column. Footers count a value
// of a dictionary once, however often it comes: a group that grows beyond twice as much is given up.
const (
	mostHeld = 96 << 20
	heldStep = 1024 // rows between two looks
)

var errHeld = errors.New("the row group is too large to be held in memory")

// holds reports whether a row group is read one column after the other into memory: it has so many columns that the decoders of
// all of them would take more.
func (r *reader) holds(g *file.RowGroupReader) bool {
	if len(r.columns) < manyColumns {
		return false
	}
	size := g.NumRows() * int64(len(r.columns)) * 4
	for _, c := range r.columns {
		if c.tree != nil {
			return false
		}
		meta, err := g.MetaData().ColumnChunk(c.leaves[0].at)
		if err != nil {
			return false
		}
		size += meta.TotalUncompressedSize()
	}
	return size <= mostHeld
}

// hold reads a row group, and fails with errHeld where it turns out to be too large.
func (r *reader) hold(g *file.RowGroupReader) error {
	r.held = make([]batch.Column, len(r.columns))
	r.parallel = true
	r.step = max(1, min(batch.ColumnarRows, batchBytes/(8*len(r.columns))))
	var mu sync.Mutex // the file library opens columns one at a time
	var total atomic.Int64
	err := each(len(r.columns), true, func(i int) error {
		mu.Lock()
		k, size, err := r.chunk(g, r.columns[i].leaves[0])
		mu.Unlock()
		if err != nil {
			return err
		}
		if k.r != nil {
			defer k.r.Close()
		}
		c := &r.held[i]
		c.Type = r.schema[i].Type
		if c.Type.Storage() == batch.InData {
			c.Data, c.Offsets = make([]byte, 0, min(size, mostHeld)), make([]int32, 0, g.NumRows()+1)
		}
		for left, size := int(g.NumRows()), int64(0); left > 0; left -= heldStep {
			if err := k.read(c, min(left, heldStep)); err != nil {
				return r.located(err, i)
			}
			now := held(c)
			if total.Add(now-size) > r.heldLimit {
				return errHeld
			}
			size = now
		}
		return nil
	})
	if err != nil {
		r.held = nil
	}
	return err
}

// held is how many bytes the values of a column take.
func held(c *batch.Column) int64 {
	return int64(len(c.Ints)+len(c.Floats))*8 + int64(len(c.Wide))*16 + int64(len(c.Data)+4*len(c.Offsets))
}
