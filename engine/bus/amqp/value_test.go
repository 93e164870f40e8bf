package amqp

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	azure "github.com/Azure/go-amqp"
)

// values has one of every type and encoding.
func values() map[string]any {
	return map[string]any{
		"null": nil, "true": true, "false": false, "ubyte": uint8(200), "ushort": uint16(60000), "uint 0": uint32(0),
		"small uint": uint32(255), "uint": uint32(math.MaxUint32), "ulong 0": uint64(0), "small ulong": uint64(9),
		"ulong": uint64(math.MaxUint64), "byte": int8(-128), "short": int16(-30000), "int": int32(-5), "long": int64(math.MinInt64),
		"float": float32(1.5), "double": -0.25, "char": Char('ä'), "timestamp": Timestamp(-1), "uuid": UUID{1, 2, 3, 15: 9},
		"binary": []byte{0, 1}, "long binary": bytes.Repeat([]byte{7}, 300), "string": "ä", "empty string": "",
		"long string": strings.Repeat("x", 256), "symbol": Symbol("a:b"), "long symbol": Symbol(strings.Repeat("s", 1000)),
		"decimal32": Decimal("1234"), "decimal64": Decimal("12345678"), "decimal128": Decimal("1234567812345678"),
		"empty list": List(nil), "list": List{uint32(1), "two", List{nil}}, "map": Map{{"k", int64(1)}, {Symbol("s"), Map{}}},
		"described":     Described{uint64(0x13), List{true}},
		"array of long": Longs([]int64{1, -1}), "array of timestamp": Timestamps([]Timestamp{5}),
		"array of symbol": Symbols("a", "b"), "empty array": Symbols(),
		"array of uuid": Array{Code: codeUUID, Items: []any{UUID{1}, UUID{2}}},
		"array of list": Array{Code: codeList32, Items: []any{List{true}, List{false}}},
		"array of described": Array{
			Code: codeString32, Descriptor: Symbol("d"), Items: []any{"a", "b"},
		},
		"array of boolean": Array{Code: codeBool, Items: []any{true, false}},
	}
}

func TestValuesComeBack(t *testing.T) {
	t.Parallel()
	for name, v := range values() {
		b := Append([]byte{0xee}, v)
		got, rest, err := Decode(append(b[1:], 0xff))
		if err != nil || len(rest) != 1 {
			t.Errorf("%s: %v, %d bytes left", name, err, len(rest))
		} else if !reflect.DeepEqual(got, v) {
			t.Errorf("%s: %#v became %#v", name, v, got)
		}
	}
}

// TestShortForms: encodings that others may choose and this package does not.
func TestShortForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		want any
	}{
		{"\x54\xff", int32(-1)},
		{"\x55\x80", int64(-128)},
		{"\x56\x01", true},
		{"\xc0\x03\x02\x40\x41", List{nil, true}},
		{"\xc1\x05\x02\xa1\x01k\x43", Map{{"k", uint32(0)}}},
		{"\xe0\x04\x02\x50\x01\x02", Array{Code: codeUbyte, Items: []any{uint8(1), uint8(2)}}},
		{"\xe0\x02\x03\x41", Array{Code: codeTrue, Items: []any{true, true, true}}},
		{"\xd0\x00\x00\x00\x04\x00\x00\x00\x00", List{}},
		{"\x70\x00\x00\x00\x07", uint32(7)},
	} {
		got, rest, err := Decode([]byte(test.in))
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q is %#v, %v instead of %#v", test.in, got, err, test.want)
		}
	}
}

