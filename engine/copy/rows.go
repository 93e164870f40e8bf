package copy

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// rowWork copies rows: from a table or from files of a format, to either.
type rowWork struct {
	run    *run
	source store.Source
	sink   store.Sink

	mapping *mapping
	schema  batch.Schema // what the sink takes, from prepare on
	want    batch.Schema // what is asked of the source
	bulk    *bulk        // set where rows pass as bytes
	staging *staging     // set where rows go through files of another store
	advice  int          // how many parts the source finds worth it
	empty   bool         // there is nothing to copy, and so nothing to prepare
	over    bool         // everything is copied, and files of the source may be deleted already
}

var _ work = (*rowWork)(nil)

func newRowWork(r *run) *rowWork { return &rowWork{run: r} }

// planner is a side that has to know the plan that holds: the files' source, which takes its files from there, and the
// files' sink, which names its files after it.
type planner interface {
	Planned(partitions []store.Partition) error
}

// open connects both sides at once: signing in takes longer than copying a small table. Where both fail the source's
// error is told.
func (w *rowWork) open(ctx context.Context) (err error) {
	var sinkErr error
	var sinkSide sync.WaitGroup
	if w.sink == nil {
		sinkSide.Go(func() {
			sinkErr = guarded(w.run.log, func() (err error) {
				sink, err := openSink(ctx, w.run)
				if err == nil {
					w.sink = sink
				}
				return err
			})
		})
	}
	if w.source == nil {
		var source store.Source
		err = guarded(w.run.log, func() (err error) {
			source, err = openSource(ctx, w.run.job, w.run.env, grouping(w.run.job))
			return err
		})
		if err == nil {
			if s, ok := source.(*files.Source); ok {
				s.Keep(w.run.chunks())
			}
			w.source = source
			w.reportUnknown()
		}
	}
	sinkSide.Wait()
	if err != nil {
		return err
	}
	if sinkErr != nil {
		return sinkErr
	}
	if err := w.openStaging(ctx); err != nil {
		return err
	}
	return w.advise(ctx)
}

// reportUnknown makes a source of files tell the columns that it leaves out because it does not know them. Where the job
// maps columns, it has chosen them.
func (w *rowWork) reportUnknown() {
	if s, ok := w.source.(*files.Source); ok && len(w.run.job.Mapping) == 0 {
		s.Report(&w.run.unknown)
	}
}

// grouping is how files become partitions, for what the sink makes of a partition: a table does not care, a folder gets
// one file for each of them.
func grouping(job *activity.Job) files.Grouping {
	switch sink := job.Sink.Files; {
	case sink == nil:
		return files.Any
	case sink.Name != "" || sink.Behavior == activity.MergeFiles:
		return files.Together
	}
	return files.OneByOne
}

func openSource(ctx context.Context, job *activity.Job, env store.Env, g files.Grouping) (store.Source, error) {
	f := job.Source.Files
	if f == nil {
		return job.Source.Open(ctx, env)
	}
	fs, err := f.Open(ctx, env)
	if err != nil {
		return nil, err
	}
	return files.NewSource(fs, f, g), nil
}

func openSink(ctx context.Context, r *run) (store.Sink, error) {
	f := r.job.Sink.Files
	if f == nil {
		return r.job.Sink.Open(ctx, r.env)
	}
	fs, err := f.Open(ctx, r.env)
	if err != nil {
		return nil, err
	}
	return files.NewSink(fs, f, r.env.RunID, r.job.Source.Files), nil
}

// Memory that one pipeline needs at most: its batches, and what a columnar format gathers before it writes.
const (
	pipelineMemory = 10 << 20
	columnarMemory = 64 << 20
)

