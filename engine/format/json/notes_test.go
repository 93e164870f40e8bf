package json

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

// notesOf reads a file with the columns that it shows itself, or only some of them, and gives the notes.
func notesOf(t *testing.T, f format.Format, file string, only ...string) string {
	t.Helper()
	in := formattest.Input("f.json", []byte(file))
	want, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(only) > 0 {
		var some batch.Schema
		for _, name := range only {
			some = append(some, want[want.Index(name)])
		}
		want = some
	}
	r, err := f.Read(t.Context(), in, want)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := batch.New(r.Schema(), batch.Rows)
	for err == nil {
		b.Reset()
		err = r.Next(t.Context(), b)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return fmt.Sprint(r.(format.Noter).Notes())
}

func TestPropertiesBehindTheSampleAreNoted(t *testing.T) {
	t.Parallel()
	const rows = 40_000 // more than the sample takes
	for _, c := range []struct{ name, row, late, want string }{
		{"nothing new", `{"a":1,"b":{"c":2}}`, `{"b":{"c":3},"a":4}`, "[]"},
		{"a property", `{"a":1,"b":{"c":2}}`, `{"a":1,"x":7}`, "[{x 40001}]"},
		{"twice", `{"a":1,"b":{"c":2}}`, `{"x":7}` + "\n" + `{"x":8,"y":9}`, "[{x 40001} {y 40002}]"},
		{"with escapes", `{"a":1,"b":{"c":2}}`, `{"\u0078":7}`, "[{x 40001}]"},
		{"another case", `{"a":1,"b":{"c":2}}`, `{"A":7}`, "[{A 40001}]"},
		{"inside an object that is columns", `{"a":1,"b":{"c":2}}`, `{"b":{"c":1,"d":2}}`, "[{b.d 40001}]"},
		{"a value in the place of such an object", `{"a":1,"b":{"c":2}}`, `{"b":5}`, "[{b 40001}]"},
		{"null in the place of such an object", `{"a":1,"b":{"c":2}}`, `{"b":null}`, "[]"},
		{"inside an array that is one column", `{"a":1,"b":[{"c":2}]}`, `{"b":[{"d":1}]}`, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := strings.Repeat(c.row+"\n", rows) + c.late
			if got := notesOf(t, v1(t, `{}`), file); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestPropertiesOfElementsAndAroundThemAreNoted(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	for range 20_000 {
		file.WriteString(`{"id":1,"rows":[{"a":1},{"a":2}]}` + "\n")
	}
	file.WriteString(`{"id":1,"more":2,"rows":[{"a":1},{"a":2,"x":3}]}`)
	if got := notesOf(t, v1(t, `{"jsonNodeReference":"$.rows"}`), file.String()); got != "[{more 40001} {x 40002}]" {
		t.Error(got)
	}
}

func TestKnownColumnsThatNobodyWantsAreNotedWithTheirRow(t *testing.T) {
	t.Parallel()
	if got := notesOf(t, v1(t, `{}`), `{"a":1}{"a":2,"b":{"c":3,"d":4}}`, "a", "b.d"); got != "[{b.c 2}]" {
		t.Error(got)
	}
}

func TestNothingIsNotedWhereTheJobNamesTheColumns(t *testing.T) {
	t.Parallel()
	file := `{"a":1}{"a":2,"x":3}`
	if got := notesOf(t, v1(t, `{"jsonPathDefinition":{"a":"$.a"}}`), file); got != "[]" {
		t.Error(got)
	}
	if got := notesOf(t, v1(t, `{}`, batch.Field{Name: "a", Type: batch.Type{Kind: batch.Int64}}), file); got != "[]" {
		t.Error(got)
	}
}

func TestNamesThatAreDataTakeLittleMemory(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString(strings.Repeat(`{"a":1}`+"\n", 80_000))
	for i := range 5 * maxExtra {
		fmt.Fprintf(&file, `{"k%d":1}`+"\n", i)
	}
	if got := strings.Count(notesOf(t, v1(t, `{}`), file.String()), "{"); got != maxExtra {
		t.Errorf("%d notes", got)
	}
}
