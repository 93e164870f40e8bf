package avro

import (
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// column is one column of a file: a field, or a field of a record inside others.
type column struct {
	field batch.Field
	node  *node // without the union that makes it nullable
	json  bool  // written as JSON text
}

// step is how one field of a record is read. Records inside are steps of their own.
type step struct {
	node   *node
	union  int // number of branches of the union around node, 0 = no union
	null   int // the branch that is null, -1 = none
	column int // of the file; -1 for a record
	steps  []step
	below  []int // all columns of a record
}

// separator is between the names of nested records, as for JSON.
const separator = "."

// flat makes the columns of a file.
type flat struct {
	columns []column
	inside  []*node
}

// flatten gives the columns of a schema and how to read a row. A schema that is no record is one column, "value".
func flatten(root *node) (*flat, []step, error) {
	f := &flat{}
	if root.kind != kRecord {
		s := f.step("value", root, false)
		return f, []step{s}, nil
	}
	steps := f.record("", root, false)
	if len(f.columns) == 0 && len(root.fields) > 0 {
		return nil, nil, fault.New(fault.Unsupported, "the records of the file have no values")
	}
	return f, steps, nil
}

func (f *flat) record(prefix string, n *node, nullable bool) []step {
	f.inside = append(f.inside, n)
	steps := make([]step, len(n.fields))
	for i, fd := range n.fields {
		steps[i] = f.step(prefix+fd.column, fd.node, nullable)
	}
	f.inside = f.inside[:len(f.inside)-1]
	return steps
}

func (f *flat) step(name string, n *node, nullable bool) step {
	s := step{node: n, null: -1, column: -1}
	if inner, null, ok := n.optional(); ok {
		s.node, s.union, s.null = inner, len(n.branches), null
		nullable = nullable || null >= 0
	}
	if s.node.kind == kRecord && !f.within(s.node) && len(f.inside) < maxNesting {
		first := len(f.columns)
		s.steps = f.record(name+separator, s.node, nullable)
		for i := first; i < len(f.columns); i++ {
			s.below = append(s.below, i)
		}
		return s
	}
	s.column = len(f.columns)
	t, ok := s.node.typ()
	f.columns = append(f.columns, column{
		field: batch.Field{Name: name, Type: t, Nullable: nullable || s.node.kind == kNull, Native: s.node.String()}, node: s.node, json: !ok,
	})
	return s
}

// within reports whether a record is inside itself, so that it has no end of columns.
func (f *flat) within(n *node) bool {
	for _, in := range f.inside {
		if in == n {
			return true
		}
	}
	return false
}

// optional takes the union from around a type that is alone in it or with null.
func (n *node) optional() (inner *node, null int, ok bool) {
	if n.kind != kUnion || len(n.branches) > 2 {
		return nil, -1, false
	}
	null = -1
	for i, b := range n.branches {
		if b.kind == kNull && null < 0 {
			null = i
			continue
		}
		if inner != nil {
			return nil, -1, false
		}
		inner = b
	}
	if inner == nil { // nothing but null
		return n.branches[0], null, true
	}
	return inner, null, true
}

// typ is the type of a value; false where it is made JSON text.
func (n *node) typ() (batch.Type, bool) {
	switch n.logical {
	case "decimal":
		return batch.Type{Kind: batch.Decimal, Precision: n.precision, Scale: n.scale}, true
	case "uuid":
		return batch.Type{Kind: batch.GUID}, true
	case "date":
		return batch.Type{Kind: batch.Date}, true
	case "time-millis":
		return batch.Type{Kind: batch.Time, Unit: batch.Milli}, true
	case "time-micros":
		return batch.Type{Kind: batch.Time, Unit: batch.Micro}, true
	case "timestamp-millis":
		return batch.Type{Kind: batch.TimestampTZ, Unit: batch.Milli}, true
	case "timestamp-micros":
		return batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}, true
	case "timestamp-nanos":
		return batch.Type{Kind: batch.TimestampTZ, Unit: batch.Nano}, true
	case "local-timestamp-millis":
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Milli}, true
	case "local-timestamp-micros":
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, true
	case "local-timestamp-nanos":
		return batch.Type{Kind: batch.Timestamp, Unit: batch.Nano}, true
	case logicalJSON:
		return batch.Type{Kind: batch.JSON}, true
	case "duration":
		return batch.Type{Kind: batch.String}, true
	}
	switch n.kind {
	case kNull, kString, kEnum:
		return batch.Type{Kind: batch.String}, true
	case kBoolean:
		return batch.Type{Kind: batch.Boolean}, true
	case kInt:
		return batch.Type{Kind: batch.Int32}, true
	case kLong:
		return batch.Type{Kind: batch.Int64}, true
	case kFloat:
		return batch.Type{Kind: batch.Single}, true
	case kDouble:
		return batch.Type{Kind: batch.Double}, true
	case kBytes:
		return batch.Type{Kind: batch.Binary}, true
	case kFixed:
		return batch.Type{Kind: batch.Binary, Length: n.size}, true
	}
	return batch.Type{Kind: batch.JSON}, false
}
