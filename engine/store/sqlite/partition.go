package sqlite

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// Partitions cuts a table into ranges of its row ids, which stay with their rows. The first and last range are open, so
// that rows that come later are read as well. A query, a view or a table without row ids is one partition.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	whole := []store.Partition{{ID: "all"}}
	if s.table == "" || n <= 1 {
		return whole, nil
	}
	id, err := s.rowID(ctx)
	if err != nil || id == "" {
		return whole, err
	}
	low, high, rows, err := s.bounds(ctx, id)
	if err != nil || rows < 2 {
		return whole, err
	}
	cuts := cut(low, high, n)
	parts := make([]store.Partition, 0, len(cuts)+1)
	from := ""
	for i := range len(cuts) + 1 {
		to := ""
		if i < len(cuts) {
			to = strconv.FormatInt(cuts[i], 10)
		}
		parts = append(parts, store.Partition{
			ID: fmt.Sprintf("rowid-%d", i), Spec: id + ":" + from + ":" + to, Rows: rows / int64(len(cuts)+1),
		})
		from = to
	}
	return parts, nil
}

// rowID is the name under which the table's row ids can be asked for; "" where it has none.
func (s *source) rowID(ctx context.Context) (string, error) {
	all, err := s.c.describe(ctx, s.table, s.target())
	if err != nil {
		return "", err
	}
	table := false
	err = s.c.query(ctx, "SELECT 1 FROM pragma_table_list WHERE schema='main' AND lower(name)=lower(?) AND type='table' AND NOT wr",
		[]any{s.table}, func(*stmt) error { table = true; return nil })
	if err != nil || !table {
		return "", explain(err, "look at the table", s.target())
	}
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !named(all, name) {
			return name, nil
		}
	}
	return "", nil
}

func named(schema batch.Schema, name string) bool {
	for _, f := range schema {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

func (s *source) bounds(ctx context.Context, id string) (low, high, rows int64, err error) {
	table := sqlstore.Quote(s.table)
	text := fmt.Sprintf("SELECT (SELECT min(%[1]s) FROM %[2]s), (SELECT max(%[1]s) FROM %[2]s), (SELECT count(*) FROM %[2]s)", id, table)
	err = s.c.query(ctx, text, nil, func(q *stmt) error {
		low, high, rows = q.int(0), q.int(1), q.int(2)
		return nil
	})
	return low, high, rows, explain(err, "look at the table", s.target())
}

// cut gives at most n-1 numbers between low and high that divide them evenly, in order, without low itself.
func cut(low, high int64, n int) []int64 {
	l, width := big.NewInt(low), new(big.Int).Sub(big.NewInt(high), big.NewInt(low))
	width.Add(width, big.NewInt(1))
	cuts := make([]int64, 0, n)
	last := low
	for i := 1; i < n; i++ {
		v := new(big.Int).Mul(width, big.NewInt(int64(i)))
		v.Add(v.Quo(v, big.NewInt(int64(n))), l)
		if at := v.Int64(); at > last && at <= high {
			cuts = append(cuts, at)
			last = at
		}
	}
	return cuts
}

// parseRange turns a partition's spec "rowid:from:to" into a condition.
func parseRange(spec string) (string, error) {
	parts := strings.Split(spec, ":")
	if len(parts) != 3 || parts[0] != "rowid" && parts[0] != "_rowid_" && parts[0] != "oid" {
		return "", fmt.Errorf("it is no range of row ids")
	}
	var conditions []string
	for i, compare := range []string{">=", "<"} {
		text := parts[i+1]
		if text == "" {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, fmt.Sprintf("%s%s(%d)", parts[0], compare, v))
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), nil
}
