package oracle

import (
	"context"
	"database/sql/driver"

	"dmgateway/engine/batch"
)

const (
	// arrayRows is how many rows one call of the server takes at most; arrayBytes is about how many bytes.
	arrayRows  = 5000
	arrayBytes = 4 << 20
	// wholeRows is the same for rows with large objects, each of which is held by the server until the call.
	wholeRows = 100
)

// parts divides rows into those that one call takes. Rows with a long large object go in calls of their own, after the
// others; with an upsert in their order, because of rows with the same key the last one counts.
func (w *writer) parts(rows []int, b *batch.Batch) [][]int {
	limit := arrayRows
	if w.sink.options.BatchSize > 0 {
		limit = int(w.sink.options.BatchSize)
	}
	if n := int64(b.Len()); n > 0 {
		limit = max(min(limit, int(arrayBytes/max(b.Size()/n, 1))), 1)
	}
	var out [][]int
	add := func(list []int, most int) {
		for len(list) > 0 {
			n := min(most, len(list))
			out = append(out, list[:n])
			list = list[n:]
		}
	}
	if w.sink.options.Upsert && w.stage == nil {
		for start := 0; start < len(rows); {
			end := start + 1
			for end < len(rows) && w.whole[rows[end]] == w.whole[rows[start]] {
				end++
			}
			most := limit
			if w.whole[rows[start]] {
				most = min(limit, wholeRows)
			}
			add(rows[start:end], most)
			start = end
		}
		return out
	}
	var short, long []int
	for _, row := range rows {
		if w.whole[row] {
			long = append(long, row)
		}
	}
	if long == nil {
		add(rows, limit)
		return out
	}
	for _, row := range rows {
		if !w.whole[row] {
			short = append(short, row)
		}
	}
	add(short, limit)
	add(long, min(limit, wholeRows))
	return out
}

// send runs the statement for the rows, all of which are whole or none.
func (w *writer) send(ctx context.Context, rows []int) error {
	args := make([]driver.NamedValue, len(w.order))
	columns := make([][]any, len(w.values))
	for k, i := range w.order {
		if columns[i] == nil {
			columns[i] = pick(w.values[i], rows)
		}
		args[k] = driver.NamedValue{Ordinal: k + 1, Value: columns[i]}
	}
	if w.whole[rows[0]] { // a statement of its own, whose end frees the large objects on the server
		t := w.c.prepare(w.text)
		_, err := t.execute(ctx, args)
		if err == nil && !w.c.bad {
			err = t.Close()
		}
		return err
	}
	if w.short == nil {
		w.short = w.c.prepare(w.text)
	}
	_, err := w.short.execute(ctx, args)
	if err != nil {
		w.forget()
	}
	return err
}

// pick gives the values of the rows; where these are all, the values themselves.
func pick(values []any, rows []int) []any {
	if len(rows) == len(values) {
		return values
	}
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = values[row]
	}
	return out
}

// forget drops the statement: after an error the driver's record of it cannot be trusted.
func (w *writer) forget() {
	if w.short != nil && !w.c.bad {
		_ = w.short.Close()
	}
	w.short = nil
}
