package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// reader streams the rows of one statement.
type reader struct {
	*plan
	c       *session
	rows    driver.Rows
	target  string
	timeout time.Duration                   // to the first row, 0 = none
	later   func(ctx context.Context) error // makes the text one that reads the present state
	row     []driver.Value
	lobs    *lobs // fetches large values one by one, nil where there are none

	count   int64
	pending error
	failure error // ends every later call
	ended   bool
}

var _ store.Reader = (*reader)(nil)

func (r *reader) Schema() batch.Schema { return r.schema }

// BytesRead is what came over the network, the protocol's own part included.
func (r *reader) BytesRead() int64 {
	n := r.c.wire.read.Load()
	if r.lobs != nil {
		n += r.lobs.bytes()
	}
	return n
}

// Close stops the statement, if it still runs, and ends the connection.
func (r *reader) Close() error {
	if r.rows != nil && r.ended && !r.c.bad {
		_ = r.rows.Close()
	}
	r.c.hangUp()
	if r.lobs != nil {
		r.lobs.close()
	}
	return nil
}

// errTimeout is the cause of a statement that was stopped before its first row.
var errTimeout = errors.New("the query gave no row in time")

// Next fills b. After the error of a single value it may be called again and goes on with the next row; the rows before
// the bad one are given first.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		r.c.wire.interrupt()
		r.c.bad, r.failure = true, err
		return err
	}
	if r.failure != nil {
		return r.failure
	}
	if err := r.pending; err != nil {
		r.pending = nil
		return err
	}
	if r.ended {
		return io.EOF
	}
	err := r.fill(ctx, b)
	if err != nil && b.Len() > 0 {
		r.pending = err
		return nil
	}
	if err == nil && b.Len() == 0 {
		return io.EOF
	}
	return err
}

// fill appends rows until b is full, the rows end, or one is bad.
func (r *reader) fill(ctx context.Context, b *batch.Batch) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if r.timeout > 0 && r.count == 0 {
		limited, cancel = context.WithTimeoutCause(ctx, r.timeout, errTimeout)
	}
	defer cancel()
	if r.rows == nil {
		if err := r.start(limited); err != nil {
			return r.fail(ctx, limited, err)
		}
	}
	defer r.c.guard(limited)()
	for !b.Full() {
		err := r.rows.Next(r.row)
		if errors.Is(err, io.EOF) {
			r.ended = true
			return nil
		}
		if err != nil {
			return r.fail(ctx, limited, err)
		}
		r.count++
		if err := r.take(limited, b); err != nil {
			return err
		}
	}
	return nil
}

// start runs the statement; where the server has lost the state that it should read, it reads the present one.
func (r *reader) start(ctx context.Context) (err error) {
	r.rows, err = r.c.rows(ctx, r.text)
	if hasCode(err, 1466, 1555, 8180, 8181) && r.later != nil {
		if err := r.later(ctx); err != nil {
			return err
		}
		r.rows, err = r.c.rows(ctx, r.text)
	}
	if err != nil {
		r.rows = nil
		return err
	}
	if n := len(r.rows.Columns()); n != r.values {
		return fault.New(fault.StoreFailed, "the columns have changed since the copy was planned").At(r.target).Try("Run the copy again.")
	}
	return nil
}

func (r *reader) fail(ctx, limited context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(context.Cause(limited), errTimeout) {
		err = fault.New(fault.StoreFailed, "read the rows").At(r.target).Because(errTimeout).Try("Make the query faster, or raise queryTimeout.")
	} else {
		err = explain(ctx, err, "read the rows", r.target)
	}
	r.failure = err
	return err
}

// take appends the driver's row to b, or nothing where a value does not fit.
func (r *reader) take(ctx context.Context, b *batch.Batch) error {
	for i := range r.reads {
		c := &b.Cols[i]
		v := r.row[r.first[i]:]
		var err error
		switch {
		case v[0] != nil:
			err = r.reads[i].decode(c, v)
		case r.lobs != nil && r.lobs.isLarge(i, r.row):
			err = r.lobs.fetch(ctx, i, r.row, c)
		case r.lobs != nil && r.lobs.isEmpty(i, r.row):
			c.AppendBytes(nil)
		default:
			c.AppendNull()
		}
		if err != nil {
			n := c.Len()
			for j := range i {
				n = min(n, b.Cols[j].Len()-1)
				b.Cols[j].Truncate(n)
			}
			return r.misfit(err, i)
		}
	}
	return nil
}

// misfit says where a value does not fit.
func (r *reader) misfit(err error, i int) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	value := e.Value
	if text, ok := r.row[r.first[i]].(string); ok && value == "" {
		value = text
	}
	out := *e
	out.Target = r.target
	return out.InRow(r.count, r.schema[i].Name, value)
}
