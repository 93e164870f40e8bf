package files

import (
	"context"
	"path"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// Sink writes the rows of each partition to a file of its own, or to several where the job limits their rows. It is no
// store.Resumer: names are the same in every attempt, so writing a partition again replaces its files.
type Sink struct {
	files store.Files
	o     *activity.FileSink
	names Names
	from  *activity.FileSource // nil where rows do not come from files

	schema  batch.Schema
	targets map[string]string // path, without number, by partition ID
}

var _ store.Sink = (*Sink)(nil)

// NewSink makes the sink of one run; o.Format is set. from is what a Source reads, nil where the rows come from a table.
// The Sink closes files.
func NewSink(files store.Files, o *activity.FileSink, run string, from *activity.FileSource) *Sink {
	return &Sink{files: files, o: o, names: NewNames(o, run), from: from}
}

// Planned decides the files' names.
func (s *Sink) Planned(partitions []store.Partition) error {
	s.targets = make(map[string]string, len(partitions))
	var meet Targets
	for _, p := range partitions {
		target, from, err := s.target(p, len(partitions))
		if err != nil {
			return err
		}
		if err := meet.Take(target, from); err != nil {
			return err
		}
		s.targets[p.ID] = target
	}
	return nil
}

// target is the path of a partition's file, and what of the source it is made of.
func (s *Sink) target(p store.Partition, of int) (target, from string, err error) {
	ext := s.extension()
	if s.from != nil && s.o.Name == "" && s.o.Behavior != activity.MergeFiles && !isKept(p.Spec) {
		part, err := ParsePart(p)
		if err != nil {
			return "", "", err
		}
		if len(part.Files) == 1 {
			f := part.Files[0].Path
			if s.o.Behavior == activity.FlattenHierarchy {
				return s.names.Generated(f, ext), f, nil
			}
			return s.names.Preserved(s.renamed(Below(f, part.Base))), f, nil
		}
	}
	if s.o.Name == "" && s.o.Prefix != "" && s.o.MaxRowsPerFile > 0 {
		name := s.o.Prefix
		if of > 1 {
			name += "_" + p.ID
		}
		return Join(s.o.Folder, name+ext), p.ID, nil
	}
	return s.names.Generated(p.ID, ext), p.ID, nil
}

// extension is that of files without a given name, with that of the compression.
func (s *Sink) extension() string { return s.o.Extension + compression.Extension(s.o.Compression) }

// renamed is the name of a file of another format: the same with this format's extension.
func (s *Sink) renamed(rel string) string {
	if s.from.FormatName == s.o.FormatName && s.from.Compression == s.o.Compression {
		return rel
	}
	dir, name := path.Split(rel)
	for _, c := range compressions {
		if e := compression.Extension(c); e != "" && strings.HasSuffix(strings.ToLower(name), e) {
			name = name[:len(name)-len(e)]
			break
		}
	}
	stem, _ := splitExtension(name)
	return dir + stem + s.extension()
}

// Prepare removes what an attempt with another plan may have left of this run; nothing else is touched.
func (s *Sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	schema, err := s.Inspect(ctx, want)
	if err != nil {
		return nil, err
	}
	s.schema = schema
	if resuming {
		return schema, nil
	}
	return schema, s.names.RemoveStale(ctx, s.files)
}

// Inspect tells the types that the format keeps.
func (s *Sink) Inspect(_ context.Context, want batch.Schema) (batch.Schema, error) {
	return s.o.Format.Types(want)
}

// Open begins a partition's file.
func (s *Sink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	target, ok := s.targets[p.ID]
	if !ok || s.schema == nil {
		return nil, fault.New(fault.Internal, "the partition %s is not in the plan", p.ID).At(s.o.Folder)
	}
	w := &writer{sink: s, target: target}
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// Finish has nothing to do: every file is whole once it is committed.
func (s *Sink) Finish(context.Context) error { return nil }

// Close ends the connection.
func (s *Sink) Close() error { return s.files.Close() }

// Paths are where the partitions of the plan go, in no order; numbers of split files are not in them.
func (s *Sink) Paths() []string {
	out := make([]string, 0, len(s.targets))
	for _, p := range s.targets {
		out = append(out, p)
	}
	return out
}
