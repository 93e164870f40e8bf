package json

import (
	"slices"
	"strings"

	"dmgateway/engine/format"
)

// maxExtra is how many unknown names of one object are kept: objects whose names are data have as many as there are rows.
const maxExtra = 1000

// know makes the places of the columns of the file that nobody wants, so that all other names are unknown ones.
func (t *tree) know(cols []column) {
	for _, c := range cols {
		for _, p := range c.places {
			if p.root || t.array < 0 {
				t.root.at(p.steps)
			} else {
				t.element.at(p.steps)
			}
		}
	}
}

// note remembers the first value at a place that has no column: one that nobody wants, or a value where the sample had
// an object. It is not inlined, to keep scanning values short.
//
//go:noinline
func (s *scanner) note(n *node, what sort) {
	if s.row == nil {
		return
	}
	between := len(n.kids) > 0 && what == isObject || len(n.items) > 0 && what == isArray
	if n.first == 0 && what != isNull && !between {
		n.first = *s.row + 1
	}
}

// meet remembers a name in an object that no column has.
//
//go:noinline
func (s *scanner) meet(n *node, name []byte) {
	if s.row == nil || n.cell >= 0 {
		return
	}
	if _, ok := n.extra[string(name)]; ok || len(n.extra) >= maxExtra {
		return
	}
	if n.extra == nil {
		n.extra = map[string]int64{}
	}
	n.extra[string(name)] = *s.row + 1
}

// notes appends what was met at n and below it.
func (n *node) notes(list []format.Note, above, separator string) []format.Note {
	for name, row := range n.extra {
		list = append(list, format.Note{Column: above + name, Row: row})
	}
	for _, k := range n.kids {
		if k.cell < 0 && k.first > 0 {
			list = append(list, format.Note{Column: above + k.name, Row: k.first})
		}
		list = k.notes(list, above+k.name+separator, separator)
	}
	return list
}

// Notes are the properties that no column has, unless the job itself names the columns.
func (r *reader) Notes() []format.Note {
	if r.set.named() {
		return nil
	}
	list := r.tree.root.notes(nil, "", r.set.separator)
	if r.tree.element != r.tree.root {
		list = r.tree.element.notes(list, "", r.set.separator)
	}
	slices.SortFunc(list, func(a, b format.Note) int { return strings.Compare(a.Column, b.Column) })
	return list
}
