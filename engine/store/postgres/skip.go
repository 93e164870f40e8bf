package postgres

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

var _ store.Skipper = (*writer)(nil)

// some is a writer that leaves out what the server refuses. PostgreSQL gives up a whole COPY for one bad row, so rows go
// in several COPYs, each behind a savepoint: as many rows at once as went well lately, fewer around a bad one, down to
// the row itself.
type some struct {
	size int // rows that are tried at once
	buf  []byte
	ends []int // of the encoded rows in buf
	rows []int // their places in the batch, from 0
}

// growth is by how much more rows are tried after a success.
const growth = 4

// WriteSome implements store.Skipper.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if w.failure != nil || b.Len() == 0 {
		return w.failure
	}
	ctx, stop := w.limit(ctx)
	defer stop()
	if err := w.beginSome(ctx); err != nil {
		return w.broken(err)
	}
	s := w.some
	s.buf, s.ends, s.rows = append(s.buf[:0], copyHeader...), s.ends[:0], s.rows[:0]
	for row := range b.Len() {
		start := len(s.buf)
		var err error
		if s.buf, err = w.encodeRow(s.buf, b, row); err != nil {
			s.buf = s.buf[:start]
			reject(fault.As(err))
			continue
		}
		s.ends, s.rows = append(s.ends, len(s.buf)), append(s.rows, row)
	}
	s.size = max(s.size, 1)
	for from := 0; from < len(s.rows); {
		n := min(s.size, len(s.rows)-from)
		line, refused, err := w.try(ctx, from, n)
		switch {
		case err != nil:
			return w.broken(err)
		case refused == nil:
			from += n
			s.size *= growth
		case n > 1:
			if s.size = n / 2; line > 1 && line <= n {
				s.size = line - 1
			} else if line == 1 {
				s.size = 1
			}
		default:
			refused.Row = int64(s.rows[from]) + 1
			reject(refused)
			from++
		}
		s.size = min(s.size, batch.ColumnarRows)
	}
	return nil
}

// broken remembers an error after which nothing more can be written.
func (w *writer) broken(err error) error {
	if w.failure == nil {
		w.failure = err
	}
	return err
}

// beginSome ends the one COPY that the writer began with, and makes the server check at once what it may check later.
func (w *writer) beginSome(ctx context.Context) error {
	if w.some != nil {
		return nil
	}
	if _, err := w.endCopy(ctx); err != nil {
		return err
	}
	w.some = &some{size: batch.Rows}
	return explain(ctx, run(ctx, w.c, "SET CONSTRAINTS ALL IMMEDIATE"), "begin to write", w.sink.target())
}

// try writes n rows. refused is why the server did not take them for what is in one of them, and line which one, from 1,
// where the server says it; none of them is written then.
func (w *writer) try(ctx context.Context, from, n int) (line int, refused *fault.Error, err error) {
	if err := run(ctx, w.c, "SAVEPOINT dmgateway"); err != nil {
		return 0, nil, explain(ctx, err, "write the rows", w.sink.target())
	}
	taken, data, err := w.copyRows(ctx, from, n)
	if err == nil {
		w.rows += taken
		w.bytes += int64(data)
		return 0, nil, explain(ctx, run(ctx, w.c, "RELEASE SAVEPOINT dmgateway"), "write the rows", w.sink.target())
	}
	why := fault.As(w.explainMove(ctx, err))
	p, ok := errors.AsType[*pgconn.PgError](err)
	if ctx.Err() != nil || !ok || why.Transient || !rowFault(p.Code) {
		return 0, nil, w.explainMove(ctx, err)
	}
	if err := run(ctx, w.c, "ROLLBACK TO SAVEPOINT dmgateway"); err != nil {
		return 0, nil, explain(ctx, err, "write the rows", w.sink.target())
	}
	return int(why.Row), why, nil
}

// copyRows sends encoded rows by a COPY of their own, and moves them on where they go through the interim table. taken
// is how many count as written.
func (w *writer) copyRows(ctx context.Context, from, n int) (taken int64, size int, err error) {
	s := w.some
	start := len(copyHeader)
	if from > 0 {
		start = s.ends[from-1]
	}
	rows := s.buf[start:s.ends[from+n-1]]
	tag, err := w.c.CopyFrom(ctx, &chain{parts: [][]byte{copyHeader, rows, copyTrailer}}, "COPY "+w.sink.into()+" FROM STDIN (FORMAT binary)")
	if err != nil || !w.sink.staged {
		return tag.RowsAffected(), len(rows), err
	}
	if taken, err = w.moveOn(ctx, tag.RowsAffected()); err != nil {
		return 0, 0, err
	}
	_, err = execute(ctx, w.c, "DELETE FROM "+stage)
	return taken, len(rows), err
}

// rowFault reports whether a SQLSTATE blames what is in a row: classes data exception and integrity constraint violation,
// and a view's check option.
// Source: PostgreSQL manual, appendix "PostgreSQL Error Codes".
func rowFault(state string) bool {
	switch {
	case len(state) != 5:
		return false
	case state[:2] == "22", state[:2] == "23":
		return true
	}
	return state == "44000" || state == "P0001" // P0001: a trigger raised an exception
}

// chain reads slices one after the other.
type chain struct{ parts [][]byte }

func (c *chain) Read(p []byte) (int, error) {
	for len(c.parts) > 0 && len(c.parts[0]) == 0 {
		c.parts = c.parts[1:]
	}
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	c.parts[0] = c.parts[0][n:]
	return n, nil
}
