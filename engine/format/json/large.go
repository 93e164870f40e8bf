package json

import (
	"errors"
	"io"

	"dmgateway/engine/fault"
)

// A document whose array of rows does not fit the memory is read element by element. What the columns want of the
// document around the array can stand behind it: a second reader, ahead of the first, finds that before the rows are made.

// largeFrom is the length from which a document is read so.
const largeFrom = 8 << 20

// errLarge is records.next's word for a document that is longer than records.large.
var errLarge = errors.New("json: a document is large")

// arrayAt finds the array at the end of steps in a document that begins at i, and gives the position of its bracket. It
// is -1 where sc.more says that it may come later, or sc.why what is wrong; found is false where the document has no
// array there.
func arrayAt(sc *scanner, i int, steps []step) (at int, found bool) {
	for _, s := range steps {
		if i = sc.space(i); i < 0 {
			return -1, false
		}
		opening := byte('{')
		if s.index >= 0 {
			opening = '['
		}
		if sc.buf[i] != opening {
			return i, false
		}
		for index := 0; ; index++ {
			if i = sc.space(i + 1); i < 0 {
				return -1, false
			}
			if sc.buf[i] == '}' || sc.buf[i] == ']' {
				return i, false
			}
			here := index == s.index
			if s.index < 0 {
				if sc.buf[i] != '"' {
					return sc.fail(i, "a name in double quotes was expected"), false
				}
				from := i + 1
				end, _ := sc.text(from)
				if end < 0 {
					return -1, false
				}
				name, _ := unescape(nil, sc.buf[from:end-1])
				here = string(name) == s.name
				if i = sc.space(end); i < 0 {
					return -1, false
				}
				if sc.buf[i] != ':' {
					return sc.fail(i, "a colon was expected"), false
				}
				i++
			}
			if here {
				break
			}
			if i = sc.value(i, nil); i < 0 {
				return -1, false
			}
			if i = sc.space(i); i < 0 {
				return -1, false
			}
			if c := sc.buf[i]; c != ',' {
				if c == '}' || c == ']' {
					return i, false
				}
				return sc.fail(i, "a comma or bracket was expected"), false
			}
		}
	}
	if i = sc.space(i); i < 0 {
		return -1, false
	}
	return i, sc.buf[i] == '['
}

// shortened makes a whole document of the beginning of one: up to the last whole element of the array. It is nil where
// there is none yet.
func shortened(text []byte, steps []step) []byte {
	sc := scanner{buf: text, flaw: -1}
	i, found := arrayAt(&sc, 0, steps)
	if i < 0 || !found {
		return nil
	}
	last := -1
	for i++; ; i++ {
		if i = sc.value(i, nil); i < 0 {
			break
		}
		last = i
		if i = sc.space(i); i < 0 || sc.buf[i] != ',' {
			break
		}
	}
	if last < 0 {
		return nil
	}
	doc := append([]byte(nil), text[:last]...)
	return append(append(doc, ']'), closing(steps)...)
}

// closing are the brackets that close what steps open.
func closing(steps []step) []byte {
	var b []byte
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].index >= 0 {
			b = append(b, ']')
		} else {
			b = append(b, '}')
		}
	}
	return b
}

// toArray moves to the array's bracket and gives the text before it, valid until src is filled again.
func (r *records) toArray(src *source, steps []step) (before []byte, found bool, err error) {
	for {
		sc := scanner{buf: src.buf[src.pos:src.end], last: src.last, flaw: -1}
		i, found := arrayAt(&sc, 0, steps)
		if i >= 0 {
			before = sc.buf[:i]
			src.pos += i
			return before, found, nil
		}
		if !sc.more {
			return nil, false, r.problem(sc.at, sc.why)
		}
		if err := src.more(); err != nil {
			return nil, false, err
		}
	}
}

