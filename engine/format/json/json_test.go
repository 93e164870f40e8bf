package json

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/props"
)

// notKept are the values that JSON has no spelling for.
func notKept(c *batch.Column, row int) bool {
	switch c.Type.Kind {
	case batch.Single, batch.Double:
		return math.IsNaN(c.Floats[row]) || math.IsInf(c.Floats[row], 0)
	case batch.JSON:
		return c.Text(row) == "null"
	}
	return false
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dataset, settings string }{
		"defaults":     {`{}`, ``},
		"array":        {`{}`, `{"filePattern": "arrayOfObjects"}`},
		"UTF-16":       {`{"encodingName": "utf-16"}`, ``},
		"UTF-32BE":     {`{"encodingName": "UTF-32BE"}`, ``},
		"windows-1252": {`{"encodingName": "windows-1252"}`, ``},
		"shift_jis":    {`{"encodingName": "shift_jis"}`, `{"filePattern": "arrayOfObjects"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := formattest.Suite{Format: formattest.V2(t, Definition(), c.dataset, c.settings), NoSchema: true, Without: notKept}
			if name == "windows-1252" || name == "shift_jis" {
				s.Without = func(c *batch.Column, row int) bool { // is written with escapes
					return notKept(c, row) || c.Type.Kind == batch.JSON && strings.Contains(c.Text(row), "ü")
				}
			}
			s.Cut = func(file []byte) []byte { return file[:(len(file)/2-1)/4*4] }
			if f, ok := s.Format.(setFormat); ok && name == "defaults" {
				f.minPart = 64 << 10
				s.Large = 2000
			}
			s.Run(t)
		})
	}
}

func v1(t testing.TB, text string, structure ...batch.Field) format.Format {
	t.Helper()
	o, err := props.Parse([]byte(text), "$.format")
	if err != nil {
		t.Fatal(err)
	}
	f := Definition().Decode(format.Spec{V1: o, Structure: structure})
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return f
}

// show reads a file as its own columns: name:type of each, then the rows; an error is the last line.
func show(t testing.TB, f format.Format, file string) string {
	t.Helper()
	in := formattest.Input("f.json", []byte(file))
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		return err.Error()
	}
	return showAs(t, f, file, s)
}

func showAs(t testing.TB, f format.Format, file string, s batch.Schema) string {
	t.Helper()
	r, err := f.Read(t.Context(), formattest.Input("f.json", []byte(file)), s)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var out strings.Builder
	for i, c := range r.Schema() {
		fmt.Fprintf(&out, "%s%s:%s", strings.Repeat(" ", min(i, 1)), c.Name, c.Type)
	}
	b := batch.New(r.Schema(), 3)
	for {
		b.Reset()
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			if b.Len() > 0 {
				t.Fatal("rows came with an error")
			}
			fmt.Fprintf(&out, "\n! %v", err)
			if fault.As(err).Row == 0 {
				return out.String()
			}
			continue
		}
		for _, row := range formattest.Rows(b) {
			out.WriteString("\n" + strings.Join(row, "|"))
		}
	}
}

func lines(l ...string) string { return strings.Join(l, "\n") }

func TestReading(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, format, file, want string }{
		{"empty", `{}`, " \n", ""},
		{"one object", `{}`, `{"a":1,"b":"x"}`, lines("a:Int64 b:String", "1|x")},
		{"lines", `{}`, "{\"a\":1}\r\n{\"a\":2}\n\n{\"a\":3}\n", lines("a:Int64", "1", "2", "3")},
		{"concatenated", `{}`, `{"a":1}{"a":2} {"a":3}`, lines("a:Int64", "1", "2", "3")},
		{"array", `{"filePattern":"arrayOfObjects"}`, "[ {\"a\":1},\n{\"a\":2} ]", lines("a:Int64", "1", "2")},
		{"an array whatever the pattern says", `{}`, "[{\"a\":1},{\"a\":2}]", lines("a:Int64", "1", "2")},
		{"arrays and objects", `{}`, "[{\"a\":1}] {\"a\":2} [] [{\"a\":3}]", lines("a:Int64", "1", "2", "3")},
		{"missing and null", `{}`, `{"a":1,"b":2}{"b":null,"c":true}`, lines("a:Int64 b:Int64 c:Boolean", "1|2|<null>", "<null>|<null>|True")},
		{"the last of two names wins", `{}`, `{"a":1,"a":2}`, lines("a:Int64", "2")},
		{"the last of two objects wins whole", `{}`, `{"a":{"x":1,"y":2}}{"a":{"x":1,"y":2},"a":{"x":3}}`, lines("a.x:Int64 a.y:Int64", "1|2", "3|<null>")},
		{"names differ by case", `{}`, `{"a":1,"A":2}`, lines("a:Int64 A:Int64", "1|2")},
		{"nested", `{}`, `{"a":{"b":{"c":1}},"d":[1, 2]}`, lines("a.b.c:Int64 d:JSON", "1|[1, 2]")},
		{"separator", `{"nestingSeparator":"_"}`, `{"a":{"b":1}}`, lines("a_b:Int64", "1")},
		{"no separator", `{"nestingSeparator":""}`, `{"a":{"b":1}}`, lines("ab:Int64", "1")},
		{"sometimes an object", `{}`, `{"a":{"b":1}}{"a":5}{"a":"x"}`, lines("a:String", `{"b":1}`, "5", "x")},
		{"object or array", `{}`, `{"a":{"b":1}}{"a":[]}{"a":null}{"a":{}}`, lines("a:JSON", `{"b":1}`, "[]", "<null>", "{}")},
		{
			"numbers", `{}`, `{"i":1,"d":0.5,"x":12345678901234567890123456789012345678,"e":1e3,"m":1}{"i":-9223372036854775808,"d":2,"x":0.1,"e":5e-324,"m":"x"}`,
			lines("i:Int64 d:Double x:Decimal e:Double m:String", "1|0.5|12345678901234567890123456789012345678|1000|1", "-9223372036854775808|2|0.1|5e-324|x"),
		},
		{"text keeps a number's spelling", `{}`, `{"a":1.50e+2}{"a":"x"}{"a":true}`, lines("a:String", "1.50e+2", "x", "true")},
		{"escapes", `{}`, `{"a\u0062":"\"\\\/\b\f\n\r\t\u00fc\ud83d\ude00"}`, lines("ab:String", "\"\\/\b\f\n\r\tü😀")},
		{
			"half of a surrogate pair", `{}`, lines(`{"a":"x"}`, `{"a":"\ud83d"}`, `{"a":"y"}`),
			lines("a:String", "x", `! the text has half of a surrogate pair, which is no character (f.json) in row 2 in column "a" with value "\\ud83d"`, "y"),
		},
		{"not UTF-8", `{}`, "{\"a\":\"x\"}\n{\"a\":\"\xff\"}\n{\"a\":\"y\"}", lines("a:String", "x", "! the text is not valid UTF-8 in line 2, at byte 17 (f.json) in row 2", "y")},
		{"byte order mark", `{}`, "\ufeff{\"a\":1}", lines("a:Int64", "1")},
		{"UTF-16 by its mark", `{}`, "\xff\xfe{\x00\"\x00a\x00\"\x00:\x00\"\x00\xfc\x00\"\x00}\x00", lines("a:String", "ü")},
		{"encoding by name", `{"encodingName":"iso-8859-1"}`, "{\"a\":\"\xfc\"}", lines("a:String", "ü")},
		{"a bad line costs its row", `{}`, lines(`{"a":1}`, `{"a":`, `{"a":3}`, `{"a":4}}`, `{"a":5}`, `{"a":"6`, `{"a":7}`), lines("a:Int64", "1",
			"! a comma or } was expected in line 4, at byte 23 (f.json) in row 2", "3", "4", "! a value was expected in line 4, at byte 30 (f.json) in row 5", "5",
			"! a control character stands in a text in line 6, at byte 47 (f.json) in row 7", "7")},
		{"not an object", `{}`, lines(`{"a":1}`, `2`, `{"a":3}`), lines("a:Int64", "1", `! the row is not a JSON object (f.json) in row 2 with value "2"`, "3")},
		{"an array that does not end", `{}`, `[{"a":1},{"a":2}`, lines("a:Int64", "1", "2", "! the file ends within an array in line 1, at byte 17 (f.json)")},
		{"an array with a comma too many", `{}`, `[{"a":1},]`, lines("a:Int64", "1", "! a value was expected in line 1, at byte 10 (f.json)")},
		{"a file that ends early", `{}`, "{\n\"a\":1}\n{\"a\"", lines("a:Int64", "1", "! the file ends within a value in line 3, at byte 14 (f.json)")},
		{
			"cross-apply", `{"jsonNodeReference":"$.rows"}`, `{"id":7,"rows":[{"a":1},{"a":2,"b":"x"}],"late":true}{"id":8,"rows":[]}{"id":9}{"id":10,"rows":{"a":5}}`,
			lines("id:Int64 late:Boolean a:Int64 b:String", "7|True|1|<null>", "7|True|2|x", "10|<null>|5|<null>"),
		},
		{"cross-apply with the same name", `{"jsonNodeReference":"$.o.rows"}`, `{"id":7,"o":{"id":6,"rows":[{"id":1}]}}`, lines("$.id:Int64 o.id:Int64 id:Int64", "7|6|1")},
		{
			"paths", `{"jsonNodeReference":"$.orders","jsonPathDefinition":{"no":"$.number","prod":"prod","price":"['unit price']","first":"$.city[0].name","x":"a.b"}}`,
			`{"number":"01","orders":[{"prod":"p1","unit price":23.5,"a":{"b":1}},{"prod":"p2","unit price":13}],"city":[{"name":"Seattle"},{"name":"x"}]}`,
			lines("no:String prod:String price:Double first:String x:Int64", "01|p1|23.5|Seattle|1", "01|p2|13|Seattle|<null>"),
		},
		{"two columns of one path, and the whole", `{"jsonPathDefinition":{"a":"$.x","b":"x","all":"$"}}`, `{"x":1}`, lines("a:Int64 b:Int64 all:JSON", `1|1|{"x":1}`)},
		{"elements that are no objects", `{"jsonNodeReference":"$.r"}`, lines(`{"r":[{"a":1}]}`, `{"r":[2,{"a":3}]}`), lines("a:Int64", "1", `! the row is not a JSON object (f.json) in row 2 with value "2"`, "3")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := show(t, v1(t, c.format), c.file); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestAFileWithoutObjectsSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"42":                   "the file begins with no JSON object that has properties (f.json)",
		"{}{}":                 "the file begins with no JSON object that has properties (f.json)",
		"a,b\n":                "the file begins with no JSON object that has properties (f.json): a value was expected in line 1, at byte 1",
		"\x1f\x8b\x08\x00\x00": "the file begins with no JSON object that has properties (f.json): a value was expected in line 1, at byte 1",
		"[1":                   "the file begins with no JSON object that has properties (f.json)",
	} {
		if got := show(t, v1(t, `{}`), file); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", file, got)
		}
	}
	s := batch.Schema{field("a", batch.Type{Kind: batch.Int64})}
	if got := showAs(t, v1(t, `{}`), "{\"a\":x}\n", s); !strings.Contains(got, "in row 1") {
		t.Errorf("a file of one bad line: %s", got)
	}
	if got := showAs(t, v1(t, `{}`), "{}\n", s); got != "a:Int64\n<null>" {
		t.Errorf("a file of an empty object: %s", got)
	}
}