func TestMalformedValues(t *testing.T) {
	t.Parallel()
	deep := bytes.Repeat([]byte{0xc0, 0xff, 1}, 300)
	described := bytes.Repeat([]byte{0x00}, 10_000)
	for name, in := range map[string]string{
		"nothing": "", "unknown code": "\x3f", "unknown 1-byte code": "\x57\x00", "unknown text": "\xa2\x00", "unknown compound": "\xc2\x01\x00",
		"short int": "\x71\x00\x00", "short text": "\xa1\x05abc", "text of 4 GiB": "\xb1\xff\xff\xff\xffabc",
		"boolean 2": "\x56\x02", "not UTF-8": "\xa1\x01\xff", "not ASCII": "\xa3\x02\xc3\xa4",
		"list of 4 billion": "\xd0\x00\x00\x00\x04\xff\xff\xff\xff", "list of more than it has": "\xc0\x02\x05\x40",
		"list with bytes left over": "\xc0\x03\x01\x40\x40", "list longer than its size": "\xc0\x02\x01\xa1\x01a",
		"map of odd count": "\xc1\x02\x01\x40", "array of 4 billion nulls": "\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40",
		"array of too many nulls":         "\xf0\x00\x00\x00\x05\x00\x00\x20\x00\x40",
		"array longer than its size":      "\xe0\x03\x05\x50\x01",
		"array of null descriptors":       "\xe0\x04\x01\x00\x40\x40",
		"description of a description":    "\x00\x44\x00\x44\x40",
		"descriptions without an end":     string(described),
		"lists without an end":            string(deep),
		"compound without room for count": "\xc0\x00",
	} {
		v, _, err := Decode([]byte(in))
		var de *DecodeError
		if !errors.As(err, &de) {
			t.Errorf("%s: got %#v, %v", name, v, err)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	nest := func(n int) []byte {
		v := any(true)
		for range n {
			v = List{v}
		}
		return Append(nil, v)
	}
	if _, _, err := Decode(nest(MaxDepth)); err != nil {
		t.Error(err)
	}
	if _, _, err := Decode(nest(MaxDepth + 1)); err == nil {
		t.Error("a value deeper than the limit was decoded")
	}
}

// TestManyEmptyArrays: the bound on elements without bytes holds over all arrays of a value together.
func TestManyEmptyArrays(t *testing.T) {
	t.Parallel()
	one := "\xf0\x00\x00\x00\x05\x00\x00\x08\x00\x40" // 2048 nulls
	list := func(n int) []byte {
		b := append([]byte{0xc0, byte(1 + n*len(one)), byte(n)}, strings.Repeat(one, n)...)
		return b
	}
	if _, _, err := Decode(list(2)); err != nil {
		t.Error(err)
	}
	if _, _, err := Decode(list(3)); err == nil {
		t.Error("6144 elements in 33 bytes were decoded")
	}
}

// TestMessageOfAnother decodes what another implementation encodes, and the other way round.
func TestMessageOfAnother(t *testing.T) {
	t.Parallel()
	theirs := &azure.Message{
		Header:                &azure.MessageHeader{Durable: true, Priority: 9, TTL: 5_000_000_000},
		DeliveryAnnotations:   azure.Annotations{"d": "x"},
		Annotations:           azure.Annotations{"x-opt-partition-key": "p"},
		Properties:            &azure.MessageProperties{MessageID: "m", ReplyTo: new("r"), GroupID: new("g"), CorrelationID: uint64(7)},
		ApplicationProperties: map[string]any{"n": int64(1)},
		Data:                  [][]byte{[]byte("one"), []byte("two")},
		Footer:                azure.Annotations{"f": int32(1)},
	}
	raw, err := theirs.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseMessage(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Header.Durable || m.Header.Priority != 9 || *m.Header.TTL != 5000 || m.Annotations.Get("x-opt-partition-key") != "p" ||
		m.Properties.MessageID != "m" || m.Properties.ReplyTo != "r" || m.Properties.GroupID != "g" ||
		m.Properties.CorrelationID != uint64(7) || m.Application.Get("n") != int64(1) || string(m.Data[1]) != "two" {
		t.Errorf("got %+v", m)
	}
	ttl := uint32(1234)
	b := AppendHeader(nil, Header{Durable: true, Priority: 4, TTL: &ttl, DeliveryCount: 3})
	b = AppendDeliveryAnnotations(b, Map{{Symbol("x-opt-lock-token"), UUID{1}}})
	b = AppendAnnotations(b, Map{{Symbol("t"), Timestamp(1)}, {Symbol("i"), int32(2)}})
	b = append(b, m.RawProperties...)
	b = AppendApplication(b, m.Application.Set("more", "text"))
	b = append(b, m.RawBody...)
	var back azure.Message
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if back.Header.DeliveryCount != 3 || back.Header.TTL.Milliseconds() != 1234 || back.Properties.MessageID != "m" ||
		back.ApplicationProperties["more"] != "text" || string(back.Data[0]) != "one" || back.Footer["f"] != int32(1) ||
		back.DeliveryAnnotations["x-opt-lock-token"] != (azure.UUID{1}) {
		t.Errorf("got %+v", back)
	}
}

func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	data := string(AppendData(nil, []byte("x")))
	value := string(AppendValue(nil, "x"))
	props := string(AppendProperties(nil, Properties{MessageID: "m"}))
	section := func(code uint64, v any) string { return string(Append(nil, Described{code, v})) }
	for name, in := range map[string]string{
		"no section": "\x40", "unknown section": section(0x79, Map{}), "sections out of order": data + props,
		"a section twice": props + props, "two kinds of body": data + section(0x76, List{}), "two values": value + value,
		"data that is text": section(0x75, "x"), "header that is a map": section(0x70, Map{}),
		"properties of wrong types": section(0x73, List{true}), "subject of wrong type": section(0x73, List{nil, nil, nil, uint32(1)}),
		"application property with a symbol as key": section(0x74, Map{{Symbol("k"), true}}),
		"annotations that are a list":               section(0x72, List{true}), "footer that is a list": section(0x78, List{true}),
		"cut short": data[:len(data)-1],
	} {
		var de *DecodeError
		if _, err := ParseMessage([]byte(in)); !errors.As(err, &de) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, in := range map[string]string{
		"empty": "", "body only": data, "two data sections": data + data, "everything but a body": props,
	} {
		if _, err := ParseMessage([]byte(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithMessageID(t *testing.T) {
	t.Parallel()
	raw := AppendProperties(nil, Properties{ReplyTo: "r", GroupID: "g"})
	for _, in := range [][]byte{raw, nil, AppendProperties(nil, Properties{})} {
		m, err := ParseMessage(WithMessageID(in, "new"))
		if err != nil || m.Properties.MessageID != "new" || in != nil && len(in) == len(raw) && m.Properties.ReplyTo != "r" {
			t.Errorf("got %+v, %v", m, err)
		}
	}
}
