package parquet

import (
	"bytes"
	"fmt"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/format/formattest"
)

// longText is a text of the length that Snappy finds copies in, near and overlapping, and none.
func longText(seed, length int) []byte {
	x := uint32(seed)
	text := make([]byte, 0, length+64)
	for len(text) < length {
		x = x*1664525 + 1013904223
		switch n := int(x>>24)%40 + 1; {
		case x>>20&3 == 0 && len(text) > 100:
			at := len(text) - 1 - int(x>>8)%min(len(text)-1, 60_000)
			text = append(text, text[at:min(len(text), at+n)]...)
		case x>>20&3 == 1:
			text = append(text, bytes.Repeat([]byte{'a' + byte(n%26)}, n)...)
		default:
			text = fmt.Appendf(text, "%d", x)
		}
	}
	return text[:length]
}

// Values of many megabytes come back, with NULLs and short ones between them, by the reader for long values and by the file
// library's, which other programs stand for.
func TestGiantValuesOfEveryCodec(t *testing.T) {
	schema := batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int64}},
		{Name: "text", Type: batch.Type{Kind: batch.String}, Nullable: true},
		{Name: "bytes", Type: batch.Type{Kind: batch.Binary}},
	}
	b := batch.New(schema, 0)
	for i, length := range []int{17 << 19, 10, -1, 1 << 18, 0, 1 << 16} {
		b.Cols[0].AppendInt(int64(i))
		if length < 0 {
			b.Cols[1].AppendNull()
		} else {
			b.Cols[1].AppendBytes(longText(i, length))
		}
		b.Cols[2].AppendBytes(longText(i+100, []int{70_000, 17 << 19}[i/5]))
	}
	for _, codec := range []string{"none", "snappy", "gzip", "zstd", "brotli", "lz4"} {
		t.Run(codec, func(t *testing.T) {
			data := formattest.Write(t, v2(t, `{"compressionCodec": "`+codec+`"}`), schema, b)
			in := formattest.Input("f", data)
			if err := batch.Equal(formattest.Read(t, v2(t, `{}`), in, schema), b); err != nil {
				t.Error(err)
			}
			r, err := open(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.project(schema); err != nil {
				t.Fatal(err)
			}
			g := r.file.RowGroup(0)
			for i, l := range r.columns {
				meta, err := g.MetaData().ColumnChunk(i)
				if err != nil {
					t.Fatal(err)
				}
				if own := r.newLong(l.leaves[0], meta) != nil; own != (i > 0) {
					t.Errorf("column %d is read by the reader for long values: %v", i, own)
				}
				col, err := g.Column(i)
				if err != nil {
					t.Fatal(err)
				}
				c := batch.Column{Type: schema[i].Type}
				k := &chunk{r: col, decode: l.leaves[0].decode, max: l.leaves[0].def}
				if err := k.read(&c, b.Len()); err != nil {
					t.Fatal(err)
				}
				for row := range b.Len() {
					if c.IsNull(row) != b.Cols[i].IsNull(row) || i > 0 && !bytes.Equal(c.Bytes(row), b.Cols[i].Bytes(row)) {
						t.Errorf("column %d, row %d differs for the file library", i, row)
					}
				}
			}
		})
	}
}

// Damage in such a page is an error, never a panic or a value.
func TestDamagedLongValues(t *testing.T) {
	schema := batch.Schema{{Name: "text", Type: batch.Type{Kind: batch.String}, Nullable: true}}
	b := batch.New(schema, 0)
	b.Cols[0].AppendBytes(longText(1, 9<<20))
	data := formattest.Write(t, v2(t, `{}`), schema, b)
	for at := 4; at < 200; at += 3 {
		bad := bytes.Clone(data)
		bad[at] ^= 0xff
		r, err := v2(t, `{}`).Read(t.Context(), formattest.Input("f", bad), schema)
		if err != nil {
			continue
		}
		got := batch.New(schema, 0)
		if err := r.Next(t.Context(), got); err == nil && got.Cols[0].Len() != 1 {
			t.Errorf("byte %d: %d rows", at, got.Cols[0].Len())
		}
		_ = r.Close()
		if at > 40 {
			at += 30
		}
	}
}

