package json

import (
	"context"
	"errors"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// reader parses documents straight into the columns of batches.
type reader struct {
	in      format.Input
	set     *settings
	docs    records
	big     *large  // the current document where it is large
	ahead   *source // for large documents
	tree    *tree
	rows    *rowsOf // of the current document; nil before the first
	schema  batch.Schema
	targets []target // in the order of schema
	row     int64    // rows read
	waits   bool     // the current row is not appended yet
	size    int      // of the current row in the file
	keeps   [][]byte // of a giant row: by column, the values that need not be copied; nil where there are none
	held    error    // what Next returns before it goes on
	end     error    // what Next returns from now on

	record []*string // of the last bad row
	fields []string
}

var (
	_ format.Reader   = (*reader)(nil)
	_ format.Recorder = (*reader)(nil)
	_ format.Noter    = (*reader)(nil)
)

// newReader makes the reader of what is left of src, which it closes.
func newReader(in format.Input, src *source, set *settings, l *layout, want batch.Schema) (*reader, error) {
	r := &reader{in: in, set: set, schema: make(batch.Schema, len(want)), targets: make([]target, len(want))}
	cols, err := chosen(src, set, l, want)
	if err != nil {
		return nil, err
	}
	for i, w := range want {
		t, err := newTarget(&cols[i], w.Type)
		if err != nil {
			e := *fault.As(err)
			e.Column, e.Target = w.Name, src.name
			return nil, &e
		}
		r.targets[i] = t
		r.schema[i] = batch.Field{Name: w.Name, Type: t.typ, Nullable: true, Native: cols[i].field.Native}
	}
	r.tree = newTree(set, cols)
	r.docs = records{src: src, root: r.tree.root, stop: -1, lines: l.lines}
	r.docs.scan.cells = make([]cell, r.tree.rootCells)
	if !set.named() {
		r.tree.know(l.columns)
		r.docs.scan.row, r.tree.scan.row = &r.row, &r.row
	}
	if r.tree.array >= 0 {
		r.docs.large = largeFrom
	}
	return r, nil
}

// chosen are the columns of want. A column that the beginning of the file does not show can come later in it, or be in
// other files alone; but where the file shows none of the wanted columns, they are not its own.
func chosen(src *source, set *settings, l *layout, want batch.Schema) ([]column, error) {
	all := make(batch.Schema, len(l.columns))
	exact := make(map[string]int, len(all))
	for i, c := range l.columns {
		all[i] = c.field
		if _, ok := exact[c.field.Name]; !ok {
			exact[c.field.Name] = i
		}
	}
	cols := make([]column, len(want))
	missing := ""
	found := len(want) == 0
	for i, w := range want {
		at, ok := exact[w.Name]
		if !ok {
			at = all.Index(w.Name)
		}
		if at >= 0 {
			cols[i], found = l.columns[at], true
			continue
		}
		missing = w.Name
		cols[i] = column{field: batch.Field{Name: w.Name, Type: batch.Type{Kind: batch.String}}, places: set.placesOf(w.Name)}
	}
	if missing != "" && (set.named() || !found && len(l.columns) > 0) {
		return nil, fault.New(fault.NotFound, "the file has no column %q", missing).At(src.name).
			Try("Check the names in the file, jsonPathDefinition and the mapping; names differ by case.")
	}
	return cols, nil
}

// Schema tells the columns that Next fills.
func (r *reader) Schema() batch.Schema { return r.schema }

// Close ends reading.
func (r *reader) Close() error {
	err := r.docs.src.Close()
	if r.ahead != nil {
		err = errors.Join(err, r.ahead.Close())
	}
	return err
}

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
	if err := ctx.Err(); err != nil {
		return err
	}
	r.docs.src.ctx = ctx
	rows, size := 0, 0
	for rows < b.Limit() && size < batch.Bytes {
		n, err := r.read(b, rows)
		if errors.Is(err, errGiant) {
			return nil
		}
		if err == nil {
			rows++
			size += n
			continue
		}
		held := &r.end
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Row > 0 {
			held = &r.held
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

// read appends one row, which becomes row number at of b, and gives its length in the file.
func (r *reader) read(b *batch.Batch, at int) (int, error) {
	if r.waits {
		r.waits = false
	} else if err := r.step(); err != nil {
		return 0, err
	}
	if r.size >= batch.Giant && at > 0 { // it will be a batch of its own
		r.waits = true
		return 0, errGiant
	}
	return r.append(b, at)
}

// step goes to the next row.
func (r *reader) step() error {
	size, err := r.advance()
	if err != nil {
		if bad, ok := errors.AsType[rowError](err); ok {
			r.row++
			r.keep(r.docs.text)
			return bad.fault.InRow(r.row, bad.fault.Column, bad.fault.Value)
		}
		return err
	}
	r.row++
	r.size = size
	return nil
}

// append appends the current row.
func (r *reader) append(b *batch.Batch, at int) (int, error) {
	if text, c := r.current(); c != '{' {
		r.keep(text)
		return 0, fault.New(fault.BadData, "the row is not a JSON object").At(r.docs.src.name).InRow(r.row, "", string(text[:min(len(text), 100)])).
			Try("Check filePattern and jsonNodeReference or collectionReference.")
	}
	if r.size >= batch.Giant {
		r.findKeepable()
	}
	for i := range r.targets {
		if r.keeps != nil && r.keeps[i] != nil {
			continue
		}
		text, c := r.tree.value(r.rows, r.tree.cells[i])
		if err := r.targets[i].append(&b.Cols[i], text, c); err != nil {
			b.Truncate(at)
			r.keepFields()
			r.keeps = nil
			e := *fault.As(err)
			e.Row, e.Column, e.Target = r.row, r.schema[i].Name, r.docs.src.name
			return 0, &e
		}
	}
	if r.keeps != nil {
		r.keepValues(b)
	}
	return r.size, nil
}

// advance goes to the next row, through documents without rows.
func (r *reader) advance() (int, error) {
	for r.big != nil || r.rows == nil || !r.rows.next() {
		r.rows = nil
		r.tree.forget()
		if r.big != nil {
			if ok, err := r.big.next(); ok || err != nil {
				if r.rows != nil {
					return r.rows.to - r.rows.from, err
				}
				return 0, err
			}
			r.big = nil
			continue
		}
		err := r.docs.next()
		if errors.Is(err, errLarge) {
			if r.big, err = r.newLarge(); err != nil {
				return 0, err
			}
			continue
		}
		if err != nil {
			return 0, err
		}
		r.rows = r.tree.rows(&r.docs)
	}
	if r.rows.single {
		return len(r.docs.text), nil
	}
	return r.rows.to - r.rows.from, nil
}

// current is the text of the row, and its first character.
func (r *reader) current() ([]byte, byte) {
	text := r.rows.doc
	if !r.rows.single {
		text = text[r.rows.from:r.rows.to]
	}
	return text, text[0]
}

// Record shows the values of the row that Next has just refused, or its text where it is not an object.
func (r *reader) Record() []*string { return r.record }

func (r *reader) keep(text []byte) {
	whole := string(text[:min(len(text), 1<<16)])
	r.record = append(r.record[:0], &whole)
}

func (r *reader) keepFields() {
	r.record, r.fields = r.record[:0], make([]string, len(r.targets))
	for i := range r.targets {
		text, c := r.tree.value(r.rows, r.tree.cells[i])
		if c.sort == absent || c.sort == isNull {
			r.record = append(r.record, nil)
			continue
		}
		v := text[c.start:c.end]
		if c.escaped {
			v, _ = unescape(nil, v)
		}
		r.fields[i] = string(v)
		r.record = append(r.record, &r.fields[i])
	}
}
