package json

import (
	"bytes"
	"encoding/json"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// settings are a format's properties, v1 and v2 alike.
type settings struct {
	array     bool   // written as one array, not as one object a line
	separator string // between the names of nested objects
	charset   *charset
	guess     bool // no encoding was named: a byte order mark decides

	collection *path  // the array whose elements are the rows
	paths      []leaf // in the order of their columns
	plain      bool   // objects and arrays are String, not JSON

	structure batch.Schema
	options   []batch.Options // of structure's columns
}

// leaf is a column with its path.
type leaf struct {
	name string
	path path
}

func decode(spec format.Spec) format.Format {
	s := settings{separator: ".", structure: spec.Structure}
	if spec.V1 != nil {
		s.decodeV1(spec.V1)
	} else {
		s.decodeV2(spec)
	}
	s.options = make([]batch.Options, len(spec.Structure))
	for i := range s.options {
		if i < len(spec.Cultures) {
			s.options[i].Culture = spec.Cultures[i]
		}
		if i < len(spec.Formats) {
			s.options[i].Format = spec.Formats[i]
		}
	}
	f := &Format{s: s, minPart: minPart}
	if s.array {
		return f
	}
	return setFormat{f}
}

func (s *settings) decodeV1(o *props.Object) {
	o.Ignore("type", "deserializer", "serializer")
	s.array = pattern(o)
	if o.Has("nestingSeparator") {
		s.separator = o.String("nestingSeparator")
	}
	o.Ignore("nestingSeparator")
	s.encoding(o)
	s.nodeReference(o, "jsonNodeReference")
	names := inOrder(o.Peek("jsonPathDefinition"))
	def := o.Object("jsonPathDefinition")
	for _, name := range names {
		s.leaf(def, name, name, def.String(name))
	}
}

// inOrder are an object's names as they stand in the document; the columns have that order.
func inOrder(raw json.RawMessage) (list []string) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return list
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return list
		}
		list = append(list, name.(string))
	}
	return list
}

func (s *settings) decodeV2(spec format.Spec) {
	o, set := spec.Dataset, spec.Settings
	s.encoding(o)
	s.array = pattern(set)
	set.Ignore("type", "fileExtension", "maxRowsPerFile", "fileNamePrefix", "compressionProperties", "quoteAllText") // the last is what the portal leaves behind from text
	if n := spec.Nested; n != nil {
		s.plain = n.ComplexAsText
		if n.Collection != "" {
			s.reference(n.Collection, func(err error) { o.Problem(fault.BadInput, "", "collectionReference: %v", err) })
		}
		for _, p := range n.Paths {
			parsed, err := parsePath(p.Path)
			if err != nil {
				o.Problem(fault.BadInput, "", "the path of column %q: %v", p.Column, err)
			}
			s.paths = append(s.paths, leaf{p.Column, parsed})
		}
	}
}

// pattern reads filePattern and says whether it is an array.
func pattern(o *props.Object) bool {
	return o.Enum("filePattern", "setOfObjects", "setOfObjects", "arrayOfObjects") == "arrayOfObjects"
}

func (s *settings) encoding(o *props.Object) {
	name := o.String("encodingName")
	c, ok := findCharset(name)
	if !ok {
		o.Problem(fault.Unsupported, "encodingName", "the encoding %q is not supported", name)
	}
	s.charset, s.guess = c, name == ""
}

func (s *settings) nodeReference(o *props.Object, name string) {
	if text := o.String(name); text != "" {
		s.reference(text, func(err error) { o.Problem(fault.BadInput, name, "%v", err) })
	}
}

// reference sets the array of the rows; the root itself is no array inside anything.
func (s *settings) reference(text string, problem func(error)) {
	p, err := parsePath(text)
	if err != nil {
		problem(err)
		return
	}
	if len(p.steps) > 0 {
		s.collection = &p
	}
}

func (s *settings) leaf(o *props.Object, at, column, text string) {
	p, err := parsePath(text)
	if err != nil {
		o.Problem(fault.BadInput, at, "%v", err)
		return
	}
	s.paths = append(s.paths, leaf{column, p})
}
