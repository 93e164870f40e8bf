package json

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// charset is a character encoding other than UTF-8, which is the nil *charset.
type charset struct {
	enc    encoding.Encoding
	mark   string // the byte order mark
	family string // utf-16 or utf-32, "" for encodings that do not have all characters
}

var (
	utf16LE = &charset{unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "\xff\xfe", "utf-16"}
	utf16BE = &charset{unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "\xfe\xff", "utf-16"}
	utf32LE = &charset{utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "\xff\xfe\x00\x00", "utf-32"}
	utf32BE = &charset{utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "\x00\x00\xfe\xff", "utf-32"}
)

// mark is the byte order mark of UTF-8.
const mark = "\xef\xbb\xbf"

// findCharset finds an encoding by its .NET or IANA name; false where it is unknown.
func findCharset(name string) (*charset, bool) {
	key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch key {
	case "", "utf-8", "utf8", "utf-8 without bom", "us-ascii", "ascii": // ASCII is part of UTF-8
		return nil, true
	case "utf-16", "utf-16le", "unicode":
		return utf16LE, true
	case "utf-16be", "unicodefffe":
		return utf16BE, true
	case "utf-32", "utf-32le":
		return utf32LE, true
	case "utf-32be":
		return utf32BE, true
	}
	for _, try := range []string{key, strings.ReplaceAll(key, "-", "_")} {
		if enc, err := htmlindex.Get(try); err == nil {
			return &charset{enc: enc}, true
		}
		if enc, err := ianaindex.IANA.Encoding(try); err == nil && enc != nil {
			return &charset{enc: enc}, true
		}
	}
	return nil, false
}

// marked tells the encoding that a byte order mark stands for, and the mark's length.
func marked(head []byte) (c *charset, length int) {
	for _, c := range []*charset{utf32LE, utf32BE, utf16LE, utf16BE} { // UTF-32's mark begins with UTF-16's
		if strings.HasPrefix(string(head), c.mark) {
			return c, len(c.mark)
		}
	}
	if strings.HasPrefix(string(head), mark) {
		return nil, len(mark)
	}
	return nil, 0
}

func (c *charset) kin(other *charset) bool {
	if c == nil || other == nil {
		return c == other
	}
	return c.family != "" && c.family == other.family
}
