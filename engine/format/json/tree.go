package json

// tree finds the values of columns in documents, and in the elements of an array inside them.
type tree struct {
	root, element *node
	cells         []slot // of the columns
	rootCells     int
	array         int // the cell of the array that makes the rows; -1 = the document is the row
	scan          scanner
	current       rowsOf
}

// slot is the cell of a column.
type slot struct {
	root bool // in the document; else in the element
	cell int
}

// newTree makes the places of the columns. Where there is no array that makes rows, all of them are in the root.
func newTree(s *settings, cols []column) *tree {
	t := &tree{root: newNode(), array: -1}
	t.element = t.root
	if s.collection != nil {
		t.element = newNode()
		t.array = t.claim(s.collection.steps)
	}
	elementCells := 0
	for _, c := range cols {
		var sl slot
		for i, p := range c.places {
			root := p.root || t.array < 0
			n := t.element
			if root {
				n = t.root
			}
			if n = n.at(p.steps); i == 0 {
				if n.cell < 0 {
					if root {
						n.cell = t.rootCells
						t.rootCells++
					} else {
						n.cell = elementCells
						elementCells++
					}
				}
				sl = slot{root, n.cell}
			} else if n.cell < 0 {
				n.cell = sl.cell
			}
		}
		t.cells = append(t.cells, sl)
	}
	t.root.finish()
	if t.array >= 0 {
		t.element.finish()
	}
	t.scan.cells = make([]cell, elementCells)
	return t
}

func (t *tree) claim(steps []step) int {
	n := t.root.at(steps)
	if n.cell < 0 {
		n.cell = t.rootCells
		t.rootCells++
	}
	return n.cell
}

// elements goes through an array that was scanned before.
type elements struct {
	doc      []byte
	all      cell
	from, to int // the current one
	scan     *scanner
	node     *node
	begun    bool
}

// next finds the next element and its cells. Anything but an array is one element, null none.
func (e *elements) next() bool {
	switch e.all.sort {
	case absent, isNull:
		return false
	case isArray:
	default:
		if e.begun {
			return false
		}
		e.begun = true
		e.from = e.all.start
		if e.all.sort == isText {
			e.from--
		}
		return e.take(e.from)
	}
	sc := scanner{buf: e.doc, last: true}
	i := e.all.start + 1
	if e.begun {
		i = sc.space(e.to)
		if e.doc[i] == ']' {
			return false
		}
		i++
	}
	e.begun = true
	if i = sc.space(i); e.doc[i] == ']' {
		return false
	}
	return e.take(i)
}

func (e *elements) take(i int) bool {
	e.from = i
	if e.scan == nil {
		sc := scanner{buf: e.doc, last: true, flaw: -1}
		e.to = sc.next(i, nil)
		return true
	}
	e.scan.buf, e.scan.last = e.doc, true
	e.to = e.scan.next(i, e.node)
	return true
}

// rowsOf are the rows of one document.
type rowsOf struct {
	elements
	single, done bool
	root         []cell
	rootDoc      []byte // root's cells are in it
}

// rows gives the rows of the document that r has just read.
func (t *tree) rows(r *records) *rowsOf {
	rows := &t.current
	*rows = rowsOf{root: r.scan.cells, single: t.array < 0}
	rows.doc, rows.rootDoc = r.text, r.text
	if !rows.single {
		rows.all, rows.scan, rows.node = r.scan.cells[t.array], &t.scan, t.element
	}
	return rows
}

// forget lets go of the current row's text.
func (t *tree) forget() {
	t.scan.buf = nil
	t.current.doc, t.current.rootDoc = nil, nil
}

func (r *rowsOf) next() bool {
	if r.single {
		first := !r.done
		r.done = true
		return first
	}
	return r.elements.next()
}

// value is what a column has in the current row.
func (t *tree) value(r *rowsOf, s slot) ([]byte, cell) {
	if s.root {
		return r.rootDoc, r.root[s.cell]
	}
	return r.doc, t.scan.cells[s.cell]
}
