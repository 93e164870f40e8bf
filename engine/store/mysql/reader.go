package mysql

import (
	"context"
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
	id      uint32   // of the prepared statement
	server  []column // as the copy was planned
	schema  batch.Schema
	decode  []decode // for each of the server's columns
	to      []int    // for each of the server's columns, its place in the schema, -1 for none
	target  string
	timeout time.Duration // to the first row, 0 = none
	// begun and late are for the timer of the first row.
	begun, late atomic.Bool
	running     bool
	ended       bool
	row         int64
	start       int64 // bytes that the connection had received before
	pending     error
}

var _ store.Reader = (*reader)(nil)

func (r *reader) Schema() batch.Schema { return r.schema }

func (r *reader) BytesRead() int64 { return r.c.bytes - r.start }

// Close ends the connection, and the statement with it.
func (r *reader) Close() error {
	if r.running && !r.ended {
		r.c.interrupt()
	}
	r.ended = true
	r.c.hangUp()
	return nil
}

// errTimeout is the cause of a statement that was stopped before its first row.
var errTimeout = errors.New("the query gave no row in time")

// Next fills b. After the error of a single value it may be called again and goes on with the next row; the rows before
// the bad one are given first.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.pending; err != nil {
		r.pending = nil
		return err
	}
	if r.ended {
		return io.EOF
	}
	defer r.c.guard(ctx)()
	if !r.running {
		if r.timeout > 0 {
			timer := time.AfterFunc(r.timeout, r.giveUp)
			defer timer.Stop()
		}
		if err := r.run(); err != nil {
			return r.explain(ctx, err)
		}
	}
	for !b.Full() {
		p, err := r.c.packet()
		if err != nil {
			return r.explain(ctx, err)
		}
		if len(p) == 0 || p[0] != 0 {
			return r.last(ctx, b, p)
		}
		if r.row++; r.row == 1 {
			r.begun.Store(true)
		}
		if err := r.take(b, p); err != nil {
			if b.Len() == 0 {
				return err
			}
			r.pending = err
			break
		}
	}
	return nil
}

// run starts the statement.
func (r *reader) run() error {
	r.running = true
	columns, err := r.c.execute(r.id)
	if err != nil {
		return err
	}
	same := len(columns) == len(r.server)
	for i := 0; same && i < len(columns); i++ {
		same = columns[i].readsAs(r.server[i])
	}
	if !same {
		return fault.New(fault.StoreFailed, "the columns have changed since the copy was planned").At(r.target).Try("Run the copy again.")
	}
	return nil
}

// readsAs reports whether values of both columns travel alike and mean the same.
func (c column) readsAs(o column) bool {
	travels := func(code byte) byte {
		switch code {
		case codeTiny, codeShort, codeLong, codeInt24, codeLongLong, codeFloat, codeDouble, codeDecimal, codeNewDecimal, codeBit, codeYear, codeDate,
			codeNewDate, codeTime, codeDatetime, codeTimestamp:
			return code
		}
		return codeBlob
	}
	return travels(c.code) == travels(o.code) && (travels(c.code) == codeBlob || c.unsigned() == o.unsigned() && c.decimals == o.decimals)
}

// last reads the packet behind the rows.
func (r *reader) last(ctx context.Context, b *batch.Batch, p []byte) error {
	switch {
	case len(p) == 0:
		return r.explain(ctx, errMalformed)
	case p[0] == 0xff:
		return r.explain(ctx, serverError(p))
	case !r.c.isEnd(p):
		return r.explain(ctx, errMalformed)
	}
	r.ended = true
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
	r.c.interrupt()
}

func (r *reader) explain(ctx context.Context, err error) error {
	if ctx.Err() == nil && r.late.Load() {
		return fault.New(fault.StoreFailed, "read the rows").At(r.target).Because(errTimeout).Try("Make the query faster, or raise queryTimeout.")
	}
	return explain(ctx, err, "read the rows", r.target)
}

// take appends a row to b, or nothing where a value does not fit: a byte 0, a bit for each NULL from the third bit on,
// the values.
func (r *reader) take(b *batch.Batch, p []byte) error {
	nulls := p[1:]
	at := 1 + (len(r.decode)+7+2)/8
	if len(p) < at {
		return misfit(errShort, column{}, batch.Field{}, nil, r.target, r.row)
	}
	rows := b.Len()
	for i, decode := range r.decode {
		if bit := i + 2; nulls[bit>>3]&(1<<(bit&7)) != 0 {
			if r.to[i] >= 0 {
				b.Cols[r.to[i]].AppendNull()
			}
			continue
		}
		k := r.to[i]
		if k < 0 {
			n, ok := skip(r.server[i].code, p[at:])
			if !ok {
				b.Truncate(rows)
				return misfit(errShort, column{}, batch.Field{}, nil, r.target, r.row)
			}
			at += n
			continue
		}
		n, err := decode(&b.Cols[k], p[at:])
		if err != nil {
			b.Truncate(rows)
			return misfit(err, r.server[i], r.schema[k], p[at:], r.target, r.row)
		}
		at += n
	}
	return nil
}

// skip is how many bytes the value takes that data begins with.
func skip(code byte, data []byte) (n int, ok bool) {
	switch code {
	case codeTiny:
		n = 1
	case codeShort, codeYear:
		n = 2
	case codeInt24, codeLong, codeFloat:
		n = 4
	case codeLongLong, codeDouble:
		n = 8
	default:
		_, n, ok = lengthBytes(data)
		return n, ok
	}
	return n, n <= len(data)
}
