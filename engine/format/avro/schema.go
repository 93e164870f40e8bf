package avro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// kind is what a schema is, as Avro's specification names it.
type kind uint8

const (
	kNull kind = iota
	kBoolean
	kInt
	kLong
	kFloat
	kDouble
	kBytes
	kString
	kFixed
	kEnum
	kRecord
	kArray
	kMap
	kUnion
)

var kindNames = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum", "record", "array", "map", "union"}

// node is one schema. Named ones can occur in several places, even inside themselves.
type node struct {
	kind     kind
	name     string // of a record, enum or fixed, with namespace
	size     int    // of a fixed
	symbols  []string
	fields   []field
	items    *node   // of an array or map
	branches []*node // of a union

	logical          string // "" where absent or not known
	precision, scale int    // of a decimal
}

type field struct {
	name   string
	column string // the column's name, which Avro may not allow for a field
	node   *node
}

const (
	// maxNesting is how deep a schema may be nested.
	maxNesting = 128
	// nameProperty keeps the name of a column in the field's attributes; readers that do not know it pass over it.
	nameProperty = "dmgColumn"
	// logicalJSON is the logical type of JSON text. It is no type of the specification; readers that do not know it
	// see a string.
	logicalJSON = "json"
)

// parser reads a schema's JSON.
type parser struct {
	named map[string]*node
	depth int
}

func parseSchema(text []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	p := parser{named: map[string]*node{}}
	return p.node(v, "")
}

func (p *parser) node(v any, space string) (*node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errors.New("the schema is nested too deep")
	}
	defer func() { p.depth-- }()
	switch v := v.(type) {
	case string:
		return p.reference(v, space)
	case []any:
		return p.union(v, space)
	case map[string]any:
		return p.object(v, space)
	}
	return nil, fmt.Errorf("%v is no schema", v)
}

func (p *parser) reference(name, space string) (*node, error) {
	for k := kNull; k <= kString; k++ {
		if kindNames[k] == name {
			return &node{kind: k}, nil
		}
	}
	if n := p.named[fullName(name, space)]; n != nil {
		return n, nil
	}
	if n := p.named[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("the type %q is not known", name)
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func (p *parser) union(list []any, space string) (*node, error) {
	n := &node{kind: kUnion}
	for _, v := range list {
		b, err := p.node(v, space)
		if err != nil {
			return nil, err
		}
		if b.kind == kUnion {
			return nil, errors.New("a union stands directly in a union")
		}
		n.branches = append(n.branches, b)
	}
	if len(n.branches) == 0 {
		return nil, errors.New("a union has no types")
	}
	return n, nil
}

func (p *parser) object(o map[string]any, space string) (*node, error) {
	typ, ok := o["type"].(string)
	if !ok {
		if o["type"] == nil {
			return nil, errors.New("a schema has no type")
		}
		return p.node(o["type"], space)
	}
	switch typ {
	case "record", "error":
		return p.record(o, space)
	case "enum", "fixed":
		return p.enumOrFixed(o, typ, space)
	case "array", "map":
		items := "items"
		n := &node{kind: kArray}
		if typ == "map" {
			items, n.kind = "values", kMap
		}
		var err error
		n.items, err = p.node(o[items], space)
		return n, err
	}
	n, err := p.reference(typ, space)
	if err == nil && n.name == "" {
		n.setLogical(o)
	}
	return n, err
}

// declare enters a named type before its parts are read, which can refer to it.
func (p *parser) declare(n *node, o map[string]any, space string) (string, error) {
	name, _ := o["name"].(string)
	if name == "" {
		return "", fmt.Errorf("a %s has no name", kindNames[n.kind])
	}
	if s, ok := o["namespace"].(string); ok && !strings.Contains(name, ".") {
		space = s
	}
	n.name = fullName(name, space)
	if p.named[n.name] != nil {
		return "", fmt.Errorf("the type %q is there twice", n.name)
	}
	p.named[n.name] = n
	if i := strings.LastIndexByte(n.name, '.'); i >= 0 {
		return n.name[:i], nil
	}
	return "", nil
}

func (p *parser) record(o map[string]any, space string) (*node, error) {
	n := &node{kind: kRecord}
	space, err := p.declare(n, o, space)
	if err != nil {
		return nil, err
	}
	list, ok := o["fields"].([]any)
	if !ok {
		return nil, fmt.Errorf("the record %q has no fields", n.name)
	}
	for _, v := range list {
		fo, _ := v.(map[string]any)
		f := field{}
		f.name, _ = fo["name"].(string)
		if f.name == "" {
			return nil, fmt.Errorf("a field of the record %q has no name", n.name)
		}
		var ok bool
		if f.column, ok = fo[nameProperty].(string); !ok {
			f.column = f.name
		}
		if f.node, err = p.node(fo["type"], space); err != nil {
			return nil, fmt.Errorf("field %q: %w", f.name, err)
		}
		if logical, ok := fo["logicalType"]; ok && f.node.logical == "" && f.node.name == "" && f.node.kind < kFixed { // beside the type instead of in it, as some write it
			f.node.setLogical(map[string]any{"logicalType": logical, "precision": fo["precision"], "scale": fo["scale"]})
		}
		n.fields = append(n.fields, f)
	}
	return n, nil
}

func (p *parser) enumOrFixed(o map[string]any, typ, space string) (*node, error) {
	n := &node{kind: kFixed}
	if typ == "enum" {
		n.kind = kEnum
	}
	if _, err := p.declare(n, o, space); err != nil {
		return nil, err
	}
	if typ == "fixed" {
		size, ok := whole(o["size"])
		if !ok || size < 0 || size > 1<<24 {
			return nil, fmt.Errorf("the size of %q is not between 0 and 16 MiB", n.name)
		}
		n.size = size
		n.setLogical(o)
		return n, nil
	}
	list, _ := o["symbols"].([]any)
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("a symbol of %q is no text", n.name)
		}
		n.symbols = append(n.symbols, s)
	}
	return n, nil
}

func whole(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}

// setLogical takes the logical type where it is valid for the type below it. As the specification asks, any other is
// passed over.
func (n *node) setLogical(o map[string]any) {
	name, _ := o["logicalType"].(string)
	valid := false
	switch name {
	case "decimal":
		var ok bool
		n.precision, ok = whole(o["precision"])
		n.scale, _ = whole(o["scale"])
		valid = ok && (n.kind == kBytes || n.kind == kFixed) && n.precision > 0 && n.precision <= 1<<20 && n.scale >= 0 && n.scale <= n.precision
	case logicalJSON:
		valid = n.kind == kString
	case "uuid":
		valid = n.kind == kString || n.kind == kFixed && n.size == 16
	case "date", "time-millis":
		valid = n.kind == kInt
	case "time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		valid = n.kind == kLong
	case "duration":
		valid = n.kind == kFixed && n.size == 12
	}
	if valid {
		n.logical = name
	}
}

// String is the type as people write it.
func (n *node) String() string {
	switch {
	case n.logical == "decimal":
		return fmt.Sprintf("%s (decimal(%d,%d))", kindNames[n.kind], n.precision, n.scale)
	case n.logical != "":
		return fmt.Sprintf("%s (%s)", kindNames[n.kind], n.logical)
	case n.kind == kUnion:
		var names []string
		for _, b := range n.branches {
			names = append(names, kindNames[b.kind])
		}
		return "union of " + strings.Join(names, ", ")
	case n.kind == kArray || n.kind == kMap:
		return kindNames[n.kind] + " of " + kindNames[n.items.kind]
	}
	return kindNames[n.kind]
}
