package amqp

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzDecode: nothing panics or runs away, and what was decoded comes back from its own encoding.
func FuzzDecode(f *testing.F) {
	for _, v := range values() {
		f.Add(Append(nil, v))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, rest, err := Decode(in)
		if err != nil {
			return
		}
		if len(rest) > len(in) {
			t.Fatal("more is left than there was")
		}
		b := Append(nil, v)
		again, rest, err := Decode(b)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%#v cannot be read back: %v", v, err)
		}
		if !bytes.Equal(Append(nil, again), b) { // not DeepEqual: NaN
			t.Fatalf("%#v became %#v", v, again)
		}
	})
}

// FuzzFrame: a frame that parses is encoded and parsed to the same.
func FuzzFrame(f *testing.F) {
	for _, p := range performatives() {
		f.Add(AppendPerformative(nil, p))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, payload, err := ParseFrame(in)
		if err != nil {
			return
		}
		b := append(AppendPerformative(nil, p), payload...)
		again, rest, err := ParseFrame(b)
		if err != nil || !bytes.Equal(rest, payload) || reflect.TypeOf(again) != reflect.TypeOf(p) {
			t.Fatalf("%#v became %#v, %v", p, again, err)
		}
	})
}

// FuzzMessage: a message that parses can be put together again from what was kept.
func FuzzMessage(f *testing.F) {
	ttl := uint32(5)
	m := AppendHeader(nil, Header{TTL: &ttl})
	m = AppendAnnotations(m, Map{{Symbol("x-opt-partition-key"), "p"}})
	m = AppendProperties(m, Properties{MessageID: "m", ReplyTo: "r"})
	m = AppendApplication(m, Map{{"k", int64(1)}})
	f.Add(AppendData(m, []byte("body")))
	f.Add(AppendValue(nil, Map{{"lock-tokens", Array{Code: codeUUID, Items: []any{UUID{1}}}}}))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseMessage(in)
		if err != nil {
			return
		}
		m.RawProperties = WithMessageID(m.RawProperties, "id")
		b := append(bytes.Clone(m.RawProperties), m.RawApplication...)
		b = append(b, m.RawBody...)
		again, err := ParseMessage(b)
		if err != nil || again.Properties.MessageID != "id" || len(again.Data) != len(m.Data) {
			t.Fatalf("%v", err)
		}
	})
}
