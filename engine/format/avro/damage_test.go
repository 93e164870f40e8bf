package avro

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hamba/avro/v2/ocf"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

func hand(schema string, rows int64, data []byte) []byte {
	var sync [16]byte
	copy(sync[:], "0123456789abcdef")
	file := appendHeader(nil, []byte(schema), "null", sync)
	file = appendLong(file, rows)
	file = appendBytes(file, data)
	return append(file, sync[:]...)
}

func TestValuesOutOfTheirTypeCostTheirRow(t *testing.T) {
	t.Parallel()
	bad := func(n int64) []byte { return appendLong(nil, n) }
	for name, c := range map[string]struct {
		schema    string
		good, bad []byte
		shown     string
	}{
		"text":      {`"string"`, appendBytes(nil, []byte("ok")), appendBytes(nil, []byte{0xff}), "ok"},
		"time":      {`{"type":"int","logicalType":"time-millis"}`, bad(1000), bad(86400000), "00:00:01"},
		"timestamp": {`{"type":"long","logicalType":"timestamp-micros"}`, bad(0), bad(math.MaxInt64), "1970-01-01 00:00:00+00"},
		"date":      {`{"type":"int","logicalType":"date"}`, bad(0), bad(math.MaxInt32), "1970-01-01"},
		"uuid":      {`{"type":"string","logicalType":"uuid"}`, appendBytes(nil, []byte("0f8fad5b-d9cb-469f-a165-70867728950e")), appendBytes(nil, []byte("no")), "0f8fad5b-d9cb-469f-a165-70867728950e"},
		"decimal":   {`{"type":"bytes","logicalType":"decimal","precision":2,"scale":1}`, appendBytes(nil, []byte{99}), appendBytes(nil, []byte{100}), "9.9"},
		"big":       {`{"type":"bytes","logicalType":"decimal","precision":39,"scale":0}`, appendBytes(nil, []byte{0xff}), appendBytes(nil, bytes.Repeat([]byte{0x7f}, 17)), "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := `{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"v","type":` + c.schema + `},{"name":"z","type":"string"}]}`
			var data []byte
			for i, v := range [][]byte{c.good, c.bad, c.good} {
				data = append(append(append(data, byte(2*i)), v...), 2, 'z')
			}
			got := strings.Split(show(t, v2(t, `{}`), hand(schema, 3, data)), "\n")
			if len(got) != 4 || got[1] != "0|"+c.shown+"|z" || !strings.Contains(got[2], `in row 2 in column "v"`) || got[3] != "2|"+c.shown+"|z" {
				t.Errorf("%s", strings.Join(got, "\n"))
			}
		})
	}
}