func field(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

func TestStructureGivesTypes(t *testing.T) {
	t.Parallel()
	f := v1(t, `{}`, field("a.b", batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 2}), field("c", batch.Type{Kind: batch.Int32}),
		field("d", batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}), field("e", batch.Type{Kind: batch.Binary}), field("f", batch.Type{Kind: batch.Boolean}))
	file := lines(`{"a":{"b":123456789012345678901234567890123456.78},"c":12.0,"d":"2020-02-29T12:00:00.1234567","e":"aGk=","f":true}`,
		`{"a.b":"1","c":"5","d":"2020-02-29","e":"0x6869","f":1}`, `{"c":1.5}`, `{"c":1e2,"e":5}`, `{"c":true,"d":null}`, `{"c":[1]}`, `{"f":"no"}`)
	want := lines("a.b:Decimal(38,2) c:Int32 d:Timestamp(100ns) e:Binary f:Boolean",
		`123456789012345678901234567890123456.78|12|2020-02-29 12:00:00.1234567|\x6869|True`,
		`1.00|5|2020-02-29 00:00:00|\x6869|True`,
		`! the value is not a Int32 (f.json) in row 3 in column "c" with value "1.5"`,
		`! a number is not a Binary (f.json) in row 4 in column "e" with value "5"`,
		`<null>|1|<null>|<null>|<null>`,
		`! an object or array is not a Int32 (f.json) in row 6 in column "c" with value "[1]"`,
		`! the value is not a Boolean (f.json) in row 7 in column "f" with value "no"`)
	if got := show(t, f, file); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := show(t, f, ""); !strings.HasPrefix(got, "a.b:Decimal") {
		t.Errorf("an empty file has the columns %s", got)
	}
}