// Thousands of columns go through the ways that take one column after the other.
func TestManyColumnsComeBack(t *testing.T) {
	var schema batch.Schema
	kinds := []batch.Type{{Kind: batch.Int32}, {Kind: batch.String}, {Kind: batch.Double}, {Kind: batch.Decimal, Precision: 30, Scale: 2}, {Kind: batch.Boolean}}
	for i := range manyColumns + 3 {
		schema = append(schema, batch.Field{Name: fmt.Sprint("c", i), Type: kinds[i%len(kinds)], Nullable: true})
	}
	b := batch.New(schema, 0)
	for row := range 150 {
		for i := range b.Cols {
			c := &b.Cols[i]
			if (row+i)%7 == 0 {
				c.AppendNull()
				continue
			}
			if err := batch.ParseText(c, []byte([]string{fmt.Sprint(row * i), fmt.Sprint("text ", row%5, i), fmt.Sprint(row, ".5"), fmt.Sprint(i, ".25"), "True"}[i%len(kinds)])); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := v2(t, `{}`)
	f.groupRows = 100
	data := formattest.Write(t, f, schema, b)
	if err := batch.Equal(formattest.Read(t, f, formattest.Input("f", data), schema), b); err != nil {
		t.Error(err)
	}
}

// A row group of many columns that turns out too large in memory, as dictionaries make it, is read as others are.
func TestManyColumnsTooLargeToHold(t *testing.T) {
	schema := make(batch.Schema, manyColumns)
	for i := range schema {
		schema[i] = batch.Field{Name: fmt.Sprint("c", i), Type: batch.Type{Kind: batch.String}}
	}
	b := batch.New(schema, 0)
	for range 3000 {
		for i := range b.Cols {
			b.Cols[i].AppendBytes([]byte("the same"))
		}
	}
	f := v2(t, `{}`)
	in := formattest.Input("f", formattest.Write(t, f, schema, b))
	r, err := open(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.project(schema); err != nil {
		t.Fatal(err)
	}
	r.end, r.heldLimit = r.file.NumRowGroups(), 1<<20
	got, err := formattest.Drain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if r.held != nil {
		t.Error("the rows were held")
	}
	if err := batch.Equal(got, b); err != nil {
		t.Error(err)
	}
}

// Codecs without a bound on their ratio make a few KiB of a hundred MiB of one letter, for both readers.
func TestGiantValuesOfOneLetter(t *testing.T) {
	if testing.Short() {
		t.Skip("compresses a quarter of a gigabyte")
	}
	schema := batch.Schema{{Name: "text", Type: batch.Type{Kind: batch.String}, Nullable: true}}
	b := batch.New(schema, 0)
	b.Cols[0].AppendBytes(bytes.Repeat([]byte{'z'}, leastPage+1<<20))
	b.Cols[0].AppendNull()
	for _, codec := range []string{"zstd", "brotli"} {
		data := formattest.Write(t, v2(t, `{"compressionCodec": "`+codec+`"}`), schema, b)
		in := formattest.Input("f", data)
		if err := batch.Equal(formattest.Read(t, v2(t, `{}`), in, schema), b); err != nil {
			t.Error(codec, len(data), err)
		}
		r, err := open(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		col, err := r.file.RowGroup(0).Column(0)
		if err != nil {
			t.Fatal(err)
		}
		c := batch.Column{Type: schema[0].Type}
		k := &chunk{r: col, decode: r.all[0].leaves[0].decode, max: 1}
		if err := k.read(&c, b.Len()); err != nil || !bytes.Equal(c.Bytes(0), b.Cols[0].Bytes(0)) {
			t.Error(codec, "for the file library:", err)
		}
	}
}

// The checksum that gzip keeps of a page's content is compared.
func TestChecksumOfALongGzipPage(t *testing.T) {
	schema := batch.Schema{{Name: "bytes", Type: batch.Type{Kind: batch.Binary}}}
	b := batch.New(schema, 0)
	b.Cols[0].AppendBytes(longText(1, 9<<20))
	f := v2(t, `{"compressionCodec": "gzip"}`)
	data := formattest.Write(t, f, schema, b)
	r, err := open(t.Context(), formattest.Input("f", data))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := r.file.MetaData().RowGroup(0).ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	data[meta.DataPageOffset()+meta.TotalCompressedSize()-6] ^= 1 // in the checksum, which stands before the length
	rows, err := v2(t, `{}`).Read(t.Context(), formattest.Input("f", data), schema)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if err := rows.Next(t.Context(), batch.New(schema, 0)); err == nil {
		t.Error("damaged content was read")
	}
}
