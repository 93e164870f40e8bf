package copy

import (
	"context"
	"errors"
	"io"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// fastBulk names the way of rows that pass as the bytes of a bulk language, see store.BulkSource.
const fastBulk = "bulk"

// bulk are both sides where rows can pass between them without being decoded.
type bulk struct {
	source store.BulkSource
	sink   store.BulkSink
	want   batch.Schema
}

// passes finds out, once the sink is prepared, whether the rows can pass as they are: both sides speak one language, the
// columns are only chosen and put in order, and nobody has to look into the rows.
func (w *rowWork) passes() (b bulk, ok bool) {
	job := w.run.job
	b.source, ok = w.source.(store.BulkSource)
	if !ok || job.Skip != nil || job.Verification.Checksum || w.run.o.plain || job.Staging != nil {
		return b, false
	}
	if b.sink, ok = w.sink.(store.BulkSink); !ok {
		return b, false
	}
	for _, o := range w.mapping.outs {
		if o.from < 0 {
			return b, false
		}
		f := w.mapping.sources[o.from]
		if o.field.Type != f.Type {
			return b, false
		}
		b.want = append(b.want, f)
	}
	layout, ok := b.source.BulkLayout(b.want)
	return b, ok && b.sink.TakesBulk(layout)
}

// pass copies one partition as bytes and commits it.
func (w *rowWork) pass(ctx context.Context, p store.Partition, t *tally) (_ PartitionCounts, err error) {
	reader, err := w.bulk.source.OpenBulk(ctx, p, w.bulk.want)
	if err != nil {
		return PartitionCounts{}, err
	}
	defer func() { err = closing(err, reader.Close) }()
	writer, err := w.bulk.sink.OpenBulk(ctx, p)
	if err != nil {
		return PartitionCounts{}, err
	}
	defer func() {
		if aerr := writer.Abort(); aerr != nil {
			w.run.log.Warn("giving up a partition failed", "partition", p.ID, "error", aerr)
		}
	}()
	if err := stream(ctx, reader, writer, t); err != nil {
		return PartitionCounts{}, err
	}
	expect(writer, t)
	return w.commit(ctx, p, writer, t)
}

// stream moves all bytes. The sides overlap by their own buffers.
func stream(ctx context.Context, reader store.BulkReader, writer store.BulkWriter, t *tally) error {
	var rows, written int64
	for {
		start := time.Now()
		piece, err := reader.Next(ctx)
		t.meter.readBusy.Add(int64(time.Since(start)))
		now := reader.Rows()
		t.read(now-rows, int64(len(piece)))
		rows = now
		if errors.Is(err, io.EOF) {
			t.wrote(rows-written, 0)
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		start = time.Now()
		err = writer.Write(ctx, piece)
		t.meter.writeBusy.Add(int64(time.Since(start)))
		if err != nil {
			return err
		}
		t.wrote(rows-written, int64(len(piece)))
		written = rows
	}
}
