package oracle

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// The server stops an array at its first bad row and keeps the rows before. A savepoint takes them back, and halves of
// the array find the row. The savepoint is set in PL/SQL, which every server takes as a part of the transaction.
const (
	savePoint  = "BEGIN SAVEPOINT DMGATEWAY_ROWS; END;"
	backToSave = "BEGIN ROLLBACK TO SAVEPOINT DMGATEWAY_ROWS; END;"
)

// WriteSome implements store.Skipper.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if err := w.begin(ctx, true); err != nil {
		return err
	}
	rows, err := w.take(b, reject)
	if err != nil {
		return err
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	written := 0
	for _, part := range w.parts(rows, b) {
		n, err := w.sendSome(ctx, part, reject)
		if err != nil {
			w.failure = err
			return err
		}
		written += n
	}
	w.add(b, written)
	return nil
}

// sendSome writes the rows except those that the server refuses, and tells how many it wrote.
func (w *writer) sendSome(ctx context.Context, rows []int, reject func(*fault.Error)) (int, error) {
	if err := w.c.run(ctx, savePoint); err != nil {
		return 0, w.refused(ctx, err, rows)
	}
	err := w.send(ctx, rows)
	if err == nil {
		return len(rows), nil
	}
	if ctx.Err() != nil || !rejectsRow(err) {
		return 0, w.refused(ctx, err, rows)
	}
	if back := w.c.run(ctx, backToSave); back != nil {
		return 0, w.refused(ctx, back, rows)
	}
	if len(rows) == 1 {
		reject(fault.As(w.refused(ctx, err, rows)))
		return 0, nil
	}
	first, err := w.sendSome(ctx, rows[:len(rows)/2], reject)
	if err != nil {
		return 0, err
	}
	second, err := w.sendSome(ctx, rows[len(rows)/2:], reject)
	return first + second, err
}
