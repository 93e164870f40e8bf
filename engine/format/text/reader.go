package text

import (
	"bytes"
	"context"
	"errors"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// reader parses rows straight into the columns of batches.
type reader struct {
	src    *source
	set    *settings
	schema batch.Schema
	fields []field // by position in the file
	parts  []part  // in the order of schema
	row    int64   // rows read, for messages
	stop   int64   // rows that begin here or later belong to another part; < 0 = none
	held   error   // what Next returns before it goes on
	end    error   // what Next returns from now on
	tmp    []byte

	bad    []byte // the row of the last error, nil where there is none
	broken int    // where the part of it begins that is no cell
	record []*string
	// nullSizes has a bit for each length that a text for NULL has.
	nullSizes uint64
}

// field is a column of the file.
type field struct{ name string }

// part is a wanted column.
type part struct {
	cell  int
	parse batch.Parser
	// limit is how many bytes of ASCII surely are a value, so that parse need not be asked; -1 where it must be.
	limit int
}

func newReader(src *source, set *settings, cols []column, want batch.Schema) (*reader, error) {
	r := &reader{src: src, set: set, stop: -1, schema: make(batch.Schema, len(want)), parts: make([]part, len(want))}
	r.nullSizes = set.nullSizes()
	names := make(batch.Schema, len(cols))
	for i, c := range cols {
		names[i] = c.field
		r.fields = append(r.fields, field{c.field.Name})
	}
	for i, w := range want {
		at := names.Index(w.Name)
		if at < 0 {
			return nil, fault.New(fault.NotFound, "the file has no column %q", w.Name).At(src.name).
				Try("Check the names in the header, firstRowAsHeader and the mapping.")
		}
		c := &cols[at]
		typ := c.typeFor(w.Type)
		parse, err := batch.NewParser(typ, c.options)
		if err != nil {
			f := *fault.As(err)
			f.Column, f.Target = w.Name, src.name
			return nil, &f
		}
		r.schema[i] = batch.Field{Name: w.Name, Type: typ, Nullable: true}
		r.parts[i] = part{cell: at, parse: parse, limit: -1}
		if typ.Kind == batch.String {
			r.parts[i].limit = typ.Length
			if typ.Length == 0 {
				r.parts[i].limit = maxRow
			}
		}
	}
	return r, nil
}

// Schema tells the columns that Next fills.
func (r *reader) Schema() batch.Schema { return r.schema }

// Notes are the columns that nobody wants.
func (r *reader) Notes() []format.Note {
	wanted := make([]bool, len(r.fields))
	for _, p := range r.parts {
		wanted[p.cell] = true
	}
	var notes []format.Note
	for i, f := range r.fields {
		if !wanted[i] {
			notes = append(notes, format.Note{Column: f.name})
		}
	}
	return notes
}

// Close ends reading.
func (r *reader) Close() error { return r.src.Close() }

// Next appends rows until b is full. An error of one row comes alone: the rows before it are returned first, and the
// call after it goes on with the rows behind.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if r.end != nil {
		return r.end
	}
	if err := r.held; err != nil {
		r.held = nil
		return err
	}
	r.src.ctx, r.bad = ctx, nil
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, size := 0, 0
	for rows < b.Limit() && size < batch.Bytes {
		n, err := r.read(b, rows)
		if errors.Is(err, errGiant) {
			return nil
		}
		if err == nil {
			if n >= 0 {
				size += n
				rows++
			}
			continue
		}
		var held *error
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Row > 0 {
			held = &r.held
		} else {
			held = &r.end
		}
		if rows > 0 {
			*held = err
			return nil
		}
		if held == &r.end && ctx.Err() == nil {
			r.end = err
		}
		return err
	}
	return nil
}

// read appends one row, which becomes row number at of b, and gives its length in the file, -1 for an empty line.
func (r *reader) read(b *batch.Batch, at int) (int, error) {
	if r.stop >= 0 && r.src.offset() >= r.stop {
		return 0, r.atStop()
	}
	row, err := r.src.next()
	if err != nil {
		if errors.Is(err, errAfterQuote) {
			r.row++
			r.bad, r.broken = row, r.src.scan.after
			return 0, r.src.explain(err, r.row)
		}
		return 0, r.src.explain(err, r.row+1)
	}
	if len(row) >= batch.Giant {
		if at > 0 { // it will be a batch of its own
			r.src.pos -= len(row)
			return 0, errGiant
		}
		return r.giant(b, row)
	}
	return r.cells(b, at, row)
}

// cells appends the cells of a row.
func (r *reader) cells(b *batch.Batch, at int, row []byte) (int, error) {
	cells := r.src.scan.cells
	if len(cells) != len(r.fields) {
		if r.src.blank() {
			return -1, nil
		}
		r.row++
		r.bad, r.broken = row, len(row)
		return 0, r.ragged(len(cells))
	}
	r.row++
	for i := range r.parts {
		p := &r.parts[i]
		col := &b.Cols[i]
		c := cells[p.cell]
		text := row[c.start:c.end]
		switch {
		case !c.quoted && r.nullSizes>>min(len(text), 63)&1 != 0 && r.set.isNull(text):
			col.AppendNull()
			continue
		case c.escaped:
			text, r.tmp = r.src.scan.value(row, c, r.tmp)
		}
		if r.src.scan.ascii && len(text) <= p.limit {
			col.AppendBytes(text)
			continue
		}
		if r.src.legacy && bytes.Contains(text, replacement) {
			b.Truncate(at)
			r.bad, r.broken = row, len(row)
			return 0, r.undecodable(i, text)
		}
		if err := p.parse(col, text); err != nil {
			b.Truncate(at)
			r.bad, r.broken = row, len(row)
			return 0, r.misfit(err, i, text)
		}
	}
	return len(row), nil
}

var replacement = []byte("\uFFFD")

// atStop ends a part: the next one must begin just here.
func (r *reader) atStop() error {
	if r.src.offset() == r.stop {
		return io.EOF
	}
	return fault.New(fault.BadData, "the file was divided inside a quoted value, at byte %d", r.stop).At(r.src.name).
		Try("Copy it in one part: set parallelCopies to 1.")
}

func (r *reader) ragged(n int) error {
	return fault.New(fault.BadData, "the row has %d columns, not %d", n, len(r.fields)).At(r.src.name).InRow(r.row, "", "").
		Try("Check columnDelimiter, quoteChar and escapeChar, or correct the row.")
}

func (r *reader) undecodable(i int, text []byte) error {
	return fault.New(fault.BadData, "the value has bytes that are no characters of the file's encoding").At(r.src.name).
		InRow(r.row, r.schema[i].Name, string(text)).Try("Correct encodingName.")
}

func (r *reader) misfit(err error, i int, text []byte) error {
	f := *fault.As(err)
	f.Row, f.Column, f.Target = r.row, r.schema[i].Name, r.src.name
	return &f
}
