package json

import (
	"errors"

	"dmgateway/engine/batch"
)

// errGiant says that the next row is giant and the batch not empty.
var errGiant = errors.New("json: a giant row comes next")

// kept is the length from which a value of a giant row stays where it was read.
const kept = 64 << 10

// findKeepable finds the values of the current, giant row that need not be copied: their columns take them over with the
// source's buffer.
func (r *reader) findKeepable() {
	if !r.rows.single && r.big == nil {
		return
	}
	for i := range r.targets {
		if v := r.keepable(i); v != nil {
			if r.keeps == nil {
				r.keeps = make([][]byte, len(r.targets))
			}
			r.keeps[i] = v
		}
	}
}

// keepable is the value of column i where it is long, surely one of its type, and of use to no other column. Its escapes
// are undone in their place, where it becomes shorter.
func (r *reader) keepable(i int) []byte {
	s := r.tree.cells[i]
	c := r.cell(s)
	if c == nil || c.end-c.start < kept || r.shared(i, *c) {
		return nil
	}
	t := &r.targets[i]
	text := r.rows.doc
	switch {
	case t.typ.Kind == batch.JSON && c.sort != isText:
		return text[c.start:c.end]
	case t.typ.Kind != batch.String || c.sort != isText:
		return nil
	}
	v := text[c.start:c.end]
	if c.escaped {
		undone, ok := unescape(text[c.start:c.start], v)
		if !ok {
			return nil
		}
		c.end, c.escaped = c.start+len(undone), false
		v = undone
	}
	if t.typ.Length > 0 && len(v) > t.typ.Length {
		return nil
	}
	return v
}

// cell is where a value stands in the text of the row; nil for one that stands around the row.
func (r *reader) cell(s slot) *cell {
	switch {
	case s.root && r.big != nil:
		return nil
	case s.root:
		return &r.rows.root[s.cell]
	}
	return &r.tree.scan.cells[s.cell]
}

// shared reports whether another column has a part of the text.
func (r *reader) shared(i int, text cell) bool {
	for k, s := range r.tree.cells {
		if c := r.cell(s); k != i && c != nil && c.start < text.end && c.end > text.start {
			return true
		}
	}
	return false
}

// keepValues appends the values found by findKeepable and leaves the source's buffer to them.
func (r *reader) keepValues(b *batch.Batch) {
	for i, v := range r.keeps {
		if v != nil {
			b.Cols[i].KeepBytes(v)
		}
	}
	r.keeps, r.rows = nil, nil
	r.docs.forget()
	r.tree.forget()
	r.docs.src.surrender()
}
