package json

import (
	"encoding/base64"
	"unicode/utf8"

	"dmgateway/engine/batch"
)

const (
	// long is the length from which a value leaves in pieces.
	long = 1 << 20
	// piece is how much of it is formatted at once; a multiple of three, for Base64.
	piece = 96 << 10
	// largest is the amount of text in a batch from which it is written by one goroutine, in pieces.
	largest = 4 << 20
)

// isLong reports whether a value, which is not NULL, leaves in pieces.
func isLong(c *batch.Column, row int) bool {
	switch c.Type.Kind {
	case batch.String, batch.XML, batch.JSON, batch.Binary:
		return len(c.Bytes(row)) >= long
	}
	return false
}

// hasLong reports whether there may be such values in b.
func hasLong(b *batch.Batch) bool {
	for i := range b.Cols {
		if len(b.Cols[i].Data) >= largest {
			return true
		}
	}
	return false
}

// giant is value for long values.
func (w *formatter) giant(c *batch.Column, row int) (why string) {
	v := c.Bytes(row)
	switch c.Type.Kind {
	case batch.JSON:
		if !w.scan.whole(v) {
			return "the value is no JSON"
		}
		w.pieces(v, true, func(v []byte) { w.buf = appendLine(w.buf, v, w.ascii) })
		return ""
	case batch.Binary:
		w.buf = append(w.buf, '"')
		w.pieces(v, false, func(v []byte) { w.buf = base64.StdEncoding.AppendEncode(w.buf, v) })
	default:
		if !utf8.Valid(v) {
			return "the text is not valid UTF-8"
		}
		w.buf = append(w.buf, '"')
		w.pieces(v, true, func(v []byte) { w.buf, _ = appendInner(w.buf, v, w.ascii) })
	}
	w.buf = append(w.buf, '"')
	return ""
}

// shown is the beginning of a value, for messages.
func shown(c *batch.Column, row int) string {
	if isLong(c, row) {
		return string(c.Bytes(row)[:256])
	}
	return string(batch.AppendText(nil, c, row))
}

// pieces calls f for one piece of a value after the other, and passes on what f has formatted. Pieces of a text do not end
// within a character.
func (w *formatter) pieces(v []byte, isText bool, f func(v []byte)) {
	for len(v) > 0 && w.err == nil {
		n := min(piece, len(v))
		for isText && n < len(v) && n > piece-utf8.UTFMax && !utf8.RuneStart(v[n]) {
			n--
		}
		f(v[:n])
		v = v[n:]
		w.err = w.out()
	}
}
