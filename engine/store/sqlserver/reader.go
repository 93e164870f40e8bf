package sqlserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// reader streams the rows of one statement.
type reader struct {
	c       *conn
	rows    driver.Rows // nil until the first Next, unless the statement runs already
	text    string
	args    []any
	running context.Context // of the statement; it ends with Close
	cancel  context.CancelFunc
	schema  batch.Schema
	decode  []decode
	read    []int    // for each column, its place in the server's rows
	want    []column // what the plan says of the server's columns at read
	values  []driver.Value
	target  string
	timeout time.Duration // to the first row, 0 = none

	begun, late atomic.Bool // for the timer of the first row
	row         int64
	start       int64 // bytes on the wire before the statement
	pending     error
	ended       bool
}

var _ store.Reader = (*reader)(nil)

func (r *reader) Schema() batch.Schema { return r.schema }

func (r *reader) BytesRead() int64 { return r.c.wire.read.Load() - r.start }

// Close stops the statement, if it still runs, and ends the connection.
func (r *reader) Close() error {
	r.stop()
	r.c.close()
	return nil
}

// stop ends the statement on the server: the driver sends an attention and waits a few seconds for the answer.
func (r *reader) stop() {
	r.cancel()
	if !r.ended && r.rows != nil {
		_ = r.rows.Close()
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
	if r.rows == nil && !r.ended {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	for !r.ended && !b.Full() {
		if err := r.rows.Next(r.values); err != nil {
			r.ended = true
			bad := r.rows.Close()
			if !errors.Is(err, io.EOF) {
				return r.explain(ctx, err)
			}
			if bad != nil && ctx.Err() == nil {
				return r.explain(ctx, bad)
			}
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
		if err := ctx.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	return nil
}

// begin runs the statement and checks that its columns are those of the plan.
func (r *reader) begin(ctx context.Context) error {
	rows, err := r.c.rows(r.running, r.text, r.args...)
	if err != nil {
		r.ended = true
		return r.explain(ctx, err)
	}
	r.rows = rows
	return r.check()
}

func (r *reader) check() error {
	got, err := resultColumns(r.rows)
	if err != nil {
		return err
	}
	for i, k := range r.read {
		if k >= len(got) || decoderKind(got[k]) != decoderKind(r.want[i]) {
			r.stop()
			return fault.New(fault.StoreFailed, "the columns have changed since the copy was planned").At(r.target).Try("Run the copy again.")
		}
	}
	r.values = make([]driver.Value, len(got))
	return nil
}

// decoderKind groups types by how their values come over the wire.
func decoderKind(c column) string {
	t := c.interim()
	switch t.Kind {
	case batch.Decimal:
		if t.Scale == 4 {
			return "decimal4" // money and smallmoney too
		}
	case batch.String, batch.XML, batch.JSON:
		return "text"
	case batch.Binary:
		return "binary"
	default:
		return t.Kind.String() + t.Unit.String()
	}
	return t.String()
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
	for i, decode := range r.decode {
		v, c := r.values[r.read[i]], &b.Cols[i]
		if v == nil {
			c.AppendNull()
			continue
		}
		if err := decode(c, v); err != nil {
			for j := range i {
				b.Cols[j].Truncate(c.Len())
			}
			f := r.schema[i]
			return fault.New(fault.Conversion, "a value of type %s cannot be read as %s", f.Native, f.Type).At(r.target).Because(err).
				Try("Read the column through a query with CONVERT(nvarchar(4000), %s).", quote(f.Name)).InRow(r.row, f.Name, "")
		}
	}
	return nil
}
