package files

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/store"
)

// reader reads the files of one partition one after the other. A batch never has rows of two files.
type reader struct {
	source *Source
	id     string // of the partition
	list   *list
	part   Part // of the list, that is being read
	want   batch.Schema
	schema batch.Schema // what Next fills: that of the first file

	next    int      // index in part of the file after the current one
	number  int      // of the current file in the partition, from 1
	inside  *members // of the archive that is being read; nil where files are none
	current format.Reader
	path    string
	rows    int64 // of the current file, given so far
	last    int64 // of them, before the batch that Next has filled
	bytes   counter

	// A file whose columns have other types than the first one's is converted.
	scratch    *batch.Batch
	converters []*batch.Converter
	failed     error // of such a conversion: the rows of its batch are lost, so it is returned from then on
}

var _ store.Reader = (*reader)(nil)

// more takes the next files of the partition; false where there are none.
func (r *reader) more(ctx context.Context) (ok bool, err error) {
	for r.next == len(r.part.Files) {
		if r.part, ok, err = r.list.part(ctx); err != nil || !ok {
			return false, err
		}
		r.next = 0
	}
	return true, nil
}

// open begins the next file.
func (r *reader) open(ctx context.Context) error {
	f := r.part.Files[r.next]
	r.next++
	r.number++
	r.path, r.rows = f.Path, 0
	if f.Size == 0 {
		// No format makes rows of no bytes; most would rather miss their header. Markers such as _SUCCESS are like that.
		r.current = noRows{r.want}
		return r.adapt()
	}
	if r.source.archived() {
		var err error
		if r.inside, err = r.source.members(ctx, f, &r.bytes); err != nil {
			r.inside = nil
			return err
		}
		_, err = r.openInside(ctx)
		return err
	}
	return r.read(ctx, f, r.source.input(f, &r.bytes))
}

// openInside begins the next file of the archive; an archive without more of them reads as one without rows, and more is
// false.
func (r *reader) openInside(ctx context.Context) (more bool, err error) {
	empty, err := r.inside.next()
	switch {
	case errors.Is(err, io.EOF):
		err := r.inside.close()
		r.inside, r.current = nil, noRows{r.want}
		return false, errors.Join(err, r.adapt())
	case err != nil:
		return false, err
	}
	r.path, r.rows = r.inside.name, 0
	if empty {
		r.current = noRows{r.want}
		return true, r.adapt()
	}
	return true, r.read(ctx, r.inside.file, r.inside.input())
}

// read begins to read the rows of an input, which is f or a file in it.
func (r *reader) read(ctx context.Context, f store.File, in format.Input) error {
	list, err := keys(r.source.sel, f.Path, r.part.Base)
	if err != nil {
		return err
	}
	first := func() (batch.Schema, error) { return r.source.sel.Format.Schema(ctx, in) }
	r.current, err = readKeyed(r.want, list, first, func(want batch.Schema) (format.Reader, error) {
		if r.part.Piece == "" {
			return r.source.sel.Format.Read(ctx, in, want)
		}
		splitter, ok := r.source.sel.Format.(format.Splitter)
		if !ok {
			return nil, fault.New(fault.Internal, "the format cannot read a part of a file").At(f.Path)
		}
		return splitter.ReadPart(ctx, in, r.part.Piece, want)
	})
	if err != nil {
		r.current = nil
		return inFile(err, r.path)
	}
	return r.adapt()
}

// noRows reads an empty file.
type noRows struct{ schema batch.Schema }

// Schema is what was asked for.
func (n noRows) Schema() batch.Schema { return n.schema }

// Next has nothing.
func (noRows) Next(context.Context, *batch.Batch) error { return io.EOF }

// Close has nothing to end.
func (noRows) Close() error { return nil }

// adapt prepares for a file whose columns have other types than those that Schema has promised.
func (r *reader) adapt() error {
	r.scratch, r.converters = nil, nil
	have := r.current.Schema()
	if r.schema == nil || sameTypes(r.schema, have) {
		return nil
	}
	if len(have) != len(r.schema) {
		return fault.New(fault.BadData, "the file has other columns than those before it").At(r.path)
	}
	r.converters = make([]*batch.Converter, len(have))
	for i := range have {
		c, err := batch.NewConverter(have[i].Type, r.schema[i].Type, batch.Options{})
		if err != nil {
			return fault.New(fault.BadData, "the column %q is a %s here and a %s in the first file", have[i].Name, have[i].Type, r.schema[i].Type).
				At(r.path).Because(err).Try("Copy files with different columns by different activities.")
		}
		r.converters[i] = c
	}
	return nil
}

func sameTypes(a, b batch.Schema) bool {
	return slices.EqualFunc(a, b, func(x, y batch.Field) bool { return x.Type == y.Type })
}

// Schema tells the columns.
func (r *reader) Schema() batch.Schema { return r.schema }

// Next fills b with rows of one file.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	for {
		r.last = r.rows
		err := r.fill(ctx, b)
		if err == nil {
			r.rows += int64(b.Len())
			return nil
		}
		if !errors.Is(err, io.EOF) {
			return inFile(err, r.path)
		}
		if err := r.endRows(); err != nil {
			return err
		}
		if r.inside != nil {
			if more, err := r.openInside(ctx); err != nil {
				return inFile(err, r.path)
			} else if more {
				continue
			}
		}
		if ok, err := r.more(ctx); err != nil || !ok {
			return cmp.Or(err, io.EOF)
		}
		if err := r.open(ctx); err != nil {
			return err
		}
	}
}

func (r *reader) fill(ctx context.Context, b *batch.Batch) error {
	if r.converters == nil {
		return r.current.Next(ctx, b)
	}
	if r.failed != nil {
		return r.failed
	}
	if r.scratch == nil {
		r.scratch = batch.New(r.current.Schema(), b.Limit())
	}
	r.scratch.Reset()
	if err := r.current.Next(ctx, r.scratch); err != nil {
		return err
	}
	for i, c := range r.converters {
		if err := c.Convert(&b.Cols[i], &r.scratch.Cols[i], nil); err != nil {
			r.failed = r.place(err, r.schema[i].Name)
			return r.failed
		}
	}
	return nil
}

// place says where in the file a value is that could not be converted.
func (r *reader) place(err error, column string) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	with := *e
	with.Row += r.last
	with.Column = column
	return &with
}

// Origin tells where the rows of the last batch came from.
func (r *reader) Origin() (path string, row int64) { return r.path, r.last }

// BytesRead counts the bytes of the files, compressed where they are.
func (r *reader) BytesRead() int64 { return r.bytes.Load() }

// endRows ends the rows of the current file. What comes behind the last one is asked for again.
func (r *reader) endRows() error {
	if r.current == nil {
		return nil
	}
	r.note()
	err := r.current.Close()
	r.current = noRows{r.want}
	return err
}

// Close ends the file that is open.
func (r *reader) Close() error {
	err := r.endRows()
	if r.inside != nil {
		err = errors.Join(err, r.inside.close())
		r.inside = nil
	}
	return err
}
