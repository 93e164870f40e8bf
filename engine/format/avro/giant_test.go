package avro

import (
	"bytes"
	"fmt"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/formattest"
)

// Rows of many megabytes are blocks of their own, between blocks of others, with every codec.
func TestGiantRowsOfEveryCodec(t *testing.T) {
	schema := batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int64}},
		{Name: "text", Type: batch.Type{Kind: batch.String}, Nullable: true},
		{Name: "bytes", Type: batch.Type{Kind: batch.Binary}},
		{Name: "mark", Type: batch.Type{Kind: batch.Boolean}, Nullable: true},
	}
	text := func(n int) (b []byte) {
		for i := 0; len(b) < n; i++ {
			b = fmt.Appendf(b, "%d é %d\n", i*i, i%7)
		}
		return bytes.ToValidUTF8(b[:n], []byte("?"))
	}
	b := batch.New(schema, 0)
	for i, size := range [][2]int{{3, 5}, {9 << 20, 0}, {-1, batch.Giant}, {batch.Giant / 2, batch.Giant / 2}, {batch.Giant - 2, 1}, {segment, segment - 1}, {0, 0}} {
		b.Cols[0].AppendInt(int64(i))
		if size[0] < 0 {
			b.Cols[1].AppendNull()
		} else {
			b.Cols[1].AppendBytes(text(size[0]))
		}
		b.Cols[2].AppendBytes(bytes.Repeat([]byte{0xff, byte(i), 3}, size[1]/3+1)[:size[1]])
		if i%2 == 0 {
			b.Cols[3].AppendNull()
		} else {
			b.Cols[3].AppendInt(1)
		}
	}
	for _, codec := range []string{"none", "deflate", "snappy", "zstandard", "bzip2", "xz"} {
		t.Run(codec, func(t *testing.T) {
			f := v2(t, `{"avroCompressionCodec": "`+codec+`"}`)
			data := formattest.Write(t, f, schema, b, b)
			got := formattest.Read(t, f, formattest.Input("f", data), schema)
			want := batch.New(schema, 0)
			for range 2 {
				if err := formattest.Add(want, b); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Equal(got, want); err != nil {
				t.Error(err)
			}
		})
	}
}

// A giant text that is none is refused with its row and column.
func TestGiantTextThatIsNone(t *testing.T) {
	schema := batch.Schema{{Name: "id", Type: batch.Type{Kind: batch.Int64}}, {Name: "text", Type: batch.Type{Kind: batch.String}}}
	b := batch.New(schema, 0)
	for i, v := range [][]byte{[]byte("good"), append(bytes.Repeat([]byte("a"), batch.Giant), 0xff)} {
		b.Cols[0].AppendInt(int64(i))
		b.Cols[1].AppendBytes(v)
	}
	var out bytes.Buffer
	w, err := v2(t, `{}`).Write(&out, schema)
	if err != nil {
		t.Fatal(err)
	}
	e := fault.As(w.Write(b))
	if e == nil || e.Code != fault.Conversion || e.Row != 2 || e.Column != "text" {
		t.Errorf("%+v", e)
	}
	_ = w.Close()
}
