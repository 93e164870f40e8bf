package mysql

import (
	"context"
	"encoding/hex"
	"errors"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// insertBytes is the length at which a statement of many rows ends.
const insertBytes = 1 << 20

// insert writes the batch's rows with INSERT, for servers that take no LOAD DATA LOCAL. Rows of an upsert go to the
// interim table.
func (w *writer) insert(ctx context.Context, b *batch.Batch) error {
	for from := 0; from < b.Len(); {
		text, to, err := w.insertText(b, from, b.Len(), w.sink.options.Upsert, "")
		if err != nil {
			return err
		}
		if err := w.runInsert(ctx, text, to-from); err != nil {
			return w.fail(ctx, err, -int64(from))
		}
		w.rows += int64(to - from)
		from = to
	}
	return nil
}

// runInsert runs a statement that writes n rows. A warning means that the server has changed a value.
func (w *writer) runInsert(ctx context.Context, text string, n int) error {
	defer w.c.guard(ctx)()
	if err := w.c.sendText(text); err != nil {
		return err
	}
	o, err := w.c.results(nil)
	if err != nil {
		return err
	}
	if o.warnings > 0 {
		return w.warning(o, int64(n))
	}
	w.bytes += int64(len(text))
	return nil
}

// insertText is the statement that writes rows from on, before to, and where it ends: at writeBatchSize rows or about
// [insertBytes].
func (w *writer) insertText(b *batch.Batch, from, to int, staged bool, before string) (text string, end int, err error) {
	k := w.sink
	table := k.table
	if staged {
		table = k.stage()
	}
	buf := append(w.buf[:0], before+"INSERT INTO "+quoted(table)+" ("+quoteAll(sqlstore.Names(k.fields))+") VALUES "...)
	limit := min(insertBytes, w.c.maxPacket/2)
	for end = from; end < to && (end == from || len(buf) < limit); end++ {
		if n := int(k.options.BatchSize); n > 0 && end-from >= n {
			break
		}
		if end > from {
			buf = append(buf, ',')
		}
		if buf, err = w.appendTuple(buf, b, end); err != nil {
			return "", end, err
		}
	}
	if k.options.Upsert && !staged {
		buf = append(buf, k.onDuplicate(w.c.alias)...)
	}
	w.buf = buf
	return string(buf), end, nil
}

// appendTuple appends a row as SQL.
func (w *writer) appendTuple(buf []byte, b *batch.Batch, row int) ([]byte, error) {
	buf = append(buf, '(')
	for i := range w.sink.targets {
		if i > 0 {
			buf = append(buf, ',')
		}
		c, t := &b.Cols[i], &w.sink.targets[i]
		if c.IsNull(row) {
			if !w.sink.fields[i].Nullable {
				return buf, w.refuse(sqlstore.NoNullIn(w.sink.fields[i].Name, w.sink.keys), row, i, "")
			}
			buf = append(buf, "NULL"...)
			continue
		}
		var bad *fault.Error
		switch t.class {
		case digits, bitField:
			buf, bad = t.encode(buf, c, row)
		case plain, typed:
			if t.typ.Kind != batch.GUID && t.class == typed {
				buf = appendQuoted(buf, c.Bytes(row))
				break
			}
			buf, bad = t.encode(append(buf, '\''), c, row)
			buf = append(buf, '\'')
		case binaries:
			buf = append(hex.AppendEncode(append(buf, "X'"...), c.Bytes(row)), '\'')
		case shape:
			buf = append(buf, shapeOf(string(appendQuoted(nil, c.Bytes(row))))...)
		default:
			buf = appendQuoted(buf, c.Bytes(row))
		}
		if bad != nil {
			return buf, w.refuse(bad, row, i, string(batch.AppendText(nil, c, row)))
		}
	}
	return append(buf, ')'), nil
}

// appendQuoted appends a text in quotes, in which a backslash escapes.
func appendQuoted(dst, v []byte) []byte {
	dst = append(dst, '\'')
	from := 0
	for i, ch := range v {
		switch ch {
		case 0:
			ch = '0'
			fallthrough
		case '\'', '\\':
			dst = append(append(dst, v[from:i]...), '\\', ch)
			from = i + 1
		}
	}
	return append(append(dst, v[from:]...), '\'')
}

// WriteSome implements store.Skipper. Rows go in by INSERT into the table itself; a statement that the server refuses for
// what is in a row is taken back and halved until the row is found.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	if err := w.usable(); err != nil || b.Len() == 0 {
		return err
	}
	limited, stop := w.limit(ctx)
	defer stop()
	var bad []*fault.Error
	for row := range b.Len() { // what this side refuses is found without the server
		var err error
		if w.buf, err = w.appendTuple(w.buf[:0], b, row); err != nil {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok {
				return err
			}
			bad = append(bad, e)
		}
	}
	from := 0
	for _, e := range bad {
		if err := w.some(limited, b, from, int(e.Row)-1, reject); err != nil {
			return w.late(limited, err)
		}
		reject(e)
		from = int(e.Row)
	}
	return w.late(limited, w.some(limited, b, from, b.Len(), reject))
}

// some writes the rows from to to, without those that the server refuses.
func (w *writer) some(ctx context.Context, b *batch.Batch, from, to int, reject func(*fault.Error)) error {
	for from < to {
		text, end, err := w.insertText(b, from, to, false, "SAVEPOINT dmgateway; ")
		if err != nil {
			return err
		}
		err = w.runInsert(ctx, text, end-from)
		switch {
		case err == nil:
			w.rows += int64(end - from)
		case !isRowError(err) || ctx.Err() != nil:
			return w.fail(ctx, err, 0)
		default:
			if _, bad := w.c.exec(ctx, "ROLLBACK TO SAVEPOINT dmgateway"); bad != nil {
				return w.fail(ctx, bad, 0)
			}
			if end-from == 1 {
				e := fault.As(explain(ctx, err, "write the row", w.sink.target()))
				e.Row = int64(from + 1)
				e.Value = w.valueOf(b, from, e.Column)
				reject(e)
				break
			}
			middle := from + (end-from)/2
			if err := w.some(ctx, b, from, middle, reject); err != nil {
				return err
			}
			if err := w.some(ctx, b, middle, end, reject); err != nil {
				return err
			}
		}
		from = end
	}
	return nil
}

// valueOf is the value of a column of a row, as text.
func (w *writer) valueOf(b *batch.Batch, row int, column string) string {
	i := w.sink.fields.Index(column)
	if i < 0 || b.Cols[i].IsNull(row) {
		return ""
	}
	var e fault.Error
	e.InRow(0, "", string(batch.AppendText(nil, &b.Cols[i], row)))
	return e.Value
}
