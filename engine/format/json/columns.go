package json

import (
	"context"
	"errors"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// column is one column of a file.
type column struct {
	field   batch.Field
	options batch.Options
	places  []path // of the value; the last one in a document wins
	stated  bool   // the type is the structure's, not the sample's
}

// layout is what is known of a file before its rows are read.
type layout struct {
	columns []column
	lines   bool  // each document is one line
	rows    int   // documents in the sample
	bad     error // why it has none
}

// layout looks at the beginning of the file. src stays where it is.
func (f *Format) layout(src *source) (*layout, error) {
	s := &f.s
	l := &layout{}
	switch {
	case s.named():
		l.columns = s.given()
	default:
		var err error
		if l.columns, err = s.flattened(src); err != nil && !unreadable(err) {
			return nil, err
		}
	}
	err := s.types(src, l)
	if unreadable(err) {
		l.bad, err = err, nil
	}
	return l, err
}

// unreadable reports whether an error is that of a document.
func unreadable(err error) bool {
	_, ok := errors.AsType[rowError](err)
	return ok
}

// named reports whether the job says which columns there are.
func (s *settings) named() bool { return len(s.paths) > 0 || s.structure != nil }

// given are the columns that structure and paths name.
func (s *settings) given() []column {
	cols := make([]column, 0, len(s.structure)+len(s.paths))
	used := map[string]bool{}
	placed := map[string][]path{}
	for _, p := range s.paths {
		placed[p.name] = append(placed[p.name], p.path)
	}
	for i, field := range s.structure {
		c := column{field: field, options: s.options[i], stated: field.Type.Kind != batch.Invalid}
		c.field.Nullable, c.field.Native = true, ""
		c.places = append(c.places, placed[field.Name]...)
		used[field.Name] = true
		if c.places == nil {
			c.places = s.placesOf(field.Name)
		}
		cols = append(cols, c)
	}
	for _, p := range s.paths {
		if !used[p.name] {
			cols = append(cols, column{field: batch.Field{Name: p.name, Nullable: true}, places: []path{p.path}})
		}
	}
	return cols
}

// placesOf are where a column without path can be: a property of that name, or nested objects.
func (s *settings) placesOf(name string) []path {
	places := []path{names(name)}
	if s.separator != "" && strings.Contains(name, s.separator) {
		places = append(places, names(strings.Split(name, s.separator)...))
	}
	return places
}

// flattened are the columns that the first documents show: the properties of the root, then those of the elements.
func (s *settings) flattened(src *source) ([]column, error) {
	var root, element shape
	var node *node
	cells := 0
	if s.collection != nil {
		node = newNode()
		node.at(s.collection.steps).cell = 0
		node.finish()
		cells = 1
	}
	_, _, err := sample(src, s.rowsAt(), node, cells, func(r *records) {
		sc := scanner{buf: r.text, last: true, flaw: -1}
		if sc.buf[0] == '{' {
			root.look(&sc, 0, 0)
		}
		if s.collection != nil {
			e := elements{doc: r.text, all: r.scan.cells[0]}
			for e.next() {
				sc := scanner{buf: r.text, last: true, flaw: -1}
				if sc.buf[e.from] == '{' {
					element.look(&sc, e.from, 0)
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var cols []column
	at := map[string]int{}
	add := func(names []string, p path) {
		name := strings.Join(names, s.separator)
		if i, ok := at[name]; ok && cols[i].places[0].root == p.root {
			cols[i].places = append(cols[i].places, p)
			return
		} else if ok { // the element's own property has the name
			cols[i].field.Name = "$" + s.separator + name
		}
		at[name] = len(cols)
		cols = append(cols, column{field: batch.Field{Name: name, Nullable: true}, places: []path{p}})
	}
	if s.collection != nil {
		root.leaves(nil, func(list []string) {
			if p := names(list...); !begins(s.collection.steps, p.steps) {
				p.root = true
				add(list, p)
			}
		})
		root = element
	}
	root.leaves(nil, func(list []string) { add(list, names(list...)) })
	return cols, nil
}

// rowsAt is where the rows are in a document, nil where it is the row.
func (s *settings) rowsAt() []step {
	if s.collection == nil {
		return nil
	}
	return s.collection.steps
}

// begins reports whether the path to the rows goes through a value.
func begins(all, start []step) bool {
	for i, s := range start {
		if i >= len(all) || all[i] != s {
			return false
		}
	}
	return true
}

// types gives the columns without a stated type that of their first values.
func (s *settings) types(src *source, l *layout) error {
	t := newTree(s, l.columns)
	stats := make([]stat, len(l.columns))
	var err error
	l.rows, l.lines, err = sample(src, s.rowsAt(), t.root, t.rootCells, func(r *records) {
		rows := t.rows(r)
		for rows.next() {
			for i := range l.columns {
				text, c := t.value(rows, t.cells[i])
				stats[i].add(text, c)
			}
		}
	})
	for i := range l.columns {
		if c := &l.columns[i]; !c.stated {
			c.field.Type, c.field.Native = stats[i].typ(s.plain)
		}
	}
	return err
}

// Schema finds the columns: those of jsonPathDefinition or the mapping, else of the structure, else what the documents
// at the beginning of the file show. A file without documents has the columns that somebody named.
func (f *Format) Schema(ctx context.Context, in format.Input) (batch.Schema, error) {
	src, err := open(ctx, in, &f.s, 0)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	l, err := f.layout(src)
	if err != nil {
		return nil, err
	}
	if len(l.columns) == 0 && (l.rows > 0 || l.bad != nil) {
		return nil, fault.New(fault.BadData, "the file begins with no JSON object that has properties").At(in.Name).Because(l.bad).
			Try("Check filePattern, encodingName, compression, and jsonNodeReference or collectionReference.")
	}
	schema := make(batch.Schema, len(l.columns))
	for i, c := range l.columns {
		schema[i] = c.field
	}
	return schema, nil
}
