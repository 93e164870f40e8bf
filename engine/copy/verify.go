package copy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"dmgateway/engine/batch"
	"dmgateway/engine/copy/files"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// stageVerifying is the stage in which the sink is read back.
const stageVerifying = "verifying"

// verified is what a run knows of the rows that it gave to the sink, and what reading them back said.
type verified struct {
	mu      sync.Mutex
	sum     checksum
	rows    int64
	files   []string         // that were written, all of them
	unknown int              // committed partitions without checksum
	refused map[checksum]int // rows that the sink did not take, by how often

	method      string // "", or methodChecksum once the content was compared
	reason      string // why nothing can be said
	differences []string
}

// Methods of verification, in results.
const (
	methodCount    = "rowCount"
	methodChecksum = "checksum"
)

func (v *verified) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sum, v.rows, v.files, v.unknown, v.refused = checksum{}, 0, nil, 0, map[checksum]int{}
	v.method, v.reason, v.differences = "", "", nil
}

// sum adds a committed partition to what the sink must hold.
func (r *run) sum(c PartitionCounts) {
	if !r.job.Verification.Checksum {
		return
	}
	v := &r.verified
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows += c.Rows
	v.files = append(v.files, c.Files...)
	if s, ok := parseChecksum(c.Checksum); ok {
		v.sum.add(s)
	} else {
		v.unknown++
	}
}

// keepRefused remembers what the sink did not take of a committed partition.
func (r *run) keepRefused(s *rowSum) {
	if s == nil || len(s.refused) == 0 {
		return
	}
	v := &r.verified
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, row := range s.refused {
		v.refused[row]++
	}
}

// verify reads the sink back and compares, where the job wants that.
func (r *run) verify(ctx context.Context, w work) error {
	rows, ok := w.(*rowWork)
	if !r.job.Verification.Checksum || !ok || rows.empty {
		return nil
	}
	v := &r.verified
	if v.unknown > 0 {
		v.reason = "an earlier attempt ended before it could write down the checksum of what it copied"
		return nil
	}
	if r.job.Verification.Open == nil && r.job.Verification.Files == nil {
		v.reason = "the sink cannot be read back"
		return nil
	}
	r.meter.enter(stageVerifying)
	var held rowSum
	var count int64
	err := r.retry.do(ctx, r.log, "verifying", func() error {
		held, count = *r.newSum(rows.schema), 0
		return rows.readBack(ctx, func(b *batch.Batch) error {
			held.add(b, nil)
			count += int64(b.Len())
			return nil
		})
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		v.reason = "the sink could not be read back: " + err.Error()
		return nil
	case count == v.rows && held.sum == v.sum:
		v.method = methodChecksum
		return nil
	case count > v.rows:
		v.reason = fmt.Sprintf("the sink holds %d rows beside the %d that were copied, so their content cannot be told apart", count-v.rows, v.rows)
		return nil
	case count < v.rows && r.job.Verification.Upsert:
		v.reason = fmt.Sprintf("of the %d rows that were copied, upsert made %d, because some have the same key", v.rows, count)
		return nil
	}
	v.method = methodChecksum
	if v.differences, err = rows.differences(ctx); err != nil {
		r.log.Warn("the differing rows could not be found", "error", err)
	}
	f := fault.New(Inconsistent, "the sink's content differs from what was copied: %d rows were copied, it holds %d", v.rows, count).
		At(r.job.Name).Try("Check what else writes to the sink, and its triggers and rules, and copy again.")
	if len(v.differences) > 0 {
		f.Message += "; the first: " + v.differences[0]
	}
	return f
}

// checkKeys refuses keys that are not columns of the sink.
func (w *rowWork) checkKeys() error {
	have := w.mapping.wanted()
	for _, k := range w.run.job.Verification.Keys {
		if have.Index(k) < 0 {
			names := make([]string, len(have))
			for i, f := range have {
				names[i] = f.Name
			}
			return fault.New(fault.NotFound, "no column %q is copied, by which rows are to be compared", k).At("verification.keys").
				Try("The columns are %s.", strings.Join(names, ", "))
		}
	}
	return nil
}

// readBack gives all rows of the sink, with the columns and types that were written.
func (w *rowWork) readBack(ctx context.Context, each func(*batch.Batch) error) (err error) {
	source, want, err := w.sinkAsSource(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	parts := []store.Partition{{ID: "all"}}
	if s, ok := source.(*files.Source); ok {
		if parts, err = w.writtenFiles(ctx, s); err != nil {
			return err
		}
		if len(parts) == 0 {
			return nil
		}
		schema, err := source.Schema(ctx)
		if err != nil {
			return err
		}
		if len(schema) != len(want) {
			return fault.New(Inconsistent, "the files have %d columns, %d were written", len(schema), len(want))
		}
		for i := range want { // a file without header has no names of ours
			want[i].Name = schema[i].Name
		}
	}
	m := sameColumns(want)
	for _, p := range parts {
		if err := eachRow(ctx, source, p, m, w.schema, w.limit(), false, each); err != nil {
			return err
		}
	}
	return nil
}

func (w *rowWork) sinkAsSource(ctx context.Context) (store.Source, batch.Schema, error) {
	v := w.run.job.Verification
	want := append(batch.Schema(nil), w.schema...)
	if v.Files == nil {
		s, err := v.Open(ctx, w.run.env)
		return s, want, err
	}
	fs, err := v.Files.Open(ctx, w.run.env)
	if err != nil {
		return nil, nil, err
	}
	return files.NewSource(fs, v.Files, files.Any), want, nil
}

// writtenFiles are the files of the run, as partitions of a source.
func (w *rowWork) writtenFiles(ctx context.Context, s *files.Source) ([]store.Partition, error) {
	fs, err := w.run.job.Verification.Files.Open(ctx, w.run.env)
	if err != nil {
		return nil, err
	}
	defer func() { _ = fs.Close() }()
	var parts []store.Partition
	for i, path := range w.run.verified.files {
		f, err := fs.Stat(ctx, path)
		if err != nil {
			return nil, err
		}
		parts = append(parts, files.Part{Files: []store.File{f}}.Partition(i))
	}
	return parts, s.Planned(parts)
}

// sameColumns maps each column to itself.
func sameColumns(s batch.Schema) *mapping {
	m := &mapping{sources: s}
	for i, f := range s {
		m.outs = append(m.outs, output{field: f, from: i})
	}
	return m
}

// eachRow reads one partition in the types of the sink. Rows that do not fit are left out where lenient is true.
func eachRow(ctx context.Context, s store.Source, p store.Partition, m *mapping, sink batch.Schema, limit int, lenient bool, each func(*batch.Batch) error) (err error) {
	r, err := s.Open(ctx, p, m.pushDown(sink))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	x, err := m.mapper(r.Schema(), sink)
	if err != nil {
		return err
	}
	in, out := <-newRing(r.Schema(), limit, 1), <-newRing(sink, limit, 1)
	var bad *fault.Error
	for {
		in.Reset()
		err := r.Next(ctx, in)
		if again := rowError(err); lenient && again != nil && !sameRow(bad, again) {
			bad = again
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b := in
		if x != nil {
			b = out
			b.Reset()
			x.skipping, x.rejects = lenient, x.rejects[:0]
			from := origin{}
			if t, ok := r.(tracer); ok {
				from.path, _ = t.Origin()
			}
			if err := x.apply(b, in, from); err != nil {
				return err
			}
			var rows []int
			for _, j := range once(x.rejects) {
				rows = append(rows, j.row)
			}
			b.Remove(rows)
		}
		if err := each(b); err != nil {
			return err
		}
	}
}
