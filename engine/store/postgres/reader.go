package postgres

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// reader streams the rows of one statement.
type reader struct {
	c       *pgconn.PgConn
	pool    *pool
	result  *pgconn.ResultReader
	start   func()             // runs the statement and sets result
	running context.Context    // what the statement runs on; of the one statement alone
	cancel  context.CancelFunc // stops the statement on the server
	schema  batch.Schema
	decode  []decode
	read    []int // for each column, its place in the server's rows
	oids    []uint32
	target  string
	timeout time.Duration // to the first row, 0 = none
	// begun and late are for the timer of the first row.
	begun, late atomic.Bool
	row         int64
	bytes       int64
	pending     error
	ended       bool
	whole       bool // the statement came to its end by itself, so its connection can be used again
}

var _ store.Reader = (*reader)(nil)

// prepare has the server parse the statement; the first Next runs it, because the server may answer only once it has
// rows. What it runs on lives until Close, whatever becomes of ctx.
func (r *reader) prepare(ctx context.Context, text string) error {
	d, err := r.c.Prepare(ctx, "", text, nil)
	if err != nil {
		return explain(ctx, err, "read the rows", r.target)
	}
	formats := make([]int16, len(d.Fields))
	for i, f := range d.Fields {
		if (column{oid: f.DataTypeOID}).binary() {
			formats[i] = 1
		}
	}
	for i, k := range r.read {
		if k >= len(d.Fields) || d.Fields[k].DataTypeOID != r.oids[i] {
			return errChanged(r.target)
		}
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.running, r.cancel = running, cancel
	r.start = func() { r.result = r.c.ExecStatement(running, d, nil, nil, formats) }
	return nil
}

func errChanged(target string) error {
	return fault.New(fault.StoreFailed, "the columns have changed since the copy was planned").At(target).Try("Run the copy again.")
}

func (r *reader) Schema() batch.Schema { return r.schema }

func (r *reader) BytesRead() int64 { return r.bytes }

// Close stops the statement, if it still runs. A connection that was cancelled is ended: the cancellation could hit its
// next statement.
func (r *reader) Close() error {
	if r.c == nil {
		return nil
	}
	r.stop()
	if r.whole && !r.c.IsClosed() && r.c.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
		defer cancel()
		r.whole = run(ctx, r.c, "ROLLBACK") == nil
	}
	if r.whole {
		r.pool.give(r.c)
	} else {
		hangUp(r.c)
	}
	r.c = nil
	return nil
}

// stop ends the statement on the server. A server that waits for rows to be taken hears of a cancellation only when
// they are, so the rest of them is taken until it does; cancelPatience bounds that.
func (r *reader) stop() {
	r.cancel()
	if !r.ended && r.result != nil {
		_, _ = r.result.Close()
	}
	r.ended = true
}

// errTimeout is the cause of a statement that was stopped before its first row.
var errTimeout = errors.New("the query gave no row in time")

// Next fills b. After the error of a single value it may be called again and goes on with the next row; the rows before
// the bad one are given first.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		r.stop()
		return err
	}
	if err := r.pending; err != nil {
		r.pending = nil
		return err
	}
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	if r.timeout > 0 && r.row == 0 {
		timer := time.AfterFunc(r.timeout, r.giveUp)
		defer timer.Stop()
	}
	if r.result == nil {
		r.start()
	}
	for !r.ended && !b.Full() {
		if !r.result.NextRow() {
			r.ended = true
			if _, err := r.result.Close(); err != nil {
				return r.explain(ctx, err)
			}
			r.whole = r.running.Err() == nil
			break
		}
		if r.row++; r.row == 1 {
			r.begun.Store(true)
		}
		if err := r.take(b); err != nil {
			if b.Len() == 0 {
				return err
			}
			r.pending = err
			break
		}
	}
	if b.Len() == 0 {
		return io.EOF
	}
	return nil
}

// giveUp stops the statement because its first row is late; later rows may take as long as they need.
func (r *reader) giveUp() {
	if r.begun.Load() {
		return
	}
	r.late.Store(true)
	r.cancel()
}

func (r *reader) explain(ctx context.Context, err error) error {
	if ctx.Err() == nil && r.late.Load() {
		return fault.New(fault.StoreFailed, "read the rows").At(r.target).Because(errTimeout).Try("Make the query faster, or raise queryTimeout.")
	}
	return explain(ctx, err, "read the rows", r.target)
}

// take appends the server's row to b, or nothing where a value does not fit.
func (r *reader) take(b *batch.Batch) error {
	values := r.result.Values()
	for i, decode := range r.decode {
		v, c := values[r.read[i]], &b.Cols[i]
		if v == nil {
			c.AppendNull()
			continue
		}
		r.bytes += int64(len(v))
		if err := decode(c, v); err != nil {
			for j := range i {
				b.Cols[j].Truncate(c.Len())
			}
			return misfit(err, r.schema[i], v, r.target, r.row)
		}
	}
	return nil
}
