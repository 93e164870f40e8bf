package credential

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"dmgateway/engine/fault"
)

// maxJSON bounds what is read, maxDepth how deep it may nest.
const (
	maxJSON  = 16 << 20
	maxDepth = 64
)

// object is a JSON object whose properties keep their order and spelling, so that what is not a secret leaves as it
// came.
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
	tok, err := dec.Token()
	if err != nil || tok != json.Delim('{') {
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

// checkJSON refuses what is too large or too deep, before anything is done with it.
func checkJSON(data []byte) error {
	if len(data) > maxJSON {
		return fault.New(fault.BadInput, "JSON of %d bytes is larger than the limit of %d", len(data), maxJSON)
	}
	if !json.Valid(data) {
		var v any
		return fault.New(fault.BadInput, "JSON cannot be read").Because(json.Unmarshal(data, &v))
	}
	depth, quoted, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fault.New(fault.BadInput, "JSON is nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// find gives the place of a property without regard to case, -1 where there is none.
func (o object) find(name string) int {
	for i, p := range o {
		if strings.EqualFold(p.name, name) {
			return i
		}
	}
	return -1
}

// get gives a property, nil where it is absent.
func (o object) get(name string) json.RawMessage {
	if i := o.find(name); i >= 0 {
		return o[i].raw
	}
	return nil
}

// text gives a property that is a JSON string.
func (o object) text(name string) (string, bool) {
	var s *string
	if err := json.Unmarshal(o.get(name), &s); err != nil || s == nil {
		return "", false
	}
	return *s, true
}

// set replaces a property in its place or adds it at the end.
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
		b.Write(quote(p.name))
		b.WriteByte(':')
		b.Write(p.raw)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// quote is a text as JSON, with <, > and & as they are.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // texts always marshal
	}
	return bytes.TrimSpace(b.Bytes())
}

// encode writes a value without escaping <, > and &.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
