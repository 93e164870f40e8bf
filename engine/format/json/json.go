// Package json reads and writes JSON files: v1's JsonFormat and v2's Json with all their properties. Documents are
// scanned as bytes and their values parsed straight into columns.
package json

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
)

// Definition is the format's registry entry.
func Definition() format.Definition {
	return format.Definition{
		Name: "json", Title: "JSON",
		V1: []string{"JsonFormat"}, Datasets: []string{"Json"},
		Sources: []string{"JsonSource"}, Sinks: []string{"JsonSink"},
		ReadSettings: []string{"JsonReadSettings"}, WriteSettings: []string{"JsonWriteSettings"},
		Decode: decode, Extension: ".json", Outer: true, Types: types,
	}
}

// Format is JSON with one set of properties.
type Format struct {
	s       settings
	minPart int64 // the least number of bytes that are worth a part of their own
}

// setFormat is a Format that writes one object a line, so that files can be put one after the other.
type setFormat struct{ *Format }

var (
	_ format.Format       = (*Format)(nil)
	_ format.Splitter     = (*Format)(nil)
	_ format.Concatenator = setFormat{}
)

// Types keeps all types: there is a spelling for every value but the numbers that are none (NaN, Infinity), which are
// refused row by row.
func (f *Format) Types(schema batch.Schema) (batch.Schema, error) { return schema, nil }

// Read reads a file. A row whose values do not fit is an error with its number, counted from 1; the next call of Next
// goes on behind that row. So it does where each document is one line and one is no JSON.
func (f *Format) Read(ctx context.Context, in format.Input, want batch.Schema) (format.Reader, error) {
	src, err := open(ctx, in, &f.s, 0)
	if err != nil {
		return nil, err
	}
	l, err := f.layout(src)
	if err != nil {
		src.Close()
		return nil, err
	}
	r, err := newReader(in, src, &f.s, l, want)
	if err != nil {
		src.Close()
		return nil, err
	}
	return r, nil
}
