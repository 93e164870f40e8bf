package text

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// charset is a character encoding under its .NET name. The nil *charset is UTF-8.
type charset struct {
	name string
	enc  encoding.Encoding
	bom  string // what .NET writes before the first character
}

var (
	utf16LE = &charset{"utf-16", strict16{Encoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}, "\xff\xfe"}
	utf16BE = &charset{"utf-16be", strict16{unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true}, "\xfe\xff"}
	utf32LE = &charset{"utf-32", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "\xff\xfe\x00\x00"}
	utf32BE = &charset{"utf-32be", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "\x00\x00\xfe\xff"}
)

// encodings are the .NET names, in lower case with hyphens, of what can be read and written.
var encodings = map[string]encoding.Encoding{
	"big5": traditionalchinese.Big5, "euc-jp": japanese.EUCJP, "euc-kr": korean.EUCKR, "ks-c-5601-1987": korean.EUCKR,
	"gb2312": simplifiedchinese.GBK, "gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030,
	"hz-gb-2312": simplifiedchinese.HZGB2312, "shift-jis": japanese.ShiftJIS, "iso-2022-jp": japanese.ISO2022JP,
	"cp866": charmap.CodePage866, "koi8-r": charmap.KOI8R, "koi8-u": charmap.KOI8U, "macintosh": charmap.Macintosh,
	"ibm037": charmap.CodePage037, "ibm437": charmap.CodePage437, "ibm850": charmap.CodePage850, "ibm852": charmap.CodePage852,
	"ibm855": charmap.CodePage855, "ibm860": charmap.CodePage860, "ibm863": charmap.CodePage863, "ibm865": charmap.CodePage865,
	"ibm00858": charmap.CodePage858, "ibm01047": charmap.CodePage1047, "ibm01140": charmap.CodePage1140,
	"dos-862":    charmap.CodePage862,
	"iso-8859-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-3": charmap.ISO8859_3,
	"iso-8859-4": charmap.ISO8859_4, "iso-8859-5": charmap.ISO8859_5, "iso-8859-6": charmap.ISO8859_6,
	"iso-8859-7": charmap.ISO8859_7, "iso-8859-8": charmap.ISO8859_8, "iso-8859-9": charmap.ISO8859_9,
	"iso-8859-8-i": charmap.ISO8859_8I, "x-mac-cyrillic": charmap.MacintoshCyrillic,
	"iso-8859-13": charmap.ISO8859_13, "iso-8859-15": charmap.ISO8859_15, "latin1": charmap.ISO8859_1,
	"windows-874": charmap.Windows874, "windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251,
	"windows-1252": charmap.Windows1252, "windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254,
	"windows-1255": charmap.Windows1255, "windows-1256": charmap.Windows1256, "windows-1257": charmap.Windows1257,
	"windows-1258": charmap.Windows1258,
}

// findCharset finds an encoding by its .NET name, nil for UTF-8; false where it is unknown.
func findCharset(name string) (*charset, bool) {
	key := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
	switch key {
	case "", "utf-8", "utf8", "utf-8 without bom":
		return nil, true
	case "us-ascii", "ascii":
		return &charset{name: name, enc: ascii{}}, true
	case "utf-16", "utf-16le", "unicode":
		return utf16LE, true
	case "utf-16be", "unicodefffe":
		return utf16BE, true
	case "utf-32", "utf-32le":
		return utf32LE, true
	case "utf-32be":
		return utf32BE, true
	}
	if enc := encodings[key]; enc != nil {
		return &charset{name: name, enc: enc}, true
	}
	if page := pages[key]; page != "" {
		return &charset{name: name, enc: newCodePage(page)}, true
	}
	// Other names of the same encodings, which .NET knows too: "l1", "ISO_8859-1:1987", "csISOLatin1".
	enc, err := ianaindex.IANA.Encoding(strings.TrimSpace(name))
	if err != nil || enc == nil || enc == encoding.Nop {
		return nil, false
	}
	for _, known := range encodings {
		if known == enc {
			return &charset{name: name, enc: enc}, true
		}
	}
	return nil, false
}

// marked tells the encoding that a byte order mark at the beginning of a file stands for, and the mark's length.
func marked(head []byte) (c *charset, length int) {
	for _, c := range []*charset{utf32LE, utf32BE, utf16LE, utf16BE} { // UTF-32's mark begins with UTF-16's
		if strings.HasPrefix(string(head), c.bom) {
			return c, len(c.bom)
		}
	}
	if strings.HasPrefix(string(head), "\xef\xbb\xbf") {
		return nil, 3
	}
	return nil, 0
}

// follows reports whether a byte order mark of m may decide for c: both are UTF-8, or UTF-16, or UTF-32.
func (c *charset) follows(m *charset) bool {
	family := func(c *charset) string {
		if c == nil {
			return "utf-8"
		}
		return strings.TrimSuffix(c.name, "be")
	}
	return family(c) == family(m)
}
