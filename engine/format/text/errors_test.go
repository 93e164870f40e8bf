package text

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

func ints(names ...string) batch.Schema {
	var s batch.Schema
	for _, n := range names {
		s = append(s, batch.Field{Name: n, Type: batch.Type{Kind: batch.Int32}})
	}
	return s
}

func TestBadRowsAreNamedAndSkipped(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{"firstRowAsHeader": true, "encodingName": "windows-1253"}`, "")
	file := "a,b\n1,2\n3,x\n4\n5,6\n\"7\"8,9\n7,8,9\n\n10,99999999999\n11,\xd2\n12,13\n"
	r, err := f.Read(t.Context(), formattest.Input("in.csv", []byte(file)), ints("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	b := batch.New(r.Schema(), 0)
	for {
		b.Reset()
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			e := fault.As(err)
			got = append(got, fmt.Sprintf("%s row %d %q %q", e.Code, e.Row, e.Column, e.Value))
			if b.Len() != 0 || e.Target != "in.csv" || e.Hint == "" {
				t.Errorf("%d rows, target %q, hint %q with %v", b.Len(), e.Target, e.Hint, err)
			}
			continue
		}
		got = append(got, fmt.Sprint(formattest.Rows(b)))
	}
	want := []string{
		"[[1 2]]", `Conversion row 2 "b" "x"`, `BadData row 3 "" ""`, "[[5 6]]", `BadData row 5 "" ""`, `BadData row 6 "" ""`,
		`Conversion row 7 "b" "99999999999"`, `BadData row 8 "b" "` + "\ufffd" + `"`, "[[12 13]]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFatalErrorsStay(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{}`, "")
	r, err := f.Read(t.Context(), formattest.Input("f", []byte("a,b\nc,\"d\n")), batch.Schema{{Name: "Prop_1", Type: batch.Type{Kind: batch.String}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(r.Schema(), 0)
	if err := r.Next(t.Context(), b); err != nil || b.Len() != 1 {
		t.Fatalf("%d rows, %v", b.Len(), err)
	}
	for range 2 {
		b.Reset()
		if err := r.Next(t.Context(), b); fault.Code(err) != fault.BadData || fault.As(err).Row != 0 {
			t.Errorf("%v", err)
		}
	}
}

func TestInvalidUTF8IsRefused(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{}`, "")
	r, err := f.Read(t.Context(), formattest.Input("f", []byte("ok\nb\xfcd\n")), batch.Schema{{Name: "Prop_0", Type: batch.Type{Kind: batch.String}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := formattest.Drain(t.Context(), r); fault.As(err).Row != 2 {
		t.Errorf("%v", err)
	}
}

func TestValuesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := batch.Schema{{Name: "t", Type: batch.Type{Kind: batch.String}}, {Name: "u", Type: batch.Type{Kind: batch.String}}}
	for _, c := range []struct {
		name, value string
		f           format.Format
	}{
		{"delimiter", "a,b", formattest.V1(t, Definition(), `{}`)},
		{"line end", "a\nb", formattest.V1(t, Definition(), `{}`)},
		{"text for NULL", `\N`, formattest.V1(t, Definition(), `{}`)},
		{"characters that the encoding lacks", "日本", formattest.V2(t, Definition(), `{"encodingName": "iso-8859-1"}`, "")},
		{"characters that ASCII lacks", "ü", formattest.V2(t, Definition(), `{"encodingName": "US-ASCII"}`, "")},
	} {
		b := batch.New(s, 0)
		for _, v := range []string{"fine", c.value} {
			b.Cols[0].AppendString("x")
			b.Cols[1].AppendString(v)
		}
		w, err := c.f.Write(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Write(b)
		if e := fault.As(err); err == nil || e.Code != fault.Conversion || e.Row != 2 || e.Column != "u" {
			t.Errorf("%s: %v", c.name, err)
		}
		if w.Close() == nil {
			t.Errorf("%s: Close succeeds after the error", c.name)
		}
	}
}

func TestStructureGivesNamesTypesAndFormats(t *testing.T) {
	t.Parallel()
	structure := batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int32}},
		{Name: "when", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}},
		{Name: "text", Type: batch.Type{}},
	}
	spec := func(json string) format.Format {
		f := formattest.V1(t, Definition(), json).(*Format)
		f.s.structure = structure
		f.s.options = []batch.Options{{}, {Culture: "en-us", Format: "dd.MM.yyyy HH:mm"}, {}}
		return f
	}
	in := formattest.Input("f", []byte("1,05.02.2024 13:04,a\n"))
	f := spec(`{}`)
	schema, err := f.Schema(t.Context(), in)
	if err != nil || len(schema) != 3 || schema[1].Name != "when" || schema[1].Type.Kind != batch.Timestamp || schema[2].Type.Kind != batch.String {
		t.Fatalf("%v, %v", schema, err)
	}
	// A sink that wants texts gets the structure's types, one that wants other digits of the same kind gets them.
	want := batch.Schema{
		{Name: "when", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}},
		{Name: "id", Type: batch.Type{Kind: batch.String}},
		{Name: "text", Type: batch.Type{Kind: batch.String}},
	}
	got := formattest.Read(t, f, in, want)
	if rows := formattest.Rows(got); !reflect.DeepEqual(rows, [][]string{{"2024-02-05 13:04:00", "1", "a"}}) {
		t.Errorf("%q", rows)
	}
	if got.Cols[0].Type.Unit != batch.Micro || got.Cols[1].Type.Kind != batch.Int32 {
		t.Errorf("%s, %s", got.Cols[0].Type, got.Cols[1].Type)
	}
	named := batch.Schema{{Name: "when", Type: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}}, {Name: "id", Type: batch.Type{Kind: batch.Int32}}}
	b := batch.New(named, 0)
	b.Cols[0].AppendInt(1_707_138_240_000_000)
	b.Cols[1].AppendInt(1)
	if file := string(formattest.Write(t, f, named, b)); file != "05.02.2024 13:04,1\r\n" {
		t.Errorf("%q", file)
	}
	// With a header the names decide, whatever the order.
	header := spec(`{"firstRowAsHeader": true}`)
	in = formattest.Input("f", []byte("when,ID,more\n05.02.2024 13:04,7,x\n"))
	schema, err = header.Schema(t.Context(), in)
	if err != nil || schema[0].Type.Kind != batch.Timestamp || schema[1].Name != "ID" || schema[1].Type.Kind != batch.Int32 || schema[2].Type.Kind != batch.String {
		t.Errorf("%v, %v", schema, err)
	}
	if _, err := f.Schema(t.Context(), formattest.Input("f", []byte("1,2\n"))); fault.Code(err) != fault.BadData {
		t.Errorf("too few columns: %v", err)
	}
	if schema, err := f.Schema(t.Context(), formattest.Input("f", nil)); err != nil || len(schema) != 3 {
		t.Errorf("empty file: %v, %v", schema, err)
	}
}

// Whatever the line ends and wherever the cuts: the parts are the whole.
func TestSplitAnywhere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 80 {
		var file bytes.Buffer
		if round%3 == 0 {
			file.WriteString("\ufeff")
		}
		header := round%2 == 0
		if header {
			file.WriteString("a,b\r\n")
		}
		for i := range 1 + r.IntN(20) {
			fmt.Fprintf(&file, "%d,%d", i, r.IntN(1000))
			file.WriteString([]string{"\n", "\r", "\r\n", "\n\n", "\r\r\n"}[r.IntN(5)])
		}
		f := formattest.V2(t, Definition(), fmt.Sprintf(`{"quoteChar": "", "escapeChar": "", "firstRowAsHeader": %v}`, header), "").(*Format)
		f.minPart = 1
		in := formattest.Input("f", file.Bytes())
		schema, err := f.Schema(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		want := formattest.Rows(formattest.Read(t, f, in, schema))
		parts, err := f.Split(t.Context(), in, 1+r.IntN(12))
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, p := range parts {
			reader, err := f.ReadPart(t.Context(), in, p, schema)
			if err != nil {
				t.Fatal(err)
			}
			b, err := formattest.Drain(t.Context(), reader)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, formattest.Rows(b)...)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q in parts %q: %q, not %q", file.String(), parts, got, want)
		}
	}
}

func TestWhatIsDivided(t *testing.T) {
	t.Parallel()
	big := formattest.Input("f", bytes.Repeat([]byte("a,b\n"), 5<<20))
	for json, parts := range map[string]int{
		`{}`: 4, `{"quoteChar": ""}`: 4, `{"quoteChar": "", "escapeChar": ""}`: 4, `{"rowDelimiter": "\n"}`: 4,
		`{"quoteChar": "", "escapeChar": "", "encodingName": "utf-16"}`: 1, // no bytes that are characters
		`{"columnDelimiter": ";"}`:                                      1, // one column without a quote: it could be one long value
	} {
		f := formattest.V2(t, Definition(), json, "").(*Format)
		if got, err := f.Split(t.Context(), big, 4); err != nil || len(got) != parts {
			t.Errorf("%s: %q, %v", json, got, err)
		}
	}
	f := formattest.V1(t, Definition(), `{}`).(*Format)
	if _, err := f.ReadPart(t.Context(), big, "x", nil); fault.Code(err) != fault.Internal {
		t.Error(err)
	}
}

// A part that began inside a value must never pass for rows, even if a plan said so.
func TestAWrongCutIsNoticed(t *testing.T) {
	t.Parallel()
	file := []byte("a,\"1\n2,3\n4\"\nb,2\n")
	f := formattest.V2(t, Definition(), `{}`, "").(*Format)
	in := formattest.Input("f", file)
	r, err := f.ReadPart(t.Context(), in, "0..5", batch.Schema{{Name: "Prop_0"}})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := formattest.Drain(t.Context(), r); fault.Code(err) != fault.BadData || b.Len() != 1 {
		t.Errorf("%v", err)
	}
}

// Quoted values with everything in them that could look like the end of a row, in parts of any number.
func TestSplitQuoted(t *testing.T) {
	t.Parallel()
	words := []string{"x", "y,z", "\n", "1,2\n3,4\n", `"`, `""`, `","`, "\",\"", `\`, `\"`, "\r\n", ",\"a\"\n", "'", "é", ""}
	divided := 0
	for round := range 150 {
		r := rand.New(rand.NewPCG(uint64(round), 9))
		dataset := []string{`{}`, `{"escapeChar": "\""}`, `{"firstRowAsHeader": true}`, `{"rowDelimiter": "\n"}`, `{"rowDelimiter": "\r\n"}`, `{"columnDelimiter": "||"}`, `{"quoteChar": ""}`}[r.IntN(7)]
		settings := []string{``, `{"quoteAllText": true}`}[r.IntN(2)]
		if strings.Contains(dataset, `"quoteChar": ""`) {
			settings = ``
		}
		f := formattest.V2(t, Definition(), dataset, settings).(*Format)
		f.minPart = 1
		schema := batchtest.Schema(batch.Type{Kind: batch.Int32}, batch.Type{Kind: batch.String}, batch.Type{Kind: batch.String})
		rows := batch.New(schema, 0)
		plain := r.IntN(2) == 0 // mostly without quotes
		for i := range 1 + r.IntN(2000) {
			rows.Cols[0].AppendInt(int64(i))
			for c := 1; c < 3; c++ {
				text := "value"
				if !plain || r.IntN(50) == 0 {
					text = ""
					for range r.IntN(6) {
						text += words[r.IntN(len(words))]
					}
				}
				rows.Cols[c].AppendString(text)
			}
		}
		in := formattest.Input("f", formattest.Write(t, f, schema, rows))
		names, err := f.Schema(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		want := formattest.Rows(formattest.Read(t, f, in, names))
		parts, err := f.Split(t.Context(), in, 2+r.IntN(12))
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) > 1 {
			divided++
		}
		var got [][]string
		for _, p := range parts {
			reader, err := f.ReadPart(t.Context(), in, p, names)
			if err != nil {
				t.Fatal(err)
			}
			b, err := formattest.Drain(t.Context(), reader)
			if err != nil {
				t.Fatalf("round %d, %s, part %s of %q: %v", round, dataset, p, parts, err)
			}
			got = append(got, formattest.Rows(b)...)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d, %s: parts %q have %d rows, not %d", round, dataset, parts, len(got), len(want))
		}
	}
	if divided < 75 {
		t.Errorf("only %d of 150 files were divided", divided)
	}
}

// A source that gives a byte at a time makes every row cross the end of the buffer.
func TestSmallReads(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{"columnDelimiter": "::"}`, "")
	schema := batchtest.Schema(batch.Type{Kind: batch.String}, batch.Type{Kind: batch.Double}, batch.Type{Kind: batch.String})
	b := batchtest.Random(schema, 1, 200, 5)
	in := formattest.Input("f", formattest.Write(t, f, schema, b))
	open := in.Open
	in.Open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		rc, err := open(ctx, offset, length)
		return struct {
			io.Reader
			io.Closer
		}{&trickle{rc}, rc}, err
	}
	names, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range schema {
		schema[i].Name = names[i].Name
	}
	if err := batch.Equal(formattest.Read(t, f, in, schema), b); err != nil {
		t.Error(err)
	}
}

type trickle struct{ r io.Reader }

func (t *trickle) Read(p []byte) (int, error) { return t.r.Read(p[:min(len(p), 1)]) }

func TestLongRows(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{}`, "")
	s := batch.Schema{{Name: "Prop_0", Type: batch.Type{Kind: batch.String}}}
	b := batch.New(s, 0)
	for _, n := range []int{10, 3 << 20, 0, 1 << 20} {
		b.Cols[0].AppendString(strings.Repeat("x\n", n/2))
	}
	if err := batch.Equal(formattest.Read(t, f, formattest.Input("f", formattest.Write(t, f, s, b)), s), b); err != nil {
		t.Error("long rows differ")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a,b\n\"c\",\"d\\\"\"\r\n", uint8(0))
	f.Add("a||\"b||c\"\r", uint8(1))
	f.Add("$,a,$$\n\\N", uint8(2))
	f.Add("'a''b',NULL\n", uint8(3))
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		formats := []format.Format{
			formattest.V2(t, Definition(), `{}`, ""), formattest.V2(t, Definition(), `{"columnDelimiter": "||", "escapeChar": "\""}`, ""),
			formattest.V1(t, Definition(), `{"escapeChar": "$", "treatEmptyAsNull": false}`), formattest.V1(t, Definition(), `{"quoteChar": "'", "rowDelimiter": "\n"}`),
			formattest.V2(t, Definition(), `{"encodingName": "utf-16"}`, ""), formattest.V2(t, Definition(), `{"firstRowAsHeader": true, "rowDelimiter": "ab"}`, `{"skipLineCount": 1}`),
		}
		format := formats[int(which)%len(formats)]
		in := formattest.Input("f", []byte(text))
		schema, err := format.Schema(t.Context(), in)
		if err != nil {
			return
		}
		r, err := format.Read(t.Context(), in, schema)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := formattest.Drain(t.Context(), r)
		if err != nil || rows.Len() == 0 || which%6 == 5 {
			return
		}
		// What was read can be written, and is read again as the same rows.
		file := formattest.Write(t, format, schema, rows)
		again := formattest.Read(t, format, formattest.Input("f", file), schema)
		if err := batch.Equal(again, rows); err != nil {
			t.Fatalf("%q became %q: %v", text, file, err)
		}
	})
}
