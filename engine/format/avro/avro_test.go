package avro

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hamba/avro/v2/ocf"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
)

func v2(t testing.TB, dataset string) *Format {
	t.Helper()
	return formattest.V2(t, Definition(), dataset, "").(*Format)
}

// Times in ticks are kept as microseconds, so digits behind that are refused; the suite has none of those.
func TestConformance(t *testing.T) {
	t.Parallel()
	f := v2(t, `{}`)
	f.minPart = 64 << 10
	formattest.Suite{
		Format: f, DropsZones: true, Large: 20_000,
		Extra: []batch.Type{
			{Kind: batch.Decimal, Precision: 1}, {Kind: batch.Decimal, Precision: 19, Scale: 19}, {Kind: batch.Decimal, Precision: 76, Scale: 38},
		},
	}.Run(t)
}

func TestEveryCodec(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"none", "deflate", "snappy", "bzip2", "xz", "zstandard"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			f := v2(t, `{"avroCompressionCodec": "`+codec+`", "avroCompressionLevel": 3}`)
			schema := batchtest.Schema(batch.Type{Kind: batch.Int64}, batch.Type{Kind: batch.String}, batch.Type{Kind: batch.Boolean})
			var batches []*batch.Batch
			for i := range 8 {
				batches = append(batches, batchtest.Random(schema, uint64(i), 4000, 4))
			}
			file := formattest.Write(t, f, schema, batches...)
			got := formattest.Read(t, v2(t, `{}`), formattest.Input("f", file), schema)
			all := batch.New(schema, 1<<30)
			for _, b := range batches {
				if err := formattest.Add(all, b); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Equal(got, all); err != nil {
				t.Error(err)
			}
			if codec == "bzip2" || codec == "xz" { // hamba's library does not know them
				return
			}
			dec, err := ocf.NewDecoder(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for dec.HasNext() {
				var row map[string]any
				if err := dec.Decode(&row); err != nil {
					t.Fatal(err)
				}
				n++
			}
			if err := dec.Error(); err != nil || n != all.Len() {
				t.Errorf("hamba reads %d rows, %v", n, err)
			}
		})
	}
}

const everything = `{"type":"record","name":"Everything","namespace":"a.b","fields":[
 {"name":"nothing","type":"null"},
 {"name":"yes","type":"boolean"},
 {"name":"i","type":"int"},
 {"name":"l","type":["long","null"]},
 {"name":"f","type":"float"},
 {"name":"d","type":"double"},
 {"name":"b","type":"bytes"},
 {"name":"s","type":["null","string"],"default":null},
 {"name":"fx","type":{"type":"fixed","name":"Four","size":4}},
 {"name":"e","type":{"type":"enum","name":"Suit","symbols":["SPADES","HEARTS"]}},
 {"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":3}},
 {"name":"decf","type":{"type":"fixed","name":"Dec","size":8,"logicalType":"decimal","precision":18,"scale":2}},
 {"name":"day","type":{"type":"int","logicalType":"date"}},
 {"name":"tms","type":{"type":"int","logicalType":"time-millis"}},
 {"name":"tus","type":{"type":"long","logicalType":"time-micros"}},
 {"name":"ims","type":{"type":"long","logicalType":"timestamp-millis"}},
 {"name":"ius","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
 {"name":"lms","type":{"type":"long","logicalType":"local-timestamp-millis"}},
 {"name":"lus","type":{"type":"long","logicalType":"local-timestamp-micros"}},
 {"name":"u","type":{"type":"string","logicalType":"uuid"}},
 {"name":"r","type":{"type":"record","name":"Inner","fields":[{"name":"x","type":"int"},{"name":"y","type":["null","string"]}]}},
 {"name":"rn","type":["null","Inner"]},
 {"name":"list","type":{"type":"array","items":["null","int","a.b.Inner"]}},
 {"name":"m","type":{"type":"map","values":"double"}},
 {"name":"any","type":["null","int","string","boolean"]},
 {"name":"node","type":{"type":"record","name":"Node","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","Node"]}]}}
]}`

