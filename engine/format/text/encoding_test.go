package text

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/formattest"
)

// Whatever character an encoding has comes back as the byte that it was.
func TestCodePagesComeBack(t *testing.T) {
	t.Parallel()
	for name := range pages {
		c, ok := findCharset(strings.ToUpper(name))
		if !ok || c == nil {
			t.Fatalf("%s is unknown", name)
		}
		some := 0
		for b := range 256 {
			text, err := c.enc.NewDecoder().Bytes([]byte{byte(b)})
			if err != nil {
				t.Fatal(name, err)
			}
			if r, _ := utf8.DecodeRune(text); r == utf8.RuneError {
				continue
			}
			some++
			back, err := c.enc.NewEncoder().Bytes(text)
			if err != nil || len(back) != 1 || back[0] != byte(b) && string(text) != "\x1a" { // CP875 has several of that
				t.Errorf("%s: %#x is %q is %#x, %v", name, b, text, back, err)
			}
		}
		if some < 200 {
			t.Errorf("%s has only %d characters", name, some)
		}
		if _, err := c.enc.NewEncoder().Bytes([]byte("語")); err == nil {
			t.Errorf("%s has a character that it has not", name)
		}
	}
	ebcdic, _ := findCharset("IBM500")
	if got, err := ebcdic.enc.NewEncoder().Bytes([]byte("A1")); err != nil || string(got) != "\xc1\xf1" {
		t.Errorf("%x, %v", got, err)
	}
}

func TestNamesOfEncodings(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"UTF-8": true, "utf-8 without BOM": true, "Windows-1252": true, "SHIFT-JIS": true, "shift_jis": true, "GB18030": true, "BIG5": true,
		"EUC-KR": true, "ISO-8859-13": true, "l1": true, "csISOLatin2": true, "IBM01140": true, "CP875": true, "ISO-2022-JP": true,
		"UTF-7": false, "JOHAB": false, "ISO-2022-KR": false, "windows-9999": false, "replacement": false,
	} {
		if _, found := findCharset(name); found != ok {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestHalfACharacterIsNoText(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{"encodingName": "UTF-16"}`, "")
	want := batch.Schema{{Name: "Prop_0", Type: batch.Type{Kind: batch.String}}}
	for name, file := range map[string]string{"odd": "a\x00\n\x00b", "low alone": "\x00\xdca\x00", "high alone": "\x00\xd8a\x00", "high at the end": "a\x00\x00\xd8"} {
		if _, err := readAll(t, f, formattest.Input("f", []byte(file)), want); fault.Code(err) != fault.BadData {
			t.Errorf("%s: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		for i, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
			bytes, err := unicode.UTF16(order, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(s))
			if err != nil {
				t.Fatal(err)
			}
			back, err := []*charset{utf16LE, utf16BE}[i].enc.NewDecoder().Bytes(bytes)
			if err != nil || string(back) != s {
				t.Fatalf("%q came back as %q, %v", s, back, err)
			}
		}
	})
}