func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	long := `{"type":"record","name":"r","fields":[{"name":"a","type":"long"}]}`
	list := `{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}`
	good := hand(long, 2, []byte{2, 4})
	wrongSync := append([]byte(nil), good...)
	wrongSync[len(wrongSync)-1] ^= 1
	huge := appendHeader(nil, []byte(long), "null", [16]byte{})
	for name, file := range map[string][]byte{
		"empty":                   {},
		"something else":          []byte("PAR1 and so on"),
		"only the magic":          []byte(magic),
		"half a header":           good[:30],
		"no schema":               append(append([]byte(magic), 0), make([]byte, 16)...),
		"a header without end":    appendLong([]byte(magic), math.MaxInt64),
		"a name of 2^62 bytes":    appendLong(appendLong([]byte(magic), 1), 1<<62),
		"a marker that differs":   wrongSync,
		"half a marker":           good[:len(good)-8],
		"a block of 2^62 bytes":   appendLong(appendLong(append([]byte(nil), huge...), 1), 1<<62),
		"a block of 200 MB":       appendLong(appendLong(append([]byte(nil), huge...), 1), 200<<20),
		"a negative block":        appendLong(appendLong(append([]byte(nil), huge...), -1), 5),
		"too many rows":           hand(long, 3, []byte{2, 4}),
		"2^60 rows":               hand(long, 1<<60, []byte{2, 4}),
		"too few rows":            hand(long, 1, []byte{2, 4}),
		"no rows but data":        hand(long, 0, []byte{2, 4}),
		"a number without end":    hand(long, 1, bytes.Repeat([]byte{0xff}, 11)),
		"an array of 2^60 nulls":  hand(list, 1, append(appendLong(nil, 1<<60), 0)),
		"an array block too long": hand(list, 1, append(appendLong(appendLong(nil, -5), 1<<40), 0)),
		"a schema of nonsense":    hand(`{"type":"record","name":"r"}`, 0, nil),
		"an unknown type":         hand(`{"type":"record","name":"r","fields":[{"name":"a","type":"nope"}]}`, 0, nil),
		"a union in a union":      hand(`["null",["int"]]`, 0, nil),
		"a schema too deep":       hand(strings.Repeat(`{"type":"array","items":`, 1000)+`"int"`+strings.Repeat(`}`, 1000), 0, nil),
		"a deep text":             hand(strings.Repeat(`[`, 1_000_000), 0, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := v2(t, `{}`)
			in := formattest.Input("f", file)
			s, err := f.Schema(t.Context(), in)
			if err == nil {
				var r format.Reader
				if r, err = f.Read(t.Context(), in, s); err == nil {
					_, err = formattest.Drain(t.Context(), r)
				}
			}
			if fault.Code(err) != fault.BadData {
				t.Errorf("%v", err)
			}
		})
	}
	unknown := bytes.Replace(good, []byte("\x08null"), []byte("\x08lzma"), 1)
	if _, err := v2(t, `{}`).Schema(t.Context(), formattest.Input("f", unknown)); fault.Code(err) != fault.Unsupported {
		t.Errorf("an unknown codec: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(hambaFile(f, `{"type":"record","name":"r","fields":[{"name":"a","type":["null","string"]},{"name":"b","type":{"type":"array","items":"int"}}]}`, ocf.Null,
		map[string]any{"a": "x", "b": []any{1, 2}}, map[string]any{"a": nil, "b": []any{}}))
	f.Add(hambaFile(f, `{"type":"record","name":"r","fields":[{"name":"m","type":{"type":"map","values":["null","r"]}}]}`, ocf.Snappy, map[string]any{"m": map[string]any{"k": nil}}))
	f.Add(hand(`{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":50}}]}`, 2, []byte{2, 4, 4, 1, 2}))
	for _, codec := range []string{"deflate", "bzip2", "xz", "zstandard"} {
		s := batchtest.Schema(batch.Type{Kind: batch.Int64}, batch.Type{Kind: batch.String})
		f.Add(formattest.Write(f, v2(f, `{"avroCompressionCodec":"`+codec+`"}`), s, batchtest.Random(s, 1, 5, 3)))
	}
	ff := v2(f, `{}`)
	f.Fuzz(func(t *testing.T, file []byte) {
		in := formattest.Input("f", file)
		s, err := ff.Schema(t.Context(), in)
		if err != nil {
			return
		}
		r, err := ff.Read(t.Context(), in, s)
		if err != nil {
			return
		}
		defer r.Close()
		b := batch.New(r.Schema(), 0)
		for range 1000 {
			b.Reset()
			if err := r.Next(t.Context(), b); errors.Is(err, io.EOF) || err != nil && fault.As(err).Row == 0 {
				return
			}
			for i := range b.Cols {
				if b.Cols[i].Len() != b.Len() {
					t.Fatal("columns of different lengths")
				}
			}
		}
	})
}

func TestAStoreThatFailsIsNoDamage(t *testing.T) {
	t.Parallel()
	s := batchtest.Schema(batch.Type{Kind: batch.Int64})
	file := formattest.Write(t, v2(t, `{}`), s, batchtest.Random(s, 1, 100_000, 0))
	for _, broken := range []error{io.ErrUnexpectedEOF, errors.New("connection reset")} {
		in := formattest.Input("f", file)
		in.Open = func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(file[:len(file)/2]), iotest.ErrReader(broken))), nil
		}
		r, err := v2(t, `{}`).Read(t.Context(), in, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := formattest.Drain(t.Context(), r); !errors.Is(err, broken) || fault.Code(err) == fault.BadData {
			t.Errorf("%v", err)
		}
	}
}
