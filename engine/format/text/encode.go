package text

import (
	"bytes"
	"encoding/binary"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// encoder formats rows into a buffer. Each goroutine of a writer has one of its own.
type encoder struct {
	set    *settings
	schema batch.Schema
	cols   []output
	row    []byte // row delimiter
	buf    []byte
	marks  [4]uint64 // first bytes of what must be quoted or escaped
	tmp    []byte
	err    error
	// out takes what buf holds; where it is not nil, giant values leave in pieces.
	out func() error
}

// output is how one column is written.
type output struct {
	text  batch.Appender
	plain bool // its text can hold nothing that must be quoted or escaped, and is never the text for NULL
}

// rows formats rows from to to of b behind what buf holds, and puts them into the file's encoding.
func (w *encoder) rows(b *batch.Batch, from, to int) {
	for i := from; i < to; i++ {
		if w.err = w.line(b, i); w.err != nil {
			return
		}
	}
	if err := w.translate(); err != nil {
		w.err = w.unencodable(b, from, to, err)
	}
}

// translate puts what buf holds into the file's encoding.
func (w *encoder) translate() error {
	c := w.set.charset
	if c == nil || len(w.buf) == 0 {
		return nil
	}
	out, err := c.enc.NewEncoder().Bytes(w.buf)
	if err == nil {
		w.buf = append(w.buf[:0], out...)
	}
	return err
}

// special are the bytes that make a value need quotes or escapes.
func (w *encoder) special() []byte {
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

// line appends one row.
func (w *encoder) line(b *batch.Batch, row int) error {
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
			if !fault.Is(err, fault.Conversion) {
				return err // of the file that is written
			}
			e := *fault.As(err)
			return e.InRow(int64(row)+1, w.schema[i].Name, shown(c, row))
		}
		buf = w.buf
	}
	w.buf = append(buf, w.row...)
	return nil
}

// shown is the beginning of a value, for messages.
func shown(c *batch.Column, row int) string {
	if c.Type.Storage() == batch.InData && c.Type.Kind != batch.GUID {
		v := c.Bytes(row)
		return string(v[:min(len(v), 256)])
	}
	return string(batch.AppendText(nil, c, row))
}

func (w *encoder) cell(o *output, c *batch.Column, row int) error {
	switch c.Type.Kind {
	case batch.String, batch.JSON, batch.XML:
		text := c.Bytes(row)
		if len(text) >= long && w.out != nil {
			return w.giant(text)
		}
		return w.value(text)
	case batch.Binary:
		if v := c.Bytes(row); len(v) >= long && w.out != nil {
			return w.giantBinary(v)
		}
	}
	w.tmp = o.text(w.tmp[:0], c, row)
	return w.value(w.tmp)
}

// value appends a text, quoted or escaped where it must be.
func (w *encoder) value(text []byte) error {
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
		return errAmbiguous()
	}
	w.buf = append(w.buf, text...)
	return nil
}

func errAmbiguous() error {
	return fault.New(fault.Conversion, "the value has a delimiter in it or is the text for NULL, and neither quoteChar nor escapeChar is given").
		Try("Give the dataset a quoteChar, or delimiters and a nullValue that do not occur in the data.")
}

// wouldBeNull reports whether a reader with these settings would take the bare text for NULL.
func (w *encoder) wouldBeNull(text []byte) bool {
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
func (w *encoder) ambiguous(text []byte) bool {
	if len(text) > 0 && string(text) == w.set.null {
		return true
	}
	if !w.protected(text) {
		return false
	}
	return len(w.set.column) > 0 && bytes.Contains(text, w.set.column) || w.breaksRow(text)
}

func (w *encoder) breaksRow(text []byte) bool {
	if len(w.set.row) > 0 {
		return bytes.Contains(text, w.set.row)
	}
	return bytes.ContainsAny(text, "\r\n")
}

// mark is the byte order mark of UTF-8: at the beginning of a file it would not be read as text.
const mark = "\xef\xbb\xbf"

// protected reports whether text has one of the special bytes.
func (w *encoder) protected(text []byte) bool {
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

func (w *encoder) quoted(text []byte) {
	w.buf = append(w.buf, w.set.quote)
	w.inQuotes(text)
	w.buf = append(w.buf, w.set.quote)
}

// inQuotes appends a piece of a text in quotes.
func (w *encoder) inQuotes(text []byte) {
	q, e := w.set.quote, w.set.escape
	buf := w.buf
	if bytes.IndexByte(text, q) < 0 && bytes.IndexByte(text, e) < 0 {
		w.buf = append(buf, text...)
		return
	}
	for _, c := range text {
		if c == q || c == e {
			buf = append(buf, e)
		}
		buf = append(buf, c)
	}
	w.buf = buf
}

// escaped puts the escape character before delimiters, line ends and itself, and before a text that would be NULL.
func (w *encoder) escaped(text []byte) {
	e := w.set.escape
	if len(text) > 0 && text[0] != e && (w.wouldBeNull(text) || bytes.HasPrefix(text, []byte(mark))) {
		w.buf = append(w.buf, e)
	}
	w.escapedOn(text)
}

// escapedOn appends a further piece.
func (w *encoder) escapedOn(text []byte) {
	e := w.set.escape
	for _, c := range text {
		if c == byte(w.marks[0]) || c == byte(w.marks[1]) || c == byte(w.marks[2]) || c == byte(w.marks[3]) {
			w.buf = append(w.buf, e)
		}
		w.buf = append(w.buf, c)
	}
}

// lacks is the error of a value that the encoding has no characters for.
func (w *encoder) lacks(cause error) *fault.Error {
	return fault.New(fault.Conversion, "the value has characters that %s does not have", w.set.charset.name).Because(cause).
		Try("Use the encoding UTF-8.")
}

// unencodable finds the value that the encoding has no characters for.
func (w *encoder) unencodable(b *batch.Batch, from, to int, cause error) error {
	c := w.set.charset
	e := w.lacks(cause)
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
