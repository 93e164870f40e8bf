package copy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/store"
)

// ring is how many batches go round on each side of the mapper: one that is filled, one that is worked on, one that
// waits between them. More would only use memory, and where other partitions keep the cores busy the one that waits does too.
const (
	ring       = 3
	narrowRing = 2
)

// origin says where the rows of a batch come from, for messages and for the column with the file's path.
type origin struct {
	path string // the file; "" where the source has none
	row  int64  // rows of the file, or of the partition, before the batch
}

// tracer is a reader of files: it knows which file the rows of the batch that Next has just filled came from.
type tracer interface {
	// Origin gives the file's path, and how many of its rows came before.
	Origin() (path string, row int64)
}

// parcel is a batch on its way.
type parcel struct {
	batch   *batch.Batch
	from    origin
	removed []int // rows that were taken out of it, by their place before, ascending
	size    int64
}

// pipeline copies one partition: reading, mapping and writing overlap, joined by channels that hold a few batches.
type pipeline struct {
	reader store.Reader
	mapper *mapper // nil where the sink takes what the reader gives
	writer *meteredWriter
	schema batch.Schema // what the sink takes
	limit  int          // rows of a batch
	crowd  bool         // more partitions than cores are copied at once
	skip   *skipper     // nil where the first row that does not fit ends the copy
	sum    *rowSum      // nil where nobody asks for it
	log    *slog.Logger
	flight flight
}

// run moves all rows and returns when every goroutine has ended.
func (p *pipeline) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	stage := func(f func() error) { g.Go(func() error { return guarded(p.log, f) }) }
	free, read := newRing(p.reader.Schema(), p.limit, p.ring()), make(chan parcel, ring)
	stage(func() error { return p.read(ctx, free, read) })
	if p.mapper == nil {
		stage(func() error { return p.write(ctx, read, free) })
		return g.Wait()
	}
	p.mapper.skipping = p.skip != nil
	freeToo, mapped := newRing(p.mapper.schema(), p.limit, p.ring()), make(chan parcel, ring)
	stage(func() error { return p.convert(ctx, read, free, freeToo, mapped) })
	stage(func() error { return p.write(ctx, mapped, freeToo) })
	return g.Wait()
}

func (p *pipeline) ring() int {
	if p.crowd {
		return narrowRing
	}
	return ring
}

// newRing makes n batches, with fewer rows where they have very many columns.
func newRing(s batch.Schema, limit, n int) chan *batch.Batch {
	limit = min(limit, max(minRows, wideBatch/8/max(1, len(s))))
	free := make(chan *batch.Batch, n)
	for range n {
		free <- batch.New(s, limit)
	}
	return free
}

const (
	wideBatch = 8 << 20 // bytes of numbers in a batch
	minRows   = 16
)

