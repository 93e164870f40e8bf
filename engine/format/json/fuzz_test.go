package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/formattest"
)

// accepted are documents that every JSON reader takes, refused those that none may take (RFC 8259).
var accepted = []string{
	`{}`, `[]`, ` [ ] `, `0`, `-0`, `1e1`, `1E+2`, `1.0e-2`, `123456789012345678901234567890`, `1e400`, `""`, `"\u0000"`, `"\""`, `"\/"`, `"𝄞"`, `"\uD834\uDD1E"`,
	`true`, `false`, `null`, `[[[[]]]]`, `{"":0}`, `{"a":{"a":{}}}`, "\t\r\n 1 \n", `"` + "\x7f" + `"`, `[1,"a",null,true,{"b":[]}]`, `"` + "\u2028" + `"`,
}

var refused = []string{
	``, ` `, `[`, `]`, `{`, `}`, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `{'a':1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{1:1}`, `{"a":1}}`, `[1]]`,
	`01`, `-`, `+1`, `.5`, `1.`, `1.e1`, `1e`, `1e+`, `0x1`, `1_0`, `--1`, `-01`, `NaN`, `Infinity`, `-Infinity`, `nul`, `True`, `truex`, `"`, `"a`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\`,
	"\"\n\"", "\"\t\"", "\"\x00\"", "\"\x1f\"", `'a'`, `/* */ 1`, `1 // x`, `[1]x`, "\x0b1", "\u00a01", "\ufeff\ufeff1", `{"a":1,,}`, `[,]`, `{"a"::1}`, `[1:2]`, `#`,
}

func scanWhole(text string) bool {
	s := scanner{buf: []byte(text), last: true}
	end := s.next(0, nil)
	return end >= 0 && s.flaw < 0 && strings.Trim(text[end:], " \t\r\n") == ""
}

func TestGrammar(t *testing.T) {
	t.Parallel()
	for _, text := range accepted {
		if !scanWhole(text) {
			t.Errorf("%q is refused", text)
		}
	}
	for _, text := range refused {
		if scanWhole(text) {
			t.Errorf("%q is taken", text)
		}
	}
	if deep := strings.Repeat("[", maxDepth); !scanWhole(deep+strings.Repeat("]", maxDepth)) || scanWhole(deep+"["+strings.Repeat("]", maxDepth+1)) {
		t.Errorf("depth %d is not the limit", maxDepth)
	}
	if scanWhole(strings.Repeat(`[{"a":`, 1_000_000)) {
		t.Error("open brackets are taken")
	}
}

// A text that comes in pieces is scanned like one that comes whole: a piece that is too short asks for more.
func TestScanningNeedsMoreInsideEveryValue(t *testing.T) {
	t.Parallel()
	doc := `{"a\n":[-12.5e+3,true,false,null,"ü\u00fc\\"],"b":{}}`
	for i := range len(doc) {
		s := scanner{buf: []byte(doc[:i])}
		if end := s.next(0, nil); end >= 0 || !s.more {
			t.Errorf("%q: %d, %s", doc[:i], end, s.why)
		}
	}
	for _, n := range []string{"1", "-1.5", "2e5"} {
		s := scanner{buf: []byte(n)}
		if s.next(0, nil) >= 0 || !s.more {
			t.Errorf("%q could go on", n)
		}
	}
}

// FuzzScan holds the scanner against encoding/json, which takes the same documents but for invalid UTF-8 and depth.
func FuzzScan(f *testing.F) {
	for _, text := range append(append([]string(nil), accepted...), refused...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		mine := scanWhole(string(text))
		theirs := json.Valid(text) && utf8.Valid(text)
		deep := bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > maxDepth
		if mine != theirs && (!theirs || !deep) {
			t.Errorf("%q: scanned %v, valid %v", text, mine, theirs)
		}
	})
}

