package text

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

// A caller that leaves bad rows out sees each of them once, as its fields stood in the file, and all good rows.
func TestBadRowsCanBeLeftOutAndShown(t *testing.T) {
	t.Parallel()
	file := "1,a\n" + "x,b\n" + "3,\n" + "\"5\"6,d\n" + "7,\"q\"\"q\",9\n" + "8,\"multi\nline\"\n" + "9\n" + "10,z"
	f := formattest.V2(t, Definition(), `{"escapeChar": "\""}`, "")
	want := batch.Schema{{Name: "Prop_0", Type: batch.Type{Kind: batch.Int32}}, {Name: "Prop_1", Type: batch.Type{Kind: batch.String}}}
	r, err := f.Read(t.Context(), formattest.Input("f", []byte(file)), want)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var good, bad []string
	b := batch.New(r.Schema(), 0)
	for {
		b.Reset()
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if fault.As(err).Row == 0 {
				t.Fatal(err)
			}
			var fields []string
			for _, p := range r.(format.Recorder).Record() {
				if p == nil {
					fields = append(fields, "NULL")
				} else {
					fields = append(fields, *p)
				}
			}
			bad = append(bad, strings.Join(fields, "|"))
			continue
		}
		for _, row := range formattest.Rows(b) {
			good = append(good, strings.Join(row, "|"))
		}
	}
	if got := strings.Join(good, " "); got != "1|a 3|<null> 8|multi\nline 10|z" {
		t.Errorf("good: %q", got)
	}
	if got := strings.Join(bad, " "); got != `x|b 5|6,d 7|q"q|9 9` {
		t.Errorf("bad: %q", got)
	}
}

func TestAnOpenQuoteIsFoundWhereItOpens(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{}`, "")
	schema := batch.Schema{{Name: "Prop_0", Type: batch.Type{Kind: batch.String}}}
	head := "a,b\nc,d\ne,\""
	_, err := readAll(t, f, formattest.Input("f", []byte(head+"more\nand more")), schema)
	if fault.Code(err) != fault.BadData || !strings.Contains(err.Error(), "row 3 (column 2, line 3, byte 11 of the file)") {
		t.Errorf("%v", err)
	}
	// An endless one is given up in good time, however small the pieces are that come.
	for _, piece := range []int{1000, 1 << 20} {
		in := formattest.Input("f", nil)
		in.Size = 1 << 40
		in.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(head), &endless{piece: piece})), nil
		}
		src, err := f.(*Format).open(t.Context(), in, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		src.limit = 32 << 20
		cols, err := src.columns(&f.(*Format).s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := newReader(src, &f.(*Format).s, cols, schema)
		if err != nil {
			t.Fatal(err)
		}
		_, err = formattest.Drain(t.Context(), r)
		if fault.Code(err) != fault.BadData || !strings.Contains(err.Error(), "row 3 is longer than 32 MiB") || !strings.Contains(err.Error(), "column 2, line 3, byte 11") {
			t.Errorf("%v", err)
		}
		if fault.As(err).Row != 0 {
			t.Error("reading cannot go on behind it, but the error says so")
		}
	}
}

type endless struct{ piece int }

func (e *endless) Read(p []byte) (int, error) {
	n := min(len(p), e.piece)
	for i := range p[:n] {
		p[i] = "abc,\n"[i%5]
	}
	return n, nil
}

func readAll(t *testing.T, f format.Format, in format.Input, want batch.Schema) (*batch.Batch, error) {
	t.Helper()
	r, err := f.Read(t.Context(), in, want)
	if err != nil {
		return nil, err
	}
	return formattest.Drain(t.Context(), r)
}

func TestAwkwardShapes(t *testing.T) {
	t.Parallel()
	f := formattest.V2(t, Definition(), `{"escapeChar": "\""}`, "")
	text := batch.Type{Kind: batch.String}
	t.Run("10,000 columns", func(t *testing.T) {
		t.Parallel()
		schema := make(batch.Schema, 10_000)
		for i := range schema {
			schema[i] = batch.Field{Name: "c", Type: text}
		}
		b := batch.New(schema, 0)
		for i := range b.Cols {
			b.Cols[i].AppendString("a,b")
			b.Cols[i].AppendNull()
		}
		in := formattest.Input("f", formattest.Write(t, f, schema, b))
		names, err := f.Schema(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Equal(formattest.Read(t, f, in, names), b); err != nil {
			t.Error(err)
		}
	})
	t.Run("a cell of 40 MB", func(t *testing.T) {
		t.Parallel()
		cell := bytes.Repeat([]byte("a \"quoted\", cell\n"), 40_000_000/17)
		schema := batch.Schema{{Name: "Prop_0", Type: text}, {Name: "Prop_1", Type: text}}
		b := batch.New(schema, 0)
		b.Cols[0].AppendBytes(cell)
		b.Cols[1].AppendString("x")
		if err := batch.Equal(formattest.Read(t, f, formattest.Input("f", formattest.Write(t, f, schema, b)), schema), b); err != nil {
			t.Error(err)
		}
	})
	t.Run("NUL bytes", func(t *testing.T) {
		t.Parallel()
		got, err := readAll(t, f, formattest.Input("f", []byte("a\x00,\x00\r\x00,b\n")), batch.Schema{{Name: "Prop_0"}, {Name: "Prop_1"}})
		if err != nil || got.Len() != 2 || string(got.Cols[0].Bytes(0)) != "a\x00" || string(got.Cols[0].Bytes(1)) != "\x00" {
			t.Errorf("%q, %v", formattest.Rows(got), err)
		}
	})
}

// Several goroutines write just what one writes.
func TestParallelWritingIsTheSame(t *testing.T) {
	t.Parallel()
	for _, dataset := range []string{`{}`, `{"escapeChar": "\"", "rowDelimiter": "\n"}`, `{"encodingName": "UTF-16"}`, `{"encodingName": "GB18030"}`, `{"quoteChar": ""}`} {
		f := formattest.V2(t, Definition(), dataset, "")
		var files [2]bytes.Buffer
		for i, most := range []int{1, 5} {
			w, err := f.(*Format).newWriter(&files[i], batchtest.Orders())
			if err != nil {
				t.Fatal(err)
			}
			w.most = most
			for _, n := range []int{10, 4096, 1, 3000, 64, 4096} {
				if err := w.Write(orders(n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if most > 1 && len(w.workers) != most {
				t.Errorf("%d goroutines", len(w.workers))
			}
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%s: the files differ", dataset)
		}
	}
}
