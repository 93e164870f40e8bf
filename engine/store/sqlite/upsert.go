package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/store/sqlstore"
)

// missing counts the staged rows, the last of each key, that the table does not hold as they are.
func (w *writer) missing(ctx context.Context) (n int64, err error) {
	k := w.sink
	var keys, on, equal []string
	for i, f := range k.fields {
		column, staged := "held."+sqlstore.Quote(f.Name), fmt.Sprintf("s.c%d", i)
		if slices.Contains(k.keys, f.Name) {
			keys, on = append(keys, column), append(on, column+" = "+staged)
		}
		equal = append(equal, column+" IS "+staged)
	}
	err = w.c.query(ctx, "SELECT count(*) FROM (SELECT "+keys[0]+" IS NULL AS gone, "+strings.Join(equal, " AND ")+" AS same, row_number() OVER (PARTITION BY "+
		strings.Join(keys, ", ")+" ORDER BY s.n DESC) AS place FROM temp.stage AS s LEFT JOIN main."+sqlstore.Quote(k.table)+" AS held ON "+strings.Join(on, " AND ")+
		") WHERE gone OR place = 1 AND NOT same", nil, func(s *stmt) error { n = s.int(0); return nil })
	return n, err
}

// holds reports whether the table has the row as it is.
func (w *writer) holds(ctx context.Context, b *batch.Batch, row int) (bool, error) {
	if w.present == nil {
		k := w.sink
		equal := make([]string, len(k.fields))
		for i, f := range k.fields {
			equal[i] = sqlstore.Quote(f.Name) + " IS ?"
		}
		var err error
		if w.present, _, err = w.c.prepare("SELECT 1 FROM main." + sqlstore.Quote(k.table) + " WHERE " + strings.Join(equal, " AND ")); err != nil {
			return false, err
		}
	}
	found, err := w.putInto(ctx, w.present, b, row)
	w.present.reset()
	return found, err
}
