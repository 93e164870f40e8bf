package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// reader decodes row groups, one after the other.
type reader struct {
	src     *input
	props   *parquet.ReaderProperties
	file    *file.Reader
	schema  batch.Schema
	all     []column // of the file
	columns []column // that are read
	notes   []format.Note

	group, end int            // next row group, and the one to stop before
	chunks     []*chunk       // that are open
	first      []*chunk       // by column, nil for lists and maps
	parts      []*assembly    // of lists and maps, by column
	held       []batch.Column // all rows of the open row group, where it has many columns; else nil
	heldLimit  int64          // bytes of held
	left       int64          // rows of the open row group
	step       int            // rows of it that are read at once at most
	parallel   bool           // its columns are worth several goroutines
	row        int64          // rows read
	err        error
}

// Schema tells the columns that Next fills.
func (r *reader) Schema() batch.Schema { return r.schema }

// Notes are the columns that nobody wants.
func (r *reader) Notes() []format.Note { return r.notes }

// Close frees the open row group.
func (r *reader) Close() error {
	r.closeGroup()
	return nil
}

func (r *reader) closeGroup() {
	for _, c := range r.chunks {
		if c.r != nil {
			c.r.Close()
		}
	}
	r.chunks = r.chunks[:0]
}

// Next appends the next rows, which are always of one row group.
func (r *reader) Next(ctx context.Context, b *batch.Batch) (err error) {
	if r.err != nil {
		return r.err
	}
	r.src.ctx = ctx
	defer func() {
		if err != nil {
			b.Reset()
		}
	}()
	defer r.recovered(&err)
	if err := ctx.Err(); err != nil {
		return err
	}
	for r.left == 0 {
		if r.group >= r.end {
			return io.EOF
		}
		if err := r.openGroup(); err != nil {
			r.err = r.damaged(err)
			return r.err
		}
	}
	n := int(min(int64(min(b.Limit(), r.step)), r.left))
	err = each(len(r.columns), r.parallel, func(i int) error {
		var err error
		if r.held != nil {
			appendRows(&b.Cols[i], &r.held[i], r.held[i].Len()-int(r.left), n)
			return nil
		}
		if a := r.parts[i]; a != nil {
			err = a.read(&b.Cols[i], n)
		} else {
			err = r.first[i].read(&b.Cols[i], n)
		}
		if err != nil {
			return r.located(err, i)
		}
		return nil
	})
	if err != nil {
		r.err = r.damaged(err)
		return r.err
	}
	r.left -= int64(n)
	r.row += int64(n)
	return nil
}

func (r *reader) openGroup() error {
	r.closeGroup()
	g := r.file.RowGroup(r.group)
	r.group++
	r.left = g.NumRows()
	r.first, r.parts = r.first[:0], r.parts[:0]
	r.held = nil
	if r.holds(g) {
		if err := r.hold(g); !errors.Is(err, errHeld) {
			return err
		}
	}
	var data, all int64
	for i, c := range r.columns {
		var a *assembly
		if c.tree != nil {
			a = &assembly{tree: c.tree}
		}
		for _, l := range c.leaves {
			k, size, err := r.chunk(g, l)
			if err != nil {
				return err
			}
			r.chunks = append(r.chunks, k)
			all += size
			if r.schema[i].Type.Storage() == batch.InData {
				data += size
			}
			if a == nil {
				r.first = append(r.first, k)
				continue
			}
			a.streams = append(a.streams, &stream{k: k, values: batch.Column{Type: l.typ}})
		}
		if a != nil {
			r.first = append(r.first, nil)
		}
		r.parts = append(r.parts, a)
	}
	r.step = max(1, min(batch.ColumnarRows, batchBytes/(8*max(1, len(r.columns)))))
	if per := data / max(r.left, 1); per > 0 {
		r.step = int(min(int64(r.step), max(1, 4*batch.Bytes/per)))
	}
	r.parallel = all/max(r.left, 1)*int64(r.step) >= worth
	if len(r.columns) == 0 {
		r.left = 0
	}
	return nil
}

// chunk opens one column of the file in a row group, and tells its size in memory.
func (r *reader) chunk(g *file.RowGroupReader, l leaf) (*chunk, int64, error) {
	meta, err := g.MetaData().ColumnChunk(l.at)
	if err != nil {
		return nil, 0, err
	}
	k := &chunk{decode: l.decode, max: l.def, again: l.rep, long: r.newLong(l, meta)}
	if k.long == nil {
		if k.r, err = g.Column(l.at); err != nil {
			return nil, 0, err
		}
	}
	return k, meta.TotalUncompressedSize(), nil
}

// located adds row, column and file to an error of a column.
func (r *reader) located(err error, i int) error {
	if err := r.src.failure(); err != nil {
		return err
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		e = fault.As(r.damaged(err))
	}
	f := *e
	f.Column, f.Target = r.schema[i].Name, r.src.in.Name
	if f.Row > 0 {
		f.Row += r.row
	}
	return &f
}

// damaged makes a BadData error, unless the store itself failed.
func (r *reader) damaged(err error) error {
	if err := r.src.failure(); err != nil {
		return err
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.New(fault.BadData, "the Parquet file is damaged or cut short").At(r.src.in.Name).Because(err).
		Try("Check that the file is whole and really a Parquet file.")
}

// recovered turns a panic of the file library on damaged data into an error.
func (r *reader) recovered(err *error) {
	if p := recover(); p != nil {
		*err = r.damaged(fmt.Errorf("%v", p))
		r.err = *err
	}
}