// hambaFile has hamba's library write rows.
func hambaFile(t testing.TB, schema string, codec ocf.CodecName, rows ...map[string]any) []byte {
	t.Helper()
	var file bytes.Buffer
	enc, err := ocf.NewEncoder(schema, &file, ocf.WithCodec(codec), ocf.WithBlockLength(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func show(t testing.TB, f format.Format, file []byte) string {
	t.Helper()
	in := formattest.Input("f.avro", file)
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		return err.Error()
	}
	r, err := f.Read(t.Context(), in, s)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var out strings.Builder
	for i, c := range r.Schema() {
		null := ""
		if c.Nullable {
			null = "?"
		}
		fmt.Fprintf(&out, "%s%s:%s%s", strings.Repeat(" ", min(i, 1)), c.Name, c.Type, null)
	}
	b := batch.New(r.Schema(), 3)
	for {
		b.Reset()
		err := r.Next(t.Context(), b)
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			if b.Len() > 0 {
				t.Fatal("rows came with an error")
			}
			fmt.Fprintf(&out, "\n! %v", err)
			if fault.As(err).Row == 0 {
				return out.String()
			}
			continue
		}
		for _, row := range formattest.Rows(b) {
			out.WriteString("\n" + strings.Join(row, "|"))
		}
	}
}

func TestEveryTypeOfAnotherWriter(t *testing.T) {
	t.Parallel()
	when := time.Date(2020, 2, 29, 12, 34, 56, 789_000_000, time.UTC)
	inner := map[string]any{"x": 7, "y": "why"}
	row := map[string]any{
		"nothing": nil, "yes": true, "i": math.MinInt32, "l": int64(math.MaxInt64), "f": float32(1.5), "d": 0.1, "b": []byte{0, 255}, "s": "ü",
		"fx": [4]byte{1, 2, 3, 4}, "e": "HEARTS", "dec": big.NewRat(-12345678901234567, 1000), "decf": big.NewRat(-5, 100), "day": when.Truncate(24 * time.Hour),
		"tms": 12 * time.Hour, "tus": 86399999999 * time.Microsecond, "ims": when, "ius": when.Add(time.Microsecond), "lms": when, "lus": when,
		"u": "0f8fad5b-d9cb-469f-a165-70867728950e", "r": inner, "rn": map[string]any{"a.b.Inner": inner}, "list": []any{nil, 1, map[string]any{"a.b.Inner": inner}},
		"m": map[string]any{"k\"": 1.5}, "any": "text", "node": map[string]any{"v": 1, "next": map[string]any{"a.b.Node": map[string]any{"v": 2, "next": nil}}},
	}
	empty := map[string]any{
		"nothing": nil, "yes": false, "i": 0, "l": nil, "f": float32(0), "d": 0.0, "b": []byte{}, "s": nil,
		"fx": [4]byte{}, "e": "SPADES", "dec": big.NewRat(0, 1), "decf": big.NewRat(0, 1), "day": time.Unix(0, 0).UTC(),
		"tms": time.Duration(0), "tus": time.Duration(0), "ims": time.Unix(0, 0).UTC(), "ius": nil, "lms": time.Unix(0, 0).UTC(), "lus": time.Unix(0, 0).UTC(),
		"u": "0f8fad5b-d9cb-469f-a165-70867728950e", "r": map[string]any{"x": 0, "y": nil}, "rn": nil, "list": []any{}, "m": map[string]any{}, "any": nil,
		"node": map[string]any{"v": 1, "next": nil},
	}
	want := "nothing:String? yes:Boolean i:Int32 l:Int64? f:Single d:Double b:Binary s:String? fx:Binary(4) e:String dec:Decimal(40,3) decf:Decimal(18,2) day:Date " +
		"tms:Time(ms) tus:Time(us) ims:TimestampTZ(ms) ius:TimestampTZ(us)? lms:Timestamp(ms) lus:Timestamp(us) u:GUID r.x:Int32 r.y:String? rn.x:Int32? rn.y:String? " +
		"list:JSON m:JSON any:JSON node.v:Int32 node.next:JSON?\n" +
		`<null>|True|-2147483648|9223372036854775807|1.5|0.1|\x00ff|ü|\x01020304|HEARTS|-12345678901234.567|-0.05|2020-02-29|12:00:00|23:59:59.999999|` +
		`2020-02-29 12:34:56.789+00|2020-02-29 12:34:56.789001+00|2020-02-29 12:34:56.789|2020-02-29 12:34:56.789|0f8fad5b-d9cb-469f-a165-70867728950e|7|why|7|why|` +
		`[null,1,{"x":7,"y":"why"}]|{"k\"":1.5}|"text"|1|{"v":2,"next":null}` + "\n" +
		`<null>|False|0|<null>|0|0|\x|<null>|\x00000000|SPADES|0.000|0.00|1970-01-01|00:00:00|00:00:00|1970-01-01 00:00:00+00|<null>|1970-01-01 00:00:00|1970-01-01 00:00:00|` +
		`0f8fad5b-d9cb-469f-a165-70867728950e|0|<null>|<null>|<null>|[]|{}|<null>|1|<null>`
	for _, codec := range []ocf.CodecName{ocf.Null, ocf.Deflate, ocf.Snappy, ocf.ZStandard} {
		if got := show(t, v2(t, `{}`), hambaFile(t, everything, codec, row, empty)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", codec, got, want)
		}
	}
}

// Every part of a file in any order of columns, with what is not wanted skipped.
func TestAnyColumnCanBeLeftOut(t *testing.T) {
	t.Parallel()
	inner := map[string]any{"x": 7, "y": "why"}
	row := map[string]any{
		"nothing": nil, "yes": true, "i": 5, "l": int64(6), "f": float32(1.5), "d": 0.1, "b": []byte{0, 255}, "s": "ü", "fx": [4]byte{1, 2, 3, 4}, "e": "HEARTS",
		"dec": big.NewRat(5, 1000), "decf": big.NewRat(-5, 100), "day": time.Unix(0, 0).UTC(), "tms": time.Hour, "tus": time.Hour, "ims": time.Unix(1, 0).UTC(),
		"ius": nil, "lms": time.Unix(0, 0).UTC(), "lus": time.Unix(0, 0).UTC(), "u": "0f8fad5b-d9cb-469f-a165-70867728950e", "r": inner, "rn": map[string]any{"a.b.Inner": inner},
		"list": []any{nil, 1}, "m": map[string]any{"k": 1.5}, "any": true, "node": map[string]any{"v": 1, "next": nil},
	}
	in := formattest.Input("f", hambaFile(t, everything, ocf.Null, row, row, row))
	f := v2(t, `{}`)
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	whole := formattest.Rows(formattest.Read(t, f, in, s))
	for i := range s {
		got := formattest.Rows(formattest.Read(t, f, in, batch.Schema{s[i], s[len(s)-1-i], s[i]}))
		for row := range whole {
			if w := []string{whole[row][i], whole[row][len(s)-1-i], whole[row][i]}; strings.Join(got[row], "|") != strings.Join(w, "|") {
				t.Errorf("%s: %q, not %q", s[i].Name, got[row], w)
			}
		}
	}
}

// hand makes a file of one block from a schema and bytes.
func TestDurationsAndNanoseconds(t *testing.T) {
	t.Parallel()
	schema := `{"type":"record","name":"r","fields":[{"name":"d","type":{"type":"fixed","name":"D","size":12,"logicalType":"duration"}},
		{"name":"n","type":{"type":"long","logicalType":"timestamp-nanos"}},{"name":"l","type":{"type":"long","logicalType":"local-timestamp-nanos"}},
		{"name":"u","type":{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}},{"name":"x","type":{"type":"string","logicalType":"not-known"}},
		{"name":"bad","type":{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}}]}`
	data := []byte{1, 0, 0, 0, 2, 0, 0, 0, 0xbc, 0x0b, 0, 0}
	data = appendLong(appendLong(data, 1), -1)
	data = append(data, "0123456789abcdef"...)
	data = append(data, 2, 'x', 2, 'y')
	want := "d:String n:TimestampTZ(ns) l:Timestamp(ns) u:GUID x:String bad:Binary\n" +
		`P1M2DT3.004S|1970-01-01 00:00:00.000000001+00|1969-12-31 23:59:59.999999999|30313233-3435-3637-3839-616263646566|x|\x79`
	if got := show(t, v2(t, `{}`), hand(schema, 1, data)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAFileOfSomethingElseThanRecords(t *testing.T) {
	t.Parallel()
	if got := show(t, v2(t, `{}`), hand(`["null","long"]`, 3, []byte{0, 2, 84, 0})); got != "value:Int64?\n<null>\n42\n<null>" {
		t.Error(got)
	}
}

// hamba's library reads what is written here, value by value.
// A store that breaks off is no damaged file: its own error goes up, so that it is tried again.
