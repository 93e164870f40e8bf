package oracle

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	go_ora "github.com/sijms/go-ora/v2"
)

// guard stops what the server does for the session when ctx ends, and cuts the connection when it goes on for too long.
// The returned func is called when the work is done.
func (s *session) guard(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	w := s.wire
	var late *time.Timer
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		w.interrupt()
		late = time.AfterFunc(cancelPatience, func() { _ = w.Close() })
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired
			late.Stop()
			s.bad = true // an interrupt may be under way still
		}
	}
}

var errHungUp = errors.New("the connection is closed")

// run executes one statement, or a PL/SQL block, without rows.
func (s *session) run(ctx context.Context, text string, args ...any) error {
	_, err := s.execute(ctx, text, args...)
	return err
}

// execute runs a statement and tells how many rows it changed.
func (s *session) execute(ctx context.Context, text string, args ...any) (int64, error) {
	if s.bad {
		return 0, errHungUp
	}
	defer s.guard(ctx)()
	r, err := s.c.ExecContext(context.Background(), text, named(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// commit ends a transaction. A cancelled one may be committed all the same.
func (s *session) commit(ctx context.Context, tx driver.Tx) error {
	if s.bad {
		return errHungUp
	}
	defer s.guard(ctx)()
	return tx.Commit()
}

// statement is a statement that is run again and again with arrays of values.
type statement struct {
	s *session
	*go_ora.Stmt
}

func (s *session) prepare(text string) *statement {
	return &statement{s, go_ora.NewStmt(text, s.c)}
}

// execute runs the statement once for each row of the arrays.
func (t *statement) execute(ctx context.Context, args []driver.NamedValue) (int64, error) {
	if t.s.bad {
		return 0, errHungUp
	}
	defer t.s.guard(ctx)()
	r, err := t.ExecContext(context.Background(), args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func named(args []any) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, a := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return list
}

// rows starts a query.
func (s *session) rows(ctx context.Context, text string, args ...any) (driver.Rows, error) {
	if s.bad {
		return nil, errHungUp
	}
	defer s.guard(ctx)()
	return s.c.QueryContext(context.Background(), text, named(args))
}

// cell is one value of a small result, as text.
type cell struct {
	text string
	null bool
}

func (c cell) int() int64 {
	n, _ := strconv.ParseInt(c.text, 10, 64)
	return n
}

// query gives the few rows of a statement as text. It is for catalogs, not for data.
func (s *session) query(ctx context.Context, text string, args ...any) ([][]cell, error) {
	rows, err := s.rows(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer s.guard(ctx)()
	values := make([]driver.Value, len(rows.Columns()))
	var list [][]cell
	for {
		if err = rows.Next(values); err != nil {
			break
		}
		row := make([]cell, len(values))
		for i, v := range values {
			switch v := v.(type) {
			case nil:
				row[i].null = true
			case string:
				row[i].text = v
			case []byte:
				row[i].text = string(v)
			case time.Time:
				row[i].text = v.Format("2006-01-02 15:04:05.999999999")
			default:
				row[i].text = fmt.Sprint(v)
			}
		}
		list = append(list, row)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, errors.Join(err, closeRows(rows, err))
}

// closeRows frees the cursor on the server; after an error the connection may not be able to.
func closeRows(rows driver.Rows, after error) error {
	if err := rows.Close(); after == nil {
		return err
	}
	return nil
}
