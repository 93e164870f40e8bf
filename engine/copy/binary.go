package copy

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"sync/atomic"

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
	memory *semaphore.Weighted
	// unhashed is set once a file was compared by its size alone.
	unhashed atomic.Bool
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
		w.to, err = w.run.job.Sink.Files.Open(ctx, sinkEnv(w.run.env))
	}
	return err
}

// sinkEnv is the environment of a sink of files. It also looks before it writes, and a person whom the operator's rule
// stops there wants to read that the job may not write.
func sinkEnv(env store.Env) store.Env {
	allow := env.Allow
	if allow != nil {
		env.Allow = func(path string, _ bool) error { return allow(path, true) }
	}
	return env
}

func (w *binaryWork) merges() bool { return w.run.job.Sink.Files.Behavior == activity.MergeFiles }

// degree is for many small files, which cost little but the time of an answer; what large ones need is bounded by memory.
func (w *binaryWork) degree() (usual, most int) {
	if w.merges() {
		return 1, 1
	}
	most = maxParallel
	for _, n := range []int{w.run.job.Source.Files.Connections, w.run.job.Sink.Files.Connections} {
		if n > 0 {
			most = min(most, n)
		}
	}
	return most, most
}

// plan lists the files; every file goes into one partition, alone or with others that are as small.
func (w *binaryWork) plan(ctx context.Context, _ int) (Plan, error) {
	p := Plan{FastPath: fastBinary}
	sel := w.run.job.Source.Files
	if w.merges() {
		found, err := files.Select(ctx, w.from, sel)
		if err != nil {
			return Plan{}, err
		}
		if len(found.Files) > 0 {
			p.Partitions = append(p.Partitions, files.Part{Files: found.Files, Base: found.Base}.Partition(0))
		}
		return p, nil
	}
	g := files.Grouper{Base: files.Base(sel)}
	if _, err := files.Each(ctx, w.from, sel, func(f store.File) error { g.Add(f); return nil }); err != nil {
		return Plan{}, err
	}
	g.End()
	p.Partitions = g.Partitions
	return p, nil
}

// planned makes sure that no two files would become one.
func (w *binaryWork) planned(_ context.Context, p *Plan, _ bool) error {
	w.plans = p.Partitions
	if len(p.Partitions) == 0 {
		w.run.warn("No file was changed in the time that the source selects; nothing was copied.")
	}
	if w.merges() || w.run.job.Sink.Files.Name == "" {
		return nil // the paths differ because those of the source do
	}
	var meet files.Targets
	for _, x := range p.Partitions {
		part, err := files.ParsePart(x)
		if err != nil {
			return err
		}
		for _, f := range part.Files {
			if err := meet.Take(w.path(part, f), f.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachTarget gives the paths in the sink, as long as fn wants more.
func (w *binaryWork) eachTarget(fn func(to string) bool) error {
	for _, x := range w.plans {
		part, err := files.ParsePart(x)
		if err != nil {
			return err
		}
		for _, f := range part.Files {
			if !fn(w.path(part, f)) {
				return nil
			}
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

func (w *binaryWork) copy(ctx context.Context, p store.Partition, t *tally) (c PartitionCounts, err error) {
	part, err := files.ParsePart(p)
	if err != nil {
		return c, err
	}
	log := w.run.log4rows(ctx, p)
	defer log.abort()
	if w.merges() {
		err = w.merge(ctx, part, t, &c, log)
	} else {
		err = w.each(ctx, part, p.ID == w.plans[0].ID, t, &c, log)
	}
	if err == nil {
		err = log.commit(ctx)
	}
	n := t.counts()
	c.BytesRead, c.Bytes = n.BytesRead, n.Bytes
	return c, err
}

// each copies the files of a group one after the other. Their paths are kept where they are few or the first.
func (w *binaryWork) each(ctx context.Context, part files.Part, first bool, t *tally, c *PartitionCounts, log *partLog) error {
	for i, f := range part.Files {
		to := w.path(part, f)
		before := t.counts()
		err := w.transfer(ctx, part.Files[i:i+1], to, t)
		if reason, ok := w.skips(err, to); ok {
			now := t.counts()
			t.forget(now.BytesRead-before.BytesRead, now.Bytes-before.Bytes)
			c.Skipped = append(c.Skipped, f.Path)
			w.run.log.Warn("a file is left out", "file", f.Path, "error", reason)
			if err := log.skippedFile(f.Path, reason); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		c.FilesRead++
		c.FilesWritten++
		if first || len(part.Files) == 1 {
			c.Files = append(c.Files, to)
		}
		if err := log.copiedFile("FileWrite", f.Path, "copied to "+to); err != nil {
			return err
		}
	}
	return nil
}

// merge copies all files into one. Only a file that is not there, or may not be read, can be left out: of any other,
// bytes have gone into the merged file already.
func (w *binaryWork) merge(ctx context.Context, part files.Part, t *tally, c *PartitionCounts, log *partLog) error {
	to := w.path(part, part.Files[0])
	list := part.Files
	if skip := w.run.job.Source.Files.Skip; skip.Missing || skip.Forbidden {
		list = nil
		for _, f := range part.Files {
			r, err := w.from.Open(ctx, f, 0, 1)
			if err == nil {
				var one [1]byte
				if _, err = r.Read(one[:]); errors.Is(err, io.EOF) {
					err = nil
				}
				err = errors.Join(err, r.Close())
			}
			if reason, ok := w.skips(ofSource(err), to); ok && err != nil {
				c.Skipped = append(c.Skipped, f.Path)
				if err := log.skippedFile(f.Path, reason); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return nil
	}
	if err := w.transfer(ctx, list, to, t); err != nil {
		return err
	}
	c.FilesRead, c.Files = int64(len(list)), []string{to}
	return nil
}

// finish deletes the source's files where the job wants that; all of them are in the sink now, but for those that were
// left out.
func (w *binaryWork) finish(ctx context.Context) error {
	w.run.verified.method = methodMD5
	if w.unhashed.Load() {
		w.run.verified.method = methodSize
	}
	if !w.run.job.Source.Files.DeleteAfter {
		return nil
	}
	state, err := w.run.checkpoints.Load(ctx)
	if err != nil {
		return err
	}
	for _, p := range w.plans {
		part, err := files.ParsePart(p)
		if err != nil {
			return err
		}
		if out := state.Done[p.ID].Skipped; len(out) > 0 {
			part.Files = slices.DeleteFunc(part.Files, func(f store.File) bool { return slices.Contains(out, f.Path) })
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
