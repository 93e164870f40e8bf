// Package jsonobject reads and writes JSON objects whose properties keep their order and spelling, so that what nobody
// means to change leaves as it came. Properties are found without regard to case, as Data Factory does.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// Object is a JSON object.
type Object []Property

// Property is one of its properties, with its value as written.
type Property struct {
	Name string
	Raw  json.RawMessage
}

// Parse reads an object; path is where it stands, for the error. A property that is there twice, whatever its case, is
// refused.
func Parse(data []byte, path string) (Object, error) {
	bad := func(err error) error {
		return fault.New(fault.BadInput, "a JSON object is needed here").At(path).Because(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, bad(err)
	}
	o := Object{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, bad(err)
		}
		p := Property{Name: tok.(string)}
		if err := dec.Decode(&p.Raw); err != nil {
			return nil, bad(err)
		}
		if o.Find(p.Name) >= 0 {
			return nil, fault.New(fault.BadInput, "the property is there twice").At(path + "." + p.Name)
		}
		o = append(o, p)
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad(err)
	}
	return o, nil
}

// Find gives the place of a property, -1 where there is none.
func (o Object) Find(name string) int {
	for i, p := range o {
		if strings.EqualFold(p.Name, name) {
			return i
		}
	}
	return -1
}

// Get gives a property's value, nil where it is absent.
func (o Object) Get(name string) json.RawMessage {
	if i := o.Find(name); i >= 0 {
		return o[i].Raw
	}
	return nil
}

// Text gives a property that is a JSON string.
func (o Object) Text(name string) (string, bool) {
	var s *string
	if err := json.Unmarshal(o.Get(name), &s); err != nil || s == nil {
		return "", false
	}
	return *s, true
}

// Set replaces a property in its place or adds it at the end.
func (o Object) Set(name string, raw json.RawMessage) Object {
	if i := o.Find(name); i >= 0 {
		o[i].Raw = raw
		return o
	}
	return append(o, Property{name, raw})
}

// Without gives the object without a property.
func (o Object) Without(name string) Object {
	if i := o.Find(name); i >= 0 {
		return append(o[:i:i], o[i+1:]...)
	}
	return o
}

// MarshalJSON writes the properties in their order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(Quote(p.Name))
		b.WriteByte(':')
		b.Write(p.Raw)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Quote is a text as JSON, with <, > and & as they are.
func Quote(s string) json.RawMessage {
	raw, err := Encode(s)
	if err != nil {
		panic(err) // texts always marshal
	}
	return raw
}

// Encode writes a value with <, > and & as they are.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
