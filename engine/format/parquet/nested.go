package parquet

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// stream is what was read of one leaf of a list or map, and not used yet: an entry for each value and for each place
// where one is absent.
type stream struct {
	k        *chunk
	values   batch.Column
	spare    batch.Column
	def, rep []int16
	pos      int // first entry of the next row
	ended    bool
}

// streamEntries is how many entries are read at once.
const streamEntries = 4096

// row finds the entries of the next row, pos to the end that it gives.
func (s *stream) row() (end int, err error) {
	at := s.pos + 1
	for {
		for ; at < len(s.rep); at++ {
			if s.rep[at] == 0 {
				return at, nil
			}
		}
		if s.ended {
			break
		}
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	if s.pos >= len(s.rep) {
		return 0, errTooFew
	}
	return len(s.rep), nil
}

func (s *stream) more() error {
	n := streamEntries
	got, err := s.k.decode(s.k, &s.values, n)
	if err != nil {
		return err
	}
	if got == 0 {
		s.ended = true
		return s.k.r.Err()
	}
	if len(s.values.Data) > maxData {
		return fault.New(fault.BadData, "a list of more than %d MiB cannot be read", maxData>>20)
	}
	s.def = s.levels(s.def, s.k.def[:min(got, len(s.k.def))], got, s.k.max)
	s.rep = s.levels(s.rep, s.k.rep[:min(got, len(s.k.rep))], got, 0)
	return nil
}

func (s *stream) levels(all, got []int16, n int, without int16) []int16 {
	all = append(all, got...)
	for range n - len(got) {
		all = append(all, without)
	}
	return all
}

// forget drops the entries of rows that are done.
func (s *stream) forget() {
	if s.pos == 0 {
		return
	}
	s.spare.Reset()
	s.spare.Type = s.values.Type
	for i := s.pos; i < len(s.rep); i++ {
		appendValue(&s.spare, &s.values, i)
	}
	s.values, s.spare = s.spare, s.values
	s.def = append(s.def[:0], s.def[s.pos:]...)
	s.rep = append(s.rep[:0], s.rep[s.pos:]...)
	s.pos = 0
}

func appendValue(dst, src *batch.Column, i int) {
	switch {
	case src.IsNull(i):
		dst.AppendNull()
	case src.Type.Storage() == batch.InFloats:
		dst.AppendFloat(src.Floats[i])
	case src.Type.Storage() == batch.InWide:
		dst.AppendWide(src.Wide[i])
	case src.Type.Storage() == batch.InData:
		dst.AppendBytes(src.Bytes(i))
	default:
		dst.AppendInt(src.Ints[i])
	}
}

// assembly makes JSON text of a list or map, row by row, from its leaves.
type assembly struct {
	tree    *tree
	streams []*stream
	bounds  []span // of the leaves, for each level of the tree that is being written
	tmp     []byte
}

// span is a range of a stream's entries.
type span struct{ from, to int }

// read appends n rows to c.
func (a *assembly) read(c *batch.Column, n int) error {
	err := a.rows(c, n)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Row > 0 { // an entry's number, which means nothing to people
		e := *f
		e.Row = int64(c.Len()) + 1
		return &e
	}
	return err
}

func (a *assembly) rows(c *batch.Column, n int) error {
	for range n {
		a.bounds = a.bounds[:0]
		for _, s := range a.streams {
			end, err := s.row()
			if err != nil {
				return err
			}
			a.bounds = append(a.bounds, span{s.pos, end})
		}
		mark := len(c.Data)
		data, null, err := a.write(c.Data, a.tree, 0)
		switch {
		case err != nil:
			return err
		case null:
			c.Data = c.Data[:mark]
			c.AppendNull()
		default:
			c.Data = data
			c.EndBytes()
		}
		if len(c.Data) > maxData {
			return fault.New(fault.BadData, "values of more than %d MiB in %d rows cannot be read", maxData>>20, c.Len())
		}
		for i, s := range a.streams {
			s.pos = a.bounds[i].to
		}
	}
	for _, s := range a.streams {
		s.forget()
	}
	return nil
}

var errUneven = fault.New(fault.BadData, "the levels of a list do not fit together")

// write appends the JSON of a node; base is where in bounds the spans of the whole column's leaves begin. null says that
// the node is absent, in which case nothing counts that was appended.
func (a *assembly) write(dst []byte, t *tree, base int) (_ []byte, null bool, err error) {
	first := a.bounds[base+t.from]
	if first.from >= first.to {
		return dst, false, errUneven
	}
	level := a.streams[t.from].def[first.from]
	if level < t.def {
		return dst, true, nil
	}
	switch t.shape {
	case isLeaf:
		return a.leaf(dst, t.from, first.from)
	case isObject:
		dst = append(dst, '{')
		for i, child := range t.children {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, child.name), ':')
			if dst, err = a.orNull(dst, child, base); err != nil {
				return dst, false, err
			}
		}
		return append(dst, '}'), false, nil
	}
	if t.shape == isMap {
		dst = append(dst, '{')
	} else {
		dst = append(dst, '[')
	}
	if level >= t.items {
		if dst, err = a.items(dst, t, base); err != nil {
			return dst, false, err
		}
	}
	if t.shape == isMap {
		return append(dst, '}'), false, nil
	}
	return append(dst, ']'), false, nil
}

