package parquet

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// column is one column that readers are offered: a leaf of the file, under the names of the structures that it is in
// ("address.city"), or a list or map with all its leaves, as JSON text.
type column struct {
	field  batch.Field
	leaves []leaf
	tree   *tree // nil for a leaf alone
}

// leaf is one column of the file.
type leaf struct {
	at       int // its number
	typ      batch.Type
	decode   decoder
	def, rep int16 // largest levels
}

// shape says what a tree's values look like as JSON.
type shape uint8

const (
	isLeaf shape = iota
	isObject
	isList // of its only child
	isMap  // of its two children, key and value
)

// tree is a node below a list or map.
type tree struct {
	name  string
	shape shape
	// def is the definition level from which on a value is there; it is more than outer where the node can be absent.
	outer, def int16
	// items is the definition level from which on a list or map has an element, rep the repetition level of the second.
	items, rep int16
	children   []*tree
	from, to   int // its leaves
}

// maxDepth bounds how deep structures may lie in each other.
const maxDepth = 64

// walker finds the columns of a file's schema.
type walker struct {
	schema  *schema.Schema
	next    int // number of the next leaf
	columns []column
}

func columnsOf(s *schema.Schema) ([]column, error) {
	w := &walker{schema: s}
	root := s.Root()
	for i := range root.NumFields() {
		if err := w.top(root.Field(i), nil, 0); err != nil {
			return nil, err
		}
	}
	return w.columns, nil
}

func repeated(n schema.Node) bool { return n.RepetitionType() == parquet.Repetitions.Repeated }

func optional(n schema.Node) int16 {
	if n.RepetitionType() == parquet.Repetitions.Optional {
		return 1
	}
	return 0
}

func annotated(n schema.Node) (list, mapping bool) {
	switch n.LogicalType().(type) {
	case schema.ListLogicalType:
		return true, false
	case schema.MapLogicalType:
		return false, true
	}
	c := n.ConvertedType()
	return c == schema.ConvertedTypes.List, c == schema.ConvertedTypes.Map || c == schema.ConvertedTypes.MapKeyValue
}

// top adds the columns of a node that is in no list: structures are flattened.
func (w *walker) top(n schema.Node, path []string, def int16) error {
	path = append(path[:len(path):len(path)], n.Name())
	name := strings.Join(path, ".")
	if len(path) > maxDepth {
		return tooDeep(name)
	}
	group, isGroup := n.(*schema.GroupNode)
	list, mapping := annotated(n)
	switch {
	case !isGroup && !repeated(n):
		l, native, err := w.leaf(name)
		if err != nil {
			return err
		}
		w.columns = append(w.columns, column{
			field:  batch.Field{Name: name, Type: l.typ, Nullable: l.def > 0, Native: native},
			leaves: []leaf{l},
		})
		return nil
	case isGroup && !repeated(n) && !list && !mapping:
		for i := range group.NumFields() {
			if err := w.top(group.Field(i), path, def+optional(n)); err != nil {
				return err
			}
		}
		return nil
	}
	c := column{}
	t, err := w.nested(n, &c, def, 0, name, len(path))
	if err != nil {
		return err
	}
	if len(c.leaves) == 0 {
		return nil
	}
	c.tree = t
	what := "list"
	if t.shape == isMap {
		what = "map"
	}
	c.field = batch.Field{Name: name, Type: kind(batch.JSON), Nullable: t.def > 0, Native: what}
	w.columns = append(w.columns, c)
	return nil
}

// leaf is the file's next column.
func (w *walker) leaf(name string) (leaf, string, error) {
	c := w.schema.Column(w.next)
	t, d := typeOf(c)
	native := nativeName(c)
	if d == nil {
		return leaf{}, native, fault.New(fault.Unsupported, "the Parquet type %s is not supported", native).InRow(0, name, "").
			Try("Leave the column out when the file is written, or write it with another type.")
	}
	w.next++
	return leaf{at: w.next - 1, typ: t, decode: d, def: c.MaxDefinitionLevel(), rep: c.MaxRepetitionLevel()}, native, nil
}

// nested builds the tree of a node that is a list or map, or is in one.
func (w *walker) nested(n schema.Node, c *column, def, rep int16, name string, depth int) (*tree, error) {
	if depth > maxDepth {
		return nil, tooDeep(name)
	}
	if repeated(n) { // a list without the structure around it
		t := &tree{name: n.Name(), shape: isList, outer: def, def: def, items: def + 1, rep: rep + 1, from: len(c.leaves)}
		item, err := w.content(n, c, def+1, def+1, rep+1, name, depth+1)
		t.children, t.to = []*tree{item}, len(c.leaves)
		return t, err
	}
	return w.content(n, c, def, def+optional(n), rep, name, depth)
}

// content is nested for a node whose own repetition counts no more.
func (w *walker) content(n schema.Node, c *column, outer, def, rep int16, name string, depth int) (*tree, error) {
	t := &tree{name: n.Name(), outer: outer, def: def, from: len(c.leaves)}
	group, ok := n.(*schema.GroupNode)
	if !ok {
		l, _, err := w.leaf(name)
		c.leaves = append(c.leaves, l)
		t.to = len(c.leaves)
		return t, err
	}
	list, mapping := annotated(n)
	if (list || mapping) && group.NumFields() == 1 && repeated(group.Field(0)) {
		return t, w.elements(t, group.Field(0), list, c, rep, name, depth)
	}
	t.shape = isObject
	for i := range group.NumFields() {
		child, err := w.nested(group.Field(i), c, def, rep, name, depth+1)
		if err != nil {
			return nil, err
		}
		t.children = append(t.children, child)
	}
	t.to = len(c.leaves)
	return t, nil
}

// elements fills the tree of an annotated list or map from its repeated node. Old writers put the element itself there.
func (w *walker) elements(t *tree, r schema.Node, list bool, c *column, rep int16, name string, depth int) (err error) {
	t.items, t.rep = t.def+1, rep+1
	inner, isGroup := r.(*schema.GroupNode)
	var child *tree
	switch {
	case !list && isGroup && inner.NumFields() == 2:
		t.shape = isMap
		for i := range 2 {
			if child, err = w.nested(inner.Field(i), c, t.items, t.rep, name, depth+2); err != nil {
				return err
			}
			t.children = append(t.children, child)
		}
		t.to = len(c.leaves)
		return nil
	case list && isGroup && inner.NumFields() == 1 && !oldElement(r.Name(), t.name):
		child, err = w.nested(inner.Field(0), c, t.items, t.rep, name, depth+2)
	default:
		child, err = w.content(r, c, t.items, t.items, t.rep, name, depth+2)
	}
	t.shape, t.children, t.to = isList, []*tree{child}, len(c.leaves)
	return err
}

// oldElement tells by its name that a repeated structure of one field is itself the element of the list.
func oldElement(name, list string) bool { return name == "array" || name == list+"_tuple" }

func tooDeep(name string) error {
	return fault.New(fault.Unsupported, "the column has structures that lie more than %d deep in each other", maxDepth).InRow(0, name, "")
}

func nativeName(c *schema.Column) string {
	if l := c.LogicalType(); l != nil && !l.IsNone() {
		return fmt.Sprintf("%s (%s)", c.PhysicalType(), l)
	}
	return c.PhysicalType().String()
}
