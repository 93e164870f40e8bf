package sqlserver

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// The empty values that are not NULL: the driver takes a nil slice for NULL.
var empty = []byte{}

func notUTF8() *fault.Error {
	return fault.New(fault.Conversion, "the value is not valid UTF-8 and cannot become text").Try("Copy the column as binary data.")
}

// appendUTF16 appends text in UTF-16, little-endian; ok is false where it is not UTF-8.
func appendUTF16(dst, text []byte) (_ []byte, ok bool) {
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf {
			dst = append(dst, b, 0)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size < 2 {
			return dst, false
		}
		i += size
		if r >= 0x10000 {
			r -= 0x10000
			high, low := 0xd800+r>>10, 0xdc00+r&0x3ff
			dst = append(dst, byte(high), byte(high>>8), byte(low), byte(low>>8))
			continue
		}
		dst = append(dst, byte(r), byte(r>>8))
	}
	return dst, true
}

// unicodeEncoder is for nchar, nvarchar and ntext, and for text on its way to a type that the server makes of it.
func unicodeEncoder(c column) encode {
	limit := c.length
	if c.cast() {
		limit = 0
	}
	isJSON := c.typ == "json"
	return func(a *arena, col *batch.Column, row int) (any, *fault.Error) {
		text := col.Bytes(row)
		if isJSON && !json.Valid(text) {
			return nil, fault.New(fault.Conversion, "the value is not JSON").Try("Correct the value.")
		}
		start := len(a.buf)
		var ok bool
		if a.buf, ok = appendUTF16(a.buf, text); !ok {
			return nil, notUTF8()
		}
		v := a.since(start)
		if n := len(v) / 2; limit > 0 && n > limit {
			return nil, tooLong(n, limit, "characters (UTF-16 units)")
		}
		if len(v) == 0 {
			return empty, nil
		}
		return v, nil
	}
}

// encodeXML takes the declaration off: the text is sent in UTF-16, whatever the declaration says of its encoding, and the
// server drops the declaration anyway.
func encodeXML(a *arena, c *batch.Column, row int) (any, *fault.Error) {
	text := bytes.TrimPrefix(c.Bytes(row), []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(text, []byte("<?xml ")) {
		if end := bytes.Index(text, []byte("?>")); end > 0 {
			text = text[end+2:]
		}
	}
	start := len(a.buf)
	var ok bool
	if a.buf, ok = appendUTF16(a.buf, text); !ok {
		return nil, notUTF8()
	}
	if v := a.since(start); len(v) > 0 {
		return v, nil
	}
	return empty, nil
}

// checkXML says what the server would refuse, where one bad row must not end the transaction.
func checkXML(text []byte) *fault.Error {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.New(fault.Conversion, "the value is not well-formed XML").Because(err).Try("Correct the value.")
		}
	}
}

// pages are the code pages of SQL Server's collations
// (https://learn.microsoft.com/sql/relational-databases/collations/collation-and-unicode-support).
var pages = map[int]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 874: charmap.Windows874, 932: japanese.ShiftJIS, 936: simplifiedchinese.GBK,
	949: korean.EUCKR, 950: traditionalchinese.Big5, 1250: charmap.Windows1250, 1251: charmap.Windows1251, 1252: charmap.Windows1252,
	1253: charmap.Windows1253, 1254: charmap.Windows1254, 1255: charmap.Windows1255, 1256: charmap.Windows1256, 1257: charmap.Windows1257,
	1258: charmap.Windows1258,
}

const pageUTF8 = 65001

// pageEncoder is for char, varchar and text: bulk copy sends their bytes as they are, so they must be in the code page of
// the column's collation. A code page that is not known takes ASCII only, which is the same in all of them.
func pageEncoder(c column) encode {
	page := pages[c.page]
	table, single := page.(*charmap.Charmap)
	return func(a *arena, col *batch.Column, row int) (any, *fault.Error) {
		text := col.Bytes(row)
		start := len(a.buf)
		switch {
		case c.page == pageUTF8:
			if !utf8.Valid(text) {
				return nil, notUTF8()
			}
			a.buf = append(a.buf, text...)
		case single:
			for i := 0; i < len(text); {
				if text[i] < utf8.RuneSelf {
					a.buf = append(a.buf, text[i])
					i++
					continue
				}
				r, size := utf8.DecodeRune(text[i:])
				if r == utf8.RuneError && size < 2 {
					return nil, notUTF8()
				}
				b, ok := table.EncodeRune(r)
				if !ok {
					return nil, notInPage(c, string(r))
				}
				a.buf = append(a.buf, b)
				i += size
			}
		default:
			if e := a.slowPage(c, page, text); e != nil {
				return nil, e
			}
		}
		v := a.since(start)
		if c.length > 0 && len(v) > c.length {
			return nil, tooLong(len(v), c.length, "bytes")
		}
		if len(v) == 0 {
			return empty, nil
		}
		return v, nil
	}
}

// slowPage appends text in a code page with characters of several bytes, or in none that is known.
func (a *arena) slowPage(c column, page encoding.Encoding, text []byte) *fault.Error {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			a.buf = append(a.buf, text[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size < 2 {
			return notUTF8()
		}
		if page == nil {
			return notInPage(c, string(r))
		}
		b, err := page.NewEncoder().Bytes(text[i : i+size])
		if err != nil {
			return notInPage(c, string(r))
		}
		a.buf = append(a.buf, b...)
		i += size
	}
	return nil
}

func notInPage(c column, char string) *fault.Error {
	if c.page == 0 {
		return fault.New(fault.Conversion, "the code page of the column's collation %s is not known, so %q cannot be written", c.collation, char).
			Try("Give the column the type nvarchar.")
	}
	return fault.New(fault.Conversion, "the code page %d of the column's collation %s has no character %q", c.page, c.collation, char).
		Try("Give the column the type nvarchar, or a collation that ends in _UTF8.")
}
