package avro

import (
	"context"
	"errors"
	"strconv"
	"unicode/utf8"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// reader decodes rows straight into the columns of batches.
type reader struct {
	in      *blocks
	columns []column // of the file
	steps   []step
	target  []int // by column of the file: the column of the batch, -1 = not wanted
	more    [][]int
	schema  batch.Schema
	from    []int // by column of the batch: the column of the file

	c    cursor
	text texter
	left int64 // rows of the block
	row  int64 // rows read

	bad    string // why the row cannot be taken
	badCol int
	held   error // what Next returns before it goes on
	end    error // what Next returns from now on
}

// newReader chooses the columns of want.
func newReader(in *blocks, want batch.Schema) (*reader, error) {
	f, steps, err := flatten(in.head.schema)
	if err != nil {
		return nil, err
	}
	r := &reader{in: in, columns: f.columns, steps: steps, target: make([]int, len(f.columns)), from: make([]int, len(want))}
	names := make(batch.Schema, len(f.columns))
	exact := make(map[string]int, len(names))
	for i, c := range f.columns {
		names[i] = c.field
		if _, ok := exact[c.field.Name]; !ok {
			exact[c.field.Name] = i
		}
		r.target[i] = -1
	}
	for i, w := range want {
		at, ok := exact[w.Name]
		if !ok {
			at = names.Index(w.Name)
		}
		if at < 0 {
			return nil, fault.New(fault.NotFound, "the file has no column %q", w.Name).At(in.name).Try("Check the names in the mapping.")
		}
		if r.target[at] >= 0 { // asked for twice: decoded once and copied
			r.more = append(r.more, []int{r.target[at], i})
		} else {
			r.target[at] = i
		}
		r.from[i] = at
		field := names[at]
		field.Name = w.Name
		r.schema = append(r.schema, field)
	}
	r.text.c = &r.c
	return r, nil
}

// Schema tells the columns that Next fills.
func (r *reader) Schema() batch.Schema { return r.schema }

// Notes are the columns that nobody wants.
func (r *reader) Notes() []format.Note {
	var notes []format.Note
	for i, c := range r.columns {
		if r.target[i] < 0 {
			notes = append(notes, format.Note{Column: c.field.Name})
		}
	}
	return notes
}

// Close ends reading.
func (r *reader) Close() error { return r.in.close() }

// Next appends rows until b is full or the block ends. An error of one row comes alone: the rows before it are returned
// first, and the call after it goes on with the rows behind.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if r.end != nil {
		return r.end
	}
	if err := r.held; err != nil {
		r.held = nil
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.in.ctx = ctx
	for r.left == 0 {
		if err := r.block(); err != nil {
			if ctx.Err() == nil {
				r.end = err
			}
			return err
		}
	}
	rows, start := 0, r.c.i
	for rows < b.Limit() && r.left > 0 && r.c.i-start < batch.Bytes {
		r.left--
		r.row++
		if err := r.read(b, rows); err != nil {
			held := &r.held
			if fault.As(err).Row == 0 {
				held = &r.end
			}
			if rows > 0 {
				*held = err
				return nil
			}
			if held == &r.end {
				r.end = err
			}
			return err
		}
		rows++
	}
	if r.left == 0 && r.c.i < len(r.c.buf) {
		r.end = r.in.damaged(wrong{errors.New("a block has more data than its rows")})
		if rows == 0 {
			return r.end
		}
	}
	return nil
}

// maxEmptyRows is how many rows of no bytes a block may have.
const maxEmptyRows = 1 << 30

func (r *reader) block() error {
	rows, data, err := r.in.next()
	if err != nil {
		return err
	}
	if rows > int64(len(data)) && (len(data) > 0 || rows > maxEmptyRows) && rows > 1<<20 {
		return r.in.damaged(wrong{errors.New("a block has more rows than bytes")})
	}
	if rows == 0 && len(data) > 0 {
		return r.in.damaged(wrong{errors.New("a block has data but no rows")})
	}
	r.left = rows
	r.c = cursor{buf: data}
	return nil
}

