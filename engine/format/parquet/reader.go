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
)

// reader decodes row groups, one after the other.
type reader struct {
	src      *input
	props    *parquet.ReaderProperties
	file     *file.Reader
	schema   batch.Schema
	decoders []decoder
	columns  []int // of the file

	group, end int // next row group, and the one to stop before
	chunks     []*chunk
	left       int64 // rows of the open row group
	step       int   // rows of it that are read at once at most
	row        int64 // rows read
	err        error
}

// Schema tells the columns that Next fills.
func (r *reader) Schema() batch.Schema { return r.schema }

// Close frees the open row group.
func (r *reader) Close() error {
	r.closeGroup()
	return nil
}

func (r *reader) closeGroup() {
	for _, c := range r.chunks {
		c.r.Close()
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
	for i, c := range r.chunks {
		if err := c.read(&b.Cols[i], n); err != nil {
			r.err = r.located(err, i)
			return r.err
		}
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
	var bytes int64
	for i, at := range r.columns {
		col, err := g.Column(at)
		if err != nil {
			return err
		}
		r.chunks = append(r.chunks, &chunk{r: col, decode: r.decoders[i], max: col.Descriptor().MaxDefinitionLevel()})
		meta, err := g.MetaData().ColumnChunk(at)
		if err != nil {
			return err
		}
		if r.schema[i].Type.Storage() == batch.InData {
			bytes += meta.TotalUncompressedSize()
		}
	}
	r.step = batch.ColumnarRows
	if per := bytes / max(r.left, 1); per > 0 {
		r.step = int(min(int64(r.step), max(1, 4*batch.Bytes/per)))
	}
	if len(r.columns) == 0 {
		r.left = 0
	}
	return nil
}

// located adds row, column and file to an error of a column.
func (r *reader) located(err error, i int) error {
	if r.src.err != nil {
		return r.src.err
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
	if r.src.err != nil {
		return r.src.err
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
