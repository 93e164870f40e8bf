package copy

import (
	"context"
	"errors"
	"path"

	"golang.org/x/sync/semaphore"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// fastBinary is the plan's word for files that are copied byte by byte.
const fastBinary = "binary"

// binaryWork copies files as they are: the same bytes, in parallel by file.
type binaryWork struct {
	run    *run
	names  files.Names
	from   store.Files
	to     store.Files
	plans  []store.Partition
	target map[string]string // by the source's path
	memory *semaphore.Weighted
}

var _ work = (*binaryWork)(nil)

func newBinaryWork(r *run) *binaryWork {
	return &binaryWork{
		run: r, names: files.NewNames(r.job.Sink.Files, r.env.RunID), memory: semaphore.NewWeighted(r.o.Memory),
	}
}

func (w *binaryWork) open(ctx context.Context) (err error) {
	if w.from == nil {
		if w.from, err = w.run.job.Source.Files.Open(ctx, w.run.env); err != nil {
			return err
		}
	}
	if w.to == nil {
		w.to, err = w.run.job.Sink.Files.Open(ctx, w.run.env)
	}
	return err
}

func (w *binaryWork) merges() bool { return w.run.job.Sink.Files.Behavior == activity.MergeFiles }

// degree is for many small files, which cost little but time; what large ones need is bounded by memory.
func (w *binaryWork) degree() (usual, most int) {
	if w.merges() {
		return 1, 1
	}
	return min(maxParallel, 4*cores()), maxParallel
}

// plan lists the files; every file goes into one partition, alone or with others that are as small.
func (w *binaryWork) plan(ctx context.Context, _ int) (Plan, error) {
	found, err := files.Select(ctx, w.from, w.run.job.Source.Files)
	if err != nil {
		return Plan{}, err
	}
	groups := files.Groups(found.Files)
	if w.merges() && len(found.Files) > 0 {
		groups = [][]store.File{found.Files}
	}
	p := Plan{FastPath: fastBinary}
	for i, g := range groups {
		p.Partitions = append(p.Partitions, files.Part{Files: g, Base: found.Base}.Partition(i))
	}
	return p, nil
}

// planned gives every file its path in the sink.
func (w *binaryWork) planned(_ context.Context, p *Plan, _ bool) error {
	if len(p.Partitions) == 0 {
		w.run.warn("No file was changed in the time that the source selects; nothing was copied.")
	}
	w.plans, w.target = p.Partitions, map[string]string{}
	var meet files.Targets
	for _, x := range p.Partitions {
		part, err := files.ParsePart(x)
		if err != nil {
			return err
		}
		for _, f := range part.Files {
			to := w.path(part, f)
			if !w.merges() {
				if err := meet.Take(to, f.Path); err != nil {
					return err
				}
			}
			w.target[f.Path] = to
		}
	}
	return nil
}

// path is Data Factory's copyBehavior: the hierarchy below the source's folder, one level with generated names, or one
// file of all.
func (w *binaryWork) path(part files.Part, f store.File) string {
	sink := w.run.job.Sink.Files
	extension := sink.Extension
	if extension == "" {
		extension = path.Ext(f.Path)
	}
	switch {
	case sink.Behavior == activity.MergeFiles:
		if sink.Extension == "" {
			extension = path.Ext(part.Files[0].Path)
		}
		return w.names.Generated("merged", extension)
	case sink.Name != "":
		return w.names.Generated(f.Path, extension)
	case sink.Behavior == activity.FlattenHierarchy:
		return w.names.Generated(f.Path, path.Ext(f.Path))
	}
	return w.names.Preserved(files.Below(f.Path, part.Base))
}

// prepare removes files of this run that another plan of it has left.
func (w *binaryWork) prepare(ctx context.Context, resuming bool) error {
	sink := w.run.job.Sink.Files
	if resuming || sink.Name != "" || sink.Behavior == activity.PreserveHierarchy {
		return nil // no generated names
	}
	return w.names.RemoveStale(ctx, w.to)
}

// committed knows nothing: a file that is written again replaces itself.
func (w *binaryWork) committed(context.Context) (map[string]store.Counts, error) { return nil, nil }

func (w *binaryWork) copy(ctx context.Context, p store.Partition, t *tally) (PartitionCounts, error) {
	part, err := files.ParsePart(p)
	if err != nil {
		return PartitionCounts{}, err
	}
	c := PartitionCounts{FilesRead: int64(len(part.Files))}
	if w.merges() {
		to := w.target[part.Files[0].Path]
		if err := w.transfer(ctx, part.Files, to, t); err != nil {
			return PartitionCounts{}, err
		}
		c.Files = []string{to}
	} else {
		for i := range part.Files {
			to := w.target[part.Files[i].Path]
			if err := w.transfer(ctx, part.Files[i:i+1], to, t); err != nil {
				return PartitionCounts{}, err
			}
			c.Files = append(c.Files, to)
		}
	}
	n := t.counts()
	c.BytesRead, c.Bytes = n.BytesRead, n.Bytes
	return c, nil
}

// finish deletes the source's files where the job wants that; all of them are in the sink now.
func (w *binaryWork) finish(ctx context.Context) error {
	if !w.run.job.Source.Files.DeleteAfter {
		return nil
	}
	for _, p := range w.plans {
		part, err := files.ParsePart(p)
		if err != nil {
			return err
		}
		if err := files.Delete(ctx, w.from, part.Files); err != nil {
			return err
		}
	}
	return nil
}

func (w *binaryWork) close() error {
	var errs []error
	for _, f := range []store.Files{w.to, w.from} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

func changed(f store.File, read int64) error {
	return fault.New(fault.Conflict, "the file changed while it was copied: %d bytes came, %d were expected", read, f.Size).
		At(f.Path).Try("Copy it when nobody writes to it.").AsTransient()
}
