package files

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// writer writes the file or files of one partition.
type writer struct {
	sink   *Sink
	target string

	file   *output // that is open
	rows   int64   // in it
	total  store.Counts
	number int          // of the file, where they are numbered
	rest   *batch.Batch // rows that belong to the next file
	over   bool         // committed or aborted
}

var _ store.Writer = (*writer)(nil)

func (w *writer) begin(ctx context.Context) (err error) {
	w.file, err = w.sink.create(ctx, w.path(w.number))
	w.rows = 0
	return err
}

// path is that of the file with a number.
func (w *writer) path(number int) string {
	if w.sink.o.MaxRowsPerFile <= 0 {
		return w.target
	}
	return numbered(w.target, number, w.sink.extension())
}

// Write writes the rows, and begins another file where one is full.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	most := w.sink.o.MaxRowsPerFile
	if most <= 0 {
		return w.put(b)
	}
	for from := 0; from < b.Len(); {
		if w.rows == most {
			if err := w.next(ctx); err != nil {
				return err
			}
		}
		to := min(b.Len(), from+int(min(most-w.rows, int64(b.Len()))))
		if err := w.put(w.slice(b, from, to)); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (w *writer) put(b *batch.Batch) error {
	w.rows += int64(b.Len())
	w.total.Rows += int64(b.Len())
	return w.file.rows.Write(b)
}

// slice is rows from..to of b: b itself where that is all.
func (w *writer) slice(b *batch.Batch, from, to int) *batch.Batch {
	if from == 0 && to == b.Len() {
		return b
	}
	if w.rest == nil {
		w.rest = batch.New(w.sink.schema, b.Limit())
	}
	w.rest.Reset()
	for i := range b.Cols {
		appendRows(&w.rest.Cols[i], &b.Cols[i], from, to)
	}
	return w.rest
}

// appendRows copies rows of a column to one of the same type.
func appendRows(dst, src *batch.Column, from, to int) {
	storage := src.Type.Storage()
	for i := from; i < to; i++ {
		switch {
		case src.IsNull(i):
			dst.AppendNull()
		case storage == batch.InFloats:
			dst.AppendFloat(src.Floats[i])
		case storage == batch.InWide:
			dst.AppendWide(src.Wide[i])
		case storage == batch.InData:
			dst.AppendBytes(src.Bytes(i))
		case len(src.Zones) > 0:
			dst.AppendZoned(src.Ints[i], src.Zone(i))
		default:
			dst.AppendInt(src.Ints[i])
		}
	}
}

// next commits the full file and begins the one after it.
func (w *writer) next(ctx context.Context) error {
	if err := w.end(ctx); err != nil {
		return err
	}
	w.number++
	return w.begin(ctx)
}

func (w *writer) end(ctx context.Context) error {
	bytes, err := w.file.commit(ctx)
	if err != nil {
		return err
	}
	w.total.Bytes += bytes
	w.total.Files = append(w.total.Files, w.path(w.number))
	w.file = nil
	return nil
}

// Commit makes the last file visible.
func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	if err := w.end(ctx); err != nil {
		return store.Counts{}, err
	}
	if err := w.removeRest(ctx); err != nil {
		return store.Counts{}, err
	}
	w.over = true
	return w.total, nil
}

// removeRest deletes generated files with higher numbers: an earlier attempt found more rows.
func (w *writer) removeRest(ctx context.Context) error {
	s := w.sink
	if s.o.MaxRowsPerFile <= 0 || s.o.Prefix != "" {
		return nil
	}
	last := w.number
	for {
		_, err := s.files.Stat(ctx, w.path(last+1))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
		last++
	}
	for ; last > w.number; last-- { // from the end, so that a crash leaves no gap that would hide the rest
		if err := s.files.Remove(ctx, w.path(last)); err != nil {
			return err
		}
	}
	return nil
}

// abortTime is how long taking back what was written may take when a partition is given up.
const abortTime = 10 * time.Second

// Abort drops the open file and takes back those that are full already.
func (w *writer) Abort() error {
	if w.over {
		return nil
	}
	w.over = true
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.abort())
	}
	ctx, stop := context.WithTimeout(context.Background(), abortTime)
	defer stop()
	for _, p := range w.total.Files {
		errs = append(errs, w.sink.files.Remove(ctx, p))
	}
	return errors.Join(errs...)
}
