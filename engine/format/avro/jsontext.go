package avro

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"dmgateway/engine/batch"
)

// texter makes JSON of values that are no columns of their own: arrays, maps, unions of several types, and records
// inside themselves. Records and maps are objects; a union is the value that it holds; bytes are Base64; what the
// logical types mean is a text as in the other columns, a decimal a number.
type texter struct {
	c   *cursor
	out []byte
	bad string // why a value has no JSON; the row is refused
}

// maxText is how long the JSON of one value may be.
const maxText = 128 << 20

func (t *texter) value(n *node, depth int) {
	if depth > maxNesting {
		t.c.fail("a value is nested too deep")
	}
	if len(t.out) > maxText {
		t.c.fail("the JSON text of a value is too long")
	}
	if t.c.why != "" {
		return
	}
	switch n.kind {
	case kNull:
		t.out = append(t.out, "null"...)
	case kArray:
		t.out = append(t.out, '[')
		first := true
		t.c.items(false, func() {
			t.comma(&first)
			t.value(n.items, depth+1)
		})
		t.out = append(t.out, ']')
	case kMap:
		t.out = append(t.out, '{')
		first := true
		t.c.items(false, func() {
			t.comma(&first)
			t.text(t.c.bytes())
			t.out = append(t.out, ':')
			t.value(n.items, depth+1)
		})
		t.out = append(t.out, '}')
	case kRecord:
		t.out = append(t.out, '{')
		first := true
		for i := range n.fields {
			t.comma(&first)
			t.text([]byte(n.fields[i].name))
			t.out = append(t.out, ':')
			t.value(n.fields[i].node, depth+1)
		}
		t.out = append(t.out, '}')
	case kUnion:
		t.value(n.branches[t.c.index(len(n.branches), "a union has no such branch")], depth+1)
	default:
		t.scalar(n)
	}
}

func (t *texter) comma(first *bool) {
	if !*first {
		t.out = append(t.out, ',')
	}
	*first = false
}

// scalar reads the value as a column would, and writes that.
func (t *texter) scalar(n *node) {
	typ, _ := n.typ()
	one := &batch.Column{Type: typ}
	if why := appendValue(one, n, t.c); why != "" {
		t.bad = why
		return
	}
	if t.c.why != "" {
		return
	}
	switch typ.Kind {
	case batch.Boolean:
		t.out = strconv.AppendBool(t.out, one.Ints[0] != 0)
	case batch.Int32, batch.Int64, batch.Decimal:
		t.out = batch.AppendText(t.out, one, 0)
	case batch.Single, batch.Double:
		if f := one.Floats[0]; math.IsNaN(f) || math.IsInf(f, 0) {
			t.out = append(append(append(t.out, '"'), batch.AppendText(nil, one, 0)...), '"')
			return
		}
		t.out = batch.AppendText(t.out, one, 0)
	case batch.JSON:
		t.out = append(t.out, one.Bytes(0)...)
	case batch.Binary:
		t.out = append(t.out, '"')
		t.out = base64.StdEncoding.AppendEncode(t.out, one.Bytes(0))
		t.out = append(t.out, '"')
	default:
		t.text(batch.AppendText(nil, one, 0))
	}
}

func (t *texter) text(v []byte) {
	if !utf8.Valid(v) {
		t.bad = "the text is not valid UTF-8"
		return
	}
	plain := true
	for _, c := range v {
		if c < ' ' || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		t.out = append(append(append(t.out, '"'), v...), '"')
		return
	}
	quoted, err := json.Marshal(string(v))
	if err != nil {
		t.bad = err.Error()
		return
	}
	t.out = append(t.out, quoted...)
}
