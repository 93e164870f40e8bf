package sqlserver

import (
	"context"
	"fmt"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// watermark restricts the source to rows with after < column ≤ upto; the zero watermark to nothing.
type watermark struct{ column, after, upto string }

// Highest implements store.Watermarker.
func (s *source) Highest(ctx context.Context, name string) (value string, ok bool, err error) {
	if s.procedure {
		return "", false, fault.New(fault.Unsupported, "the result of a stored procedure cannot be read from a mark on").At(s.target()).Try("Read a table or a query.")
	}
	c, err := s.ordered(name)
	if err != nil {
		return "", false, err
	}
	rows, err := s.c.query(ctx, fmt.Sprintf("SELECT MAX(%s) FROM %s", quote(c.name), s.from()), s.args...)
	if err != nil {
		return "", false, explain(ctx, err, "look for the largest value of "+c.name, s.target())
	}
	if len(rows) == 0 || rows[0][0] == nil {
		return "", false, nil
	}
	col := batch.Column{Type: c.interim()}
	if err := decoderOf(c)(&col, rows[0][0]); err != nil {
		return "", false, fault.New(fault.StoreFailed, "the largest value of %s cannot be read", c.name).At(s.target()).Because(err).
			Try("Choose another column.")
	}
	return string(batch.AppendText(nil, &col, 0)), true, nil
}

// ordered finds a column that has an order in which values only grow.
func (s *source) ordered(name string) (column, error) {
	i := schemaOf(s.columns).Index(name)
	if i < 0 {
		return column{}, fault.New(fault.NotFound, "there is no column %q", name).At(s.target()).Try("Correct the name of the watermark's column.")
	}
	c := s.columns[i]
	switch c.interim().Kind {
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Decimal, batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		return c, nil
	case batch.Binary:
		if c.typ == "rowversion" || c.typ == "timestamp" {
			return c, nil
		}
	}
	return column{}, fault.New(fault.Unsupported, "the column %q is of type %s, which does not only grow", c.name, c.native()).At(s.target()).
		Try("Choose a column of numbers, dates, times or a rowversion.")
}

// Between implements store.Watermarker.
func (s *source) Between(column, after, upto string) { s.mark = watermark{column, after, upto} }

func (w watermark) condition(columns []column) (string, error) {
	if w.column == "" {
		return "", nil
	}
	i := schemaOf(columns).Index(w.column)
	if i < 0 {
		return "", fault.New(fault.NotFound, "there is no column %q", w.column).Try("Correct the name of the watermark's column.")
	}
	text, err := between(columns[i], w.after, ">", w.upto, "<=")
	if err != nil {
		return "", fault.New(fault.BadInput, "the watermark's values do not fit the column %q", w.column).Because(err).Try("Reset the watermark.")
	}
	if w.after == "" {
		text = "(" + text + " OR " + quote(columns[i].name) + " IS NULL)"
	}
	return text, nil
}
