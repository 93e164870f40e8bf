package copy

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync/atomic"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/copy/staged"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// staging is a run's folder in the store that its rows go through: one file for each partition, which appears when it is
// complete and goes when the partition is committed in the sink.
type staging struct {
	files    store.Files
	folder   string
	compress bool

	filling, emptying atomic.Int64 // nanoseconds of both halves, over all partitions
	bytes             atomic.Int64 // that were written into it
}

// openStaging connects to the staging store, where the job has one.
func (w *rowWork) openStaging(ctx context.Context) error {
	o := w.run.job.Staging
	if w.staging = w.run.staging; o == nil || w.staging != nil {
		return nil
	}
	f, err := o.Open(ctx, w.run.env)
	if err != nil {
		return err
	}
	w.staging = &staging{files: f, folder: path.Join(o.Folder, fileName(w.run.env.RunID)), compress: o.Compress}
	w.run.staging = w.staging
	return nil
}

func (s *staging) path(p store.Partition) string { return s.folder + "/" + p.ID + staged.Extension }

// copyStaged copies one partition by way of a file. A file that is there was completed by an earlier try or attempt: its
// rows are not read from the source again.
func (w *rowWork) copyStaged(ctx context.Context, p store.Partition, t *tally) (PartitionCounts, error) {
	s := w.staging
	f, err := s.files.Stat(ctx, s.path(p))
	there := err == nil
	if errors.Is(err, fs.ErrNotExist) {
		start := time.Now()
		if err = w.fillStage(ctx, p, t); err == nil {
			f, err = s.files.Stat(ctx, s.path(p))
		}
		s.filling.Add(int64(time.Since(start)))
	}
	if err != nil {
		return PartitionCounts{}, err
	}
	start := time.Now()
	c, err := w.drainStage(ctx, p, f, there, t)
	s.emptying.Add(int64(time.Since(start)))
	if err != nil {
		return PartitionCounts{}, err
	}
	if err := s.files.Remove(ctx, f.Path); err != nil {
		w.run.log.Warn("removing a staged file failed; it is tried again at the end", "file", f.Path, "error", err)
	}
	return c, nil
}

// fillStage reads and maps a partition into its file.
func (w *rowWork) fillStage(ctx context.Context, p store.Partition, t *tally) (err error) {
	reader, err := w.source.Open(ctx, p, w.want)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reader.Close) }()
	m, err := w.mapping.mapper(reader.Schema(), w.schema)
	if err != nil {
		return err
	}
	to, err := w.staging.files.Create(ctx, w.staging.path(p), store.CreateOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = to.Abort() }() // no effect after Commit
	x := &stageWriter{}
	if x.Writer, err = staged.NewWriter(stageFile{to, w.staging}, w.schema, w.staging.compress); err != nil {
		return err
	}
	pipe := &pipeline{
		reader: newMeteredReader(reader, t), mapper: m, writer: &meteredWriter{Writer: x, t: newTally(ctx, &meter{}, p.ID)},
		log: w.run.log, limit: w.limit(), schema: w.schema,
	}
	if err := pipe.run(ctx); err != nil {
		return err
	}
	c := t.counts()
	if x.Rows() != c.RowsRead {
		return fault.New(Inconsistent, "%d rows were read, but %d staged", c.RowsRead, x.Rows()).At("partition " + p.ID)
	}
	if err := x.End(staged.End{Rows: c.RowsRead, BytesRead: c.BytesRead}); err != nil {
		return err
	}
	return to.Commit(ctx)
}

// stageWriter is a staged file as the sink of a pipeline.
type stageWriter struct{ *staged.Writer }

// Write implements store.Writer.
func (w *stageWriter) Write(_ context.Context, b *batch.Batch) error { return w.Writer.Write(b) }

// Commit and Abort implement store.Writer; the file itself is committed by fillStage.
func (w *stageWriter) Commit(context.Context) (store.Counts, error) { return store.Counts{}, nil }
func (w *stageWriter) Abort() error                                 { return nil }

// stageFile is where the bytes go.
type stageFile struct {
	to      store.FileWriter
	staging *staging
}

// Write implements io.Writer.
func (f stageFile) Write(p []byte) (int, error) {
	f.staging.bytes.Add(int64(len(p)))
	return f.to.Write(p)
}

