package parquet

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

const (
	// groupBytes and groupRows bound a row group, which stays in memory, compressed, until it is whole.
	groupBytes = 32 << 20
	// pageBytes is what each column gathers before it is compressed.
	pageBytes = 256 << 10
	groupRows = 1 << 20
)

// writer encodes batches into row groups.
type writer struct {
	f      *Format
	w      io.Writer
	schema batch.Schema // as given
	stored batch.Schema // as in the file
	cols   []*encoder
	shared encoder // of columns that are encoded one after the other
	order  []int   // of the columns: those first that take longest

	out      *out
	widths   []int                    // of those of fixed length, in bytes
	physical []parquet.Type           // of the columns in the file
	chunks   []file.ColumnChunkWriter // of the open row group; nil where there is none
	held     []batch.Column           // the rows of the next row group, where there are many columns
	rows     int                      // in the group
	bytes    int64                    // in the group, before encoding
	err      error
}

func newWriter(f *Format, w io.Writer, s batch.Schema) (*writer, error) {
	stored, err := f.Types(s)
	if err != nil {
		return nil, err
	}
	out := &writer{f: f, w: w, schema: s, stored: stored}
	seen := map[string]bool{}
	for i, field := range s {
		if seen[field.Name] {
			return nil, fault.New(fault.BadInput, "two columns have the name %q, which Parquet does not allow", field.Name).
				Try("Map one of them to another name.")
		}
		seen[field.Name] = true
		e := &encoder{field: stored[i]}
		if field.Type != stored[i].Type {
			if e.convert, err = batch.NewConverter(field.Type, stored[i].Type, batch.Options{}); err != nil {
				return nil, err
			}
			e.tmp.Type = stored[i].Type
		}
		out.cols = append(out.cols, e)
		out.order = append(out.order, i)
	}
	slices.SortStableFunc(out.order, func(a, b int) int {
		return int(stored[b].Type.Storage()) - int(stored[a].Type.Storage())
	})
	return out, nil
}

// begin starts the file. Only now the first rows are there, which tell the columns that repeat themselves: a dictionary
// halves those, and costs twice the time and memory on the others.
func (w *writer) begin(b *batch.Batch) error {
	fields := make(schema.FieldList, len(w.stored))
	props := []parquet.WriterProperty{
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(w.f.codec), parquet.WithCompressionLevel(w.f.level),
		parquet.WithDictionaryDefault(false), parquet.WithBatchSize(4096), parquet.WithDataPageSize(pageBytes),
		parquet.WithCreatedBy("Data Management Gateway"), parquet.WithMaxRowGroupLength(groupRows),
	}
	for i, field := range w.stored {
		n, err := node(field)
		if err != nil {
			return err
		}
		fields[i] = n
		if b != nil && repeats(&b.Cols[i]) {
			props = append(props, parquet.WithDictionaryFor(field.Name, true))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return fmt.Errorf("make the Parquet schema: %w", err)
	}
	for _, n := range fields {
		p := n.(*schema.PrimitiveNode)
		w.physical, w.widths = append(w.physical, p.PhysicalType()), append(w.widths, p.TypeLength())
	}
	w.out, err = newOut(w.w, root, parquet.NewWriterProperties(props...))
	return err
}

// Write encodes the rows. b's buffers are not kept.
func (w *writer) Write(b *batch.Batch) error {
	if w.err == nil {
		w.err = w.write(b)
	}
	return w.err
}

func (w *writer) write(b *batch.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	if w.out == nil {
		if err := w.begin(b); err != nil {
			return err
		}
	}
	if giantIn(b) {
		if err := w.endGroup(); err != nil {
			return err
		}
		return w.serial(b.Cols, false)
	}
	if len(w.cols) >= manyColumns {
		if err := w.gather(b); err != nil {
			return err
		}
		w.bytes += 4 * int64(b.Len()) * int64(len(w.cols)) // where the values begin
	} else if err := w.encodeAll(b); err != nil {
		return err
	}
	w.rows += b.Len()
	w.bytes += b.Size()
	if w.rows >= w.f.groupRows || w.bytes >= groupBytes {
		return w.endGroup()
	}
	return nil
}

// giantIn reports whether b has to be a row group of its own, for its long values.
func giantIn(b *batch.Batch) bool {
	for i := range b.Cols {
		if len(b.Cols[i].Data) >= batch.Giant {
			return true
		}
	}
	return false
}

// encodeAll encodes the rows into the open row group, which is begun where there is none.
func (w *writer) encodeAll(b *batch.Batch) error {
	if w.chunks == nil {
		w.out.begin()
		for i := range w.cols {
			cw, err := w.out.column(i, true)
			if err != nil {
				return err
			}
			w.chunks = append(w.chunks, cw)
		}
	}
	return each(len(w.cols), b.Size() >= worth, func(n int) error {
		i := w.order[n]
		c, err := w.converted(w.cols[i], &b.Cols[i])
		if err != nil {
			return err
		}
		return w.encode(w.chunks[i], w.cols[i], c)
	})
}

// converted is a column in its stored type.
func (w *writer) converted(e *encoder, c *batch.Column) (*batch.Column, error) {
	if e.convert != nil {
		e.tmp.Reset()
		if err := e.convert.Convert(&e.tmp, c, nil); err != nil {
			return nil, named(err, e.field.Name)
		}
		c = &e.tmp
	}
	if c.Nulls() > 0 && !e.field.Nullable {
		return nil, fault.New(fault.Conversion, "the column has a NULL although its source promised none").InRow(firstNull(c)+1, e.field.Name, "")
	}
	return c, nil
}

func (w *writer) encode(cw file.ColumnChunkWriter, e *encoder, c *batch.Column) error {
	if err := e.encode(cw, c); err != nil {
		if _, ok := errors.AsType[*fault.Error](err); ok {
			return named(err, e.field.Name)
		}
		return fmt.Errorf("encode column %q: %w", e.field.Name, err)
	}
	return nil
}

func firstNull(c *batch.Column) int64 {
	for i := range c.Len() {
		if c.IsNull(i) {
			return int64(i)
		}
	}
	return -1
}

func named(err error, column string) error {
	e := *fault.As(err)
	e.Column = column
	return &e
}

func (w *writer) endGroup() error {
	rows := w.rows
	w.rows, w.bytes = 0, 0
	if w.held != nil {
		return w.writeHeld()
	}
	if w.chunks == nil {
		return nil
	}
	err := each(len(w.chunks), false, func(i int) error { return w.chunks[i].Close() })
	w.chunks = nil
	if err != nil {
		return err
	}
	return w.out.end(rows)
}

// Close writes the last row group and the footer.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.out == nil {
		if w.err = w.begin(nil); w.err != nil {
			return w.err
		}
	}
	if w.err = w.endGroup(); w.err == nil {
		if names := instants(w.stored); names != "" {
			w.err = w.out.meta.AppendKeyValueMetadata(instantsKey, names)
		}
	}
	if w.err == nil {
		w.err = w.out.close()
	}
	if w.err != nil {
		return w.err
	}
	w.err = errClosed
	return nil
}

var errClosed = errors.New("parquet: the file is complete")
