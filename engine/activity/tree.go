package activity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"dmgateway/engine/fault"
)

// maxDepth of JSON, as in package props.
const maxDepth = 64

// object is a JSON object that keeps the order and the spelling of its properties, so that what is only passed on
// arrives as it was written. A value is *object, []any, string, json.Number, bool or nil.
type object struct{ members []member }

type member struct {
	name  string
	value any
}

// get finds a property without regard to case; nil where there is none, or for the nil object.
func (o *object) get(name string) any {
	if o == nil {
		return nil
	}
	for _, m := range o.members {
		if strings.EqualFold(m.name, name) {
			return m.value
		}
	}
	return nil
}

// text, child and list are get for one type; the zero value for any other.
func (o *object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

func (o *object) child(name string) *object {
	c, _ := o.get(name).(*object)
	return c
}

func (o *object) list(name string) []any {
	l, _ := o.get(name).([]any)
	return l
}

// written is the name as the object spells it.
func (o *object) written(name string) string {
	for _, m := range o.members {
		if strings.EqualFold(m.name, name) {
			return m.name
		}
	}
	return name
}

// set replaces a property or adds it at the end.
func (o *object) set(name string, value any) {
	for i := range o.members {
		if strings.EqualFold(o.members[i].name, name) {
			o.members[i].value = value
			return
		}
	}
	o.members = append(o.members, member{name, value})
}

// remove takes a property away.
func (o *object) remove(name string) {
	for i := range o.members {
		if strings.EqualFold(o.members[i].name, name) {
			o.members = append(o.members[:i:i], o.members[i+1:]...)
			return
		}
	}
}

// clone copies a value deeply.
func clone(v any) any {
	switch v := v.(type) {
	case *object:
		c := &object{members: make([]member, len(v.members))}
		for i, m := range v.members {
			c.members[i] = member{m.name, clone(m.value)}
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = clone(v[i])
		}
		return c
	}
	return v
}

// readTree reads one JSON object.
func readTree(data []byte) (*object, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readValue(dec, 0)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("there is something after its end")
		}
	}
	if err != nil {
		return nil, broken(data, dec.InputOffset(), err)
	}
	o, ok := v.(*object)
	if !ok {
		return nil, fault.New(fault.BadInput, "a JSON object is needed").At("$")
	}
	return o, nil
}

// CheckJSON says at which line and column text is no JSON object.
func CheckJSON(text []byte) error {
	_, err := readTree(text)
	return err
}

// broken tells the line and the column (in characters, from 1) at which data is no JSON.
func broken(data []byte, offset int64, err error) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fault.New(fault.BadInput, "JSON cannot be read: it is empty").Try("Check that the right file is named, and that it was saved.")
	}
	hint := "Correct it there: a comma, a colon, a quote or a bracket is missing or too many."
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		offset, err = int64(len(bytes.TrimRight(data, " \t\r\n"))), errors.New("it ends too early")
		hint = "Close what is open: a quote, a bracket or a brace."
	case errors.As(err, &syntax):
		offset = max(offset, syntax.Offset)
	}
	before := data[:min(offset, int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fault.New(fault.BadInput, "JSON cannot be read at line %d, column %d", line, column).Because(err).Try("%s", hint)
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	tok, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		o := &object{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			v, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			o.members = append(o.members, member{name.(string), v})
		}
		_, err := dec.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	return tok, nil
}

// writeTree writes a value as JSON without spaces.
func writeTree(v any) []byte {
	var b bytes.Buffer
	appendValue(&b, v)
	return b.Bytes()
}

func appendValue(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case *object:
		b.WriteByte('{')
		for i, m := range v.members {
			if i > 0 {
				b.WriteByte(',')
			}
			appendText(b, m.name)
			b.WriteByte(':')
			appendValue(b, m.value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			appendValue(b, v[i])
		}
		b.WriteByte(']')
	case string:
		appendText(b, v)
	case json.Number:
		b.WriteString(v.String())
	case bool:
		fmt.Fprintf(b, "%t", v)
	default:
		b.WriteString("null")
	}
}

// appendText writes a text; characters that only HTML minds stay as they are.
func appendText(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text into a buffer cannot fail
	b.Truncate(b.Len() - 1)
}
