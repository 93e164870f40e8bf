package sqlite

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

var _ store.Skipper = (*writer)(nil)

// WriteSome implements store.Skipper. Only the table itself knows which rows it refuses, so rows go into it one by one,
// in a transaction that is open from the first row to Commit. The file has one writer at a time: other partitions wait
// until this one has ended.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if w.c == nil {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.direct == nil {
		if err := w.beginDirect(ctx); err != nil {
			return explain(err, "begin to write", w.sink.target())
		}
	}
	release := w.c.watch(ctx)
	defer release()
	for row := range b.Len() {
		held, err := w.putDirect(ctx, b, row)
		if err == nil {
			if held {
				w.rows++
			}
			continue
		}
		e, refused := errors.AsType[*fault.Error](err)
		if !refused {
			s, ok := errors.AsType[*sqlError](err)
			if !ok || s.primary() != lib.SQLITE_CONSTRAINT && s.primary() != lib.SQLITE_MISMATCH {
				return explain(err, "write the rows", w.sink.target())
			}
			e = fault.As(explain(err, "write the row", w.sink.target()))
			e.Row = int64(row + 1)
			e.Column, e.Value = w.culprit(s.message, b, row)
		}
		reject(e)
	}
	w.bytes += b.Size()
	return nil
}

// putDirect writes a row and tells whether the table holds it: a trigger can drop it.
func (w *writer) putDirect(ctx context.Context, b *batch.Batch, row int) (held bool, err error) {
	if _, err := w.putInto(ctx, w.direct, b, row); err != nil {
		return false, err
	}
	if w.c.changes() > 0 {
		return true, nil
	}
	if !w.sink.options.Upsert {
		return false, nil
	}
	return w.holds(ctx, b, row)
}

// beginDirect waits for the file and prepares the statement.
func (w *writer) beginDirect(ctx context.Context) error {
	if err := lock(ctx, &w.sink.turn); err != nil {
		return err
	}
	w.insert.close()
	err := w.c.exec(ctx, "ROLLBACK") // of the staging, which is not used
	if err == nil {
		err = patiently(ctx, w.sink.options.BatchTimeout, func() error { return w.c.exec(ctx, "BEGIN IMMEDIATE") })
	}
	if err == nil {
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(w.sink.fields)), ", ")
		w.direct, _, err = w.c.prepare(w.sink.into("VALUES (" + marks + ")"))
	}
	if err != nil {
		w.direct = nil
		w.sink.turn.Unlock()
	}
	return err
}

// lock takes the mutex, or gives up when ctx ends.
func lock(ctx context.Context, mu *sync.Mutex) error {
	for !mu.TryLock() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// commitDirect marks the partition in the transaction that holds its rows.
func (w *writer) commitDirect(ctx context.Context) (store.Counts, error) {
	counts := store.Counts{Rows: w.rows, Bytes: w.bytes}
	w.closeDirect()
	err := w.free(ctx)
	if err == nil {
		err = w.Check(counts.Rows, w.sink.target())
	}
	if err == nil {
		err = w.c.mark(ctx, w.sink.env.RunID, w.partition, counts, time.Now().UTC())
	}
	if err == nil {
		err = patiently(ctx, w.sink.options.BatchTimeout, func() error { return w.c.exec(ctx, "COMMIT") })
	}
	if err != nil {
		_ = w.Abort()
		if errors.Is(err, errTaken) {
			return store.Counts{}, store.ErrAlreadyCommitted
		}
		return store.Counts{}, explain(err, "write the rows", w.sink.target())
	}
	return counts, w.Abort()
}

func (w *writer) closeDirect() {
	w.direct.close()
	if w.present != nil {
		w.present.close()
		w.present = nil
	}
}

// endDirect lets the next writer at the file; what is not committed goes with the connection.
func (w *writer) endDirect() {
	if w.direct == nil {
		return
	}
	w.closeDirect()
	_ = w.c.exec(context.Background(), "ROLLBACK") // nothing is open after COMMIT
	w.direct = nil
	w.sink.turn.Unlock()
}

// culprit finds the column that the library's message names, "UNIQUE constraint failed: t.id", and its value.
func (w *writer) culprit(message string, b *batch.Batch, row int) (column, value string) {
	_, names, _ := strings.Cut(message, "failed: ")
	_, name, _ := strings.Cut(names, ".")
	i := w.sink.fields.Index(name)
	if i < 0 || b.Cols[i].IsNull(row) {
		return "", ""
	}
	e := fault.New("", "").InRow(0, name, string(batch.AppendText(nil, &b.Cols[i], row)))
	return e.Column, e.Value
}
