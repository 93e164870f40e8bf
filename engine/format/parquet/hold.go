package parquet

import (
	"sync"

	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
)

// mostHeld is how many bytes of values a row group may have that is read column by column.
const mostHeld = 96 << 20

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

// hold reads a row group.
func (r *reader) hold(g *file.RowGroupReader) error {
	r.held = make([]batch.Column, len(r.columns))
	r.parallel = true
	r.step = max(1, min(batch.ColumnarRows, batchBytes/(8*len(r.columns))))
	var mu sync.Mutex // the file library opens columns one at a time
	return each(len(r.columns), true, func(i int) error {
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
		if err := k.read(c, int(g.NumRows())); err != nil {
			return r.located(err, i)
		}
		return nil
	})
}
