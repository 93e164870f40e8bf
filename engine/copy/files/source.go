package files

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/sync/errgroup"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// Source is the rows of the files that a FileSource selects.
type Source struct {
	files    store.Files
	sel      *activity.FileSource
	grouping Grouping

	plan []store.Partition // the plan that holds, where there is one
	mu   sync.Mutex
	list *Selected // listed once

	schema batch.Schema // nil before Schema has found it
	notes  *Notes       // nil where nobody wants to know
}

var (
	_ store.Source      = (*Source)(nil)
	_ store.Partitioner = (*Source)(nil)
)

// NewSource makes a source of files; sel.Format is set. The Source closes files.
func NewSource(files store.Files, sel *activity.FileSource, g Grouping) *Source {
	return &Source{files: files, sel: sel, grouping: g}
}

// Planned makes the source take its files from a plan, as they were when it was made, instead of listing them.
func (s *Source) Planned(partitions []store.Partition) error {
	list := &Selected{}
	for _, p := range partitions {
		x, err := ParsePart(p)
		if err != nil {
			return err
		}
		if !x.Rest {
			list.Files = append(list.Files, x.Files...)
		}
		list.Base = x.Base
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan, s.list = partitions, list
	return nil
}

func (s *Source) selected(ctx context.Context) (*Selected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list != nil {
		return s.list, nil
	}
	list, err := Select(ctx, s.files, s.sel)
	if err == nil {
		s.list = list
	}
	return list, err
}

// Schema is that of the first file that is there and has columns.
func (s *Source) Schema(ctx context.Context) (batch.Schema, error) {
	list, err := s.selected(ctx)
	if err != nil {
		return nil, err
	}
	var first error // why there is none, of the first file that could not tell
	for _, f := range list.Files {
		schema, err := s.schemaOf(ctx, f, list.Base)
		switch {
		case err == nil && len(schema) > 0:
			s.mu.Lock()
			s.schema = schema
			s.mu.Unlock()
			return schema, nil
		case err != nil && f.Size > 0 && !errors.Is(err, fs.ErrNotExist):
			return nil, inFile(err, f.Path)
		case first == nil:
			first = err
		}
	}
	return nil, fault.New(fault.NotFound, "no file is there that tells the columns").At(describe(s.sel)).Because(first).
		Try("Give the dataset a structure, or wait until there are files with data.")
}

// schemaOf is a file's columns and those that its folders make.
func (s *Source) schemaOf(ctx context.Context, f store.File, base string) (batch.Schema, error) {
	schema, err := s.sel.Format.Schema(ctx, s.input(f, nil))
	if err != nil || len(schema) == 0 || !s.sel.Discover {
		return schema, err
	}
	list, err := keys(s.sel, f.Path, base)
	if err != nil {
		return nil, err
	}
	return withKeys(schema, list, f.Path)
}

// input is a file as formats read it; bytes, where not nil, counts what comes from the store.
func (s *Source) input(f store.File, bytes *counter) format.Input {
	return input(s.files, f, s.sel.Compression, bytes)
}

// inFile names the file in an error about its data.
func inFile(err error, path string) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Target != "" {
		return err
	}
	with := *e
	with.Target = path
	return &with
}

// Partitions divides the files, for about n readers at once.
func (s *Source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	list, err := s.selected(ctx)
	if err != nil || len(list.Files) == 0 {
		return nil, err
	}
	var parts []Part
	switch s.grouping {
	case Together:
		parts = []Part{{Files: list.Files, Base: list.Base}}
	case OneByOne:
		for i := range list.Files {
			parts = append(parts, Part{Files: list.Files[i : i+1 : i+1], Base: list.Base})
		}
	default:
		if parts, err = s.anyhow(ctx, list, n); err != nil {
			return nil, err
		}
	}
	out := make([]store.Partition, len(parts))
	for i, x := range parts {
		out[i] = x.Partition(i)
	}
	return out, nil
}

// anyhow groups many files, and cuts large ones when there are fewer of them than readers.
func (s *Source) anyhow(ctx context.Context, list *Selected, n int) ([]Part, error) {
	splitter, ok := s.sel.Format.(format.Splitter)
	cut := ok && len(list.Files) < n && s.sel.Compression == compression.None
	var parts []Part
	for _, group := range Groups(list.Files) {
		whole := Part{Files: group, Base: list.Base}
		pieces := int(min(group[0].Size/minPiece, int64((n+len(list.Files)-1)/len(list.Files))))
		if !cut || len(group) != 1 || pieces < 2 {
			parts = append(parts, whole)
			continue
		}
		specs, err := splitter.Split(ctx, s.input(group[0], nil), pieces)
		if err != nil {
			return nil, inFile(err, group[0].Path)
		}
		for i, spec := range specs {
			whole.Piece, whole.Of, whole.Rest = spec, len(specs), i > 0
			parts = append(parts, whole)
		}
	}
	return parts, nil
}

// minPiece is the smallest part of a file that is worth a reader of its own.
const minPiece = 4 << 20

// Open reads one partition.
func (s *Source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	part := Part{}
	if p.Spec == "" {
		list, err := s.selected(ctx)
		if err != nil {
			return nil, err
		}
		part.Files, part.Base = list.Files, list.Base
	} else {
		var err error
		if part, err = ParsePart(p); err != nil {
			return nil, err
		}
	}
	r := &reader{source: s, id: p.ID, part: part, want: want}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.schema = r.current.Schema()
	return r, nil
}

// DeleteCopied deletes the files of the plan where the job wants that: all of them are copied. A file that has changed
// since is left alone. It may be called again.
func (s *Source) DeleteCopied(ctx context.Context) error {
	if !s.sel.DeleteAfter || s.plan == nil {
		return nil
	}
	return Delete(ctx, s.files, s.list.Files)
}

// Delete deletes files that are still as they are described.
func Delete(ctx context.Context, files store.Files, list []store.File) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deleters)
	for _, f := range list {
		g.Go(func() error {
			now, err := files.Stat(ctx, f.Path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case now.Size != f.Size || now.ETag != f.ETag || !now.Modified.Equal(f.Modified):
				return nil
			}
			return files.Remove(ctx, f.Path)
		})
	}
	return g.Wait()
}

const deleters = 8

// Close ends the connection.
func (s *Source) Close() error { return s.files.Close() }