// FuzzRead reads anything, and compares what it finds of flat objects with encoding/json.
func FuzzRead(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(`{"a":` + text + `,"b":[` + text + `]}`))
	}
	for _, text := range refused {
		f.Add([]byte("{\"a\":1}\n{\"a\":" + text + "}\n{\"a\":2}"))
	}
	f.Add([]byte(`[{"a":{"b":1}},{"a":2}]`))
	formats := []string{`{}`, `{"jsonNodeReference":"$.a"}`, `{"jsonPathDefinition":{"x":"$.a[1].b"}}`, `{"encodingName":"utf-16"}`}
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, format := range formats {
			in := formattest.Input("f", text)
			ff := v1(t, format)
			s, err := ff.Schema(t.Context(), in)
			if err != nil {
				continue
			}
			r, err := ff.Read(t.Context(), in, s)
			if err != nil {
				continue
			}
			b := batch.New(r.Schema(), 0)
			all := batch.New(r.Schema(), 1<<30)
			var failed error
			for range len(text) + 2 {
				b.Reset()
				err := r.Next(t.Context(), b)
				if errors.Is(err, io.EOF) {
					failed = errors.Join(failed, err)
					break
				}
				if err != nil {
					failed = errors.Join(failed, err)
					if fault.As(err).Row == 0 {
						break
					}
				} else if err := formattest.Add(all, b); err != nil {
					t.Fatal(err)
				}
			}
			r.Close()
			if failed == nil {
				t.Fatalf("%q does not end", text)
			}
			if object, ok := decodeStandard(text); ok && i == 0 {
				compare(t, text, object, all, r.Schema(), failed)
			}
		}
	})
}

// compare holds one object's row against encoding/json's reading of it.
func compare(t *testing.T, text []byte, object map[string]any, got *batch.Batch, schema batch.Schema, failed error) {
	if got.Len() != 1 {
		if len(got.Cols) > 0 && !strings.Contains(failed.Error(), "surrogate") && !strings.Contains(failed.Error(), "nested too deep") && !strings.Contains(failed.Error(), "outside the range") {
			t.Errorf("%q gives %d rows: %v", text, got.Len(), failed)
		}
		return
	}
	for i, f := range schema {
		v, ok := object[f.Name]
		shown := formattest.Rows(got)[0][i]
		switch v := v.(type) {
		case string:
			ok = shown == v || f.Type.Kind != batch.String
		case bool:
			ok = strings.EqualFold(shown, strconv.FormatBool(v))
		case json.Number:
			a, okA := new(big.Rat).SetString(string(v))
			b, okB := new(big.Rat).SetString(shown)
			ok = okA && okB && a.Cmp(b) == 0
		case nil, map[string]any, []any:
			ok = true
		}
		if !ok {
			t.Errorf("%q: column %q is %q, not %v", text, f.Name, shown, v)
		}
	}
}

// decodeStandard reads one object with encoding/json, its numbers as they are spelled.
func decodeStandard(text []byte) (object map[string]any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return object, json.Valid(text) && utf8.Valid(text) && dec.Decode(&object) == nil && object != nil
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"$", "$.a", "a.b[0]", "$['a b']['c\\'d']", `["x"]`, "$..a", "[*]", "$[", "a[*].b", "日本.語", "$[99999999999999]", "", ".", "$['"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePath(text)
		if err != nil || !p.root && len(p.steps) == 0 {
			return
		}
		again, err := parsePath(p.String())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%q is %s, which is %v, %v", text, p, again, err)
		}
	})
}

// Any text goes out and comes back, escaped or not, and encoding/json reads it as the same.
func TestTextsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, ascii := range []bool{false, true} {
			out, ok := appendText(nil, []byte(text), ascii)
			if !ok {
				t.Fatalf("%q is refused", text)
			}
			var theirs string
			if err := json.Unmarshal(out, &theirs); err != nil || theirs != text {
				t.Fatalf("%q is written as %s: %v", text, out, err)
			}
			mine, ok := unescape(nil, out[1:len(out)-1])
			if !ok || string(mine) != text {
				t.Fatalf("%s is read as %q", out, mine)
			}
			if i := bytes.IndexFunc(out, func(r rune) bool { return r >= utf8.RuneSelf }); ascii && i >= 0 {
				t.Fatalf("%s is not ASCII", out)
			}
		}
	})
}
