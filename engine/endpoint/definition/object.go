package definition

import (
	"bytes"
	"encoding/json"
	"strings"

	"dmgateway/engine/fault"
)

// object is a JSON object whose properties keep order and spelling; they are found without regard to case.
type object []property

type property struct {
	name string
	raw  json.RawMessage
}

func parseObject(data []byte, path string) (object, error) {
	bad := func(err error) error {
		return fault.New(fault.BadInput, "a JSON object is needed here").At(path).Because(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, bad(err)
	}
	o := object{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, bad(err)
		}
		p := property{name: tok.(string)}
		if err := dec.Decode(&p.raw); err != nil {
			return nil, bad(err)
		}
		if o.find(p.name) >= 0 {
			return nil, fault.New(fault.BadInput, "the property is there twice").At(path + "." + p.name)
		}
		o = append(o, p)
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad(err)
	}
	return o, nil
}

func (o object) find(name string) int {
	for i, p := range o {
		if strings.EqualFold(p.name, name) {
			return i
		}
	}
	return -1
}

func (o object) get(name string) json.RawMessage {
	if i := o.find(name); i >= 0 {
		return o[i].raw
	}
	return nil
}

func (o object) set(name string, raw json.RawMessage) object {
	if i := o.find(name); i >= 0 {
		o[i].raw = raw
		return o
	}
	return append(o, property{name, raw})
}

func (o object) without(name string) object {
	if i := o.find(name); i >= 0 {
		return append(o[:i:i], o[i+1:]...)
	}
	return o
}

// MarshalJSON writes the properties in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(p.name))
		b.WriteByte(':')
		b.Write(p.raw)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode writes texts and objects of this package, which always marshal.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
