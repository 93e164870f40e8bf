package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// writer stages a partition's rows in its connection's temporary database and puts them into the table on Commit. A
// staged row's rowid is its number in the partition.
type writer struct {
	store.Expectation
	sink      *sink
	c         *conn
	partition string
	insert    *stmt
	encode    []encode
	rows      int64
	bytes     int64
	direct    *stmt // INSERT into the table itself, of WriteSome
	present   *stmt // asks for a row of the table, for upserts of WriteSome; nil before it is needed
}

// stage makes the staging table. Its columns have no type, so they keep every value as it is bound.
func (w *writer) stage(ctx context.Context) error {
	columns, marks := make([]string, len(w.sink.fields)), make([]string, len(w.sink.fields))
	for i := range columns {
		columns[i], marks[i] = fmt.Sprintf("c%d", i), "?"
	}
	err := w.c.exec(ctx, "CREATE TEMP TABLE stage (n INTEGER PRIMARY KEY, "+strings.Join(columns, ", ")+"); BEGIN")
	if err != nil {
		return err
	}
	w.insert, _, err = w.c.prepare("INSERT INTO temp.stage (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")")
	return err
}

// Write implements store.Writer.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if w.c == nil {
		return fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	release := w.c.watch(ctx)
	defer release()
	for row := range b.Len() {
		if err := w.put(ctx, b, row); err != nil {
			return explain(err, "stage the rows", w.sink.target())
		}
	}
	w.rows += int64(b.Len())
	w.bytes += b.Size()
	return nil
}

func (w *writer) put(ctx context.Context, b *batch.Batch, row int) error {
	_, err := w.putInto(ctx, w.insert, b, row)
	return err
}

// putInto runs the statement with the values of a row, and tells whether it gives a row.
func (w *writer) putInto(ctx context.Context, into *stmt, b *batch.Batch, row int) (bool, error) {
	into.reset()
	for i, encode := range w.encode {
		c := &b.Cols[i]
		if c.IsNull(row) {
			if !w.sink.fields[i].Nullable {
				return false, w.refuse(sqlstore.NoNullIn(w.sink.fields[i].Name, w.sink.keys), row, i)
			}
			into.bindNull(i)
			continue
		}
		if err := encode(into, i, c, row); err != nil {
			return false, w.refuse(err, row, i)
		}
	}
	return into.step(ctx)
}

func (w *writer) refuse(e *fault.Error, row, column int) error {
	return e.At(w.sink.target()).InRow(int64(row+1), w.sink.fields[column].Name, e.Value)
}

// Commit implements store.Writer.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if w.c == nil {
		return store.Counts{}, fault.New(fault.Internal, "the partition was aborted or committed before").At(w.sink.target())
	}
	if w.direct != nil {
		return w.commitDirect(ctx)
	}
	w.insert.close()
	if err := w.c.exec(ctx, "COMMIT"); err != nil {
		return store.Counts{}, explain(err, "stage the rows", w.sink.target())
	}
	w.sink.turn.Lock()
	defer w.sink.turn.Unlock()
	counts := store.Counts{Rows: w.rows, Bytes: w.bytes}
	err := w.c.transact(ctx, w.sink.options.BatchTimeout, func() error { return w.transfer(ctx, &counts) })
	if errors.Is(err, errTaken) {
		_ = w.Abort()
		return store.Counts{}, store.ErrAlreadyCommitted
	}
	if err != nil {
		return store.Counts{}, explain(err, "write the rows", w.sink.target())
	}
	return counts, w.Abort()
}

// transfer moves the partition's rows and marks it, inside a transaction. Triggers can drop rows, which changes counts. Of
// an upsert every row counts that was staged, superseded ones too. Where the library has added or changed fewer, the rows
// themselves are looked for: a trigger may rightly drop a change that changes nothing.
func (w *writer) transfer(ctx context.Context, counts *store.Counts) error {
	if err := w.free(ctx); err != nil {
		return err
	}
	err := w.c.query(ctx, w.move("1"), nil, nil)
	switch {
	case isConstraint(err):
		return w.locate(ctx, err)
	case err != nil:
		return err
	}
	if moved := w.c.changes(); !w.sink.options.Upsert {
		counts.Rows = moved
	} else if moved < counts.Rows {
		missing, err := w.missing(ctx)
		if err != nil {
			return err
		}
		counts.Rows -= missing
	}
	if err := w.Check(counts.Rows, w.sink.target()); err != nil {
		return err
	}
	return w.c.mark(ctx, w.sink.env.RunID, w.partition, *counts, time.Now().UTC())
}

// free returns errTaken where another attempt has committed the partition, or finished the run.
func (w *writer) free(ctx context.Context) error {
	taken := false
	err := w.c.query(ctx, `SELECT 1 FROM `+sqlstore.MarkerTable+` WHERE "run"=? AND "partition" IN (?, ?)`,
		[]any{w.sink.env.RunID, w.partition, sqlstore.FinishedPartition}, func(*stmt) error { taken = true; return nil })
	if err == nil && taken {
		err = errTaken
	}
	return err
}

// move is the statement that puts the staged rows for which the condition holds into the table, in their order.
func (w *writer) move(condition string) string {
	staged := make([]string, len(w.sink.fields))
	for i := range staged {
		staged[i] = fmt.Sprintf("c%d", i)
	}
	return w.sink.into("SELECT " + strings.Join(staged, ", ") + " FROM temp.stage WHERE " + condition + " ORDER BY n")
}

// into is the statement that puts rows into the table.
func (k *sink) into(rows string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO main.%s (%s) %s", sqlstore.Quote(k.table), sqlstore.QuoteAll(sqlstore.Names(k.fields)), rows)
	if k.options.Upsert {
		b.WriteString(" ON CONFLICT (" + sqlstore.QuoteAll(k.keys) + ") DO ")
		b.WriteString(k.update())
	}
	return b.String()
}

func (k *sink) update() string {
	var set []string
	for _, f := range k.fields {
		if !slices.Contains(k.keys, f.Name) {
			set = append(set, sqlstore.Quote(f.Name)+"=excluded."+sqlstore.Quote(f.Name))
		}
	}
	if len(set) == 0 {
		return "NOTHING"
	}
	return "UPDATE SET " + strings.Join(set, ", ")
}

// locate finds which staged row breaks the constraint, by moving them one by one after moving them at once has failed
// (and undone itself); the transaction is given up afterwards.
func (w *writer) locate(ctx context.Context, cause error) error {
	s, _, err := w.c.prepare(w.move("n=?"))
	if err != nil {
		return cause
	}
	defer s.close()
	release := w.c.watch(ctx)
	defer release()
	for n := int64(1); n <= w.rows; n++ {
		s.reset()
		s.bindInt(0, n)
		if _, err := s.step(ctx); err != nil {
			if !isConstraint(err) {
				return err
			}
			e := fault.As(explain(err, "write the rows", w.sink.target()))
			e.Row = n
			return e
		}
	}
	return cause
}

// Abort implements store.Writer. Closing the connection drops its temporary database.
func (w *writer) Abort() error {
	if w.c == nil {
		return nil
	}
	if w.insert != nil {
		w.insert.close()
	}
	w.endDirect()
	err := w.c.close()
	w.c = nil
	return explain(err, "drop the staged rows", w.sink.target())
}
