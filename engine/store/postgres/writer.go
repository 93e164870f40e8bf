package postgres

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// copyHeader begins binary COPY data: signature, flags, length of the header's extension. copyTrailer ends it.
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// writer puts a partition into the table in one transaction. Write encodes rows while the rows before are sent by a
// goroutine of its own, which ends with Commit or Abort.
type writer struct {
	store.Expectation
	sink      *sink
	c         *pgconn.PgConn
	partition string
	direct    bool               // what is written is COPY's own form of the table's columns, so no interim table is needed
	cancel    context.CancelFunc // stops what runs on the server

	full chan []byte   // encoded rows on their way to the server
	free chan []byte   // buffers that were sent
	done chan copyEnd  // the end of COPY, once
	quit chan struct{} // closed when there will be no more rows and no end of them

	rows    int64
	bytes   int64
	copied  bool // COPY has ended
	failure error
	some    *some // set once WriteSome was called
}

var _ store.Writer = (*writer)(nil)

// copyEnd is how a COPY ended: the rows that the server took, or why it failed.
type copyEnd struct {
	rows int64
	err  error
}

// begin starts the transaction and COPY.
func (w *writer) begin(ctx context.Context) error {
	text := "BEGIN ISOLATION LEVEL READ COMMITTED"
	if w.sink.staged && !w.direct {
		text += "; " + w.sink.stageDDL()
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	if err := run(ctx, w.c, text); err != nil {
		return explain(ctx, err, "begin to write", w.sink.target())
	}
	w.full, w.free, w.done, w.quit = make(chan []byte), make(chan []byte, 2), make(chan copyEnd, 1), make(chan struct{})
	w.free <- nil
	w.free <- nil
	source := &chunks{full: w.full, free: w.free, quit: w.quit, current: copyHeader}
	into := w.sink.into()
	if w.direct {
		into = w.sink.plainly()
	}
	statement := "COPY " + into + " FROM STDIN (FORMAT binary)"
	go func() {
		var end copyEnd
		defer func() { w.done <- end }()
		defer fault.Recover(&end.err)
		tag, err := w.c.CopyFrom(running, source, statement)
		end = copyEnd{tag.RowsAffected(), err}
	}()
	return nil
}

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if w.failure != nil || b.Len() == 0 {
		return w.failure
	}
	if w.copied {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	var buf []byte
	select {
	case buf = <-w.free:
	case end := <-w.done:
		return w.failed(ctx, end.err, b.Len())
	case <-ctx.Done():
		return w.late(ctx)
	}
	buf, err := w.encode(buf[:0], b)
	if err != nil {
		w.free <- buf
		return err
	}
	select {
	case w.full <- buf:
	case end := <-w.done:
		return w.failed(ctx, end.err, b.Len())
	case <-ctx.Done():
		return w.late(ctx)
	}
	w.rows += int64(b.Len())
	w.bytes += int64(len(buf))
	return nil
}

// limit adds writeBatchTimeout to ctx.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.sink.options.BatchTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, w.sink.options.BatchTimeout, errBatchTimeout)
}

var errBatchTimeout = errors.New("the server took longer than writeBatchTimeout")

func (w *writer) late(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errBatchTimeout) {
		return fault.New(fault.StoreFailed, "write the rows").At(w.sink.target()).Because(errBatchTimeout).AsTransient().
			Try("Look for what locks the table, or raise writeBatchTimeout.")
	}
	return ctx.Err()
}

