package json

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

func TestLaterNumbersLoseNothing(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	for file.Len() < chunk {
		file.WriteString(`{"d":0.25,"i":1}` + "\n")
	}
	n := strings.Count(file.String(), "\n")
	file.WriteString(lines(`{"d":0.1234567890123456789,"i":1}`, `{"d":0.30000000000000004,"i":1}`, `{"d":1,"i":0.5}`, ``))
	f := v1(t, `{}`)
	in := formattest.Input("f.json", []byte(file.String()))
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Read(t.Context(), in, s)
	if err != nil {
		t.Fatal(err)
	}
	var rows int
	var errs []string
	for b := batch.New(s, 0); ; b.Reset() {
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			errs = append(errs, fmt.Sprintf("%d %s", fault.As(err).Row-int64(n), fault.As(err).Column))
		}
		rows += b.Len()
	}
	if got := strings.Join(errs, ","); rows != n+1 || got != "1 d,3 i" {
		t.Errorf("%d rows of %d, refused %s", rows, n+3, got)
	}
}

func TestOneLargeArrayIsReadInLittleMemory(t *testing.T) {
	t.Parallel()
	const rows = 200_000
	in := format.Input{Name: "big", Size: -1, Open: func(context.Context, int64, int64) (io.ReadCloser, error) {
		pr, pw := io.Pipe()
		go func() {
			var b bytes.Buffer
			b.WriteString("[\n")
			for i := range rows {
				fmt.Fprintf(&b, `{"id": %d, "name": "row number %d"}%s`, i, i, map[bool]string{true: "\n]", false: ",\n"}[i == rows-1])
				if b.Len() > 10_000 || i == rows-1 {
					if _, err := pw.Write(b.Bytes()); err != nil {
						return
					}
					b.Reset()
				}
			}
			pw.Close()
		}()
		return pr, nil
	}}
	f := v1(t, `{}`)
	r, err := f.Read(t.Context(), in, batch.Schema{field("id", batch.Type{Kind: batch.Int64})})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, sum := batch.New(r.Schema(), 0), 0
	for {
		b.Reset()
		if err := r.Next(t.Context(), b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, v := range b.Cols[0].Ints {
			if v != int64(sum) {
				t.Fatalf("row %d has %d", sum, v)
			}
			sum++
		}
		if n := len(r.(*reader).docs.src.buf); n > chunk {
			t.Fatalf("the buffer has grown to %d bytes", n)
		}
	}
	if sum != rows {
		t.Errorf("%d rows", sum)
	}
}

func TestAnObjectThatDoesNotEndIsRefused(t *testing.T) {
	t.Parallel()
	file := []byte(`{"a":1}{"a":"` + strings.Repeat("x", 3<<20) + `"}`)
	src, err := open(t.Context(), formattest.Input("f", file), &settings{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	src.limit = 2 << 20
	r := records{src: src, stop: -1}
	if err := r.next(); err != nil {
		t.Fatal(err)
	}
	if err := r.next(); fault.Code(err) != fault.BadData || !strings.Contains(err.Error(), "longer than 2 MiB") {
		t.Error(err)
	}
}

func TestPartsOfAFileThatIsNotOneObjectALineFail(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("{\"a\":1}\n", 200_000) + "{\n\"a\":2}\n" + strings.Repeat("{\"a\":1}\n", 100)
	f := v1(t, `{}`).(setFormat)
	f.minPart = 1000
	in := formattest.Input("f", []byte(file))
	parts, err := f.Split(t.Context(), in, 3)
	if err != nil || len(parts) != 3 {
		t.Fatal(parts, err)
	}
	r, err := f.ReadPart(t.Context(), in, parts[2], batch.Schema{field("a", batch.Type{Kind: batch.Int64})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := formattest.Drain(t.Context(), r); fault.Code(err) != fault.BadData || fault.As(err).Row != 0 {
		t.Error(err)
	}
	pretty := formattest.Input("f", []byte(strings.Repeat("{\n\"a\":1\n}\n", 10_000)))
	if parts, err := f.Split(t.Context(), pretty, 3); err != nil || len(parts) != 1 {
		t.Errorf("%q, %v", parts, err)
	}
}

func TestALongValue(t *testing.T) {
	t.Parallel()
	s := batch.Schema{field("a", batch.Type{Kind: batch.String}), field("b", batch.Type{Kind: batch.Int32})}
	b := batch.New(s, 0)
	b.Cols[0].AppendString(strings.Repeat("0123456789", 4<<20))
	b.Cols[1].AppendInt(7)
	f := v1(t, `{}`)
	file := formattest.Write(t, f, s, b)
	in := formattest.Input("f", file)
	in.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
		return io.NopCloser(iotest.HalfReader(bytes.NewReader(file))), nil
	}
	if err := batch.Equal(formattest.Read(t, f, in, s), b); err != nil {
		t.Error(err)
	}
}
