package text

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// writer formats rows into a buffer and writes it out in pieces.
type writer struct {
	w      io.Writer
	set    *settings
	schema batch.Schema
	cols   []output
	row    []byte // row delimiter
	buf    []byte
	rows   int64
	marks  [4]uint64 // first bytes of what must be quoted or escaped
	tmp    []byte
	err    error
}

// output is how one column is written.
type output struct {
	text  batch.Appender
	plain bool // its text can hold nothing that must be quoted or escaped, and is never the text for NULL
}

// flushAt is how many bytes are gathered before they are written.
const flushAt = 128 << 10

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
		w, err := f.newWriter(io.Discard, schema)
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
	s := &f.s
	out := &writer{w: w, set: s, schema: schema, cols: make([]output, len(schema)), row: s.row, buf: make([]byte, 0, flushAt+flushAt/4)}
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

// special are the bytes that make a value need quotes or escapes.
func (w *writer) special() []byte {
	s := w.set
	var b []byte
	if len(s.column) > 0 {
		b = append(b, s.column[0])
	}
	switch {
	case len(s.row) > 0:
		b = append(b, s.row[0])
	default:
		b = append(b, '\n', '\r')
	}
	if s.quote != 0 {
		b = append(b, s.quote)
	} else if s.escape != 0 {
		b = append(b, s.escape)
	}
	return b
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

// Write formats the rows.
func (w *writer) Write(b *batch.Batch) error {
	if w.err != nil {
		return w.err
	}
	start := 0 // first row in buf
	for i := range b.Len() {
		if err := w.line(b, i); err != nil {
			w.err = err
			return err
		}
		if len(w.buf) >= flushAt || w.set.charset != nil && len(w.buf) > 0 && i == b.Len()-1 {
			if err := w.flush(b, start, i+1); err != nil {
				w.err = err
				return err
			}
			start = i + 1
		}
	}
	w.rows += int64(b.Len())
	return nil
}

// line appends one row.
func (w *writer) line(b *batch.Batch, row int) error {
	buf := w.buf
	for i := range w.cols {
		if i > 0 {
			buf = append(buf, w.set.column...)
		}
		c := &b.Cols[i]
		if c.IsNull(row) {
			buf = append(buf, w.set.null...)
			continue
		}
		o := &w.cols[i]
		if o.plain {
			buf = o.text(buf, c, row)
			continue
		}
		w.buf = buf
		if err := w.cell(o, c, row); err != nil {
			e := *fault.As(err)
			return e.InRow(int64(row)+1, w.schema[i].Name, string(batch.AppendText(nil, c, row)))
		}
		buf = w.buf
	}
	w.buf = append(buf, w.row...)
	return nil
}

func (w *writer) cell(o *output, c *batch.Column, row int) error {
	switch c.Type.Kind {
	case batch.String, batch.JSON, batch.XML:
		return w.value(c.Bytes(row))
	}
	w.tmp = o.text(w.tmp[:0], c, row)
	return w.value(w.tmp)
}

// value appends a text, quoted or escaped where it must be.
func (w *writer) value(text []byte) error {
	s := w.set
	switch {
	case s.quote != 0:
		if s.quoteAll || w.protected(text) || w.wouldBeNull(text) {
			w.quoted(text)
			return nil
		}
	case s.escape != 0:
		w.escaped(text)
		return nil
	case w.ambiguous(text):
		return fault.New(fault.Conversion, "the value has a delimiter in it or is the text for NULL, and neither quoteChar nor escapeChar is given").
			Try("Give the dataset a quoteChar, or delimiters and a nullValue that do not occur in the data.")
	}
	w.buf = append(w.buf, text...)
	return nil
}

// wouldBeNull reports whether a reader with these settings would take the bare text for NULL.
func (w *writer) wouldBeNull(text []byte) bool {
	if len(text) == 0 {
		return w.set.emptyIsNull || w.set.null == ""
	}
	if string(text) == w.set.null {
		return true
	}
	for _, n := range w.set.nulls {
		if string(text) == n {
			return true
		}
	}
	return false
}

// ambiguous is protected for a format that can neither quote nor escape. An empty text is let through: there it is
// the same as NULL where the reader treats empty as NULL.
func (w *writer) ambiguous(text []byte) bool {
	if len(text) > 0 && string(text) == w.set.null {
		return true
	}
	if !w.protected(text) {
		return false
	}
	return len(w.set.column) > 0 && bytes.Contains(text, w.set.column) || w.breaksRow(text)
}

func (w *writer) breaksRow(text []byte) bool {
	if len(w.set.row) > 0 {
		return bytes.Contains(text, w.set.row)
	}
	return bytes.ContainsAny(text, "\r\n")
}

// mark is the byte order mark of UTF-8: at the beginning of a file it would not be read as text.
const mark = "\xef\xbb\xbf"

// protected reports whether text has one of the special bytes.
func (w *writer) protected(text []byte) bool {
	i := 0
	if len(text) >= len(mark) && string(text[:len(mark)]) == mark {
		return true
	}
	m0, m1, m2, m3 := w.marks[0], w.marks[1], w.marks[2], w.marks[3]
	for ; i+8 <= len(text); i += 8 {
		v := binary.LittleEndian.Uint64(text[i:])
		a, b, c, d := v^m0, v^m1, v^m2, v^m3
		if ((a-ones)&^a|(b-ones)&^b|(c-ones)&^c|(d-ones)&^d)&highs != 0 {
			return true
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c == byte(m0) || c == byte(m1) || c == byte(m2) || c == byte(m3) {
			return true
		}
	}
	return false
}

func (w *writer) quoted(text []byte) {
	q, e := w.set.quote, w.set.escape
	buf := append(w.buf, q)
	if bytes.IndexByte(text, q) < 0 && bytes.IndexByte(text, e) < 0 {
		buf = append(buf, text...)
	} else {
		for _, c := range text {
			if c == q || c == e {
				buf = append(buf, e)
			}
			buf = append(buf, c)
		}
	}
	w.buf = append(buf, q)
}

// escaped puts the escape character before delimiters, line ends and itself, and before a text that would be NULL.
func (w *writer) escaped(text []byte) {
	e := w.set.escape
	if len(text) > 0 && text[0] != e && (w.wouldBeNull(text) || bytes.HasPrefix(text, []byte(mark))) {
		w.buf = append(w.buf, e)
	}
	for _, c := range text {
		if c == byte(w.marks[0]) || c == byte(w.marks[1]) || c == byte(w.marks[2]) || c == byte(w.marks[3]) {
			w.buf = append(w.buf, e)
		}
		w.buf = append(w.buf, c)
	}
}

// flush writes the buffer out, which holds the rows from to to of b.
func (w *writer) flush(b *batch.Batch, from, to int) error {
	out := w.buf
	if c := w.set.charset; c != nil {
		var err error
		if out, err = c.enc.NewEncoder().Bytes(out); err != nil {
			return w.unencodable(b, from, to, err)
		}
	}
	w.buf = w.buf[:0]
	_, err := w.w.Write(out)
	return err
}

// unencodable finds the value that the encoding has no characters for.
func (w *writer) unencodable(b *batch.Batch, from, to int, cause error) error {
	c := w.set.charset
	e := fault.New(fault.Conversion, "the value has characters that %s does not have", c.name).Because(cause).
		Try("Use the encoding UTF-8.")
	for row := from; row < to; row++ {
		for i := range b.Cols {
			if b.Cols[i].IsNull(row) {
				continue
			}
			w.tmp = w.cols[i].text(w.tmp[:0], &b.Cols[i], row)
			if _, err := c.enc.NewEncoder().Bytes(w.tmp); err != nil {
				return e.InRow(int64(row)+1, w.schema[i].Name, string(w.tmp))
			}
		}
	}
	return e
}

// Close writes what is left.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if len(w.buf) == 0 {
		return nil
	}
	w.err = w.flush(nil, 0, 0)
	return w.err
}
