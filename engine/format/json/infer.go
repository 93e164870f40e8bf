package json

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unsafe"

	"dmgateway/engine/batch"
)

// shape is what a sample says of one place in the documents.
type shape struct {
	name    string
	kids    []*shape
	named   map[string]*shape
	other   bool // something that is neither an object with properties nor null was there
	objects bool
}

func (s *shape) child(text []byte) *shape {
	if c := s.named[string(text)]; c != nil {
		return c
	}
	name := string(text)
	c := &shape{name: name}
	if s.named == nil {
		s.named = map[string]*shape{}
	}
	s.named[name] = c
	s.kids = append(s.kids, c)
	return c
}

// maxFlat is how deep objects are made columns of their own; deeper ones are JSON.
const maxFlat = 16

// look adds the value that begins at i of a scanned document, and gives its end.
func (s *shape) look(sc *scanner, i, depth int) int {
	i = sc.space(i)
	if sc.buf[i] != '{' || depth > maxFlat {
		if sc.buf[i] != 'n' {
			s.other = true
		}
		return sc.value(i, nil)
	}
	if i = sc.space(i + 1); sc.buf[i] == '}' {
		s.other = s.other || depth > 0
		return i + 1
	}
	s.objects = true
	for {
		from := sc.space(i) + 1
		end, escaped := sc.text(from)
		name := sc.buf[from : end-1]
		if escaped {
			name, _ = unescape(nil, name)
		}
		i = s.child(name).look(sc, sc.space(end)+1, depth+1)
		if i = sc.space(i); sc.buf[i] == '}' {
			return i + 1
		}
		i++
	}
}

// leaves are the paths of the columns: objects are flattened where they always are objects.
func (s *shape) leaves(above []string, each func(names []string)) {
	for _, k := range s.kids {
		names := append(above[:len(above):len(above)], k.name)
		if k.objects && !k.other {
			k.leaves(names, each)
		} else {
			each(names)
		}
	}
}

// stat is what a sample says of one column's values.
type stat struct{ texts, booleans, complex, numbers, fractions, wide int }

// add notes the value of a cell of text.
func (s *stat) add(text []byte, c cell) {
	switch c.sort {
	case isText:
		s.texts++
	case isTrue, isFalse:
		s.booleans++
	case isObject, isArray:
		s.complex++
	case isNumber:
		s.numbers++
		number := text[c.start:c.end]
		if _, err := strconv.ParseInt(string(number), 10, 64); err == nil {
			if _, ok := exactDouble(number); !ok {
				s.wide++ // only together with fractions
			}
			return
		}
		s.fractions++
		if _, ok := exactDouble(number); !ok || !strings.ContainsAny(string(number), ".eE") {
			s.wide++
		}
	}
}

// typ is the narrowest type that has all the values.
func (s *stat) typ(plain bool) (t batch.Type, native string) {
	switch all := s.texts + s.booleans + s.complex + s.numbers; {
	case all == 0:
		return batch.Type{Kind: batch.String}, "null"
	case s.booleans == all:
		return batch.Type{Kind: batch.Boolean}, "boolean"
	case s.complex == all && !plain:
		return batch.Type{Kind: batch.JSON}, "object or array"
	case s.numbers == all && s.fractions == 0:
		return batch.Type{Kind: batch.Int64}, "number"
	case s.numbers == all && s.wide == 0:
		return batch.Type{Kind: batch.Double}, "number"
	case s.numbers == all:
		return batch.Type{Kind: batch.Decimal}, "number"
	}
	return batch.Type{Kind: batch.String}, "string"
}

// exactDouble reports whether a number's digits are those of the double nearest to it, so that nothing is lost by
// keeping that.
func exactDouble(number []byte) (float64, bool) {
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(number), len(number)), 64)
	if err != nil {
		return f, false
	}
	var buf, shortBuf [32]byte
	digits, exp := significant(buf[:0], number)
	if len(digits) <= 15 && exp > -290 && exp < 290 || len(digits) == 0 {
		return f, true
	}
	var text [32]byte
	short, shortExp := significant(shortBuf[:0], strconv.AppendFloat(text[:0], f, 'e', -1, 64))
	return f, exp == shortExp && string(digits) == string(short)
}

// significant appends a number's digits without zeros at either end, and gives the power of ten of the last one.
func significant(digits, number []byte) (_ []byte, exp int) {
	point := false
	for i, c := range number {
		switch {
		case c == '-':
		case c == '.':
			point = true
		case c|0x20 == 'e':
			e, err := strconv.Atoi(string(number[i+1:]))
			if err != nil {
				e = 1 << 30
			}
			return trimmed(digits, exp+e)
		default:
			if point {
				exp--
			}
			if c != '0' || len(digits) > 0 {
				digits = append(digits, c)
			}
		}
	}
	return trimmed(digits, exp)
}

func trimmed(digits []byte, exp int) ([]byte, int) {
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		exp++
	}
	return digits, exp
}

// sample walks the documents at the beginning of a file that are in src's buffer, and leaves src as it is. Of a
// document that is longer it walks the beginning, up to the last whole element of array. Where no document can be read the error is the
// first one's. It says how
// many there were, and whether each is one line.
func sample(src *source, array []step, root *node, cells int, each func(*records)) (n int, lines bool, err error) {
	for src.end < min(len(src.buf), chunk) && !src.last {
		if err := src.fill(); err != nil {
			return 0, false, err
		}
	}
	var bad error // the first document that is none
	for {
		copied := *src
		copied.frozen = true
		r := records{src: &copied, root: root, stop: -1, lines: true}
		r.scan.cells = make([]cell, cells)
		for n, lines, err = 0, true, nil; err == nil; {
			err = r.next()
			if _, ok := errors.AsType[rowError](err); ok {
				if bad == nil {
					bad = err
				}
				err = nil
				continue
			}
			if r.place != atTop {
				lines = false
			}
			if err == nil {
				n++
				lines = lines && bytes.IndexByte(r.text, '\n') < 0
				each(&r)
			}
		}
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return 0, lines, bad
		case errors.Is(err, io.EOF):
			return n, lines, nil
		case !errors.Is(err, errFrozen):
			if n > 0 {
				err = nil // reading comes to it again
			}
			return n, lines, err
		case n > 0:
			return n, lines, nil
		case len(array) > 0:
			if doc := shortened(copied.buf[copied.pos:copied.end], array); doc != nil {
				r.text, r.scan.buf, r.scan.last = doc, doc, true
				if r.scan.next(0, root) >= 0 {
					each(&r)
					return 1, false, nil
				}
			}
		}
		if err := src.more(); err != nil { // not even one document
			return 0, false, err
		}
	}
}
