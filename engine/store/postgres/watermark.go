package postgres

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// window restricts the rows by a column that only grows: after < column ≤ upto. The zero window is all rows.
type window struct{ column, after, upto string }

// condition is the window as SQL, "" for all rows. The values are literals without a type, which the server reads as
// values of the column.
func (w window) condition() string {
	if w.column == "" {
		return ""
	}
	column := sqlstore.Quote(w.column)
	if w.after == "" {
		return "(" + column + " <= " + literal(w.upto) + " OR " + column + " IS NULL)"
	}
	return column + " > " + literal(w.after) + " AND " + column + " <= " + literal(w.upto)
}

// finite adds to a condition that the column's value is no infinity and not a number: neither can be a bound.
func finite(f batch.Field, condition string) string {
	column := sqlstore.Quote(f.Name)
	var only string
	switch f.Type.Kind {
	case batch.Date, batch.Timestamp, batch.TimestampTZ:
		only = "isfinite(" + column + ")"
	case batch.Decimal, batch.Single, batch.Double:
		only = column + "::text NOT IN ('NaN', 'Infinity', '-Infinity')"
	default:
		return condition
	}
	if condition == "" {
		return only
	}
	return only + " AND " + condition
}

// Highest implements store.Watermarker. Infinities and NaN are left out: nothing could come after them.
func (s *source) Highest(ctx context.Context, column string) (string, bool, error) {
	i := s.schema.Index(column)
	if i < 0 {
		return "", false, fault.New(fault.NotFound, "there is no column %q for the watermark", column).At(s.target()).Try("Correct watermark.column.")
	}
	f := s.schema[i]
	switch f.Type.Kind {
	case batch.Int16, batch.Int32, batch.Int64, batch.Single, batch.Double, batch.Decimal, batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
	default:
		return "", false, fault.New(fault.BadInput, "the column %q is of type %s, which is no watermark", f.Name, f.Native).At(s.target()).
			Try("Choose a column of numbers, dates or timestamps that only grows.")
	}
	rows, err := s.pool.query(ctx, "SELECT max("+sqlstore.Quote(f.Name)+") FROM "+s.from(finite(f, "")))
	if err != nil {
		return "", false, explain(ctx, err, "look for the highest value of "+f.Name, s.target())
	}
	if rows[0][0].null {
		return "", false, nil
	}
	c := batch.Column{Type: f.Type}
	if err := batch.ParseText(&c, []byte(rows[0][0].text)); err != nil {
		return "", false, fault.New(fault.Conversion, "the highest value of %q cannot be read", f.Name).At(s.target()).Because(err)
	}
	return string(batch.AppendText(nil, &c, 0)), true, nil
}

// Between implements store.Watermarker.
func (s *source) Between(column, after, upto string) {
	if i := s.schema.Index(column); i >= 0 {
		column = s.schema[i].Name
	}
	s.mark = window{column, after, upto}
}
