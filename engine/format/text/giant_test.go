package text

import (
	"bytes"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/format/formattest"
)

// Giant rows are batches of their own and come back whole, between usual ones: with escapes, characters of several bytes, NULL and bytes.
func TestGiantRowsComeBack(t *testing.T) {
	schema := batch.Schema{
		{Name: "a", Type: batch.Type{Kind: batch.String}, Nullable: true},
		{Name: "b", Type: batch.Type{Kind: batch.Binary}, Nullable: true},
		{Name: "c", Type: batch.Type{Kind: batch.String}, Nullable: true},
	}
	b := batch.New(schema, 0)
	text := strings.Repeat("ein \"Wort\", zwei\r\nWörter\\ und 🙂; ", 230_000)
	for i, a := range []string{"x", text, "y", text[:len(text)/2], strings.ReplaceAll(text, "\"", "-"), "z"} {
		b.Cols[0].AppendString(a)
		if i%2 == 0 {
			b.Cols[1].AppendNull()
			b.Cols[2].AppendString(a)
		} else {
			b.Cols[1].AppendBytes(bytes.Repeat([]byte{0, 1, 255, byte(i)}, 300_000))
			b.Cols[2].AppendNull()
		}
	}
	for _, properties := range []string{
		`{"firstRowAsHeader":true,"nullValue":"NULL"}`, `{"firstRowAsHeader":true,"nullValue":"NULL","escapeChar":"\""}`,
		`{"firstRowAsHeader":true,"nullValue":"NULL","encodingName":"UTF-16"}`, `{"firstRowAsHeader":true,"nullValue":"NULL","columnDelimiter":"||"}`,
		`{"firstRowAsHeader":true,"nullValue":"NULL","quoteChar":"","escapeChar":"\\"}`,
	} {
		t.Run(properties, func(t *testing.T) {
			f := formattest.V2(t, Definition(), properties, "")
			in := formattest.Input("f", formattest.Write(t, f, schema, b))
			if err := batch.Equal(formattest.Read(t, f, in, schema), b); err != nil {
				t.Error(err)
			}
			r, err := f.Read(t.Context(), in, schema)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			var rows []int
			for got := batch.New(schema, 0); r.Next(t.Context(), got) == nil; got.Reset() {
				rows = append(rows, got.Len())
			}
			if len(rows) < 4 || rows[0] != 1 || rows[1] != 1 {
				t.Errorf("batches of %v rows", rows)
			}
		})
	}
}
