package json

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// output is how one column is written.
type output struct {
	column int
	before []byte // what stands between the value before and this one: {"a":{"b":
	text   batch.Appender
	styled bool // text follows a format that the structure gives
}

// plan is how a row is written.
type plan struct {
	outs  []output
	after []byte // what closes the row
}

// branch is a property on the way to columns.
type branch struct {
	name   string
	column int // -1 = an object
	kids   []*branch
	named  map[string]*branch
}

// newPlan nests the columns by their paths.
func newPlan(s *settings, schema batch.Schema, ascii bool) (*plan, error) {
	root := &branch{column: -1}
	placed := make(map[string]path, len(s.paths))
	for _, l := range s.paths {
		placed[l.name] = l.path
	}
	for i, f := range schema {
		p, ok := placed[f.Name]
		if !ok {
			p = names(f.Name)
		}
		if err := root.add(p, i); err != nil {
			e := *fault.As(err)
			e.Column = f.Name
			return nil, &e
		}
	}
	p := &plan{}
	literal := p.object(nil, root, ascii)
	p.after = literal
	for i := range p.outs {
		o := &p.outs[i]
		f := schema[o.column]
		options := s.optionsOf(f)
		text, err := batch.NewAppender(f.Type, options)
		if err != nil {
			e := *fault.As(err)
			e.Column = f.Name
			return nil, &e
		}
		o.text, o.styled = text, options != batch.Options{}
	}
	return p, nil
}

// optionsOf are what the structure says about the text of a date or time.
func (s *settings) optionsOf(f batch.Field) batch.Options {
	switch f.Type.Kind {
	case batch.Date, batch.Timestamp, batch.TimestampTZ:
		if at := s.structure.Index(f.Name); at >= 0 && s.options[at].Format != "" {
			return s.options[at]
		}
	}
	return batch.Options{}
}

func (b *branch) add(p path, column int) error {
	if len(p.steps) == 0 {
		return fault.New(fault.BadInput, "the path $ leaves no place for other columns").Try("Give the column a path such as $.name.")
	}
	for i, s := range p.steps {
		if s.index >= 0 {
			return fault.New(fault.Unsupported, "the path %s leads into an array, which columns cannot be written into", p).
				Try("Give the column a path of names alone.")
		}
		last := i == len(p.steps)-1
		next := b.named[s.name]
		switch {
		case next == nil:
			next = &branch{name: s.name, column: -1}
			if last {
				next.column = column
			}
			b.kids = append(b.kids, next)
			if b.named == nil {
				b.named = map[string]*branch{}
			}
			b.named[s.name] = next
		case last || next.column >= 0:
			return fault.New(fault.BadInput, "two columns go to the place %s of the JSON object", p).Try("Map one of them to another name or path.")
		}
		b = next
	}
	return nil
}

// object appends the columns below b and gives the literal text behind the last one.
func (p *plan) object(literal []byte, b *branch, ascii bool) []byte {
	literal = append(literal, '{')
	for i, k := range b.kids {
		if i > 0 {
			literal = append(literal, ',')
		}
		name := bytes.ToValidUTF8([]byte(k.name), []byte("\uFFFD"))
		literal, _ = appendText(literal, name, ascii)
		literal = append(literal, ':')
		if k.column >= 0 {
			p.outs = append(p.outs, output{column: k.column, before: literal})
			literal = nil
			continue
		}
		literal = p.object(literal, k, ascii)
	}
	return append(literal, '}')
}

// formatter writes rows into its buffer.
type formatter struct {
	plan  *plan
	ascii bool
	buf   []byte
	tmp   []byte
	scan  scanner
	// out takes what buf holds; where it is not nil, giant values leave in pieces.
	out func() error
	err error // of out
}

// row appends one row.
func (w *formatter) row(b *batch.Batch, row int, schema batch.Schema) error {
	for i := range w.plan.outs {
		o := &w.plan.outs[i]
		w.buf = append(w.buf, o.before...)
		c := &b.Cols[o.column]
		if c.IsNull(row) {
			w.buf = append(w.buf, "null"...)
			continue
		}
		var why string
		if w.out != nil && isLong(c, row) {
			why = w.giant(c, row)
		} else {
			why = w.value(o, c, row)
		}
		if w.err != nil {
			return w.err
		}
		if why != "" {
			return fault.New(fault.Conversion, "%s", why).InRow(int64(row)+1, schema[o.column].Name, shown(c, row)).
				Try("Correct the value, or leave the row out.")
		}
	}
	w.buf = append(w.buf, w.plan.after...)
	return nil
}

// value appends one value, which is not NULL; why it cannot be written, otherwise.
func (w *formatter) value(o *output, c *batch.Column, row int) (why string) {
	var ok bool
	switch c.Type.Kind {
	case batch.Boolean:
		w.buf = strconv.AppendBool(w.buf, c.Ints[row] != 0)
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		w.buf = strconv.AppendInt(w.buf, c.Ints[row], 10)
	case batch.Single, batch.Double:
		if f := c.Floats[row]; math.IsNaN(f) || math.IsInf(f, 0) {
			return "JSON has no number for NaN and Infinity"
		}
		w.buf = batch.AppendText(w.buf, c, row)
	case batch.Decimal:
		start := len(w.buf)
		w.buf = batch.AppendText(w.buf, c, row)
		if d := w.buf[len(w.buf)-1]; len(w.buf) == start || d-'0' > 9 {
			return "JSON has no number for NaN and Infinity"
		}
	case batch.JSON:
		if w.buf, ok = appendJSON(w.buf, c.Bytes(row), &w.scan, w.ascii); !ok {
			return "the value is no JSON"
		}
	case batch.Binary:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, c.Bytes(row))
		w.buf = append(w.buf, '"')
	case batch.Date, batch.Timestamp, batch.TimestampTZ:
		if !o.styled {
			w.buf = append(w.buf, '"')
			w.buf = appendISO(w.buf, c, row)
			w.buf = append(w.buf, '"')
			return ""
		}
		w.tmp = o.text(w.tmp[:0], c, row)
		w.buf, _ = appendText(w.buf, w.tmp, w.ascii)
	case batch.Time, batch.Duration, batch.GUID:
		w.buf = append(w.buf, '"')
		w.buf = batch.AppendText(w.buf, c, row)
		w.buf = append(w.buf, '"')
	default:
		if w.buf, ok = appendText(w.buf, c.Bytes(row), w.ascii); !ok {
			return "the text is not valid UTF-8"
		}
	}
	return ""
}

// appendISO appends a date or time as ISO 8601 has it: T between day and time, Z or ±hh:mm behind an instant.
func appendISO(dst []byte, c *batch.Column, row int) []byte {
	start := len(dst)
	dst = batch.AppendText(dst, c, row)
	if c.Type.Kind == batch.Date {
		return dst
	}
	if i := bytes.IndexByte(dst[start:], ' '); i >= 0 {
		dst[start+i] = 'T'
	}
	if c.Type.Kind == batch.Timestamp {
		return dst
	}
	era := ""
	if bytes.HasSuffix(dst[start:], []byte(" BC")) {
		era, dst = " BC", dst[:len(dst)-3]
	}
	switch n := len(dst); {
	case bytes.HasSuffix(dst[start:], []byte("+00")):
		dst = append(dst[:n-3], 'Z')
	case dst[n-3] != ':':
		dst = append(dst, ":00"...)
	}
	return append(dst, era...)
}
