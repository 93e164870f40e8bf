// Package formattest is the conformance suite that every format passes, and files in memory for tests of formats.
package formattest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/props"
)

// Input is a file in memory.
func Input(name string, data []byte) format.Input {
	return format.Input{Name: name, Size: int64(len(data)), Open: func(_ context.Context, offset, length int64) (io.ReadCloser, error) {
		part := data[min(offset, int64(len(data))):]
		if length >= 0 && length < int64(len(part)) {
			part = part[:length]
		}
		return io.NopCloser(bytes.NewReader(part)), nil
	}}
}

// V1 decodes a v1 format object, "{}" for defaults, and fails the test when something in it is refused.
func V1(t testing.TB, d format.Definition, json string) format.Format {
	t.Helper()
	o, err := props.Parse([]byte(json), "$.format")
	if err != nil {
		t.Fatal(err)
	}
	f := d.Decode(format.Spec{V1: o})
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return f
}

// V2 decodes a v2 dataset's typeProperties and formatSettings ("" = none), and fails the test when something in them is
// refused.
func V2(t testing.TB, d format.Definition, dataset, settings string) format.Format {
	t.Helper()
	o, err := props.Parse([]byte(dataset), "$.typeProperties")
	if err != nil {
		t.Fatal(err)
	}
	var set *props.Object
	if settings != "" {
		if set, err = props.Parse([]byte(settings), "$.formatSettings"); err != nil {
			t.Fatal(err)
		}
	}
	f := d.Decode(format.Spec{Dataset: o, Settings: set})
	if err := errors.Join(o.Err(), set.Err()); err != nil {
		t.Fatal(err)
	}
	return f
}

// Write writes batches as one file.
func Write(t testing.TB, f format.Format, s batch.Schema, batches ...*batch.Batch) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := f.Write(&file, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Drain reads all rows of r into one batch and closes r.
func Drain(ctx context.Context, r format.Reader) (_ *batch.Batch, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	s := r.Schema()
	all, b := batch.New(s, 1<<30), batch.New(s, 0)
	for {
		b.Reset()
		err := r.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			if b.Len() > 0 {
				return nil, errors.New("formattest: rows came with io.EOF")
			}
			return all, nil
		}
		if err != nil {
			return all, err
		}
		if err := Add(all, b); err != nil {
			return all, err
		}
	}
}

// Add appends b's rows to all.
func Add(all, b *batch.Batch) error {
	for i := range b.Cols {
		c, err := batch.NewConverter(b.Cols[i].Type, all.Cols[i].Type, batch.Options{})
		if err != nil {
			return err
		}
		if err := c.Convert(&all.Cols[i], &b.Cols[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// Read reads a file as the columns of want.
func Read(t testing.TB, f format.Format, in format.Input, want batch.Schema) *batch.Batch {
	t.Helper()
	r, err := f.Read(t.Context(), in, want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Drain(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Rows shows a batch as text, NULL as <null>.
func Rows(b *batch.Batch) [][]string {
	rows := make([][]string, b.Len())
	for i := range rows {
		for j := range b.Cols {
			text := "<null>"
			if c := &b.Cols[j]; !c.IsNull(i) {
				text = string(batch.AppendText(nil, c, i))
			}
			rows[i] = append(rows[i], text)
		}
	}
	return rows
}