// degree is files in parallel, a relational source in parts where the job divides it or, into a table, where the source
// finds that worth it; into files only where its table is divided by the job or the person who runs it wants several
// files.
func (w *rowWork) degree() (usual, most int) {
	job, o := w.run.job, w.run.o
	sink := job.Sink.Files
	need := int64(pipelineMemory)
	if sink != nil && rowLimit(sink.FormatName) == batch.ColumnarRows || job.Source.Files != nil && rowLimit(job.Source.Files.FormatName) == batch.ColumnarRows {
		need = columnarMemory
	}
	most = int(max(1, min(maxParallel, o.Memory/need)))
	if sink != nil && grouping(job) == files.Together {
		return 1, 1
	}
	if job.Source.Files != nil {
		return 2 * cores(), most
	}
	if sink == nil || o.Parallel > 0 || w.divided() {
		return w.usual(), most
	}
	return 1, 1
}

// maxParallel is the most that Data Factory allows.
const maxParallel = 32

// planned tells both sides the plan and decides the columns.
func (w *rowWork) planned(ctx context.Context, p *Plan, complete bool) error {
	for _, side := range []any{w.source, w.sink} {
		if x, ok := side.(planner); ok {
			if err := x.Planned(p.Partitions); err != nil {
				return err
			}
		}
	}
	if err := w.incremental(ctx, p); err != nil {
		return err
	}
	if len(p.Partitions) == 0 {
		w.empty = true
		if p.Window != nil {
			w.run.warn("No row has a value in the watermark's column %q; nothing was copied.", p.Window.Column)
		} else {
			w.run.warn("No file was changed in the time that the source selects; nothing was copied.")
		}
		return nil
	}
	if f := w.run.job.Source.Files; f != nil && f.DeleteAfter && complete {
		w.over = true
		return nil
	}
	schema, err := w.source.Schema(ctx)
	if err != nil {
		return err
	}
	w.leftOut(p, schema)
	if w.mapping, err = compileMapping(w.run.job, schema); err != nil {
		return err
	}
	return w.checkKeys()
}

// prepare makes the sink ready and makes sure that every column can become what the sink takes, before a row is read.
func (w *rowWork) prepare(ctx context.Context, resuming bool) error {
	if w.empty || w.over {
		return nil
	}
	if w.staging != nil && !resuming { // files of another plan, which is lost
		if err := w.staging.clear(ctx); err != nil {
			return err
		}
	}
	if x, ok := w.sink.(store.Inspector); ok && !resuming {
		// Before the pre-copy script: it may delete what could not be replaced then.
		schema, err := x.Inspect(ctx, w.mapping.wanted())
		if err != nil {
			return err
		}
		if _, err := w.mapping.mapper(w.mapping.sources, schema); err != nil {
			return err
		}
	}
	schema, err := w.sink.Prepare(ctx, w.mapping.wanted(), resuming)
	if err != nil {
		return err
	}
	if len(schema) != len(w.mapping.outs) {
		return fault.New(fault.Internal, "the sink takes %d columns of %d", len(schema), len(w.mapping.outs))
	}
	w.schema, w.want = schema, w.mapping.pushDown(schema)
	for _, what := range w.mapping.silent(schema) {
		w.run.warn("%s", what)
	}
	if _, err = w.mapping.mapper(w.mapping.sources, schema); err != nil {
		return err
	}
	w.choose()
	return nil
}

// choose decides the way of the rows.
func (w *rowWork) choose() {
	b, ok := w.passes()
	if w.bulk = nil; ok {
		w.bulk, w.run.plan.FastPath = &b, fastBulk
	}
}

func (w *rowWork) committed(ctx context.Context) (map[string]store.Counts, error) {
	if r, ok := w.sink.(store.Resumer); ok {
		return r.Committed(ctx)
	}
	return nil, nil
}

