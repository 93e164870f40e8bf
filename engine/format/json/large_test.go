package json

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

// drip makes a file whose length nobody knows from pieces.
func drip(pieces func(write func(string) bool)) format.Input {
	return format.Input{Name: "drip", Size: -1, Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() {
			var b strings.Builder
			pieces(func(s string) bool {
				b.WriteString(s)
				if b.Len() < 20_000 {
					return true
				}
				_, err := io.WriteString(pw, b.String())
				b.Reset()
				return err == nil
			})
			if _, err := io.WriteString(pw, b.String()); err == nil {
				pw.Close()
			}
		}()
		return pr, nil
	}}
}

const manyElements = 250_000

func largeDocument(id int) func(write func(string) bool) {
	return func(write func(string) bool) {
		if !write(fmt.Sprintf(`{"id": %d, "meta": {"a": "x]\"}"}, "o": {"rows" :[`, id)) {
			return
		}
		for i := range manyElements {
			sep := ",\n"
			if i == 0 {
				sep = ""
			}
			if !write(fmt.Sprintf(`%s{"n": %d, "text": "row number %d ]}"}`, sep, i, i)) {
				return
			}
		}
		write(`], "more": [1, {"x": 2}]}, "late": "\"end\""}`)
	}
}

func TestAnArrayInsideALargeDocumentIsReadInLittleMemory(t *testing.T) {
	t.Parallel()
	in := drip(func(write func(string) bool) {
		write(`{"id": 1, "late": "small", "o": {"rows": [{"n": 5}]}}`)
		largeDocument(2)(write)
		largeDocument(3)(write)
		write(`{"id": 4, "o": {"rows": [{"n": 6}]}}`)
	})
	f := v1(t, `{"jsonNodeReference": "$.o.rows", "jsonPathDefinition": {"id": "$.id", "n": "n", "late": "$.late", "x": "$.o.more[1].x"}}`)
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Read(t.Context(), in, s)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, rows := batch.New(s, 0), 0
	check := func(want string, row int) {
		if got := strings.Join(formattest.Rows(b)[row], "|"); got != want {
			t.Fatalf("row %d is %s, not %s", rows+row, got, want)
		}
	}
	for {
		b.Reset()
		if err := r.Next(t.Context(), b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			n := b.Cols[1].Ints[i]
			switch at := rows + i; {
			case at == 0:
				check(`1|5|small|<null>`, i)
			case at == 1:
				check(`2|0|"end"|2`, i)
			case at == 2*manyElements:
				check(fmt.Sprintf(`3|%d|"end"|2`, manyElements-1), i)
			case at == 2*manyElements+1:
				check(`4|6|<null>|<null>`, i)
			case n != int64((at-1)%manyElements):
				t.Fatalf("row %d has %d", at, n)
			}
		}
		rows += b.Len()
		if n := max(len(r.(*reader).docs.src.buf), len(r.(*reader).ahead.buf0())); n > 4*largeFrom {
			t.Fatalf("a buffer has grown to %d bytes", n)
		}
	}
	if rows != 2*manyElements+2 {
		t.Errorf("%d rows", rows)
	}
}

func (s *source) buf0() []byte {
	if s == nil {
		return nil
	}
	return s.buf
}

func TestTheColumnsOfALargeDocument(t *testing.T) {
	t.Parallel()
	s, err := v1(t, `{"jsonNodeReference": "o.rows"}`).Schema(t.Context(), drip(largeDocument(7)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s {
		got = append(got, f.Name+":"+f.Type.String())
	}
	if g := strings.Join(got, " "); g != "id:Int64 meta.a:String n:Int64 text:String" {
		t.Error(g)
	}
}

func TestALargeDocumentThatIsBrokenIsRefused(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"cut in the array": `{"n": 1`, "cut behind it": `{"n": 1}], "late"`, "no comma": `{"n": 1} {"n": 2}]}}`, "wrong brackets": `{"n": 1}}]`,
		"wrong behind": `{"n": 1}], "late": oops}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := drip(func(write func(string) bool) {
				if !write(`{"o": {"rows": [`) {
					return
				}
				for range 300_000 {
					if !write(`{"n": 1, "text": "some more text"},`) {
						return
					}
				}
				write(end)
			})
			f := v1(t, `{"jsonNodeReference": "$.o.rows", "jsonPathDefinition": {"n": "n", "late": "$.late"}}`)
			s, err := f.Schema(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.Read(t.Context(), in, s)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := formattest.Drain(t.Context(), r); fault.Code(err) != fault.BadData {
				t.Error(err)
			}
		})
	}
}
