package json

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendText appends a text in quotes. It says no where the text is not valid UTF-8. With ascii, every other character
// is escaped.
func appendText(dst, text []byte, ascii bool) (_ []byte, ok bool) {
	dst, ok = appendInner(append(dst, '"'), text, ascii)
	if !ok {
		return dst, false
	}
	return append(dst, '"'), true
}

// appendInner is appendText without the quotes.
func appendInner(dst, text []byte, ascii bool) (_ []byte, ok bool) {
	var wide uint64
	start, i := 0, 0
	for i < len(text) {
		if i+8 <= len(text) {
			v := binary.LittleEndian.Uint64(text[i:])
			quote, slash := v^(ones*'"'), v^(ones*'\\')
			hit := ((quote-ones)&^quote | (slash-ones)&^slash | (v-ones*' ')&^v) & highs
			wide |= v & highs
			if hit == 0 && (!ascii || v&highs == 0) {
				i += 8
				continue
			}
		}
		end := min(i+8, len(text))
		for i < end {
			c := text[i]
			wide |= uint64(c) & 0x80
			if c >= ' ' && c != '"' && c != '\\' && (!ascii || c < utf8.RuneSelf) {
				i++
				continue
			}
			dst = append(dst, text[start:i]...)
			var n int
			dst, n = appendEscape(dst, text[i:])
			i += n
			start = i
		}
	}
	if wide != 0 && !utf8.Valid(text) {
		return dst, false
	}
	return append(dst, text[start:]...), true
}

// appendEscape appends the first character of text in its escaped form, and says how many bytes it has.
func appendEscape(dst, text []byte) ([]byte, int) {
	c := text[0]
	switch c {
	case '"', '\\':
		return append(dst, '\\', c), 1
	case '\n':
		return append(dst, '\\', 'n'), 1
	case '\r':
		return append(dst, '\\', 'r'), 1
	case '\t':
		return append(dst, '\\', 't'), 1
	case '\b':
		return append(dst, '\\', 'b'), 1
	case '\f':
		return append(dst, '\\', 'f'), 1
	}
	if c < utf8.RuneSelf {
		return appendUnit(dst, rune(c)), 1
	}
	r, n := utf8.DecodeRune(text)
	if r > 0xffff {
		a, b := utf16.EncodeRune(r)
		return appendUnit(appendUnit(dst, a), b), n
	}
	return appendUnit(dst, r), n
}

func appendUnit(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendJSON appends JSON text as it stands, but on one line; line ends in JSON are never part of a text. It says no
// where it is no JSON.
func appendJSON(dst, text []byte, sc *scanner, ascii bool) (_ []byte, ok bool) {
	if !sc.whole(text) {
		return dst, false
	}
	return appendLine(dst, text, ascii), true
}

// whole reports whether text is one JSON value.
func (s *scanner) whole(text []byte) bool {
	s.buf, s.last = text, true
	end := s.next(0, nil)
	s.buf = nil
	return end >= 0 && s.flaw < 0 && len(bytes.TrimSpace(text[end:])) == 0
}

// appendLine appends JSON, or a piece of it, on one line.
func appendLine(dst, text []byte, ascii bool) []byte {
	start := len(dst)
	if !ascii {
		dst = append(dst, text...)
	} else {
		for len(text) > 0 { // outside of texts there is nothing but ASCII
			if text[0] < utf8.RuneSelf {
				dst, text = append(dst, text[0]), text[1:]
				continue
			}
			var n int
			dst, n = appendEscape(dst, text)
			text = text[n:]
		}
	}
	for i, c := range dst[start:] {
		if c == '\n' || c == '\r' {
			dst[start+i] = ' '
		}
	}
	return dst
}
