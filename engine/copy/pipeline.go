package copy

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// ring is how many batches go round on each side of the mapper: one that is filled, one that is worked on, one that
// waits between them. More would only use memory.
const ring = 3

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
	batch *batch.Batch
	from  origin
}

// pipeline copies one partition: reading, mapping and writing overlap, joined by channels that hold a few batches.
type pipeline struct {
	reader store.Reader
	mapper *mapper // nil where the sink takes what the reader gives
	writer store.Writer
	limit  int // rows of a batch
	log    *slog.Logger
}

// run moves all rows and returns when every goroutine has ended.
func (p *pipeline) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	stage := func(f func() error) { g.Go(func() error { return guarded(p.log, f) }) }
	free, read := newRing(p.reader.Schema(), p.limit), make(chan parcel, ring)
	stage(func() error { return p.read(ctx, free, read) })
	if p.mapper == nil {
		stage(func() error { return p.write(ctx, read, free) })
		return g.Wait()
	}
	freeToo, mapped := newRing(p.mapper.schema(), p.limit), make(chan parcel, ring)
	stage(func() error { return p.convert(ctx, read, free, freeToo, mapped) })
	stage(func() error { return p.write(ctx, mapped, freeToo) })
	return g.Wait()
}

func newRing(s batch.Schema, limit int) chan *batch.Batch {
	free := make(chan *batch.Batch, ring)
	for range ring {
		free <- batch.New(s, limit)
	}
	return free
}

func (p *pipeline) read(ctx context.Context, free <-chan *batch.Batch, full chan<- parcel) error {
	defer close(full)
	var rows int64
	for {
		b, err := take(ctx, free)
		if err != nil {
			return err
		}
		b.Reset()
		if err := p.reader.Next(ctx, b); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		from := origin{row: rows}
		if t, ok := p.reader.(tracer); ok {
			from.path, from.row = t.Origin()
		}
		rows += int64(b.Len())
		if err := give(ctx, full, parcel{b, from}); err != nil {
			return err
		}
	}
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
			return locate(err, x.from)
		}
		back <- x.batch // never blocks: there is room for every batch of the ring
		if err := give(ctx, full, parcel{b, x.from}); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) write(ctx context.Context, in <-chan parcel, back chan<- *batch.Batch) error {
	for x := range in {
		if err := ctx.Err(); err != nil {
			return err
		}
		if x.batch.Len() > 0 {
			if err := p.writer.Write(ctx, x.batch); err != nil {
				return locate(err, x.from)
			}
		}
		back <- x.batch
	}
	return ctx.Err()
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

// locate turns the row in a batch, which is what mapper and sink know, into the row in its file or partition.
func locate(err error, from origin) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Row == 0 {
		return err
	}
	moved := *f
	moved.Row += from.row
	if from.path != "" {
		moved.Target = from.path
	}
	return &moved
}
