package copy

import (
	"context"
	"errors"
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
	taken    owners // paths of files that came out of archives
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
	g := files.Grouper{Base: files.Base(sel), Chunks: w.run.chunks()}
	if w.merges() {
		g.Grouping = files.Together
	}
	if _, err := files.Each(ctx, w.from, sel, func(f store.File) error { return g.Add(ctx, f) }); err != nil {
		return Plan{}, err
	}
	err := g.End(ctx)
	p.Partitions = g.Partitions
	return p, err
}

// eachPart gives the files of a partition, some hundred at a time.
func (w *binaryWork) eachPart(ctx context.Context, p store.Partition, fn func(files.Part) error) error {
	return files.EachPart(ctx, w.run.chunks(), p, fn)
}

// planned makes sure that no two files would become one.
func (w *binaryWork) planned(ctx context.Context, p *Plan, _ bool) error {
	w.plans = p.Partitions
	if len(p.Partitions) == 0 {
		w.run.warn("No file was changed in the time that the source selects; nothing was copied.")
	}
	if w.merges() || w.run.job.Sink.Files.Name == "" {
		return nil // the paths differ because those of the source do
	}
	var meet files.Targets
	for _, x := range p.Partitions {
		if err := w.eachPart(ctx, x, func(part files.Part) error {
			for _, f := range part.Files {
				if err := meet.Take(w.path(part, f), f.Path); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// eachTarget gives the paths in the sink, as long as fn wants more.
func (w *binaryWork) eachTarget(ctx context.Context, fn func(to string) bool) error {
	var enough error = enoughError{}
	for _, x := range w.plans {
		if w.merges() {
			to, err := w.merged(ctx, x)
			if err != nil || !fn(to) {
				return err
			}
			continue
		}
		err := w.eachPart(ctx, x, func(part files.Part) error {
			for _, f := range part.Files {
				to := w.path(part, f)
				if w.unpacks() {
					to = w.archiveFolder(part, f) + "/"
				}
				if !fn(to) {
					return enough
				}
			}
			return nil
		})
		if errors.Is(err, enough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enoughError ends a walk over the plan.
type enoughError struct{}

// Error says that.
func (enoughError) Error() string { return "enough" }

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
	log := w.run.log4rows(ctx, p)
	defer log.abort()
	if w.merges() {
		err = w.merge(ctx, p, t, &c, log)
	} else {
		first := p.ID == w.plans[0].ID
		err = w.eachPart(ctx, p, func(part files.Part) error { return w.each(ctx, part, first, t, &c, log) })
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
	for _, f := range part.Files {
		to := w.path(part, f)
		before := t.counts()
		var err error
		if w.unpacks() {
			to = w.archiveFolder(part, f)
			err = w.unpack(ctx, part, f, t, c, log)
		} else if err = w.transfer(ctx, oneFile(f), to, t); err == nil {
			c.FilesWritten++
		}
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
		if w.unpacks() {
			continue
		}
		if first || len(part.Files) == 1 {
			c.Files = append(c.Files, to)
		}
		if err := log.copiedFile("FileWrite", f.Path, "copied to "+to); err != nil {
			return err
		}
	}
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
		out := state.Done[p.ID].Skipped
		err := w.eachPart(ctx, p, func(part files.Part) error {
			if len(out) > 0 {
				part.Files = slices.DeleteFunc(part.Files, func(f store.File) bool { return slices.Contains(out, f.Path) })
			}
			return files.Delete(ctx, w.from, part.Files)
		})
		if err != nil {
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
