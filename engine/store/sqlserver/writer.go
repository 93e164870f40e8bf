package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// writer puts a partition into the table in one transaction.
//
// Rows go by bulk copy into the table itself, or into an interim table and from there into the table where the server
// is to decide about rows (upsert, skipping) or to make values of text. An error of a bulk copy leaves the connection and
// the transaction in a state that nobody knows, so it ends the partition; in an interim table, whose columns take what was
// checked here before, no row can cause one.
type writer struct {
	sink      *sink
	c         *conn
	partition string
	running   context.Context // of the transaction and its bulk copies; it ends with Abort
	cancel    context.CancelFunc

	tx      driver.Tx
	stage   string // quoted name of the interim table, "" = none
	dropped bool   // it is outside of tempdb and has to be removed
	bulk    *mssql.Bulk
	call    *procedureCall
	pending int   // rows in the bulk copy or call that is open
	places  []int // of them in the batch that WriteSome writes, from 1
	values  []any
	arena   arena
	skips   bool // by WriteSome

	rows    int64
	start   int64 // bytes on the wire before the first row
	failure error
	ended   bool
}

var (
	_ store.Writer  = (*writer)(nil)
	_ store.Skipper = (*writer)(nil)
)

// begin makes the interim table, where one is needed from the start, and begins the transaction.
func (w *writer) begin(ctx context.Context) error {
	stop := w.guard(ctx)
	defer stop()
	k := w.sink
	w.values = make([]any, len(k.columns), len(k.columns)+1)
	if k.rows != nil {
		w.call = newProcedureCall(w)
	}
	if k.staged {
		if err := w.makeStage(ctx); err != nil {
			return err
		}
	}
	tx, err := w.c.c.BeginTx(w.running, driver.TxOptions{})
	if err != nil {
		return explain(ctx, err, "begin to write", k.target())
	}
	w.tx, w.start = tx, w.c.wire.written.Load()
	return nil
}

// guard cuts the connection when ctx ends: what the driver sends does not look at a context.
func (w *writer) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, w.c.kill)
}

// limit adds writeBatchTimeout to ctx.
func (w *writer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, w.sink.options.batchTimeout, errBatchTimeout)
}

// abortPatience is how long Abort waits for the server to roll back before it cuts the connection, which does the same.
const abortPatience = 10 * time.Second

var errBatchTimeout = errors.New("the server took longer than writeBatchTimeout")

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error { return w.write(ctx, b, nil) }

// WriteSome implements store.Skipper.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	return w.write(ctx, b, reject)
}

// write is Write where reject is nil, else WriteSome. After an error the partition can only be aborted.
func (w *writer) write(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if w.failure != nil || b.Len() == 0 {
		return w.failure
	}
	if w.ended {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	stop := w.guard(limited)
	defer stop()
	if err := w.put(limited, b, reject); err != nil {
		w.failure = w.finalError(ctx, limited, err)
	}
	return w.failure
}

// finalError says why a write ended: the caller's context, the time limit, or the server.
func (w *writer) finalError(ctx, limited context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fault.New(fault.StoreFailed, "write the rows").At(w.sink.target()).Because(errBatchTimeout).AsTransient().
			Try("Look for what locks the table, or raise writeBatchTimeout.")
	}
	return explain(ctx, err, "write the rows", w.sink.target())
}

func (w *writer) put(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if reject != nil && !w.skips {
		if err := w.beginSkipping(ctx); err != nil {
			return err
		}
	}
	for row := range b.Len() {
		if e := w.encode(b, row, reject != nil); e != nil {
			if reject == nil {
				return e
			}
			reject(e)
			continue
		}
		if err := w.add(); err != nil {
			return err
		}
		if reject != nil {
			w.places = append(w.places, row+1)
		}
		if w.pending >= w.sink.options.batchSize {
			if err := w.flush(ctx, reject); err != nil {
				return err
			}
		}
	}
	if reject == nil {
		return nil
	}
	return w.flush(ctx, reject)
}

// beginSkipping turns to an interim table for a writer that would do without: the first batch of rows tells.
func (w *writer) beginSkipping(ctx context.Context) error {
	w.skips = true
	if w.stage != "" || w.call != nil {
		return nil
	}
	// Where DDL is not allowed in a transaction it has to come before; nothing is written yet.
	if err := w.tx.Rollback(); err != nil {
		return err
	}
	if err := w.makeStage(ctx); err != nil {
		return err
	}
	tx, err := w.c.c.BeginTx(w.running, driver.TxOptions{})
	w.tx = tx
	return err
}

