package parquet

import (
	"github.com/apache/arrow-go/v18/parquet"

	"dmgateway/engine/batch"
)

// manyColumns is the number of columns from which rows are gathered as they are, and a row group is encoded column by column: the
// encoders of so many columns at once would take far more memory than the rows.
const manyColumns = 512

// gather keeps a copy of b's rows, in their stored types, for the next row group. What cannot be stored is found here, where
// rows are counted as in b.
func (w *writer) gather(b *batch.Batch) error {
	if w.held == nil {
		w.held = make([]batch.Column, len(b.Cols))
		for i := range b.Cols {
			w.held[i].Type = w.stored[i].Type
		}
	}
	return each(len(b.Cols), b.Size() >= worth, func(i int) error {
		c, err := w.converted(w.cols[i], &b.Cols[i])
		if err != nil {
			return err
		}
		if err := w.cols[i].check(w.physical[i], c, w.widths[i]); err != nil {
			return named(err, w.stored[i].Name)
		}
		appendColumn(&w.held[i], c)
		return nil
	})
}

// check refuses values that the file has no room for.
func (e *encoder) check(t parquet.Type, c *batch.Column, width int) error {
	switch t {
	case parquet.Types.Int32:
		return e.narrow(c)
	case parquet.Types.Int64:
		return checkTime(c)
	case parquet.Types.Int96:
		return e.days(c)
	case parquet.Types.FixedLenByteArray:
		return e.flatten(c, width)
	}
	return nil
}

// appendColumn appends the values of a column of the same type.
func appendColumn(dst, src *batch.Column) {
	appendRows(dst, src, 0, src.Len())
}

// appendRows appends n of them, of which the first is row from.
func appendRows(dst, src *batch.Column, from, n int) {
	storage := src.Type.Storage()
	if src.Nulls() == 0 && len(src.Zones) == 0 && storage != batch.InData {
		switch to := from + n; storage {
		case batch.InFloats:
			dst.Floats = append(dst.Floats, src.Floats[from:to]...)
		case batch.InWide:
			dst.Wide = append(dst.Wide, src.Wide[from:to]...)
		default:
			dst.Ints = append(dst.Ints, src.Ints[from:to]...)
		}
		dst.EndValues(n)
		return
	}
	for i := from; i < from+n; i++ {
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

// writeHeld writes the gathered rows.
func (w *writer) writeHeld() error {
	if len(w.held) == 0 || w.held[0].Len() == 0 {
		return nil
	}
	err := w.serial(w.held, true)
	for i := range w.held {
		w.held[i].Reset()
	}
	return err
}

// serial writes rows as a row group of their own, one column after the other. They may be in their stored types already.
func (w *writer) serial(cols []batch.Column, stored bool) error {
	w.out.begin()
	err := each(len(cols), false, func(i int) error {
		e, c := w.cols[i], &cols[i]
		if !stored {
			var err error
			if c, err = w.converted(e, c); err != nil {
				return err
			}
		}
		if len(c.Data) >= batch.Giant && w.physical[i] == parquet.Types.ByteArray {
			return w.giant(i, c)
		}
		cw, err := w.out.column(i, false)
		if err != nil {
			return err
		}
		w.shared.field = e.field // one encoder's buffers do for all
		if err := w.encode(cw, &w.shared, c); err != nil {
			return err
		}
		return cw.Close()
	})
	if err != nil {
		return err
	}
	return w.out.end(cols[0].Len())
}
