package json

import (
	"io"
	"math"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/props"
)

func TestWriting(t *testing.T) {
	t.Parallel()
	s := batch.Schema{
		field("a", batch.Type{Kind: batch.Int64}), field("b \"q\"", batch.Type{Kind: batch.String}), field("c", batch.Type{Kind: batch.JSON}),
		field("d", batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}), field("e", batch.Type{Kind: batch.Timestamp, Unit: batch.Milli}),
		field("f", batch.Type{Kind: batch.Binary}), field("g", batch.Type{Kind: batch.Decimal, Precision: 30, Scale: 2}), field("h", batch.Type{Kind: batch.Boolean}),
	}
	b := batch.New(s, 0)
	b.Cols[0].AppendInt(math.MinInt64)
	b.Cols[1].AppendString("ü\x01\"\\/\u2028\t")
	b.Cols[2].AppendString("{\n \"x\": 1.00}")
	b.Cols[3].AppendZoned(0, 330)
	b.Cols[4].AppendInt(1500)
	b.Cols[5].AppendString("hi")
	b.Cols[6].AppendWide(batch.Int128{Lo: 12345})
	b.Cols[7].AppendInt(1)
	for i := range b.Cols {
		b.Cols[i].AppendNull()
	}
	first := `{"a":-9223372036854775808,"b \"q\"":"ü\u0001\"\\/` + "\u2028" + `\t","c":{  "x": 1.00},"d":"1970-01-01T05:30:00+05:30","e":"1970-01-01T00:00:01.5","f":"aGk=","g":123.45,"h":true}`
	second := `{"a":null,"b \"q\"":null,"c":null,"d":null,"e":null,"f":null,"g":null,"h":null}`
	for _, c := range []struct{ dataset, settings, want string }{
		{`{}`, ``, first + "\n" + second + "\n"},
		{`{}`, `{"filePattern":"arrayOfObjects"}`, "[\n" + first + ",\n" + second + "\n]\n"},
		{`{"encodingName":"iso-8859-1"}`, ``, strings.ReplaceAll(strings.ReplaceAll(first, "ü", `\u00fc`), "\u2028", `\u2028`) + "\n" + second + "\n"},
	} {
		if got := string(formattest.Write(t, formattest.V2(t, Definition(), c.dataset, c.settings), s, b)); got != c.want {
			t.Errorf("%s %s: got\n%s\nwant\n%s", c.dataset, c.settings, got, c.want)
		}
	}
	if got := string(formattest.Write(t, formattest.V2(t, Definition(), `{}`, `{"filePattern":"arrayOfObjects"}`), s)); got != "[]\n" {
		t.Errorf("no rows are written as %q", got)
	}
}

func nestedFormat(t testing.TB, paths ...format.ColumnPath) format.Format {
	o, err := props.Parse([]byte(`{}`), "$")
	if err != nil {
		t.Fatal(err)
	}
	f := Definition().Decode(format.Spec{Dataset: o, Nested: &format.Nested{Paths: paths}})
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWritingNested(t *testing.T) {
	t.Parallel()
	i := batch.Type{Kind: batch.Int32}
	s := batch.Schema{field("a", i), field("b", i), field("c.d", i), field("e", i)}
	b := batch.New(s, 0)
	for c := range b.Cols {
		b.Cols[c].AppendInt(int64(c))
	}
	f := nestedFormat(t, format.ColumnPath{Column: "a", Path: "$.x.y"}, format.ColumnPath{Column: "e", Path: "$['x']['z z']"})
	if got := string(formattest.Write(t, f, s, b)); got != `{"x":{"y":0,"z z":3},"b":1,"c.d":2}`+"\n" {
		t.Error(got)
	}
	for _, bad := range []string{"$.b", "$.b.c", "$", "$.x[0]"} {
		if _, err := nestedFormat(t, format.ColumnPath{Column: "a", Path: bad}).Write(io.Discard, s); err == nil || fault.As(err).Column == "" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestWhatJSONCannotSayIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ batch.Type
		add func(*batch.Column)
	}{
		{batch.Type{Kind: batch.Double}, func(c *batch.Column) { c.AppendFloat(math.NaN()) }},
		{batch.Type{Kind: batch.Single}, func(c *batch.Column) { c.AppendFloat(math.Inf(-1)) }},
		{batch.Type{Kind: batch.Decimal}, func(c *batch.Column) { c.AppendString("NaN") }},
		{batch.Type{Kind: batch.String}, func(c *batch.Column) { c.AppendString("\xff") }},
		{batch.Type{Kind: batch.JSON}, func(c *batch.Column) { c.AppendString("{\"a\":1}}") }},
		{batch.Type{Kind: batch.JSON}, func(c *batch.Column) { c.AppendString("") }},
	} {
		s := batch.Schema{field("v", c.typ)}
		b := batch.New(s, 0)
		b.Cols[0].AppendNull()
		c.add(&b.Cols[0])
		w, err := v1(t, `{}`).Write(io.Discard, s)
		if err != nil {
			t.Fatal(err)
		}
		if e := fault.As(w.Write(b)); e == nil || e.Code != fault.Conversion || e.Row != 2 || e.Column != "v" {
			t.Errorf("%s: %v", c.typ, e)
		}
	}
}

func TestTenThousandColumns(t *testing.T) {
	t.Parallel()
	types := make([]batch.Type, 10_000)
	for i := range types {
		types[i] = batch.Type{Kind: batch.Int32}
	}
	s := batchtest.Schema(types...)
	b := batchtest.Random(s, 1, 20, 5)
	f := v1(t, `{}`)
	file := formattest.Write(t, f, s, b)
	if err := batch.Equal(formattest.Read(t, f, formattest.Input("f", file), s), b); err != nil {
		t.Error(err)
	}
}