// encode puts a row's values into w.values. They are valid until the next row.
func (w *writer) encode(b *batch.Batch, row int, careful bool) *fault.Error {
	k := w.sink
	w.arena.reset()
	for i := range k.given() {
		c := &b.Cols[i]
		if c.IsNull(row) {
			if !k.fields[i].Nullable {
				e := sqlstore.NoNull()
				if k.isUpsertKey(i) {
					e = sqlstore.NullKey()
				}
				return w.refuse(e, row, i, "")
			}
			w.values[i] = nil
			continue
		}
		v, bad := k.targets[i].encode(&w.arena, c, row)
		if bad == nil && careful && k.columns[i].typ == "xml" {
			bad = checkXML(c.Bytes(row))
		}
		if bad != nil {
			return w.refuse(bad, row, i, string(batch.AppendText(nil, c, row)))
		}
		if w.call != nil {
			v = w.call.value(i, c, row, v)
		}
		w.values[i] = v
	}
	if k.sliceID != nil {
		w.values[len(k.columns)-1] = k.sliceID
	}
	return nil
}

func (w *writer) refuse(e *fault.Error, row, column int, value string) *fault.Error {
	return e.At(w.sink.target()).InRow(int64(row+1), w.sink.fields[column].Name, value)
}

// add sends the row in w.values on its way.
func (w *writer) add() error {
	if w.call != nil {
		w.call.add(w.values)
		w.pending++
		return nil
	}
	if w.bulk == nil {
		w.open()
	}
	values := w.values
	if w.stage != "" {
		values = append(values, int64(w.pending))
	}
	if err := w.bulk.AddRow(values); err != nil {
		return err
	}
	w.pending++
	return nil
}

// open starts a bulk copy; the driver sends nothing before the first row.
func (w *writer) open() {
	k := w.sink
	table, names := quoted(k.table), make([]string, len(k.columns), len(k.columns)+1)
	for i, c := range k.columns {
		names[i] = c.name
	}
	if w.stage != "" {
		table = w.stage
		for i := range names {
			names[i] = stageColumn(i)
		}
		names = append(names, stageRow)
	}
	w.bulk = w.c.c.CreateBulkContext(w.running, table, names)
	w.bulk.Options.KeepNulls = true
	if w.stage == "" {
		w.bulk.Options.CheckConstraints = !k.synapse
		w.bulk.Options.Tablock = k.options.tableLock
	}
}

// flush ends the bulk copy or call, and moves interim rows into the table.
func (w *writer) flush(ctx context.Context, reject func(*fault.Error)) error {
	n := w.pending
	if n == 0 {
		return nil
	}
	places := w.places
	w.pending, w.places = 0, w.places[:0]
	if w.call != nil {
		if err := w.call.run(ctx); err != nil {
			return err
		}
		w.rows += int64(n)
		return nil
	}
	written, err := w.bulk.Done()
	w.bulk = nil
	if err != nil {
		return err
	}
	if w.stage == "" {
		w.rows += written
		return nil
	}
	if written != int64(n) {
		return fault.New(fault.StoreFailed, "the server took %d of %d rows", written, n).At(w.sink.target()).AsTransient().Try("Run the copy again.")
	}
	left, err := w.move(ctx, n, places, reject)
	w.rows += int64(n - left)
	return err
}

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if w.failure != nil {
		return store.Counts{}, w.failure
	}
	if w.ended {
		return store.Counts{}, fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	limited, cancel := w.limit(ctx)
	defer cancel()
	stop := w.guard(limited)
	defer stop()
	counts, err := w.commit(limited)
	if err != nil {
		if !errors.Is(err, store.ErrAlreadyCommitted) {
			err = w.finalError(ctx, limited, err)
		}
		w.failure = err
		_ = w.Abort()
		return store.Counts{}, err
	}
	return counts, w.Abort()
}

func (w *writer) commit(ctx context.Context) (store.Counts, error) {
	if err := w.flush(ctx, nil); err != nil {
		return store.Counts{}, err
	}
	counts := store.Counts{Rows: w.rows, Bytes: w.c.wire.written.Load() - w.start}
	first, err := w.mark(ctx, counts)
	if err != nil {
		return store.Counts{}, err
	}
	if !first {
		return store.Counts{}, store.ErrAlreadyCommitted
	}
	tx := w.tx
	w.tx = nil
	return counts, tx.Commit()
}

// Abort implements store.Writer. The connection ends; the server rolls back what is not committed.
func (w *writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	clean := w.bulk == nil && w.failure == nil
	if w.tx != nil && clean {
		late := time.AfterFunc(abortPatience, w.c.kill)
		_ = w.tx.Rollback() // so that the locks are gone when Abort returns
		late.Stop()
	}
	w.cancel()
	w.dropStage(clean)
	w.c.close()
	return nil
}
