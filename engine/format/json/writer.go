package json

import (
	"io"
	"runtime"
	"sync"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// writer formats the rows of a batch with several goroutines and writes them in their order.
type writer struct {
	w       io.Writer
	set     *settings
	schema  batch.Schema
	workers []*formatter
	alone   *formatter // of batches with long values
	begun   bool       // a row is written, or a part of it
	inside  bool       // of a row that is written in pieces
	err     error
}

const (
	// shareRows is how many rows are worth a goroutine.
	shareRows  = 256
	maxWorkers = 8
)

// Write begins a file.
func (f *Format) Write(w io.Writer, schema batch.Schema) (format.Writer, error) {
	out, err := f.newWriter(w, schema)
	if err != nil {
		return nil, err
	}
	if c := f.s.charset; c != nil && c.mark != "" {
		if _, err := io.WriteString(w, c.mark); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Header is the byte order mark, where the encoding has one.
func (f setFormat) Header(batch.Schema) ([]byte, error) {
	if c := f.s.charset; c != nil {
		return []byte(c.mark), nil
	}
	return nil, nil
}

// WriteBody begins a file without byte order mark, to be put behind another.
func (f setFormat) WriteBody(w io.Writer, schema batch.Schema) (format.Writer, error) {
	return f.newWriter(w, schema)
}

func (f *Format) newWriter(w io.Writer, schema batch.Schema) (*writer, error) {
	ascii := f.s.charset != nil && f.s.charset.family == ""
	p, err := newPlan(&f.s, schema, ascii)
	if err != nil {
		return nil, err
	}
	if f.s.array {
		p.after = append(p.after, ",\n"...)
	} else {
		p.after = append(p.after, '\n')
	}
	out := &writer{w: w, set: &f.s, schema: schema}
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		out.workers = append(out.workers, &formatter{plan: p, ascii: ascii})
	}
	out.alone = &formatter{plan: p, ascii: ascii, out: out.piece}
	return out, nil
}

// Write formats the rows.
func (w *writer) Write(b *batch.Batch) error {
	if w.err == nil && b.Len() > 0 {
		w.err = w.write(b)
	}
	return w.err
}

func (w *writer) write(b *batch.Batch) error {
	n := b.Len()
	workers := w.workers[:max(1, min(len(w.workers), n/shareRows))]
	if hasLong(b) {
		workers = []*formatter{w.alone}
	}
	errs := make([]error, len(workers))
	var wait sync.WaitGroup
	for i, f := range workers {
		from, to := n*i/len(workers), n*(i+1)/len(workers)
		run := func() {
			defer fault.Recover(&errs[i])
			errs[i] = f.rows(b, from, to, w.schema)
		}
		if i == len(workers)-1 {
			run()
		} else {
			wait.Go(run)
		}
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err // of the first bad row
		}
	}
	for _, f := range workers {
		if err := w.flush(f.buf); err != nil {
			return err
		}
	}
	return nil
}

func (w *formatter) rows(b *batch.Batch, from, to int, schema batch.Schema) error {
	w.buf = w.buf[:0]
	for row := from; row < to; row++ {
		if err := w.row(b, row, schema); err != nil {
			return err
		}
	}
	return nil
}

// flush writes whole rows, or the rest of the last one. In an array the comma behind the last one waits for the next.
func (w *writer) flush(rows []byte) error {
	if err := w.head(); err != nil {
		return err
	}
	w.inside = false
	if w.set.array {
		rows = rows[:len(rows)-len(",\n")]
	}
	return w.put(rows)
}

// piece writes what has gathered of a row that is not complete yet.
func (w *writer) piece() error {
	if err := w.head(); err != nil {
		return err
	}
	w.inside = true
	f := w.alone
	err := w.put(f.buf)
	f.buf = f.buf[:0]
	return err
}

// head writes what stands before the next row of an array.
func (w *writer) head() error {
	head := ",\n"
	if !w.begun {
		head = "[\n"
	}
	w.begun = true
	if w.inside || !w.set.array {
		return nil
	}
	return w.put([]byte(head))
}

func (w *writer) put(text []byte) error {
	if c := w.set.charset; c != nil {
		out, err := c.enc.NewEncoder().Bytes(text)
		if err != nil { // every character is escaped that the encoding could lack
			return fault.New(fault.Internal, "the text cannot be encoded").Because(err)
		}
		text = out
	}
	_, err := w.w.Write(text)
	return err
}

// Close writes the end of an array.
func (w *writer) Close() error {
	if w.err != nil || !w.set.array {
		return w.err
	}
	end := "\n]\n"
	if !w.begun {
		end = "[]\n"
	}
	w.err = w.put([]byte(end))
	if w.err == nil {
		w.err = errClosed
		return nil
	}
	return w.err
}

var errClosed = fault.New(fault.Internal, "the file is complete")