// drainStage writes a staged file's rows into the sink and commits the partition. earlier is true for a file that was
// there already: what was read for it is counted now.
func (w *rowWork) drainStage(ctx context.Context, p store.Partition, f store.File, earlier bool, t *tally) (PartitionCounts, error) {
	in, err := w.staging.files.Open(ctx, f, 0, -1)
	if err != nil {
		return PartitionCounts{}, err
	}
	reader, err := staged.NewReader(in)
	if err != nil {
		return PartitionCounts{}, inStage(err, f.Path)
	}
	defer func() { _ = reader.Close() }() // all of it was read and checked, or there is another error
	if !sameTypes(reader.Schema(), w.schema) {
		return PartitionCounts{}, fault.New(fault.Conflict, "the sink's columns have changed since the rows were staged").At(f.Path).
			Try("Remove the file, or start a new run.")
	}
	writer, err := w.sink.Open(ctx, p)
	if err != nil {
		return PartitionCounts{}, err
	}
	defer func() {
		if aerr := writer.Abort(); aerr != nil {
			w.run.log.Warn("giving up a partition failed", "partition", p.ID, "error", aerr)
		}
	}()
	metered := &meteredWriter{Writer: writer, t: t}
	pipe := &pipeline{reader: reader, writer: metered, log: w.run.log, limit: w.limit(), schema: w.schema, sum: w.run.newSum(w.schema)}
	if err := pipe.run(ctx); err != nil {
		return PartitionCounts{}, inStage(err, f.Path)
	}
	if earlier {
		t.read(reader.End().Rows, reader.End().BytesRead)
	}
	c, err := w.commit(ctx, p, metered, t)
	if err == nil {
		c.Checksum = pipe.sum.text()
		w.run.sum(c)
	}
	return c, err
}

// sameTypes reports whether the staged columns are what the sink takes.
func sameTypes(a, b batch.Schema) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Type != b[i].Type {
			return false
		}
	}
	return true
}

// inStage names the file in an error about its content.
func inStage(err error, path string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Target != "" {
		return err
	}
	with := *f
	with.Target = path
	return &with
}

// clear removes what is left of the run's files.
func (s *staging) clear(ctx context.Context) error {
	var left []string
	err := s.files.List(ctx, s.folder, true, func(f store.File) error {
		left = append(left, f.Path)
		return nil
	})
	for _, path := range left {
		err = errors.Join(err, s.files.Remove(ctx, path))
	}
	return err
}

// stagingPatience is how long removing staged files may take when a run has failed.
const stagingPatience = 30 * time.Second

// endStaging closes the staging store. A run that failed and cannot be tried again, because nothing keeps its checkpoints,
// takes its files with it; those of another one are there for the next attempt.
func (r *run) endStaging(failed bool) {
	s := r.staging
	if s == nil {
		return
	}
	if _, forgotten := r.checkpoints.(*localCheckpoints); failed && forgotten {
		ctx, stop := context.WithTimeout(context.Background(), stagingPatience)
		defer stop()
		if err := s.clear(ctx); err != nil {
			r.warn("Staged files could not be removed from %q: %v", s.folder, err)
		}
	}
	if err := s.files.Close(); err != nil {
		r.log.Warn("closing the staging store failed", "error", err)
	}
}

// stages are the execution details of a staged copy: into the staging store, and out of it.
func (r *run) stages(whole report.ExecutionDetail, s *staging) []report.ExecutionDetail {
	side := float64(max(1, r.parallel))
	half := func(d report.ExecutionDetail, nanoseconds int64) report.ExecutionDetail {
		d.Duration = time.Duration(nanoseconds).Seconds() / side
		d.Profile = map[string]any{"transfer": map[string]any{"status": transferStatus(d.Status), "duration": d.Duration}}
		d.DetailedDurations = map[string]float64{"transferDuration": d.Duration}
		return d
	}
	in, out := whole, whole
	in.Sink.Type, out.Source.Type = r.job.Staging.Type, r.job.Staging.Type
	in, out = half(in, s.filling.Load()), half(out, s.emptying.Load())
	in.Profile["stagedBytes"] = s.bytes.Load()
	return []report.ExecutionDetail{in, out}
}
