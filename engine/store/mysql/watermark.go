package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// Highest implements store.Watermarker.
func (s *source) Highest(ctx context.Context, column string) (string, bool, error) {
	i := s.schema.Index(column)
	if i < 0 {
		return "", false, fault.New(fault.NotFound, "there is no column %q to tell new rows by", column).At(s.target()).Try("Correct watermark.column.")
	}
	f := s.schema[i]
	switch f.Type.Kind {
	case batch.Int16, batch.Int32, batch.Int64, batch.Decimal, batch.Date, batch.Timestamp:
	default:
		return "", false, fault.New(fault.Unsupported, "the column %q is of type %s, which does not tell new rows", f.Name, f.Native).At(s.target()).
			Try("Choose a column of numbers, dates or times as watermark.column.")
	}
	rows, err := s.c.query(ctx, fmt.Sprintf("SELECT CAST(max(%s) AS CHAR) FROM %s", quote(f.Name), s.relation()))
	if err != nil {
		return "", false, explain(ctx, err, "look for the highest value of "+f.Name, s.target())
	}
	if len(rows) != 1 || rows[0][0].null || strings.HasPrefix(rows[0][0].text, "0000-00-00") {
		return "", false, nil
	}
	c := batch.Column{Type: f.Type}
	if err := batch.ParseText(&c, []byte(rows[0][0].text)); err != nil {
		return "", false, fault.As(err).At(s.target())
	}
	return string(batch.AppendText(nil, &c, 0)), true, nil
}

// Between implements store.Watermarker.
func (s *source) Between(column, after, upto string) {
	if i := s.schema.Index(column); i >= 0 {
		column = s.schema[i].Name
	}
	s.window = quote(column) + " <= " + exact(upto)
	if after == "" {
		s.window = "(" + s.window + " OR " + quote(column) + " IS NULL)"
		return
	}
	s.window += " AND " + quote(column) + " > " + exact(after)
}

// exact is a number as it is, or anything else as a text.
func exact(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "0123456789.-") == "" {
		return text
	}
	return literal(text)
}
