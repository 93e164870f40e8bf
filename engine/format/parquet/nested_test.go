package parquet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/format/formattest"
)

// DuckDB wrote the file: structures, lists and maps in each other, with NULLs and nothing at every depth.
func TestStructuresListsAndMaps(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/nested-duckdb.parquet")
	if err != nil {
		t.Fatal(err)
	}
	in, f := formattest.Input("f", data), v2(t, `{}`)
	found, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, c := range found {
		columns = append(columns, c.Name+" "+c.Type.String())
	}
	if want := []string{"id Int32", "p.x Int32", "p.tags JSON", "nums JSON", "deep JSON", "m JSON", "byint JSON", "when JSON"}; !reflect.DeepEqual(columns, want) {
		t.Errorf("%q", columns)
	}
	want := [][]string{
		{"1", "5", `["a","b\"c"]`, `[1,null,3]`, `[[{"x":1,"tags":[]},null],[],null]`, `{"k":[true,null],"l":null}`, `{"7":0.5}`, `["2024-02-29"]`},
		{"2", "<null>", "<null>", "<null>", "<null>", "<null>", "<null>", "<null>"},
		{"3", "<null>", "<null>", "[]", "[]", "{}", "{}", "[]"},
		{"4", "6", `["é\n"]`, `[9]`, `[[{"x":null,"tags":["q",null]}]]`, `{"k":[]}`, `{"-1":null}`, `[null]`},
	}
	if got := formattest.Rows(formattest.Read(t, f, in, found)); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, not\n%q", got, want)
	}
}

// shredder takes lists of numbers apart into values and levels.
type shredder struct {
	values   []int32
	def, rep []int16
}

func (s *shredder) add(v any, def, rep, depth int16) {
	list, isList := v.([]any)
	switch {
	case v == nil:
	case !isList:
		s.values, def = append(s.values, v.(int32)), def+1
	case len(list) == 0:
		def++
	default:
		for i, item := range list {
			if i > 0 {
				rep = depth + 1
			}
			s.add(item, def+2, rep, depth+1)
		}
		return
	}
	s.def, s.rep = append(s.def, def), append(s.rep, rep)
}

// Lists of random depth and length come back as the JSON that they were made of, across pages, batches and row groups.
func TestRandomListsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		depth := rapid.IntRange(1, 3).Draw(rt, "depth")
		node := schema.Node(schema.NewInt32Node("element", parquet.Repetitions.Optional, -1))
		for i := range depth {
			list, err := schema.NewGroupNode("list", parquet.Repetitions.Repeated, schema.FieldList{node}, -1)
			if err != nil {
				rt.Fatal(err)
			}
			name := map[bool]string{true: "v", false: "element"}[i == depth-1]
			if node, err = schema.NewGroupNodeLogical(name, parquet.Repetitions.Optional, schema.FieldList{list}, schema.NewListLogicalType(), -1); err != nil {
				rt.Fatal(err)
			}
		}
		root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{node}, -1)
		if err != nil {
			rt.Fatal(err)
		}
		var out bytes.Buffer
		w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(
			parquet.WithDataPageSize(int64(rapid.IntRange(1, 300).Draw(rt, "page"))), parquet.WithBatchSize(3),
			parquet.WithDictionaryDefault(rapid.Bool().Draw(rt, "dictionary")),
			parquet.WithDataPageVersion(rapid.SampledFrom([]parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2}).Draw(rt, "version")))))
		var value func(d int) any
		value = func(d int) any {
			if rapid.IntRange(0, 4).Draw(rt, "null") == 0 {
				return nil
			}
			if d == 0 {
				return rapid.Int32().Draw(rt, "n")
			}
			list := make([]any, rapid.IntRange(0, 4).Draw(rt, "length"))
			for i := range list {
				list[i] = value(d - 1)
			}
			return list
		}
		var want []string
		for range rapid.IntRange(1, 3).Draw(rt, "groups") {
			var s shredder
			for range rapid.IntRange(1, 40).Draw(rt, "rows") {
				v := value(depth)
				text, err := json.Marshal(v)
				if err != nil {
					rt.Fatal(err)
				}
				want = append(want, string(text))
				s.add(v, 0, 0, 0)
			}
			g, err := w.AppendRowGroupChecked()
			if err != nil {
				rt.Fatal(err)
			}
			cw, err := g.NextColumn()
			if err != nil {
				rt.Fatal(err)
			}
			if _, err := cw.(*file.Int32ColumnChunkWriter).WriteBatch(s.values, s.def, s.rep); err != nil {
				rt.Fatal(err)
			}
			if err := errors.Join(cw.Close(), g.Close()); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		r, err := v2(t, `{}`).Read(t.Context(), formattest.Input("f", out.Bytes()), batch.Schema{{Name: "v"}})
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		b := batch.New(r.Schema(), rapid.IntRange(1, 7).Draw(rt, "batch"))
		for {
			b.Reset()
			err := r.Next(t.Context(), b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				rt.Fatal(err)
			}
			for _, row := range formattest.Rows(b) {
				if row[0] == "<null>" {
					row[0] = "null"
				}
				got = append(got, row[0])
			}
		}
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("%q, not %q", got, want)
		}
	})
}

func TestStringsInListsAreValidJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != s {
			t.Fatalf("%q came back as %q, %v", s, back, err)
		}
	})
	if got := string(appendInterval(nil, []byte{14, 0, 0, 0, 3, 0, 0, 0, 0x94, 0x11, 0, 0})); got != "P14M3DT4.500S" {
		t.Error(got)
	}
}
