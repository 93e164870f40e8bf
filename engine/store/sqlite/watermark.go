package sqlite

import (
	"context"
	"fmt"
	"strings"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

var _ store.Watermarker = (*source)(nil)

// comparable is an expression whose values are in the order of the column's. Dates are brought to one form of text,
// whichever of its three ways SQLite keeps them in: without T, Z and zeros at the end of the fraction.
func comparable(f batch.Field) (string, bool) {
	name := sqlstore.Quote(f.Name)
	switch f.Type.Kind {
	case batch.Int64, batch.Int32, batch.Int16, batch.Byte, batch.Double, batch.Single:
		return name, true
	case batch.Decimal: // text of numbers has another order
		return name, affinityOf(f.Native) == asNumeric
	case batch.Date:
		return fmt.Sprintf("CASE typeof(%[1]s) WHEN 'integer' THEN date(%[1]s, 'unixepoch') WHEN 'real' THEN date(%[1]s) ELSE substr(%[1]s, 1, 10) END", name), true
	case batch.Timestamp:
		text := fmt.Sprintf("CASE typeof(%[1]s) WHEN 'integer' THEN datetime(%[1]s, 'unixepoch') WHEN 'real' THEN strftime('%%Y-%%m-%%d %%H:%%M:%%f', %[1]s) ELSE rtrim(replace(%[1]s, 'T', ' '), 'Z') END", name)
		return fmt.Sprintf("CASE WHEN instr(%[1]s, '.') THEN rtrim(rtrim(%[1]s, '0'), '.') ELSE %[1]s END", text), true
	}
	return "", false
}

// Highest implements store.Watermarker.
func (s *source) Highest(ctx context.Context, column string) (value string, ok bool, err error) {
	i := s.schema.Index(column)
	if i < 0 {
		return "", false, fault.New(fault.NotFound, "there is no column %q to tell new rows by", column).At(s.target()).Try("Correct watermark.column.")
	}
	f := s.schema[i]
	expression, ordered := comparable(f)
	if !ordered {
		return "", false, fault.New(fault.Unsupported, "the column %q is declared as %q, which does not tell new rows", f.Name, f.Native).At(s.target()).
			Try("Choose a column of numbers, dates or times as watermark.column.")
	}
	from := sqlstore.Quote(s.table)
	if s.table == "" {
		from = "(" + bare(s.query) + "\n)"
	}
	c := batch.Column{Type: f.Type}
	read := decoderOf(f.Type)
	err = patiently(ctx, 0, func() error {
		c.Reset()
		return s.c.query(ctx, "SELECT max("+expression+") FROM "+from+s.where(""), nil, func(q *stmt) error {
			if ok = q.class(0) != lib.SQLITE_NULL; !ok {
				return nil
			}
			return read(&c, q, 0)
		})
	})
	if err != nil || !ok {
		return "", false, explain(err, "look for the highest value of "+f.Name, s.target())
	}
	return string(batch.AppendText(nil, &c, 0)), true, nil
}

// Between implements store.Watermarker.
func (s *source) Between(column, after, upto string) {
	f := batch.Field{Name: column} // SQLite says then that there is no such column
	if i := s.schema.Index(column); i >= 0 {
		f = s.schema[i]
	}
	expression, ok := comparable(f)
	if !ok {
		expression = sqlstore.Quote(f.Name)
	}
	s.window = expression + " <= " + literal(f.Type, upto)
	if after == "" {
		s.window += " OR " + sqlstore.Quote(f.Name) + " IS NULL"
		return
	}
	s.window += " AND " + expression + " > " + literal(f.Type, after)
}

// literal is a value as SQL: a number as one, since SQLite puts every number before every text, anything else in quotes.
func literal(t batch.Type, text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	switch t.Kind {
	case batch.Date, batch.Timestamp:
		return quoted
	}
	if text != "" && strings.Trim(text, "0123456789.-+e") == "" {
		return text
	}
	return "CAST(" + quoted + " AS NUMERIC)"
}

// where joins a condition with what Between asked for.
func (s *source) where(condition string) string {
	switch {
	case condition == "" && s.window == "":
		return ""
	case condition == "":
		return " WHERE " + s.window
	case s.window == "":
		return " WHERE " + condition
	}
	return " WHERE " + condition + " AND (" + s.window + ")"
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }
