// Package text reads and writes delimited text: v1's TextFormat and v2's DelimitedText with all their properties.
package text

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

// Definition is the format's registry entry.
func Definition() format.Definition {
	return format.Definition{
		Name: "text", Title: "Delimited text",
		V1: []string{"TextFormat"}, Datasets: []string{"DelimitedText"},
		Sources: []string{"DelimitedTextSource"}, Sinks: []string{"DelimitedTextSink"},
		ReadSettings: []string{"DelimitedTextReadSettings"}, WriteSettings: []string{"DelimitedTextWriteSettings"},
		Decode: decode, Extension: ".txt", Outer: true, Types: types,
	}
}

// Format is delimited text with one set of properties.
type Format struct {
	s       settings
	minPart int64 // the least number of bytes that are worth a part of their own
}

var (
	_ format.Format       = (*Format)(nil)
	_ format.Splitter     = (*Format)(nil)
	_ format.Concatenator = (*Format)(nil)
)

// Schema names the columns by the header, else by the structure, else Prop_0, Prop_1, … as Data Factory does; their
// types are the structure's, else String. A file without any row has the structure's columns.
func (f *Format) Schema(ctx context.Context, in format.Input) (batch.Schema, error) {
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	cols, err := src.columns(&f.s)
	if err != nil {
		return nil, err
	}
	schema := make(batch.Schema, len(cols))
	for i, c := range cols {
		schema[i] = c.field
	}
	return schema, nil
}

// Types keeps all types: text has room for every value.
func (f *Format) Types(schema batch.Schema) (batch.Schema, error) { return schema, nil }

// column is one column of a file.
type column struct {
	field   batch.Field
	options batch.Options
}

// columns reads skipped lines and the header, looks at the first row where it must, and leaves src before the first
// row of data.
func (s *source) columns(set *settings) ([]column, error) {
	if err := s.skipLines(set.skip, set.skipFull); err != nil {
		return nil, err
	}
	if set.header {
		return s.headerColumns(set)
	}
	n, blank, err := s.peekCells()
	switch {
	case errors.Is(err, io.EOF), blank && set.structure != nil:
		n = len(set.structure)
	case err != nil:
		return nil, err
	case set.structure != nil && len(set.structure) != n:
		return nil, fault.New(fault.BadData, "the first row has %d columns, but the dataset's structure %d", n, len(set.structure)).
			At(s.name).Try("Check columnDelimiter and quoteChar, or correct the structure.")
	}
	cols := make([]column, n)
	for i := range cols {
		cols[i].field = batch.Field{Name: fmt.Sprintf("Prop_%d", i), Type: batch.Type{Kind: batch.String}, Nullable: true}
		if set.structure != nil {
			cols[i].from(set, i)
		}
	}
	return cols, nil
}

// from takes name, type and format from the structure's column i.
func (c *column) from(set *settings, i int) {
	name := c.field.Name
	c.field = set.structure[i]
	c.field.Nullable, c.field.Native = true, ""
	if c.field.Name == "" {
		c.field.Name = name
	}
	if c.field.Type.Kind == batch.Invalid {
		c.field.Type = batch.Type{Kind: batch.String}
	}
	c.options = set.options[i]
}

// headerColumns names the columns by the header. The structure's columns are found by name; where not one is found and
// their number is the same, they are taken in order.
func (s *source) headerColumns(set *settings) ([]column, error) {
	names, err := s.header()
	if errors.Is(err, io.EOF) { // not even a header
		names = nil
		for _, f := range set.structure {
			names = append(names, f.Name)
		}
	} else if err != nil {
		return nil, err
	}
	cols := make([]column, len(names))
	found := 0
	for i, name := range names {
		if name == "" {
			name = fmt.Sprintf("Prop_%d", i)
		}
		cols[i].field = batch.Field{Name: name, Type: batch.Type{Kind: batch.String}, Nullable: true}
		if j := set.structure.Index(name); j >= 0 {
			cols[i].from(set, j)
			cols[i].field.Name = name
			found++
		}
	}
	if found == 0 && len(names) == len(set.structure) {
		for i := range cols {
			cols[i].from(set, i)
		}
	}
	return cols, nil
}

// typeFor chooses what to parse a column into, given what the sink would like: text becomes any type; a column that the
// structure gives a type keeps its kind, so that its values are judged by that type.
func (c *column) typeFor(want batch.Type) batch.Type {
	own := c.field.Type
	if want.Kind == batch.Invalid || own.Kind != batch.String && own.Kind != want.Kind {
		return own
	}
	return want
}

// open begins to read a file's bytes.
func (f *Format) open(ctx context.Context, in format.Input, offset, length int64) (*source, error) {
	rc, err := in.Open(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	s := newSource(ctx, in.Name, rc, newScanner(&f.s))
	if err := s.decode(&f.s, offset == 0); err != nil {
		rc.Close()
		return nil, err
	}
	return s, nil
}

// Read reads a file. A row whose values do not fit, or that has too few or too many columns, is an error with its number
// counted from 1 after the header; the next call of Next goes on behind that row.
func (f *Format) Read(ctx context.Context, in format.Input, want batch.Schema) (format.Reader, error) {
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, err
	}
	cols, err := src.columns(&f.s)
	if err != nil {
		src.Close()
		return nil, err
	}
	r, err := newReader(src, &f.s, cols, want)
	if err != nil {
		src.Close()
		return nil, err
	}
	return r, nil
}