// skip goes on until so many more brackets are closed than opened, and appends what it goes over to keep where that is
// not nil. It looks at nothing but brackets and quotes.
func (s *source) skip(depth int, keep *[]byte) error {
	quoted, escaped := false, false
	for {
		for i := s.pos; i < s.end; i++ {
			c := s.buf[i]
			switch {
			case escaped:
				escaped = false
			case quoted:
				escaped, quoted = c == '\\', c != '"'
			case c == '"':
				quoted = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					s.keep(keep, i+1)
					return nil
				}
			}
		}
		s.keep(keep, s.end)
		if keep != nil && len(*keep) > s.limit {
			return fault.New(fault.BadData, "the text around the array of rows is longer than %d MiB", s.limit>>20).At(s.name).
				Try("Check jsonNodeReference or collectionReference.")
		}
		if s.last {
			return fault.New(fault.BadData, "the file ends within a value").At(s.name).Try("Check that the file is whole.")
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

func (s *source) keep(to *[]byte, end int) {
	if to != nil {
		*to = append(*to, s.buf[s.pos:end]...)
	}
	s.pos = end
}

// large is a document whose array is read element by element.
type large struct {
	r     *reader
	steps []step
	root  []byte // the document with an empty array
	cells []cell // in root
	first bool
}

// newLarge begins to read the document at the reader's place. It is nil where the document has no array.
func (r *reader) newLarge() (*large, error) {
	l := &large{r: r, steps: r.set.collection.steps, first: true}
	src := r.docs.src
	if err := l.around(src.from + int64(src.pos)); err != nil {
		return nil, err
	}
	_, found, err := r.docs.toArray(src, l.steps)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.New(fault.BadData, "a document of more than %d MiB has no array where its rows should be", largeFrom>>20).At(src.name).
			Try("Check jsonNodeReference or collectionReference.")
	}
	src.pos++
	return l, nil
}

// around finds what the columns want of the document that begins at a byte of the text.
func (l *large) around(at int64) error {
	r := l.r
	needed := false
	for _, c := range r.tree.cells {
		needed = needed || c.root
	}
	if !needed {
		l.cells = make([]cell, r.tree.rootCells)
		return nil
	}
	if r.ahead == nil {
		src, err := open(r.docs.src.ctx, r.in, r.set, 0)
		if err != nil {
			return err
		}
		r.ahead = src
	}
	src := r.ahead
	src.ctx = r.docs.src.ctx
	for src.from+int64(src.end) < at {
		src.pos = src.end
		if src.last {
			return io.ErrUnexpectedEOF
		}
		if err := src.fill(); err != nil {
			return err
		}
	}
	src.pos = int(at - src.from)
	before, found, err := r.docs.toArray(src, l.steps)
	if err != nil {
		return err
	}
	l.root = append(append(l.root, before...), "[]"...)
	if !found {
		return nil // newLarge says it
	}
	src.pos++
	if err := src.skip(1, nil); err != nil {
		return err
	}
	if err := src.skip(len(l.steps), &l.root); err != nil {
		return err
	}
	sc := scanner{buf: l.root, last: true, cells: make([]cell, r.tree.rootCells), row: r.docs.scan.row}
	if sc.next(0, r.tree.root) < 0 || sc.flaw >= 0 {
		why := sc.why
		if why == "" {
			why = "the text is not valid UTF-8"
		}
		return fault.New(fault.BadData, "%s outside of the array of rows", why).At(src.name).Try("Check that the file is whole and really JSON.")
	}
	l.cells = sc.cells
	return nil
}

// next goes to the next element; false behind the last one.
func (l *large) next() (bool, error) {
	d := &l.r.docs
	src := d.src
	l.r.tree.forget()
	if _, err := src.space(-1); err != nil {
		return false, l.end(err)
	}
	switch c := src.buf[src.pos]; {
	case c == ']':
		src.pos++
		err := src.skip(len(l.steps), nil)
		d.behind()
		return false, err
	case l.first:
	case c == ',':
		src.pos++
	default:
		return false, d.problem(0, "a comma or ] was expected")
	}
	l.first = false
	sc := &l.r.tree.scan
	for {
		sc.buf, sc.last = src.buf[src.pos:src.end], src.last
		n := sc.next(0, l.r.tree.element)
		if n < 0 {
			if !sc.more {
				return false, d.problem(sc.at, sc.why)
			}
			l.r.tree.forget()
			if err := src.more(); err != nil {
				return false, err
			}
			continue
		}
		rows := &l.r.tree.current
		*rows = rowsOf{root: l.cells, rootDoc: l.root}
		rows.doc, rows.to = sc.buf, n
		rows.from = sc.space(0)
		l.r.rows = rows
		if sc.flaw >= 0 {
			e := d.problem(sc.flaw, "the text is not valid UTF-8").Try("Correct encodingName, or the value.")
			d.text = rows.doc[rows.from:n]
			src.pos += n
			return false, rowError{e}
		}
		src.pos += n
		return true, nil
	}
}

func (l *large) end(err error) error {
	if errors.Is(err, io.EOF) {
		return l.r.docs.problem(0, "the file ends within an array")
	}
	return err
}
