package text

import (
	"bytes"
	"encoding/hex"
	"unicode/utf8"
)

const (
	// long is the length from which a value leaves in pieces.
	long = 1 << 20
	// piece is how much of it is formatted at once.
	piece = 32 << 10
)

// pieces calls f for one piece of a text after the other, none of which ends within a character, and passes on what f has
// formatted.
func (w *encoder) pieces(text []byte, f func(text []byte)) error {
	for len(text) > 0 {
		n := min(piece, len(text))
		for k := 0; n < len(text) && k < utf8.UTFMax && !utf8.RuneStart(text[n]); k++ {
			n--
		}
		f(text[:n])
		text = text[n:]
		if len(w.buf) >= flushAt {
			if err := w.out(); err != nil {
				return err
			}
		}
	}
	return nil
}

// giant is value for a text that leaves in pieces.
func (w *encoder) giant(text []byte) error {
	s := w.set
	switch {
	case s.quote != 0:
		if s.quoteAll || w.protected(text) || w.wouldBeNull(text) {
			w.buf = append(w.buf, s.quote)
			err := w.pieces(text, w.inQuotes)
			w.buf = append(w.buf, s.quote)
			return err
		}
	case s.escape != 0:
		if bytes.HasPrefix(text, []byte(mark)) {
			w.buf = append(w.buf, s.escape)
		}
		return w.pieces(text, w.escapedOn)
	case w.ambiguous(text):
		return errAmbiguous()
	}
	return w.pieces(text, w.plain)
}

func (w *encoder) plain(text []byte) { w.buf = append(w.buf, text...) }

// giantBinary writes bytes in the form of batch.AppendText, in pieces.
func (w *encoder) giantBinary(v []byte) error {
	const digits = `\x0123456789abcdef`
	s := w.set
	put, quoted := w.plain, false
	switch {
	case s.quote != 0:
		if quoted = s.quoteAll || w.protected([]byte(digits)); quoted {
			put = w.inQuotes
			w.buf = append(w.buf, s.quote)
		}
	case s.escape != 0:
		put = w.escapedOn
	case w.protected([]byte(digits)):
		return w.value(hex.AppendEncode([]byte(`\x`), v)) // which delimiters are in it shows only the whole
	}
	put([]byte(`\x`))
	for len(v) > 0 {
		n := min(piece/2, len(v))
		w.tmp = hex.AppendEncode(w.tmp[:0], v[:n])
		if err := w.pieces(w.tmp, put); err != nil {
			return err
		}
		v = v[n:]
	}
	if quoted {
		w.buf = append(w.buf, s.quote)
	}
	return nil
}