func TestTheSinksTypeWinsOverTheSample(t *testing.T) {
	t.Parallel()
	file := lines(`{"n":1,"s":"2","o":{"x":[1]}}`, `{"n":2.25,"s":"y","o":{}}`)
	s := batch.Schema{
		field("o.x", batch.Type{Kind: batch.String}), field("s", batch.Type{Kind: batch.JSON}), field("N", batch.Type{Kind: batch.String}),
		field("late", batch.Type{Kind: batch.Int32}),
	}
	want := lines("o.x:String s:JSON N:String late:Int32", `[1]|"2"|1|<null>`, `<null>|"y"|2.25|<null>`)
	if got := showAs(t, v1(t, `{}`), file, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRecordsOfRefusedRows(t *testing.T) {
	t.Parallel()
	f := v1(t, `{}`, field("a", batch.Type{Kind: batch.Int32}), field("b", batch.Type{Kind: batch.String}))
	r, err := f.Read(t.Context(), formattest.Input("f", []byte("{\"a\":\"x\\n\"}\n{\"a\": oops}\r\n{\"a\":\"y\",\"b\":\"z\"}")), batch.Schema{
		field("a", batch.Type{Kind: batch.Int32}), field("b", batch.Type{Kind: batch.String}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for b := batch.New(r.Schema(), 0); ; {
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		for _, v := range r.(format.Recorder).Record() {
			if v == nil {
				got = append(got, "NULL")
			} else {
				got = append(got, fmt.Sprintf("%q", *v))
			}
		}
	}
	if s := strings.Join(got, " "); s != `"x\n" NULL "{\"a\": oops}" "y" "z"` {
		t.Error(s)
	}
}

func TestUnknownPropertiesAreRefused(t *testing.T) {
	t.Parallel()
	for text, at := range map[string]string{
		`{"filePattern":"lines"}`:                    "$.format.filePattern",
		`{"encodingName":"klingon"}`:                 "$.format.encodingName",
		`{"jsonNodeReference":"$..a"}`:               "$.format.jsonNodeReference",
		`{"jsonPathDefinition":{"a":"$.x[*].y"}}`:    "$.format.jsonPathDefinition.a",
		`{"jsonPathDefinition":{"a":"$.x[?(@.y)]"}}`: "$.format.jsonPathDefinition.a",
		`{"columnDelimiter":","}`:                    "$.format.columnDelimiter",
	} {
		o, err := props.Parse([]byte(text), "$.format")
		if err != nil {
			t.Fatal(err)
		}
		Definition().Decode(format.Spec{V1: o})
		if f := fault.As(o.Err()); f == nil || f.Target != at {
			t.Errorf("%s: %v", text, o.Err())
		}
	}
}

func TestMappingPaths(t *testing.T) {
	t.Parallel()
	o, err := props.Parse([]byte(`{}`), "$")
	if err != nil {
		t.Fatal(err)
	}
	f := Definition().Decode(format.Spec{Dataset: o, Nested: &format.Nested{
		Collection: "$['orders'][*]", ComplexAsText: true,
		Paths: []format.ColumnPath{{Column: "Number", Path: "$['number']"}, {Column: "Tags", Path: "['tags']"}, {Column: "City", Path: "$['city'][1]['name']"}},
	}})
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	file := `{"number":1,"orders":[{"tags":["a","b"]},{}],"city":[{"name":"x"},{"name":"y"}]}`
	if got := show(t, f, file); got != lines("Number:Int64 Tags:String City:String", `1|["a","b"]|y`, "1|<null>|y") {
		t.Error(got)
	}
}

// A value of 40 MB grows the buffer; what it costs grows with its length and not faster.