func (p *pipeline) read(ctx context.Context, free <-chan *batch.Batch, full chan<- parcel) error {
	defer close(full)
	src := bare(p.reader)
	r := rowReader{p: p}
	r.tracer, _ = src.(tracer)
	r.recorder, _ = src.(format.Recorder)
	for {
		b, err := take(ctx, free)
		if err != nil {
			return err
		}
		if err := p.flight.wait(ctx); err != nil {
			return err
		}
		b.Reset()
		from, err := r.next(ctx, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		x := parcel{batch: b, from: from, size: b.Size()}
		p.flight.add(x.size)
		if err := give(ctx, full, x); err != nil {
			return err
		}
	}
}

// rowReader knows where in the source the rows of each batch came from, and goes on behind rows that cannot be read.
type rowReader struct {
	p        *pipeline
	tracer   tracer          // nil where the source has no files
	recorder format.Recorder // nil where the source cannot show a row that it could not read
	path     string          // the file that is read
	given    int64           // rows given, for sources without files
	skipped  int64           // rows left out, of the file
}

// next fills b. A row that cannot be read is left out where the job allows that and the reader goes on behind it.
func (r *rowReader) next(ctx context.Context, b *batch.Batch) (origin, error) {
	var bad *fault.Error
	var fields []*string
	for {
		err := r.p.reader.Next(ctx, b)
		again := rowError(err)
		if bad != nil && (err == nil || errors.Is(err, io.EOF) || again != nil && !sameRow(bad, again)) {
			r.p.skipOne(&err, bad, fields)
			r.skipped++
		}
		if err == nil {
			from := r.origin()
			r.given += int64(b.Len())
			return from, nil
		}
		if again == nil || r.p.skip == nil || sameRow(bad, again) {
			return origin{}, err
		}
		r.origin()
		bad, fields = again, nil
		if r.recorder != nil {
			fields = cloneFields(r.recorder.Record())
		}
		b.Reset()
	}
}

// skipOne rejects a row that could not be read; what that says becomes the error.
func (p *pipeline) skipOne(err *error, bad *fault.Error, fields []*string) {
	p.writer.t.read(1, 0)
	if e := p.skip.reject(bad, fields); e != nil {
		*err = e
	}
}

// origin is where the rows of the batch begin that Next has just filled.
func (r *rowReader) origin() origin {
	if r.tracer == nil {
		return origin{row: r.given + r.skipped}
	}
	path, row := r.tracer.Origin()
	if path != r.path {
		r.path, r.skipped = path, 0
	}
	return origin{path: path, row: row + r.skipped}
}

func (p *pipeline) convert(ctx context.Context, in <-chan parcel, back chan<- *batch.Batch, free <-chan *batch.Batch, full chan<- parcel) error {
	defer close(full)
	for x := range in {
		b, err := take(ctx, free)
		if err != nil {
			return err
		}
		b.Reset()
		if err := p.mapper.apply(b, x.batch, x.from); err != nil {
			return locate(err, x.from, nil)
		}
		src := x.batch
		if x.removed, err = p.leaveOut(b, src, x.from); err != nil {
			return err
		}
		x.batch = b
		back <- p.spare(src, x.size, p.reader.Schema()) // never blocks: there is room for every batch of the ring
		if err := give(ctx, full, x); err != nil {
			return err
		}
	}
	return nil
}

// leaveOut takes the rows out of dst that the mapper could not make of those in src.
func (p *pipeline) leaveOut(dst, src *batch.Batch, from origin) (removed []int, err error) {
	m := p.mapper
	if len(m.rejects) == 0 {
		return nil, nil
	}
	for _, r := range once(m.rejects) {
		why := fault.As(locate(r.why, from, nil))
		if err := p.skip.reject(why, fieldsOf(len(src.Cols), m.origin(dst, src), r.row)); err != nil {
			return nil, err
		}
		removed = append(removed, r.row)
	}
	dst.Remove(removed)
	m.rejects = m.rejects[:0]
	return removed, nil
}

func (p *pipeline) write(ctx context.Context, in <-chan parcel, back chan<- *batch.Batch) error {
	for x := range in {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.store(ctx, &x); err != nil {
			return err
		}
		b := p.spare(x.batch, x.size, p.schema)
		x.batch = nil
		p.flight.add(-x.size)
		back <- b
	}
	return ctx.Err()
}

// store gives one batch to the sink.
func (p *pipeline) store(ctx context.Context, x *parcel) error {
	b := x.batch
	some, picky := p.writer.Writer.(store.Skipper)
	picky = picky && p.skip != nil
	if p.skip != nil && !picky {
		if err := p.withoutNulls(x); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if !picky {
		if err := p.writer.Write(ctx, b); err != nil {
			return locate(err, x.from, x.removed)
		}
		p.sum.add(b, nil)
		return nil
	}
	var refused []int
	var failed error
	err := p.writer.writeSome(ctx, some, b, func(why *fault.Error) {
		row := int(why.Row) - 1
		if row < 0 || row >= b.Len() {
			failed = errors.Join(failed, fault.New(fault.Internal, "the sink rejects row %d of %d", why.Row, b.Len()).Because(why))
			return
		}
		refused = append(refused, row)
		if failed == nil {
			failed = p.skip.reject(fault.As(locate(why, x.from, x.removed)), fieldsOf(len(b.Cols), column(b), row))
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return locate(err, x.from, x.removed)
	}
	p.sum.add(b, refused)
	return nil
}

// withoutNulls leaves out rows with a NULL in a column that takes none, for sinks that do not look themselves.
func (p *pipeline) withoutNulls(x *parcel) error {
	var bad []reject
	for i := range p.schema {
		c := &x.batch.Cols[i]
		if p.schema[i].Nullable || c.Nulls() == 0 {
			continue
		}
		for row := range c.Len() {
			if c.IsNull(row) {
				bad = append(bad, reject{row, noNull().InRow(int64(row+1), p.schema[i].Name, "")})
			}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	var rows []int
	for _, r := range once(bad) {
		if err := p.skip.reject(fault.As(locate(r.why, x.from, x.removed)), fieldsOf(len(x.batch.Cols), column(x.batch), r.row)); err != nil {
			return err
		}
		rows = append(rows, r.row)
	}
	p.sum.refuse(x.batch, rows)
	x.batch.Remove(rows)
	for i, r := range rows { // what is written from here on is counted without them
		rows[i] = int(original(int64(r), x.removed))
	}
	x.removed = append(x.removed, rows...)
	slices.Sort(x.removed)
	return nil
}

func noNull() *fault.Error {
	return fault.New(fault.Conversion, "the sink's column takes no NULL").Try("Correct the row, or let the column take NULL.")
}

// column gives a batch's columns.
func column(b *batch.Batch) func(i int) *batch.Column {
	return func(i int) *batch.Column { return &b.Cols[i] }
}

// spare gives a batch back to its ring; one that was very large is replaced, so that its memory goes.
func (p *pipeline) spare(b *batch.Batch, size int64, s batch.Schema) *batch.Batch {
	if size <= largeBatch {
		return b
	}
	return batch.New(s, b.Limit())
}

// flight is how many bytes are on their way between reader and writer. Usual batches together stay far below the limit;
// rows of many megabytes go one by one.
type flight struct {
	mu    sync.Mutex
	bytes int64
	freed chan struct{} // closed when bytes become less
}

const (
	largeBatch = 4 * batch.Bytes
	maxFlight  = 32 << 20
)

func (f *flight) add(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes += n
	if n < 0 && f.freed != nil {
		close(f.freed)
		f.freed = nil
	}
}

// wait lets the reader go on when there is not too much on its way. After a batch that was, its memory is collected before
// the next comes: the collector itself would wait until as much again is in use.
func (f *flight) wait(ctx context.Context) error {
	for waited := false; ; waited = true {
		f.mu.Lock()
		if f.bytes < maxFlight {
			f.mu.Unlock()
			if waited {
				debug.FreeOSMemory()
			}
			return nil
		}
		if f.freed == nil {
			f.freed = make(chan struct{})
		}
		freed := f.freed
		f.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func take[T any](ctx context.Context, from <-chan T) (T, error) {
	select {
	case v := <-from:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func give[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// locate turns the row in a batch, which is what mapper and sink know, into the row in its file or partition. removed
// are the rows that the batch had before.
func locate(err error, from origin, removed []int) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Row == 0 {
		return err
	}
	moved := *f
	moved.Row = original(f.Row-1, removed) + 1 + from.row
	if from.path != "" {
		moved.Target = from.path
	}
	return &moved
}
