package avro

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	hamba "github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/props"
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

func TestNamesThatAvroDoesNotAllowComeBack(t *testing.T) {
	t.Parallel()
	i := batch.Type{Kind: batch.Int32}
	s := batch.Schema{{Name: "order id", Type: i}, {Name: "1st", Type: i}, {Name: "ü\"", Type: i}, {Name: "ok_9", Type: i}, {Name: "", Type: i}}
	b := batchtest.Random(s, 1, 3, 0)
	f := formattest.V2(t, Definition(), `{}`, `{"recordName": "Order", "recordNamespace": "com.example"}`)
	file := formattest.Write(t, f, s, b)
	want := `{"type":"record","name":"Order","namespace":"com.example","fields":[{"name":"order_id","dmgColumn":"order id","type":"int"},` +
		`{"name":"_1st","dmgColumn":"1st","type":"int"},{"name":"__","dmgColumn":"ü\"","type":"int"},{"name":"ok_9","type":"int"},{"name":"_","dmgColumn":"","type":"int"}]}`
	if !bytes.Contains(file, []byte(want)) {
		t.Errorf("%s", file[:400])
	}
	if got := show(t, f, file); !strings.HasPrefix(got, `order id:Int32 1st:Int32 ü":Int32 ok_9:Int32 :Int32`) {
		t.Error(got)
	}
}

func TestNamesThatCollideAreRefused(t *testing.T) {
	t.Parallel()
	i := batch.Type{Kind: batch.Int32}
	for _, s := range []batch.Schema{
		{{Name: "a b", Type: i}, {Name: "a_b", Type: i}},
		{{Name: "a", Type: i}, {Name: "a", Type: i}},
	} {
		if _, err := v2(t, `{}`).Write(io.Discard, s); fault.Code(err) != fault.BadInput || fault.As(err).Column == "" {
			t.Errorf("%v", err)
		}
	}
}

func TestPropertiesThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dataset, settings, at string }{
		{`{"avroCompressionCodec":"lzo"}`, `{}`, "$.t.avroCompressionCodec"},
		{`{"avroCompressionLevel":12}`, `{}`, "$.t.avroCompressionLevel"},
		{`{"compressionCodec":"gzip"}`, `{}`, "$.t.compressionCodec"},
		{`{}`, `{"recordName":"a b"}`, "$.s.recordName"},
		{`{}`, `{"recordNamespace":"a..b"}`, "$.s.recordNamespace"},
	} {
		o, err := props.Parse([]byte(c.dataset), "$.t")
		if err != nil {
			t.Fatal(err)
		}
		set, err := props.Parse([]byte(c.settings), "$.s")
		if err != nil {
			t.Fatal(err)
		}
		Definition().Decode(format.Spec{Dataset: o, Settings: set})
		if e := fault.As(errors.Join(o.Err(), set.Err())); e == nil || e.Target != c.at {
			t.Errorf("%s %s: %v", c.dataset, c.settings, e)
		}
	}
}

func TestWhatAvroCannotSayIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field batch.Field
		add   func(*batch.Column)
	}{
		{batch.Field{Type: batch.Type{Kind: batch.TimestampTZ, Unit: batch.Tick}}, func(c *batch.Column) { c.AppendInt(1) }},
		{batch.Field{Type: batch.Type{Kind: batch.String}}, func(c *batch.Column) { c.AppendString("\xff") }},
		{batch.Field{Type: batch.Type{Kind: batch.Int32}}, func(c *batch.Column) { c.AppendNull() }},
	} {
		c.field.Name = "v"
		b := batch.New(batch.Schema{c.field}, 0)
		c.add(&b.Cols[0])
		w, err := v2(t, `{}`).Write(io.Discard, batch.Schema{c.field})
		if err != nil {
			t.Fatal(err)
		}
		if e := fault.As(w.Write(b)); e == nil || e.Code != fault.Conversion || e.Row != 1 || e.Column != "v" {
			t.Errorf("%s: %v", c.field.Type, e)
		}
	}
}

// hamba's library reads what is written here, value by value.
func TestAnotherReaderReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	s := batchtest.Orders()
	b := batch.New(s, 0)
	batchtest.FillOrders(b, 1, 3000)
	file := formattest.Write(t, v2(t, `{"avroCompressionCodec":"deflate"}`), s, b)
	dec, err := ocf.NewDecoder(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; dec.HasNext(); i++ {
		var row map[string]any
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if v := row["id"]; v != b.Cols[0].Ints[i] {
			t.Fatalf("row %d: id is %v", i, v)
		}
		amount := new(big.Rat).SetFrac64(b.Cols[3].Ints[i], 10000)
		if v := row["amount"].(*big.Rat); v.Cmp(amount) != 0 {
			t.Fatalf("row %d: amount is %v, not %v", i, v, amount)
		}
		if v := row["created"].(time.Time); v.UnixMicro() != b.Cols[6].Ints[i] {
			t.Fatalf("row %d: created is %v", i, v)
		}
		if v := row["note"]; b.Cols[11].IsNull(i) != (v == nil) || v != nil && v != b.Cols[11].Text(i) {
			t.Fatalf("row %d: note is %v", i, v)
		}
	}
	if err := dec.Error(); err != nil {
		t.Fatal(err)
	}
	if _, err := hamba.Parse(string(dec.Metadata()["avro.schema"])); err != nil {
		t.Error(err)
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

// A store that breaks off is no damaged file: its own error goes up, so that it is tried again.
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
