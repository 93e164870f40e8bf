package text

import (
	"io"
	"runtime"
	"strings"
	"sync"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// writer formats rows with one or several encoders and writes their text out in pieces.
type writer struct {
	w       io.Writer
	workers []*encoder
	most    int // goroutines at once
	err     error
}

const (
	// flushAt is how many bytes are gathered before they are written.
	flushAt = 128 << 10
	// worth is how much of a batch is worth a goroutine of its own.
	worth = 64 << 10
	// largest is the buffer that is kept for the next rows.
	largest = 4 << 20
)

// Write begins a file: byte order mark where the encoding has one, then the header where it is asked for.
func (f *Format) Write(w io.Writer, schema batch.Schema) (format.Writer, error) {
	head, err := f.Header(schema)
	if err != nil {
		return nil, err
	}
	out, err := f.newWriter(w, schema)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(head); len(head) > 0 && err != nil {
		return nil, err
	}
	return out, nil
}

// WriteBody begins a file without header, to be put behind another.
func (f *Format) WriteBody(w io.Writer, schema batch.Schema) (format.Writer, error) {
	return f.newWriter(w, schema)
}

// Header gives what stands before the first row; nothing where there is none.
func (f *Format) Header(schema batch.Schema) ([]byte, error) {
	var head []byte
	if f.s.header {
		w, err := f.newEncoder(schema)
		if err != nil {
			return nil, err
		}
		for i, field := range schema {
			if i > 0 {
				w.buf = append(w.buf, f.s.column...)
			}
			if err := w.value([]byte(field.Name)); err != nil {
				return nil, err
			}
		}
		head = append(w.buf, w.row...)
	}
	if c := f.s.charset; c != nil {
		out, err := c.enc.NewEncoder().Bytes(head)
		if err != nil {
			return nil, fault.New(fault.Conversion, "a column name has characters that %s does not have", c.name).Because(err)
		}
		return append([]byte(c.bom), out...), nil
	}
	return head, nil
}

func (f *Format) newWriter(w io.Writer, schema batch.Schema) (*writer, error) {
	first, err := f.newEncoder(schema)
	if err != nil {
		return nil, err
	}
	out := &writer{w: w, workers: []*encoder{first}, most: runtime.GOMAXPROCS(0)}
	first.out = func() error {
		if err := first.translate(); err != nil {
			return first.lacks(err)
		}
		return out.flush(first)
	}
	return out, nil
}

func (f *Format) newEncoder(schema batch.Schema) (*encoder, error) {
	s := &f.s
	out := &encoder{set: s, schema: schema, cols: make([]output, len(schema)), row: s.row}
	if len(out.row) == 0 {
		out.row = []byte("\r\n")
	}
	if len(s.column) == 0 && len(schema) > 1 {
		return nil, fault.New(fault.BadInput, "%d columns cannot be written without a columnDelimiter", len(schema))
	}
	special := out.special()
	for i := range out.marks {
		out.marks[i] = spread(special[min(i, len(special)-1)])
	}
	for i, field := range schema {
		text, err := f.appender(field, i)
		if err != nil {
			return nil, err
		}
		own := familiar(field.Type.Kind)
		out.cols[i] = output{text, own != "" && !s.quoteAll && s.dates == "" && f.options(field, i) == batch.Options{} &&
			!strings.ContainsAny(own, string(special)) && !within(s.null, own)}
	}
	return out, nil
}

// familiar are the characters that a kind's text is made of, "" for any.
func familiar(k batch.Kind) string {
	switch k {
	case batch.Boolean:
		return "TrueFals"
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return "-0123456789"
	case batch.Single, batch.Double, batch.Decimal:
		return "-+.0123456789eNaInfity"
	case batch.Date, batch.Time, batch.Duration, batch.Timestamp, batch.TimestampTZ:
		return "-+.: 0123456789BC"
	case batch.GUID:
		return "-0123456789abcdef"
	}
	return ""
}

// within reports whether text, if it is not empty, is made of the characters only.
func within(text, characters string) bool {
	return text != "" && strings.Trim(text, characters) == ""
}

// options are what the structure says about the column's text.
func (f *Format) options(field batch.Field, i int) batch.Options {
	at := f.s.structure.Index(field.Name)
	if at < 0 && len(f.s.structure) > i && f.s.structure[i].Name == "" {
		at = i
	}
	var o batch.Options
	if at >= 0 {
		o = f.s.options[at]
	}
	switch field.Type.Kind {
	case batch.Date, batch.Timestamp, batch.TimestampTZ:
		if o.Format == "" {
			o.Format = f.s.dates
		}
		return o
	}
	return batch.Options{}
}

func (f *Format) appender(field batch.Field, i int) (batch.Appender, error) {
	text, err := batch.NewAppender(field.Type, f.options(field, i))
	if err != nil {
		e := *fault.As(err)
		e.Column = field.Name
		return nil, &e
	}
	return text, nil
}

// Write formats the rows, large batches in several goroutines, and passes them on in their order.
func (w *writer) Write(b *batch.Batch) error {
	if w.err == nil {
		w.err = w.write(b)
	}
	return w.err
}

func (w *writer) write(b *batch.Batch) error {
	rows := b.Len()
	workers := w.share(rows, b.Size())
	if giant(b) {
		workers = w.workers[:1]
	}
	if len(workers) == 1 {
		return w.alone(b)
	}
	var g sync.WaitGroup
	for i, e := range workers {
		from, to := rows*i/len(workers), rows*(i+1)/len(workers)
		if i == len(workers)-1 {
			e.rows(b, from, to)
		} else {
			g.Go(func() {
				defer fault.Recover(&e.err)
				e.rows(b, from, to)
			})
		}
	}
	g.Wait()
	for _, e := range workers {
		if e.err != nil {
			return e.err
		}
		if err := w.flush(e); err != nil {
			return err
		}
	}
	return nil
}

// giant reports whether a value of b may be so long that it has to leave in pieces.
func giant(b *batch.Batch) bool {
	for i := range b.Cols {
		if len(b.Cols[i].Data) >= largest {
			return true
		}
	}
	return false
}

// share gives an encoder to each goroutine that a batch is worth. The text of small batches gathers in the first.
func (w *writer) share(rows int, size int64) []*encoder {
	n := int(min(int64(w.most), size/worth, int64(rows)/64))
	if n <= 1 {
		return w.workers[:1]
	}
	for len(w.workers) < n {
		e := *w.workers[0]
		e.buf, e.tmp, e.out = nil, nil, nil
		w.workers = append(w.workers, &e)
	}
	return w.workers[:n]
}

// alone formats b's rows here; rows of great length go out one by one.
func (w *writer) alone(b *batch.Batch) error {
	e := w.workers[0]
	from, size := 0, b.Size()
	step := max(1, b.Len())
	if size > 2*flushAt {
		step = max(1, int(int64(b.Len())*flushAt/size))
	}
	for from < b.Len() {
		to := min(b.Len(), from+step)
		if e.rows(b, from, to); e.err != nil {
			return e.err
		}
		from = to
		if len(e.buf) >= flushAt || w.workers[0].set.charset != nil {
			if err := w.flush(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writer) flush(e *encoder) error {
	out := e.buf
	e.buf = e.buf[:0]
	if len(out) == 0 {
		return nil
	}
	if cap(e.buf) > largest {
		e.buf, e.tmp = nil, nil
	}
	_, err := w.w.Write(out)
	return err
}

// Close writes what is left.
func (w *writer) Close() error {
	if w.err == nil {
		w.err = w.flush(w.workers[0])
	}
	return w.err
}