// encode appends the batch's rows in the format of binary COPY.
func (w *writer) encode(buf []byte, b *batch.Batch) ([]byte, error) {
	for row := range b.Len() {
		var err error
		if buf, err = w.encodeRow(buf, b, row); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func (w *writer) encodeRow(buf []byte, b *batch.Batch, row int) ([]byte, error) {
	targets := w.sink.targets
	buf = append(buf, byte(len(targets)>>8), byte(len(targets)))
	for i := range targets {
		c := &b.Cols[i]
		if c.IsNull(row) {
			if !w.sink.fields[i].Nullable {
				return buf, w.refuse(sqlstore.NoNullIn(w.sink.fields[i].Name, w.sink.keys), row, i, "")
			}
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		var bad *fault.Error
		if buf, bad = targets[i].encode(buf, c, row); bad != nil {
			return buf, w.refuse(bad, row, i, string(batch.AppendText(nil, c, row)))
		}
	}
	return buf, nil
}

func (w *writer) refuse(e *fault.Error, row, column int, value string) error {
	return e.At(w.sink.target()).InRow(int64(row+1), w.sink.fields[column].Name, value)
}

// failed is called when COPY has ended with an error: nothing more can be written in this transaction. The server
// counts rows from the partition's beginning. While a batch is written the row is turned to one of the batch, or dropped
// where it belongs to an earlier one, which the server looked at late; the message has the server's own count.
func (w *writer) failed(ctx context.Context, err error, batchRows int) error {
	w.copied = true
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	err = explain(ctx, err, "write the rows", w.sink.target())
	if e, ok := errors.AsType[*fault.Error](err); ok && batchRows > 0 && e.Row > 0 {
		if e.Row -= w.rows; e.Row < 1 || e.Row > int64(batchRows) {
			e.Row = 0
		}
	}
	w.failure = err
	return err
}

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if w.failure != nil {
		return store.Counts{}, w.failure
	}
	if w.copied && w.some == nil || w.c == nil {
		return store.Counts{}, fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	rows, err := w.complete(ctx)
	if err != nil {
		return store.Counts{}, err
	}
	if err := w.Check(rows, w.sink.target()); err != nil {
		_ = w.Abort()
		return store.Counts{}, err
	}
	counts := store.Counts{Rows: rows, Bytes: w.bytes}
	first, err := w.sink.mark(ctx, w.c, w.partition, counts)
	if err == nil && !first {
		err = store.ErrAlreadyCommitted
	}
	if err != nil {
		_ = w.Abort()
		return store.Counts{}, err
	}
	if err := run(ctx, w.c, "COMMIT"); err != nil {
		return store.Counts{}, explain(ctx, err, "commit the rows", w.sink.target())
	}
	return counts, w.Abort()
}

// complete gives the server what is left and counts the rows that it has taken.
func (w *writer) complete(ctx context.Context) (rows int64, err error) {
	if w.some != nil {
		return w.rows, nil
	}
	if rows, err = w.endCopy(ctx); err != nil || !w.sink.staged || w.direct {
		return rows, err
	}
	if rows, err = w.moveOn(ctx, rows); err != nil {
		return 0, w.explainMove(ctx, err)
	}
	return rows, nil
}

// endCopy sends the end of the data and waits for the server to have taken all of it. rows is what the server counts:
// triggers can drop some.
func (w *writer) endCopy(ctx context.Context) (rows int64, err error) {
	select {
	case w.full <- copyTrailer:
		close(w.full)
	case end := <-w.done:
		return 0, w.failed(ctx, end.err, 0)
	case <-ctx.Done():
		return 0, w.late(ctx)
	}
	select {
	case end := <-w.done:
		if end.err != nil {
			return 0, w.failed(ctx, end.err, 0)
		}
		w.copied = true
		return end.rows, nil
	case <-ctx.Done():
		return 0, w.late(ctx)
	}
}

func (w *writer) explainMove(ctx context.Context, err error) error {
	out := explain(ctx, err, "write the rows", w.sink.target())
	if e, ok := errors.AsType[*fault.Error](out); ok && hasState(err, "42P10") {
		e.Code = fault.Conflict
		return e.Try("Upsert needs a primary key or unique index on exactly the columns of upsertSettings.keys.")
	}
	return out
}

// Abort implements store.Writer. The server rolls back when the connection ends.
func (w *writer) Abort() error {
	if w.c == nil {
		return nil
	}
	w.cancel()
	if !w.copied && w.full != nil {
		close(w.quit)
		<-w.done
	}
	w.sink.pool.give(w.c)
	w.c, w.copied = nil, true
	return nil
}

// chunks hands encoded rows to COPY.
type chunks struct {
	full    <-chan []byte
	free    chan<- []byte
	quit    <-chan struct{}
	current []byte
	whole   []byte // what current is the rest of
}

var errAborted = errors.New("the copy was aborted")

func (r *chunks) Read(p []byte) (int, error) {
	for len(r.current) == 0 {
		if r.whole != nil {
			select {
			case r.free <- r.whole:
			default: // copyHeader or copyTrailer, which are nobody's buffers
			}
			r.whole = nil
		}
		select {
		case next, ok := <-r.full:
			if !ok {
				return 0, io.EOF
			}
			r.current, r.whole = next, next
		case <-r.quit:
			return 0, errAborted
		}
	}
	n := copy(p, r.current)
	r.current = r.current[n:]
	return n, nil
}
