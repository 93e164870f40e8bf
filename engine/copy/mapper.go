package copy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// mapper turns batches as the reader gives them into batches as the sink takes them. It is made for one partition and
// used from one goroutine.
type mapper struct {
	out   batch.Schema
	steps []step

	skipping bool // rows that do not fit are collected in rejects instead of ending the copy
	rejects  []reject
	taken    []int // for each column of the reader, the step that took its buffers, -1 where none did
}

// step makes one column of the sink.
type step struct {
	from      int              // column of the reader's batch, -1 for a value that is not in it
	take      bool             // the reader's buffers are passed on as they are
	converter *batch.Converter // nil where take is true or from is -1
	name      string           // the source column's, for messages

	parse    batch.Parser // of a value that is not in the source
	constant string
	filePath bool
}

// mapper makes the stage between a reader and a sink, nil where the sink takes just what the reader gives.
func (m *mapping) mapper(reader, sink batch.Schema) (*mapper, error) {
	if len(reader) != len(m.sources) || len(sink) != len(m.outs) {
		return nil, fault.New(fault.Internal, "the reader gives %d columns where %d were asked for, the sink takes %d of %d",
			len(reader), len(m.sources), len(sink), len(m.outs))
	}
	uses := make([]int, len(reader))
	for _, o := range m.outs {
		if o.from >= 0 {
			uses[o.from]++
		}
	}
	x := &mapper{out: sink, steps: make([]step, len(m.outs)), taken: make([]int, len(reader))}
	for i := range x.taken {
		x.taken[i] = -1
	}
	for i, o := range m.outs {
		s, err := o.step(reader, sink[i].Type, uses)
		if err != nil {
			f := *fault.As(err)
			f.Column = o.field.Name
			return nil, &f
		}
		x.steps[i] = s
		if s.take {
			x.taken[s.from] = i
		}
	}
	if x.idle(reader) {
		return nil, nil
	}
	return x, nil
}

func (o *output) step(reader batch.Schema, to batch.Type, uses []int) (step, error) {
	s := step{from: o.from, constant: o.constant, filePath: o.filePath}
	var err error
	if o.from < 0 {
		s.parse, err = batch.NewParser(to, o.options(batch.Type{Kind: batch.String}, to))
		return s, err
	}
	from := reader[o.from]
	s.name = from.Name
	if uses[o.from] == 1 && batch.Fits(from.Type, to) {
		s.take = true
		return s, nil
	}
	s.converter, err = batch.NewConverter(from.Type, to, o.options(from.Type, to))
	return s, err
}

// idle reports whether the mapper would change nothing.
func (x *mapper) idle(reader batch.Schema) bool {
	if len(reader) != len(x.out) {
		return false
	}
	for i, s := range x.steps {
		if !s.take || s.from != i || reader[i].Type != x.out[i].Type {
			return false
		}
	}
	return true
}

// schema is what apply makes.
func (x *mapper) schema() batch.Schema { return x.out }

// apply fills dst, which is empty, from src, whose buffers it may keep in exchange for dst's. The row of an error is
// counted from 1 in src.
func (x *mapper) apply(dst, src *batch.Batch, from origin) error {
	rows := src.Len()
	for i := range x.steps {
		s, to := &x.steps[i], &dst.Cols[i]
		switch {
		case s.take:
			exchange(to, &src.Cols[s.from])
		case s.converter != nil:
			if err := s.converter.Convert(to, &src.Cols[s.from], x.collect(s.name)); err != nil {
				return named(err, s.name)
			}
		default:
			if err := s.repeat(to, rows, from); err != nil {
				return named(err, x.out[i].Name)
			}
		}
	}
	return nil
}

// collect notes a row that a column cannot take; nil where that is to end the copy.
func (x *mapper) collect(column string) func(int, *fault.Error) {
	if !x.skipping {
		return nil
	}
	return func(row int, why *fault.Error) {
		why.Column = column
		x.rejects = append(x.rejects, reject{row, why})
	}
}

// origin gives the reader's columns after apply, which has moved some of them.
func (x *mapper) origin(dst, src *batch.Batch) func(i int) *batch.Column {
	return func(i int) *batch.Column {
		if to := x.taken[i]; to >= 0 {
			return &dst.Cols[to]
		}
		return &src.Cols[i]
	}
}

// exchange swaps the values of two columns of the same storage; each keeps its type.
func exchange(a, b *batch.Column) {
	at, bt := a.Type, b.Type
	*a, *b = *b, *a
	a.Type, b.Type = at, bt
}

// repeat puts the step's own value into every row.
func (s *step) repeat(to *batch.Column, rows int, from origin) error {
	value := s.constant
	if s.filePath {
		value = from.path
	}
	text := []byte(value)
	for range rows {
		if err := s.parse(to, text); err != nil {
			return err
		}
	}
	return nil
}

// named adds the column to a fault that has none.
func named(err error, column string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Column != "" {
		return err
	}
	with := *f
	with.Column = column
	return &with
}

// losses says for each column of the sink everything that may be refused or lost on the way, "" where nothing can be.
func (m *mapping) losses(sink batch.Schema) []string {
	out := make([]string, len(m.outs))
	for i, o := range m.outs {
		if o.from < 0 {
			continue
		}
		out[i] = strings.Join(o.losses(m.sources[o.from].Type, sink[i].Type), "; ")
	}
	return out
}

func (o *output) losses(from, to batch.Type) []string {
	return batch.Losses(from, to, o.options(from, to))
}

// silent are the losses that no row shows: what is cut or rounded instead of being refused. The result tells them.
func (m *mapping) silent(sink batch.Schema) (list []string) {
	for i, o := range m.outs {
		if o.from < 0 {
			continue
		}
		for _, what := range o.losses(m.sources[o.from].Type, sink[i].Type) {
			if !strings.HasSuffix(what, "refused") {
				list = append(list, fmt.Sprintf("Column %q, %s to %s: %s.", sink[i].Name, m.sources[o.from].Type, sink[i].Type, what))
			}
		}
	}
	return list
}

// rowLimit is how many rows a batch should have for the format that is written.
func rowLimit(formatName string) int {
	if slices.Contains(columnar, formatName) {
		return batch.ColumnarRows
	}
	return batch.Rows
}

// columnar are the formats that write columns in groups of many rows.
var columnar = []string{"parquet", "orc"}
