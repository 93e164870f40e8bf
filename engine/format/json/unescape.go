package json

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

func hexDigit(c byte) rune {
	switch {
	case c-'0' <= 9:
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

func hexRune(b []byte) rune {
	return hexDigit(b[0])<<12 | hexDigit(b[1])<<8 | hexDigit(b[2])<<4 | hexDigit(b[3])
}

// unescape appends a scanned text with its escapes resolved. It says no where half of a surrogate pair has no other half,
// for which UTF-8 has no bytes; U+FFFD stands there then.
func unescape(dst, text []byte) (_ []byte, ok bool) {
	ok = true
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...), ok
		}
		dst = append(dst, text[:i]...)
		c := text[i+1]
		text = text[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hexRune(text)
			text = text[4:]
			if utf16.IsSurrogate(r) {
				second := rune(0)
				if len(text) >= 6 && text[0] == '\\' && text[1] == 'u' {
					second = hexRune(text[2:])
				}
				if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
					ok = false
				} else {
					text = text[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}
