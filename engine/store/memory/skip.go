package memory

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

var _ store.Skipper = (*writer)(nil)

// WriteSome implements store.Skipper: rows with a NULL in a column that takes none, and those that Hooks.Refuse names,
// are left out.
func (w *writer) WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error {
	refuse := w.sink.server.hook().Refuse
	var rows []int
	for row := range b.Len() {
		why := w.nullIn(b, row)
		if why == nil && refuse != nil {
			why = refuse(b, row)
		}
		if why != nil {
			why.Row = int64(row) + 1
			reject(why)
			rows = append(rows, row)
		}
	}
	rest := batch.New(w.sink.types, max(1, b.Len()))
	for i := range b.Cols {
		appendColumn(&rest.Cols[i], &b.Cols[i], 0, b.Len())
	}
	rest.Remove(rows)
	return w.Write(ctx, rest)
}

func (w *writer) nullIn(b *batch.Batch, row int) *fault.Error {
	for i, f := range w.sink.types {
		if !f.Nullable && b.Cols[i].IsNull(row) {
			return fault.New(fault.Conversion, "the column takes no NULL").At(w.sink.name).InRow(1, f.Name, "").
				Try("Correct the row, or let the column take NULL.")
		}
	}
	return nil
}
