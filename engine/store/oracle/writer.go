package oracle

import (
	"context"
	"database/sql/driver"
	"errors"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// writer puts a partition into the table in one transaction.
type writer struct {
	sink      *sink
	c         *session
	tx        driver.Tx
	partition string
	text      string
	order     []int // for each placeholder, the column whose value goes there

	stage *stage // rows wait there for the commit; nil where they go into the table at once
	begun bool

	encode encoder
	values [][]any // of the batch, by column and row; behind those of the sink's columns the place of the row
	whole  []bool  // rows that hold a long large object
	short  *statement

	rows, bytes int64
	committed   bool
	failure     error
	empty       bool // an empty text was written, and said
}

var (
	_ store.Writer  = (*writer)(nil)
	_ store.Skipper = (*writer)(nil)
)

// newWriter makes the writer; c belongs to it.
func newWriter(k *sink, c *session, partition string) *writer {
	return &writer{sink: k, c: c, partition: partition, values: make([][]any, len(k.targets)+1)}
}

// begin makes what the rows go through and starts the transaction. An upsert that leaves bad rows out merges row by row,
// because only so it learns which are bad; any other goes through the stage, if the user may make one.
func (w *writer) begin(ctx context.Context, some bool) error {
	if w.begun || w.c == nil {
		return nil
	}
	k := w.sink
	w.text = k.insert()
	if k.options.Upsert {
		w.text, w.order = k.merge()
	} else {
		for i := range k.targets {
			w.order = append(w.order, i)
		}
	}
	if k.options.Upsert && !some {
		g := newStage(k)
		switch err := g.make(ctx, w.c); {
		case err == nil:
			w.stage, w.text, w.order = g, g.insert(), []int{len(k.targets)}
			for i := range k.targets {
				w.order = append(w.order, i)
			}
		case hasCode(err, 1031, 1536, 1950): // no right or no room to make a table: merge row by row
			k.say("the user may not create a temporary table, so rows are merged one by one")
		default:
			return explain(ctx, err, "create the interim table "+g.name, k.target())
		}
	}
	tx, err := w.c.c.Begin()
	if err != nil {
		return explain(ctx, err, "begin to write", k.target())
	}
	w.tx, w.begun = tx, true
	return nil
}

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if err := w.begin(ctx, false); err != nil {
		return err
	}
	rows, err := w.take(b, nil)
	if err != nil {
		return err
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	for _, part := range w.parts(rows, b) {
		if err := w.send(ctx, part); err != nil {
			part, err = w.locate(ctx, part, err)
			w.failure = w.refused(ctx, err, part)
			return w.failure
		}
	}
	w.add(b, len(rows))
	return nil
}

// locate finds the row that the server refuses, so that the error can name it: it sends halves of the rows again, each
// after all that the transaction did is undone. The partition has failed anyway. A row that is refused only because of
// earlier ones (a key that is there twice) may not be found; then rows and error are the whole's.
func (w *writer) locate(ctx context.Context, rows []int, err error) ([]int, error) {
	part, cause := rows, err
	for len(part) > 1 && rejectsRow(cause) {
		half := len(part) / 2
		found := false
		for _, list := range [][]int{part[:half], part[half:]} {
			if !w.again() {
				return rows, err
			}
			if e := w.send(ctx, list); e != nil {
				part, cause, found = list, e, true
				break
			}
		}
		if !found || ctx.Err() != nil {
			return rows, err
		}
	}
	return part, cause
}

// again undoes the transaction and begins another.
func (w *writer) again() bool {
	if w.c.bad || w.tx.Rollback() != nil {
		return false
	}
	tx, err := w.c.c.Begin()
	if err != nil {
		return false
	}
	w.tx = tx
	return true
}

func (w *writer) add(b *batch.Batch, rows int) {
	w.rows += int64(rows)
	w.bytes += b.Size()
	clearValues(w.values)
}

// clearValues lets go of the batch's buffers.
func clearValues(values [][]any) {
	for i := range values {
		clear(values[i])
	}
}

// take encodes the batch and gives the rows that can be sent. A row that the column cannot hold is the error, or goes to
// reject where there is one.
func (w *writer) take(b *batch.Batch, reject func(*fault.Error)) ([]int, error) {
	if w.failure != nil {
		return nil, w.failure
	}
	if w.c == nil {
		return nil, fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	n := b.Len()
	for i := range w.values {
		w.values[i] = grown(w.values[i], n)
	}
	if cap(w.whole) < n {
		w.whole = make([]bool, n)
	}
	w.whole = w.whole[:n]
	rows := make([]int, 0, n)
	for row := range n {
		err := w.takeRow(b, row)
		switch {
		case err == nil:
			rows = append(rows, row)
		case reject == nil:
			return nil, err
		default:
			reject(fault.As(err))
		}
	}
	return rows, nil
}

func grown(s []any, n int) []any {
	if cap(s) < n {
		return make([]any, n)
	}
	return s[:n]
}

func (w *writer) takeRow(b *batch.Batch, row int) error {
	targets := w.sink.targets
	w.whole[row] = false
	for i := range b.Cols {
		w.whole[row] = w.whole[row] || targets[i].large() && targets[i].long(&b.Cols[i], row)
	}
	for i := range b.Cols {
		c := &b.Cols[i]
		v, err := w.encode.value(&targets[i], c, row, w.whole[row])
		if err != nil {
			return w.misfit(err, c, i, row)
		}
		if !w.empty && c.Type.Storage() == batch.InData && !c.IsNull(row) && len(c.Bytes(row)) == 0 {
			w.sayEmpty(i)
		}
		w.values[i][row] = v
	}
	if w.sink.sliceID != nil {
		w.values[len(targets)-1][row] = w.sink.sliceID
	}
	w.values[len(targets)][row] = w.rows + int64(row)
	return nil
}

// sayEmpty warns once that an empty text becomes NULL.
func (w *writer) sayEmpty(column int) {
	w.empty = true
	w.sink.say("Oracle keeps empty texts and bytes as NULL", "column", w.sink.targets[column].name)
}

func (w *writer) misfit(err error, c *batch.Column, column, row int) error {
	value := ""
	if !c.IsNull(row) {
		value = string(batch.AppendText(nil, c, row))
	}
	out := *fault.As(err)
	return out.At(w.sink.target()).InRow(int64(row)+1, w.sink.targets[column].name, value)
}

// refused explains an error of the server; where the call was about one row it names it.
func (w *writer) refused(ctx context.Context, err error, rows []int) error {
	if errors.Is(context.Cause(ctx), errBatchTimeout) {
		return fault.New(fault.StoreFailed, "write the rows").At(w.sink.target()).Because(errBatchTimeout).AsTransient().
			Try("Look for what locks the table, or raise writeBatchTimeout.")
	}
	err = explain(ctx, err, "write the rows", w.sink.target())
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	e.Column = columnOf(err)
	if len(rows) == 1 {
		e.Row = int64(rows[0]) + 1
	}
	if w.sink.options.Upsert && hasCode(err, 1) { // another part inserted the key meanwhile; then it can be updated
		e.Transient = true
	}
	return e
}

var errBatchTimeout = errors.New("the server took longer than writeBatchTimeout")

// limit adds writeBatchTimeout to ctx.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.sink.options.BatchTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, w.sink.options.BatchTimeout, errBatchTimeout)
}

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if w.failure != nil {
		return store.Counts{}, w.failure
	}
	if w.c == nil {
		return store.Counts{}, fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	if err := w.begin(ctx, false); err != nil {
		return store.Counts{}, err
	}
	counts := store.Counts{Rows: w.rows, Bytes: w.bytes}
	if w.stage != nil && w.rows > 0 {
		if err := w.c.run(ctx, w.stage.move()); err != nil {
			w.failure = w.refused(ctx, err, nil)
			_ = w.Abort()
			return store.Counts{}, w.failure
		}
	}
	first, err := w.sink.mark(ctx, w.c, w.partition, counts)
	if err == nil && !first {
		err = store.ErrAlreadyCommitted
	}
	if err == nil {
		err = w.commit(ctx)
	}
	if err != nil {
		w.failure = err
		_ = w.Abort()
		return store.Counts{}, err
	}
	w.committed = true
	return counts, w.Abort()
}

func (w *writer) commit(ctx context.Context) error {
	return explain(ctx, w.c.commit(ctx, w.tx), "commit the rows", w.sink.target())
}

// Abort implements store.Writer. The server rolls back when the connection ends.
func (w *writer) Abort() error {
	if w.c == nil {
		return nil
	}
	if w.begun && !w.committed {
		w.rollBack()
	}
	w.c.hangUp()
	w.c, w.short = nil, nil
	return nil
}

// rollBack undoes what is not committed: the server commits when a session logs off in order.
func (w *writer) rollBack() {
	if w.c.bad {
		return
	}
	w.c.wire.limit(cancelPatience)
	if err := w.tx.Rollback(); err != nil {
		w.c.bad = true // the connection is cut, and the server rolls back
	}
}
