package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// Partitions divides the source as its partitionOption says. Without one a table is cut into ranges of its row ids, which
// stay with their rows, when more than one part is asked for. The first and last range are open, so that rows that come
// later are read as well.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	whole := []store.Partition{{ID: "all"}}
	switch {
	case s.part.Option == sqlstore.NoPartitions:
		s.explain = "one part, as partitionOption None asks"
		return whole, nil
	case n <= 1:
		s.explain = "one part"
		return whole, nil
	case s.part.Option == sqlstore.DynamicRange && s.part.Column != "":
		return s.ranges(ctx, n)
	case s.table == "":
		s.explain = "one part: a query is divided only by partitionOption DynamicRange"
		return whole, nil
	}
	id, err := s.rowID(ctx)
	if err != nil {
		return nil, err
	}
	if id == "" {
		s.explain = "one part: the table has no row ids to divide by"
		return whole, nil
	}
	low, high, rows, err := s.bounds(ctx, id, sqlstore.Quote(s.table)+s.where(""))
	if err != nil {
		return nil, err
	}
	if s.part.Lower != "" || s.part.Upper != "" {
		if low, high, err = s.given(low, high); err != nil {
			return nil, err
		}
	} else if rows < 2 {
		s.explain = "one part: there are fewer than two rows"
		return whole, nil
	}
	return s.between(id, low, high, rows, n, false), nil
}

// ranges divides by a column of integers. The first range holds the NULLs.
func (s *source) ranges(ctx context.Context, n int) ([]store.Partition, error) {
	i := s.schema.Index(s.part.Column)
	if i < 0 {
		return nil, fault.New(fault.NotFound, "there is no column %q to divide by", s.part.Column).At(s.target()).Try("Correct partitionSettings.partitionColumnName.")
	}
	f := s.schema[i]
	if f.Type.Kind != batch.Int64 {
		return nil, fault.New(fault.Unsupported, "the column %q is declared as %q and cannot divide the rows", f.Name, f.Native).At(s.target()).
			Try("Choose a column of integers as partitionSettings.partitionColumnName.")
	}
	from := sqlstore.Quote(s.table) + s.where("")
	if s.table == "" {
		from = "(" + bare(s.restricted("")) + "\n)"
	}
	low, high, rows, err := s.bounds(ctx, sqlstore.Quote(f.Name), from)
	if err != nil {
		return nil, err
	}
	if low, high, err = s.given(low, high); err != nil {
		return nil, err
	}
	return s.between(f.Name, low, high, rows, n, true), nil
}

// given puts the bounds that the job gives in the place of those that are.
func (s *source) given(low, high int64) (int64, int64, error) {
	for _, b := range []struct {
		name, text string
		to         *int64
	}{{"partitionLowerBound", s.part.Lower, &low}, {"partitionUpperBound", s.part.Upper, &high}} {
		if b.text == "" {
			continue
		}
		v, err := strconv.ParseInt(b.text, 10, 64)
		if err != nil {
			return 0, 0, fault.New(fault.BadInput, "the bound %q is no whole number", b.text).At(s.target()).Try("Correct partitionSettings.%s.", b.name)
		}
		*b.to = v
	}
	return low, high, nil
}

// between makes the parts of a column's or the row ids' values.
func (s *source) between(column string, low, high, rows int64, n int, named bool) []store.Partition {
	cuts := cut(low, high, n)
	s.explain = fmt.Sprintf("%d ranges of %s from %d to %d", len(cuts)+1, column, low, high)
	parts := make([]store.Partition, 0, len(cuts)+1)
	var from *int64
	for i := range len(cuts) + 1 {
		var to *int64
		if i < len(cuts) {
			to = &cuts[i]
		}
		p := store.Partition{ID: fmt.Sprintf("rowid-%d", i), Spec: column + ":" + bound(from) + ":" + bound(to), Rows: rows / int64(len(cuts)+1)}
		if named {
			text, err := json.Marshal(columnRange{column, from, to, i == 0})
			if err != nil {
				panic(err) // a struct of texts and numbers always marshals
			}
			p.ID, p.Spec = fmt.Sprintf("range-%d", i), string(text)
		}
		parts = append(parts, p)
		from = to
	}
	return parts
}

func bound(v *int64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatInt(*v, 10)
}

// columnRange is a partition by a column's values: From is included, To is not.
type columnRange struct {
	Column string `json:"column"`
	From   *int64 `json:"from,omitempty"`
	To     *int64 `json:"to,omitempty"`
	Nulls  bool   `json:"nulls,omitempty"`
}

// parsePart turns a partition's spec into a condition, "" for all rows.
func parsePart(spec string) (string, error) {
	if !strings.HasPrefix(spec, "{") {
		return parseRange(spec)
	}
	var r columnRange
	if err := json.Unmarshal([]byte(spec), &r); err != nil {
		return "", err
	}
	if r.Column == "" {
		return "", errors.New("it names no column")
	}
	name := sqlstore.Quote(r.Column)
	var list []string
	if r.From != nil {
		list = append(list, fmt.Sprintf("%s >= %d", name, *r.From))
	}
	if r.To != nil {
		list = append(list, fmt.Sprintf("%s < %d", name, *r.To))
	}
	text := strings.Join(list, " AND ")
	if r.Nulls && text != "" {
		text = "(" + text + " OR " + name + " IS NULL)"
	}
	return text, nil
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

// bounds are the smallest and largest value, and how many rows there are.
func (s *source) bounds(ctx context.Context, id, from string) (low, high, rows int64, err error) {
	text := fmt.Sprintf("SELECT (SELECT min(%[1]s) FROM %[2]s), (SELECT max(%[1]s) FROM %[2]s), (SELECT count(*) FROM %[2]s)", id, from)
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
	return strings.Join(conditions, " AND "), nil
}
