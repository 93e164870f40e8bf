package mysql

import (
	"context"
	"errors"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// writer puts a partition into the table in one transaction.
type writer struct {
	sink      *sink
	c         *conn
	partition string

	loading bool   // a LOAD DATA runs
	number  byte   // of the next packet of its data
	buf     []byte // encoded rows
	inLoad  int64  // rows of the running LOAD DATA
	size    int64  // and their bytes

	rows    int64
	bytes   int64
	failure error
	closed  bool
}

var (
	_ store.Writer  = (*writer)(nil)
	_ store.Skipper = (*writer)(nil)
)

// writing makes the server refuse what it would otherwise change or count by itself, and tell of everything else.
const writing = `SET SESSION sql_mode='STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE', ` +
	`sql_notes=1, max_error_count=64, foreign_key_checks=1, unique_checks=1; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`

// begin starts the transaction.
func (w *writer) begin(ctx context.Context) error {
	text := writing
	if w.sink.options.Upsert {
		text += "; " + w.sink.stageDDL()
	}
	if _, err := w.c.exec(ctx, text+"; START TRANSACTION"); err != nil {
		return explain(ctx, err, "begin to write", w.sink.target())
	}
	return nil
}

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if err := w.usable(); err != nil || b.Len() == 0 {
		return err
	}
	limited, stop := w.limit(ctx)
	defer stop()
	var err error
	if w.c.loads {
		err = w.load(limited, b)
	} else {
		err = w.insert(limited, b)
	}
	return w.late(limited, err)
}

func (w *writer) usable() error {
	if w.failure == nil && w.closed {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	return w.failure
}

// limit adds writeBatchTimeout to ctx.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.sink.options.BatchTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, w.sink.options.BatchTimeout, errBatchTimeout)
}

var errBatchTimeout = errors.New("the server took longer than writeBatchTimeout")

// late tells an end by writeBatchTimeout from other ends.
func (w *writer) late(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errBatchTimeout) {
		w.failure = fault.New(fault.StoreFailed, "write the rows").At(w.sink.target()).Because(errBatchTimeout).AsTransient().
			Try("Look for what locks the table, or raise writeBatchTimeout.")
		return w.failure
	}
	return err
}

// fail notes that nothing more can be written in this transaction. before is how many rows of the running LOAD DATA came
// before the batch: the server counts from its beginning. The row is dropped where it belongs to an earlier batch; the
// message has the server's own count.
func (w *writer) fail(ctx context.Context, err error, before int64) error {
	err = explain(ctx, err, "write the rows", w.sink.target())
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Row > 0 {
		if e.Row -= before; e.Row < 1 {
			e.Row = 0
		}
	}
	w.failure = err
	return err
}

func (w *writer) refuse(e *fault.Error, row, column int, value string) error {
	return e.At(w.sink.target()).InRow(int64(row+1), w.sink.fields[column].Name, value)
}

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if err := w.usable(); err != nil {
		return store.Counts{}, err
	}
	limited, stop := w.limit(ctx)
	defer stop()
	counts, err := w.commit(limited)
	return counts, w.late(limited, err)
}

func (w *writer) commit(ctx context.Context) (store.Counts, error) {
	done := w.c.guard(ctx)
	err := w.endLoad(ctx)
	done()
	if err != nil {
		return store.Counts{}, w.fail(ctx, err, -w.rows) // counted from the partition's beginning
	}
	if w.sink.options.Upsert {
		if _, err := w.c.exec(ctx, w.sink.move()); err != nil {
			return store.Counts{}, w.fail(ctx, err, 0)
		}
	}
	counts := store.Counts{Rows: w.rows, Bytes: w.bytes}
	first, err := w.sink.mark(ctx, w.c, w.partition, counts)
	if err == nil && !first {
		err = store.ErrAlreadyCommitted
	}
	if err != nil {
		_ = w.Abort()
		return store.Counts{}, err
	}
	if _, err := w.c.exec(ctx, "COMMIT"); err != nil {
		return store.Counts{}, explain(ctx, err, "commit the rows", w.sink.target())
	}
	return counts, w.Abort()
}

// Abort implements store.Writer. The server rolls back when the connection ends; it is given the chance to have done so
// when Abort returns.
func (w *writer) Abort() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.sink.mu.Lock()
	delete(w.sink.open, w)
	w.sink.mu.Unlock()
	w.c.hangUp()
	return nil
}
