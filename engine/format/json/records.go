package json

import (
	"bytes"
	"errors"
	"io"

	"dmgateway/engine/fault"
)

// records finds the documents of a file: values one after the other, with or without white space between them, and the
// elements of arrays at the top.
type records struct {
	src  *source
	scan scanner
	root *node

	place place
	lines bool  // each document is one line, so that one that cannot be read costs one line
	part  bool  // src began in the middle: a document of several lines could be cut in two
	stop  int64 // documents on lines that begin at this byte or later belong to another part; < 0 = none

	large int // how long a document may be before errLarge; 0 = as long as the buffer gets

	text []byte // the document just read; the scanner's cells are in it. Valid until the next call.
}

// place is where the next document is looked for.
type place uint8

const (
	atTop       place = iota
	behindOpen        // [
	behindValue       // inside an array
	behindComma
)

// rowError is an error that ends one row only.
type rowError struct{ fault *fault.Error }

func (e rowError) Error() string { return e.fault.Error() }
func (e rowError) Unwrap() error { return e.fault }

// next reads a document; io.EOF after the last one. After a rowError it can be called again.
func (r *records) next() error {
	if err := r.find(); err != nil {
		return err
	}
	for {
		r.scan.buf, r.scan.last = r.src.buf[r.src.pos:r.src.end], r.src.last
		n := r.scan.next(0, r.root)
		if n >= 0 {
			return r.found(n)
		}
		if !r.scan.more {
			return r.broken(r.scan.at, r.scan.why)
		}
		if r.large > 0 && len(r.scan.buf) >= r.large {
			return errLarge
		}
		r.forget()
		if err := r.src.more(); err != nil {
			return err
		}
	}
}

// forget lets go of the source's buffer.
func (r *records) forget() { r.text, r.scan.buf = nil, nil }

// found takes the document of n bytes that was just scanned.
func (r *records) found(n int) error {
	r.text = r.scan.buf[:n]
	if r.part && bytes.IndexByte(r.text, '\n') >= 0 {
		return fault.New(fault.BadData, "the document in line %d behind the beginning of the part has several lines, while those at the beginning of the file have one each",
			r.src.lineAt(r.src.pos)).At(r.src.name).Try("Copy the file in one part: set parallelCopies to 1.")
	}
	if r.scan.flaw >= 0 {
		e := r.problem(r.scan.flaw, "the text is not valid UTF-8").Try("Correct encodingName, or the value.")
		r.src.pos += n
		r.behind()
		return rowError{e}
	}
	r.src.pos += n
	r.behind()
	return nil
}

func (r *records) behind() {
	if r.place != atTop {
		r.place = behindValue
	}
}

// find goes to the beginning of the next document.
func (r *records) find() error {
	for {
		stop := int64(-1)
		if r.place == atTop {
			stop = r.stop
		}
		stopped, err := r.src.space(stop)
		if errors.Is(err, io.EOF) && r.place != atTop {
			return r.broken(0, "the file ends within an array")
		}
		if err != nil {
			return err
		}
		if stopped {
			return io.EOF
		}
		c := r.src.buf[r.src.pos]
		switch {
		case r.place == atTop && c == '[' && !r.part:
			r.place = behindOpen
		case r.place == atTop, r.place == behindOpen && c != ']', r.place == behindComma:
			return nil
		case c == ']':
			r.place = atTop
		case c == ',':
			r.place = behindComma
		default:
			return r.broken(0, "a comma or ] was expected")
		}
		r.src.pos++
	}
}

// broken makes the error for a place in the buffer that is no JSON. Where documents are lines, reading goes on with the
// next one.
func (r *records) broken(at int, why string) error {
	e := r.problem(at, why)
	if !r.lines || r.place != atTop {
		return e
	}
	from := r.src.pos
	r.text = r.src.buf[from:r.src.end]
	if i := bytes.IndexByte(r.text, '\n'); i >= 0 {
		r.text = r.text[:i]
	}
	r.text = bytes.TrimRight(r.text[:min(len(r.text), 1<<20)], "\r")
	if len(r.text) < 1<<16 {
		r.text = append([]byte(nil), r.text...) // going on can move the buffer
	} else {
		r.text = append([]byte(nil), r.text[:1<<16]...)
	}
	if err := r.src.line(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if r.stop >= 0 && r.src.from+int64(r.src.pos) >= r.stop {
		r.src.last, r.src.end = true, r.src.pos
	}
	return rowError{e}
}

func (r *records) problem(at int, why string) *fault.Error {
	at += r.src.pos
	e := fault.New(fault.BadData, "%s in line %d, at byte %d", why, r.src.lineAt(at), r.src.from+int64(at)+1)
	if r.part {
		e = fault.New(fault.BadData, "%s at byte %d", why, r.src.from+int64(at)+1)
	}
	return e.At(r.src.name).Try("Check that the file is whole and really JSON.")
}
