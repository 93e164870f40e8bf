package text

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"

	"dmgateway/engine/batch"
)

// errGiant says that the next row is giant and the batch not empty.
var errGiant = errors.New("text: a giant row comes next")

// kept is the length from which a cell of a giant row stays where it was read.
const kept = 64 << 10

// giant appends one giant row to an empty batch. Its long texts are not copied: the columns take them over with the source's
// buffer.
func (r *reader) giant(b *batch.Batch, row []byte) (int, error) {
	scan := r.src.scan
	if len(scan.cells) != len(r.fields) {
		return r.cells(b, 0, row)
	}
	uses := make([]int, len(scan.cells))
	for _, p := range r.parts {
		uses[p.cell]++
	}
	keep := make([][]byte, len(r.parts))
	for i, p := range r.parts {
		if uses[p.cell] == 1 {
			keep[i] = r.longText(p, row)
		}
	}
	// The others come first, because one of them may be an error; those that are kept are empty for them.
	cells := slices.Clone(scan.cells)
	some := false
	for i, p := range r.parts {
		if keep[i] != nil {
			scan.cells[p.cell] = cell{quoted: true}
			some = true
		}
	}
	n, err := r.cells(b, 0, row)
	copy(scan.cells, cells)
	if cap(r.tmp) >= batch.Giant {
		r.tmp = nil
	}
	if err != nil || !some {
		return n, err
	}
	for i, text := range keep {
		if text != nil {
			b.Cols[i].Reset()
			b.Cols[i].KeepBytes(text)
		}
	}
	r.src.surrender()
	return n, nil
}

// longText is the value of a wanted cell that is long and surely a value of its column; else nil. Its escapes are undone in
// their place, where it becomes shorter.
func (r *reader) longText(p part, row []byte) []byte {
	scan := r.src.scan
	c := &scan.cells[p.cell]
	if p.limit < 0 || c.end-c.start < kept {
		return nil
	}
	if c.escaped {
		value, _ := scan.value(row, *c, row[c.start:c.start])
		c.end, c.escaped = c.start+int32(len(value)), false
	}
	text := row[c.start:c.end]
	switch {
	case len(text) > p.limit, !c.quoted && r.set.isNull(text), r.src.legacy && bytes.Contains(text, replacement), !utf8.Valid(text):
		return nil
	}
	return text
}