func (a *assembly) orNull(dst []byte, t *tree, base int) ([]byte, error) {
	mark := len(dst)
	dst, null, err := a.write(dst, t, base)
	if null {
		dst = append(dst[:mark], "null"...)
	}
	return dst, err
}

// items appends the elements of a list or map.
func (a *assembly) items(dst []byte, t *tree, base int) (_ []byte, err error) {
	// The elements' spans get a place of their own in bounds.
	own := len(a.bounds)
	a.bounds = append(a.bounds, a.bounds[base:base+len(a.streams)]...)
	defer func() { a.bounds = a.bounds[:own] }()
	for n := 0; ; n++ {
		for i := t.from; i < t.to; i++ {
			whole, s := a.bounds[base+i], a.streams[i]
			from := whole.from
			if n > 0 {
				from = a.bounds[own+i].to
			}
			to := from + 1
			for to < whole.to && s.rep[to] > t.rep {
				to++
			}
			if from >= whole.to {
				if i == t.from {
					return dst, nil
				}
				return dst, errUneven
			}
			a.bounds[own+i] = span{from, to}
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		if t.shape == isList {
			dst, err = a.orNull(dst, t.children[0], own)
		} else {
			dst, err = a.pair(dst, t, own)
		}
		if err != nil {
			return dst, err
		}
	}
}

// pair appends an entry of a map. A key that is no text becomes one.
func (a *assembly) pair(dst []byte, t *tree, base int) ([]byte, error) {
	mark := len(dst)
	dst, err := a.orNull(dst, t.children[0], base)
	if err != nil {
		return dst, err
	}
	if dst[mark] != '"' {
		key := string(dst[mark:])
		dst = appendString(dst[:mark], key)
	}
	return a.orNull(append(dst, ':'), t.children[1], base)
}

// leaf appends one value.
func (a *assembly) leaf(dst []byte, i, entry int) ([]byte, bool, error) {
	c := &a.streams[i].values
	if c.IsNull(entry) {
		return dst, true, nil
	}
	switch c.Type.Kind {
	case batch.Boolean:
		return strconv.AppendBool(dst, c.Ints[entry] != 0), false, nil
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return strconv.AppendInt(dst, c.Ints[entry], 10), false, nil
	case batch.Decimal:
		return batch.AppendText(dst, c, entry), false, nil
	case batch.Single, batch.Double:
		f := c.Floats[entry]
		if math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no numbers for them
			return append(batch.AppendText(append(dst, '"'), c, entry), '"'), false, nil
		}
		return batch.AppendText(dst, c, entry), false, nil
	case batch.String:
		return appendString(dst, c.Text(entry)), false, nil
	case batch.JSON:
		if json.Valid(c.Bytes(entry)) {
			return append(dst, c.Bytes(entry)...), false, nil
		}
		return appendString(dst, c.Text(entry)), false, nil
	case batch.Binary:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), c.Bytes(entry)), '"'), false, nil
	}
	a.tmp = batch.AppendText(a.tmp[:0], c, entry)
	return append(append(append(dst, '"'), a.tmp...), '"'), false, nil
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			continue // decoders have checked that it is UTF-8
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
