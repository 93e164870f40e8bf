package oracle

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/sqlstore"
)

// watermark restricts a source to the rows of one interval of a column.
type watermark struct {
	column      string
	kind        valueKind
	after, upto string
}

func (w watermark) condition() string {
	if w.column == "" {
		return ""
	}
	column := sqlstore.Quote(w.column)
	upto := column + " <= " + w.kind.literal(w.upto)
	if w.after == "" {
		return "(" + upto + " OR " + column + " IS NULL)"
	}
	return column + " > " + w.kind.literal(w.after) + " AND " + upto
}

// Highest implements store.Watermarker.
func (s *source) Highest(ctx context.Context, name string) (value string, ok bool, err error) {
	c, err := s.ordered(name)
	if err != nil {
		return "", false, err
	}
	from := s.object.Quoted()
	if s.table.IsZero() {
		from = "(\n" + bare(s.part.rewrite(s.query, slice{Column: s.part.Column})) + "\n) Q"
	}
	_, most, err := s.extremes(ctx, c, from)
	if err != nil {
		return "", false, explain(ctx, err, "look for the highest value of "+c.name, s.target())
	}
	if most.null {
		return "", false, nil
	}
	v := batch.Column{Type: c.typ()}
	if err := batch.ParseText(&v, []byte(most.text)); err != nil {
		return "", false, fault.New(fault.Conversion, "the highest value of the column %q cannot be kept", c.name).At(s.target()).Because(err).
			Try("Choose another column for the watermark.")
	}
	return string(batch.AppendText(nil, &v, 0)), true, nil
}

// ordered finds a column that only grows in an order that SQL and this program agree on.
func (s *source) ordered(name string) (column, error) {
	k := schemaOf(s.all).Index(name)
	if k < 0 {
		return column{}, fault.New(fault.NotFound, "there is no column %q for the watermark", name).At(s.target()).Try("Correct the watermark's column.")
	}
	c := s.all[k]
	if kind := c.kindOf(); kind == "" || kind == aText {
		return column{}, fault.New(fault.Unsupported, "the column %q is of type %s and cannot be a watermark", c.name, c.native()).At(s.target()).
			Try("Choose a column of numbers, dates or timestamps.")
	}
	return c, nil
}

// Between implements store.Watermarker.
func (s *source) Between(name, after, upto string) {
	s.since = watermark{column: name, kind: aText, after: after, upto: upto}
	if c, err := s.ordered(name); err == nil { // else the server says that there is no such column
		s.since.column, s.since.kind = c.name, c.kindOf()
	}
}
