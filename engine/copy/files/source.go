package files

import (
	"cmp"
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

	chunks  Chunks            // of long lists; may be nil
	planned bool              // plan holds
	plan    []store.Partition // the plan that holds, where there is one
	mu      sync.Mutex
	list    *Selected // listed once

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

// Keep makes the source keep lists of many files in c. Call it before the other methods.
func (s *Source) Keep(c Chunks) { s.chunks = c }

// Planned makes the source take its files from a plan, as they were when it was made, instead of listing them.
func (s *Source) Planned(partitions []store.Partition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan, s.planned = partitions, true
	return nil
}

// maxShown is how many files are looked at where there is no plan.
const maxShown = 10_000

// selected lists the first files where there is no plan: to show the first rows of them.
func (s *Source) selected(ctx context.Context) (*Selected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list != nil {
		return s.list, nil
	}
	found := &Selected{Base: Base(s.sel)}
	_, err := Each(ctx, s.files, s.sel, func(f store.File) error {
		if found.Files = append(found.Files, f); len(found.Files) == maxShown {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	s.list = found
	return found, nil
}

// eachPart calls fn for the files, some hundred at a time, each file once.
func (s *Source) eachPart(ctx context.Context, fn func(Part) error) error {
	s.mu.Lock()
	planned, plan := s.planned, s.plan
	s.mu.Unlock()
	if !planned {
		list, err := s.selected(ctx)
		if err != nil {
			return err
		}
		return fn(Part{Files: list.Files, Base: list.Base})
	}
	for _, p := range plan {
		if err := EachPart(ctx, s.chunks, p, func(x Part) error {
			if x.Rest {
				return nil
			}
			return fn(x)
		}); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a walk over the files.
var errEnough = errors.New("enough")

// Schema is that of the first file that is there and has columns.
func (s *Source) Schema(ctx context.Context) (batch.Schema, error) {
	var first error // why there is none, of the first file that could not tell
	err := s.eachPart(ctx, func(x Part) error {
		for _, f := range x.Files {
			schema, err := s.schemaOf(ctx, f, x.Base)
			switch {
			case err == nil && len(schema) > 0:
				s.mu.Lock()
				s.schema = schema
				s.mu.Unlock()
				return errEnough
			case err != nil && f.Size > 0 && !errors.Is(err, fs.ErrNotExist):
				return inFile(err, f.Path)
			case first == nil:
				first = err
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return s.schema, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, fault.New(fault.NotFound, "no file is there that tells the columns").At(describe(s.sel)).Because(first).
		Try("Give the dataset a structure, or wait until there are files with data.")
}

// schemaOf is a file's columns and those that its folders make.
func (s *Source) schemaOf(ctx context.Context, f store.File, base string) (batch.Schema, error) {
	schema, err := s.ownSchema(ctx, f)
	if err != nil || len(schema) == 0 || !s.sel.Discover {
		return schema, err
	}
	list, err := keys(s.sel, f.Path, base)
	if err != nil {
		return nil, err
	}
	return withKeys(schema, list, f.Path)
}

func (s *Source) ownSchema(ctx context.Context, f store.File) (batch.Schema, error) {
	if s.archived() && f.Size > 0 {
		return s.archiveSchema(ctx, f)
	}
	return s.sel.Format.Schema(ctx, s.input(f, nil))
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

// Partitions divides the files, for about n readers at once. They are listed into the plan as they are found.
func (s *Source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	g := Grouper{Base: Base(s.sel), Chunks: s.chunks, Grouping: s.grouping}
	if _, err := Each(ctx, s.files, s.sel, func(f store.File) error { return g.Add(ctx, f) }); err != nil {
		return nil, err
	}
	if list, few := g.Few(); few && s.grouping == Any {
		parts, err := s.anyhow(ctx, &Selected{Files: list, Base: g.Base}, n)
		if err != nil {
			return nil, err
		}
		var out []store.Partition
		for i, x := range parts {
			out = append(out, x.Partition(i))
		}
		return out, nil
	}
	err := g.End(ctx)
	return g.Partitions, err
}

// anyhow makes each file a part, and cuts large ones when there are fewer of them than readers.
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
	l := &list{partition: p.ID}
	var err error
	if p.Spec == "" {
		all, err := s.selected(ctx)
		if err != nil {
			return nil, err
		}
		l.inside = &Part{Files: all.Files, Base: all.Base}
	} else if l, err = newList(s.chunks, p); err != nil {
		return nil, err
	}
	r := &reader{source: s, id: p.ID, list: l, want: want}
	if ok, err := r.more(ctx); err != nil || !ok {
		return nil, cmp.Or(err, error(fault.New(fault.Internal, "a partition has no files")))
	}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.schema = r.current.Schema()
	return r, nil
}

// DeleteCopied deletes the files of the plan where the job wants that: all of them are copied. A file that has changed
// since is left alone. It may be called again.
func (s *Source) DeleteCopied(ctx context.Context) error {
	if !s.sel.DeleteAfter || !s.planned {
		return nil
	}
	return s.eachPart(ctx, func(x Part) error { return Delete(ctx, s.files, x.Files) })
}

// Delete deletes files that are still as they are described.
func Delete(ctx context.Context, files store.Files, list []store.File) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deleters)
	for _, f := range list {
		g.Go(func() (err error) {
			defer fault.Recover(&err)
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