// copy reads, maps and writes one partition and commits it.
func (w *rowWork) copy(ctx context.Context, p store.Partition, t *tally) (_ PartitionCounts, err error) {
	if w.bulk != nil {
		return w.pass(ctx, p, t)
	}
	if w.staging != nil {
		return w.copyStaged(ctx, p, t)
	}
	reader, err := w.source.Open(ctx, p, w.want)
	if err != nil {
		return PartitionCounts{}, err
	}
	defer func() { err = closing(err, reader.Close) }()
	m, err := w.mapping.mapper(reader.Schema(), w.schema)
	if err != nil {
		return PartitionCounts{}, err
	}
	writer, err := w.sink.Open(ctx, p)
	if err != nil {
		return PartitionCounts{}, err
	}
	defer func() {
		// After a commit this does nothing; after a failure the rows have to go, whatever else is wrong.
		if aerr := writer.Abort(); aerr != nil {
			w.run.log.Warn("giving up a partition failed", "partition", p.ID, "error", aerr)
		}
	}()
	metered := &meteredWriter{Writer: writer, t: t}
	pipe := &pipeline{
		reader: newMeteredReader(reader, t), mapper: m, writer: metered, log: w.run.log, limit: w.limit(),
		crowd: w.crowd(), schema: w.schema, skip: w.run.skipping(ctx, p, t), sum: w.run.newSum(w.schema),
	}
	defer pipe.skip.end()
	if err := pipe.run(ctx); err != nil {
		return PartitionCounts{}, err
	}
	if err := pipe.skip.enough(ctx); err != nil {
		return PartitionCounts{}, err
	}
	c, err := w.commit(ctx, p, metered, t)
	if err == nil {
		c.Checksum = pipe.sum.text()
		w.run.sum(c)
		w.run.keepReasons(pipe.skip)
		w.run.keepRefused(pipe.sum)
	}
	return c, err
}

// limit is how many rows a batch has. Where more partitions than cores are copied at once, smaller ones keep the memory of all
// of them what it is for fewer.
func (w *rowWork) limit() int {
	if f := w.run.job.Sink.Files; f != nil && rowLimit(f.FormatName) != batch.Rows {
		return rowLimit(f.FormatName)
	}
	if w.crowd() {
		return batch.Rows / 2
	}
	return batch.Rows
}

// crowd reports whether more partitions than cores are copied at once.
func (w *rowWork) crowd() bool { return w.run.parallel > cores() }

// closing closes after an error, or makes the close's error the error.
func closing(err error, closer func() error) error {
	if cerr := closer(); cerr != nil && err == nil {
		return fmt.Errorf("close the source: %w", cerr)
	}
	return err
}

// committer is the end of a writer, of rows or of bytes.
type committer interface {
	Commit(ctx context.Context) (store.Counts, error)
}

// commit commits the partition and compares what the sink says with what was read.
func (w *rowWork) commit(ctx context.Context, p store.Partition, writer committer, t *tally) (PartitionCounts, error) {
	c := t.counts()
	c.FilesRead = files.Count(p)
	counts, err := writer.Commit(ctx)
	if errors.Is(err, store.ErrAlreadyCommitted) {
		return c, nil
	}
	if err != nil {
		return PartitionCounts{}, err
	}
	if counts.Rows != c.RowsRead-c.RowsSkipped {
		return PartitionCounts{}, fault.New(Inconsistent, "%d rows were read and %d skipped, but the sink holds %d", c.RowsRead, c.RowsSkipped, counts.Rows).
			At("partition " + p.ID).Try("Check triggers and rules of the sink that drop or add rows.")
	}
	if counts.Bytes == 0 {
		counts.Bytes = c.Bytes
	}
	c.Counts = counts
	return c, nil
}

// finish ends the run at the sink, and then deletes the files that the job wants deleted.
func (w *rowWork) finish(ctx context.Context) error {
	if w.empty {
		return nil
	}
	if err := w.sink.Finish(ctx); err != nil {
		return err
	}
	if w.staging != nil {
		if err := w.staging.clear(ctx); err != nil {
			return err
		}
	}
	if s, ok := w.source.(*files.Source); ok {
		return s.DeleteCopied(ctx)
	}
	return nil
}

func (w *rowWork) close() error {
	var errs []error
	if w.sink != nil {
		errs = append(errs, w.sink.Close())
	}
	if w.source != nil {
		errs = append(errs, w.source.Close())
	}
	return errors.Join(errs...)
}
