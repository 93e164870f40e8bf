package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"pgregory.net/rapid"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/props"
)

func TestStoredTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range batchtest.AllTypes() {
		s := stored(typ)
		if stored(s) != s {
			t.Errorf("%s is stored as %s, but that as %s", typ, s, stored(s))
		}
		if ok, why := batch.Lossless(typ, s); !ok {
			t.Errorf("%s to %s: %s", typ, s, why)
		}
	}
}

// A writer takes the types of its schema even where the file stores others.
func TestWriterConverts(t *testing.T) {
	t.Parallel()
	s := batchtest.Schema(
		batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}, batch.Type{Kind: batch.Duration, Unit: batch.Micro},
		batch.Type{Kind: batch.Decimal}, batch.Type{Kind: batch.XML}, batch.Type{Kind: batch.Time, Unit: batch.Tick},
	)
	b := batch.New(s, 0)
	for i, v := range []string{"9999-12-31 23:59:59.9999999", "1.02:03:04.5", "123456789012345678901234567890.123", "<a/>", "12:00:00.1234567"} {
		if err := batch.ParseText(&b.Cols[i], []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	f := v2(t, `{}`)
	in := formattest.Input("f", formattest.Write(t, f, s, b))
	got, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	rows := formattest.Rows(formattest.Read(t, f, in, got))
	if want := [][]string{{"9999-12-31 23:59:59.9999999", "1.02:03:04.5", "123456789012345678901234567890.123", "<a/>", "12:00:00.1234567"}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("%q", rows)
	}
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		typ         batch.Type
	}{
		{"a time before all Julian days", "9999-01-01 00:00:00 BC", batch.Type{Kind: batch.Timestamp, Unit: batch.Tick}},
		{"the end of the day", "24:00:00", batch.Type{Kind: batch.Time, Unit: batch.Micro}},
		{"the end of the day in milliseconds", "24:00:00", batch.Type{Kind: batch.Time, Unit: batch.Milli}},
	} {
		s := batchtest.Schema(c.typ)
		b := batch.New(s, 0)
		b.Cols[0].AppendInt(0)
		if err := batch.ParseText(&b.Cols[0], []byte(c.value)); err != nil {
			t.Fatal(err)
		}
		w, err := v2(t, `{}`).Write(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		if e := fault.As(w.Write(b)); e == nil || e.Code != fault.Conversion || e.Row != 2 || e.Column != "c0" {
			t.Errorf("%s: %v", c.name, e)
		}
	}
	s := batchtest.Schema(batch.Type{Kind: batch.Int32})
	s[0].Nullable = false
	b := batch.New(s, 0)
	b.Cols[0].AppendNull()
	w, err := v2(t, `{}`).Write(io.Discard, s)
	if err != nil {
		t.Fatal(err)
	}
	if e := fault.As(w.Write(b)); e == nil || e.Row != 1 || e.Column != "c0" {
		t.Errorf("NULL where none is allowed: %v", e)
	}
	twice := batchtest.Schema(batch.Type{Kind: batch.Int32}, batch.Type{Kind: batch.Int32})
	twice[1].Name = twice[0].Name
	if _, err := v2(t, `{}`).Write(io.Discard, twice); fault.Code(err) != fault.BadInput {
		t.Errorf("two columns of one name: %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for json, ok := range map[string]bool{
		`{"compressionCodec": "ZSTD"}`: true, `{"compressionCodec": "gzip", "compressionLevel": "fastest"}`: true,
		`{"compressionCodec": "lzo"}`: false, `{"compressionCodec": "bzip2"}`: false, `{"codec": "snappy"}`: false,
	} {
		o, err := props.Parse([]byte(json), "$")
		if err != nil {
			t.Fatal(err)
		}
		Definition().Decode(format.Spec{Dataset: o})
		if err := o.Err(); (err == nil) != ok || !ok && fault.Code(err) != fault.Unsupported {
			t.Errorf("%s: %v", json, err)
		}
	}
	formattest.V1(t, Definition(), `{"type": "ParquetFormat"}`)
	formattest.V2(t, Definition(), `{}`, `{"type": "ParquetWriteSettings", "maxRowsPerFile": 1000, "fileNamePrefix": "x"}`)
}

// foreign makes a file of one row group as other programs write them.
func foreign(t *testing.T, fields schema.FieldList, put func(i int, cw file.ColumnChunkWriter) error) []byte {
	t.Helper()
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root)
	g, err := w.AppendRowGroupChecked()
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Schema.NumColumns() {
		cw, err := g.NextColumn()
		if err != nil {
			t.Fatal(err)
		}
		if err := put(i, cw); err != nil {
			t.Fatal(err)
		}
		if err := cw.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func leafNode(t *testing.T, name string, l schema.LogicalType, typ parquet.Type, length int) schema.Node {
	t.Helper()
	n, err := schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Required, l, typ, length, -1)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFilesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	p, none := parquet.Types, schema.NoLogicalType{}
	fields := schema.FieldList{
		leafNode(t, "int96", none, p.Int96, 0),
		leafNode(t, "uint32", schema.NewIntLogicalType(32, false), p.Int32, 0),
		leafNode(t, "uint64", schema.NewIntLogicalType(64, false), p.Int64, 0),
		leafNode(t, "int8", schema.NewIntLogicalType(8, true), p.Int32, 0),
		leafNode(t, "uint16", schema.NewIntLogicalType(16, false), p.Int32, 0),
		leafNode(t, "half", schema.Float16LogicalType{}, p.FixedLenByteArray, 2),
		leafNode(t, "enum", schema.EnumLogicalType{}, p.ByteArray, 0),
		leafNode(t, "bytes", none, p.ByteArray, 0),
		leafNode(t, "decimal bytes", schema.NewDecimalLogicalType(20, 2), p.ByteArray, 0),
		leafNode(t, "fixed", none, p.FixedLenByteArray, 3),
	}
	data := foreign(t, fields, func(i int, cw file.ColumnChunkWriter) (err error) {
		switch cw := cw.(type) {
		case *file.Int96ColumnChunkWriter:
			var v parquet.Int96
			v.SetNanoSeconds(12*3600e9 + 123_456_700) // of the day
			binary.LittleEndian.PutUint32(v[8:], julianEpoch+19753)
			_, err = cw.WriteBatch([]parquet.Int96{v}, nil, nil)
		case *file.Int32ColumnChunkWriter:
			_, err = cw.WriteBatch([]int32{map[int]int32{1: -1, 3: -128, 4: 65535}[i]}, nil, nil)
		case *file.Int64ColumnChunkWriter:
			_, err = cw.WriteBatch([]int64{-1}, nil, nil)
		case *file.ByteArrayColumnChunkWriter:
			_, err = cw.WriteBatch([]parquet.ByteArray{map[int][]byte{6: []byte("RED"), 7: {0, 255}, 8: {0xff, 0x38}}[i]}, nil, nil)
		case *file.FixedLenByteArrayColumnChunkWriter:
			_, err = cw.WriteBatch([]parquet.FixedLenByteArray{map[int][]byte{5: {0x00, 0xc1}, 9: {1, 2, 3}}[i]}, nil, nil)
		default:
			err = fmt.Errorf("%T", cw)
		}
		return err
	})
	in := formattest.Input("f", data)
	s, err := v2(t, `{}`).Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, f := range s {
		types = append(types, f.Type.String())
		if f.Nullable || f.Native == "" {
			t.Errorf("%+v", f)
		}
	}
	if want := []string{"Timestamp(100ns)", "Int64", "Decimal(20,0)", "Int16", "Int32", "Single", "String", "Binary", "Decimal(20,2)", "Binary(3)"}; !reflect.DeepEqual(types, want) {
		t.Errorf("%q", types)
	}
	rows := formattest.Rows(formattest.Read(t, v2(t, `{}`), in, s))
	if want := [][]string{{"2024-01-31 12:00:00.1234567", "4294967295", "18446744073709551615", "-128", "65535", "-2.5", "RED", `\x00ff`, "-2.00", `\x010203`}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("%q", rows)
	}
}

func TestDictionaryOnlyWhereValuesRepeat(t *testing.T) {
	t.Parallel()
	f := v2(t, `{}`)
	b := batch.New(batchtest.Orders(), 4096)
	batchtest.FillOrders(b, 1, 4096)
	r, err := open(t.Context(), formattest.Input("f", formattest.Write(t, f, batchtest.Orders(), b)))
	if err != nil {
		t.Fatal(err)
	}
	var with []string
	for i, field := range batchtest.Orders() {
		c, err := r.file.MetaData().RowGroup(0).ColumnChunk(i)
		if err != nil {
			t.Fatal(err)
		}
		if c.HasDictionaryPage() {
			with = append(with, field.Name)
		}
	}
	if want := []string{"region"}; !reflect.DeepEqual(with, want) {
		t.Errorf("dictionaries for %q, not %q", with, want)
	}
}

func TestStatisticsSurviveReusedBuffers(t *testing.T) {
	t.Parallel()
	s := batchtest.Schema(batch.Type{Kind: batch.String})
	var out bytes.Buffer
	w, err := v2(t, `{}`).Write(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.New(s, 0)
	for _, v := range []string{"mmm", "aaa", "zzz", "kkk"} {
		b.Reset()
		b.Cols[0].AppendString(v)
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := open(t.Context(), formattest.Input("f", out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.file.MetaData().RowGroup(0).ColumnChunk(0)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := c.Statistics()
	if err != nil || string(stats.EncodeMin()) != "aaa" || string(stats.EncodeMax()) != "zzz" {
		t.Errorf("%v, %q to %q", err, stats.EncodeMin(), stats.EncodeMax())
	}
}

func TestStoreErrorsPassThrough(t *testing.T) {
	t.Parallel()
	s := batchtest.Schema(batch.Type{Kind: batch.String})
	in := formattest.Input("f", formattest.Write(t, v2(t, `{"compressionCodec": "none"}`), s, batchtest.Random(s, 1, 20_000, 0)))
	broken := errors.New("line dropped")
	open := in.Open
	calls := 0
	in.Open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		if calls++; calls > 1 {
			return nil, broken
		}
		return open(ctx, offset, length)
	}
	r, err := v2(t, `{}`).Read(t.Context(), in, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := formattest.Drain(t.Context(), r); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	in.Size = -1
	if _, err := v2(t, `{}`).Schema(t.Context(), in); fault.Code(err) != fault.Unsupported {
		t.Errorf("unknown size: %v", err)
	}
}

func TestDecimalBytesAgreeWithBig(t *testing.T) {
	t.Parallel()
	for p := 1; p <= maxDecimal; p++ {
		largest := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil)
		if n := decimalBytes(p); largest.BitLen() > n*8-1 {
			t.Errorf("%d digits do not fit %d bytes", p, n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := batch.Int128{Hi: rapid.Int64().Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo")}
		n := rapid.IntRange(16, 32).Draw(t, "bytes")
		dst := make([]byte, n)
		putWide(dst, v)
		if back, ok := getWide(dst); !ok || back != v {
			t.Fatalf("%v came back as %v", v, back)
		}
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		text := string(batch.AppendDecimalWide(nil, v, scale))
		if got := string(appendBig(nil, dst, scale)); got != text {
			t.Fatalf("%s, not %s", got, text)
		}
		again := make([]byte, n)
		if !putBig(again, []byte(text)) || !bytes.Equal(again, dst) {
			t.Fatalf("%s: %x, not %x", text, again, dst)
		}
	})
}

func TestHalfPrecision(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x0001: math.Ldexp(1, -24), 0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1)} {
		if got := half([]byte{byte(bits), byte(bits >> 8)}); got != want {
			t.Errorf("%04x is %g, not %g", bits, got, want)
		}
	}
	if !math.IsNaN(half([]byte{1, 0x7c})) {
		t.Error("no NaN")
	}
}

func FuzzRead(f *testing.F) {
	s := batchtest.Schema(batch.Type{Kind: batch.Int32}, batch.Type{Kind: batch.String}, batch.Type{Kind: batch.Decimal, Precision: 30, Scale: 5}, batch.Type{Kind: batch.Boolean})
	valid := formattest.Write(f, v2(f, `{}`), s, batchtest.Random(s, 1, 200, 4))
	files := [][]byte{valid}
	for _, name := range []string{"nested-duckdb", "duckdb-V2-zstd"} {
		data, err := os.ReadFile("testdata/" + name + ".parquet")
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, data)
	}
	for i, file := range files {
		f.Add(uint8(i), uint32(0), []byte{})
		f.Add(uint8(i), uint32(10), []byte{0xff})
		f.Add(uint8(i), uint32(len(file)-9), []byte{1, 2, 3, 4})
		f.Add(uint8(i), uint32(len(file)-200), []byte{0x7f, 0x15, 0xff, 0x80})
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint32, patch []byte) {
		data := bytes.Clone(files[int(which)%len(files)])
		copy(data[int(at)%len(data):], patch)
		format := v2(t, `{}`)
		in := formattest.Input("f", data)
		found, err := format.Schema(t.Context(), in)
		if err != nil {
			return
		}
		r, err := format.Read(t.Context(), in, found)
		if err != nil {
			return
		}
		_, _ = formattest.Drain(t.Context(), r)
	})
}

// The table has a row for all that is read, and every type that is written is one that is read.
func TestTableOfTypes(t *testing.T) {
	t.Parallel()
	table := Definition().Types
	if len(table.Reads) != len(typeRows)+2 {
		t.Errorf("%d rows of %d: some cannot be made", len(table.Reads), len(typeRows)+2)
	}
	for _, row := range table.Reads {
		if row.Interim.Kind == batch.Invalid {
			t.Errorf("%s has no interim type", row.Native)
		}
	}
	for _, typ := range batchtest.AllTypes() {
		if table.Creates(batch.Field{Name: "c", Type: typ, Nullable: true}) == "" {
			t.Errorf("%s is not written", typ)
		}
	}
	if got := table.Creates(batch.Field{Name: "c", Type: batch.Type{Kind: batch.Decimal, Precision: 20, Scale: 2}}); !strings.HasPrefix(got, "FIXED_LEN_BYTE_ARRAY (Decimal") {
		t.Error(got)
	}
}