// read appends one row, which becomes row number at of b.
func (r *reader) read(b *batch.Batch, at int) error {
	r.bad = ""
	r.run(b, r.steps)
	if r.c.why != "" {
		b.Truncate(at)
		e := fault.As(r.in.damaged(wrong{errors.New(r.c.why)}))
		e.Hint = "Check that the file is whole; row " + strconv.FormatInt(r.row, 10) + " cannot be read."
		return e
	}
	if r.bad != "" {
		b.Truncate(at)
		return fault.New(fault.Conversion, "%s", r.bad).At(r.in.name).InRow(r.row, r.columns[r.badCol].field.Name, "").
			Try("Correct the value where the file comes from, or leave the row out.")
	}
	for _, m := range r.more {
		again(&b.Cols[m[1]], &b.Cols[m[0]], at)
	}
	return nil
}

// again appends the last value of src to dst.
func again(dst, src *batch.Column, row int) {
	switch {
	case src.IsNull(row):
		dst.AppendNull()
	case dst.Type.Storage() == batch.InFloats:
		dst.AppendFloat(src.Floats[row])
	case dst.Type.Storage() == batch.InWide:
		dst.AppendWide(src.Wide[row])
	case dst.Type.Storage() == batch.InData:
		dst.AppendBytes(src.Bytes(row))
	default:
		dst.AppendInt(src.Ints[row])
	}
}

// run reads the fields of a record.
func (r *reader) run(b *batch.Batch, steps []step) {
	for i := range steps {
		s := &steps[i]
		if s.union > 0 && r.c.index(s.union, "a union has no such branch") == s.null {
			r.nulls(b, s)
			continue
		}
		if s.column < 0 {
			r.run(b, s.steps)
			continue
		}
		to := r.target[s.column]
		if to < 0 {
			r.c.skip(s.node, 0)
			continue
		}
		col := &b.Cols[to]
		switch {
		case s.node.logical != "" || s.node.kind >= kFixed:
			r.rare(col, s)
		case s.node.kind == kLong:
			col.AppendInt(r.c.long())
		case s.node.kind == kString:
			v := r.c.bytes()
			if !utf8.Valid(v) {
				r.refuse(s, notUTF8)
				continue
			}
			r.c.put(col, v)
		default:
			if why := appendValue(col, s.node, &r.c); why != "" {
				r.refuse(s, why)
			}
		}
	}
}

// rare reads logical types and what becomes JSON.
func (r *reader) rare(col *batch.Column, s *step) {
	if !r.columns[s.column].json {
		switch s.node.logical {
		case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
			v := r.c.long()
			if day := v / (86400 * col.Type.Unit.PerSecond()); day < batch.MinDay || day > batch.MaxDay {
				r.refuse(s, "the time is outside the years 1 to 9999")
				return
			}
			col.AppendInt(v)
			return
		}
		if why := appendValue(col, s.node, &r.c); why != "" {
			r.refuse(s, why)
		}
		return
	}
	r.text.out, r.text.bad = col.Data, ""
	r.text.value(s.node, 0)
	if r.text.bad != "" || r.c.why != "" {
		r.refuse(s, r.text.bad)
		return
	}
	if string(r.text.out[len(col.Data):]) == "null" { // a union's null is NULL
		col.AppendNull()
		return
	}
	col.Data = r.text.out
	col.EndBytes()
}

func (r *reader) refuse(s *step, why string) {
	if r.bad == "" {
		r.bad, r.badCol = why, s.column
	}
}

func (r *reader) nulls(b *batch.Batch, s *step) {
	if s.column >= 0 {
		if to := r.target[s.column]; to >= 0 {
			b.Cols[to].AppendNull()
		}
		return
	}
	for _, c := range s.below {
		if to := r.target[c]; to >= 0 {
			b.Cols[to].AppendNull()
		}
	}
}
