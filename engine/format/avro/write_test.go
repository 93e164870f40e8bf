package avro

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
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
