package mysql

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// slice is a partition's spec: a range of a column's values, or one of the table's own partitions. Values are in the
// form of [batch.AppendText]; From is included, To is not.
type slice struct {
	Column string `json:"column,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Nulls  bool   `json:"nulls,omitempty"`

	Partition string `json:"partition,omitempty"`
}

func (s slice) spec() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of texts always marshals
	}
	return string(text)
}

// parsePart turns a partition into a condition, "" for all rows, or the name of one of the table's partitions.
func parsePart(p store.Partition) (condition, partition string, err error) {
	if p.Spec == "" {
		return "", "", nil
	}
	var s slice
	if err := json.Unmarshal([]byte(p.Spec), &s); err != nil {
		return "", "", err
	}
	if s.Partition != "" {
		return "", s.Partition, nil
	}
	if s.Column == "" {
		return "", "", fmt.Errorf("it is no part of a table")
	}
	return s.condition(), "", nil
}

func (s slice) condition() string {
	column := quote(s.Column)
	var list []string
	if s.From != "" {
		list = append(list, column+" >= "+value(s.From))
	}
	if s.To != "" {
		list = append(list, column+" < "+value(s.To))
	}
	text := strings.Join(list, " AND ")
	if s.Nulls && text != "" {
		text = "(" + text + " OR " + column + " IS NULL)"
	}
	return text
}

// value is a number as it is, or a date in quotes; neither holds a quote or backslash.
func value(text string) string {
	if _, ok := new(big.Int).SetString(text, 10); ok {
		return text
	}
	return literal(text)
}

// Partitions divides the source as its partitionOption says. Without one a table is divided by ranges of the integer
// column that its primary key, or else another index, begins with.
//
// Each partition is read in a snapshot of its own. A row that does not change meanwhile is read exactly once.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	whole := []store.Partition{{ID: "all"}}
	switch {
	case s.part.Option == sqlstore.PhysicalPartitions:
		return s.physical(ctx)
	case s.part.Option == sqlstore.NoPartitions:
		s.explain = "one part, as partitionOption None asks"
		return whole, nil
	case n <= 1:
		s.explain = "one part"
		return whole, nil
	case s.part.Option == sqlstore.DynamicRange:
		return s.ranges(ctx, n, s.part.Column)
	case s.table.IsZero():
		s.explain = "one part: a query is divided only by partitionOption DynamicRange"
		return whole, nil
	}
	key, err := s.integerKey(ctx)
	if err != nil {
		return nil, err
	}
	if key == "" {
		s.explain = "one part: no index of the table begins with an integer column to divide by"
		return whole, nil
	}
	return s.ranges(ctx, n, key)
}

// divides reports whether ranges of values of the type are known here.
func divides(t batch.Type, integers bool) bool {
	switch t.Kind {
	case batch.Int16, batch.Int32, batch.Int64:
		return true
	case batch.Decimal:
		return t.Scale == 0 && t.Precision == 20 // bigint unsigned
	case batch.Date, batch.Timestamp:
		return !integers
	}
	return false
}

// integerKey is the integer column that an index begins with, of the primary key before others, or "".
func (s *source) integerKey(ctx context.Context) (string, error) {
	names, err := s.indexed(ctx, "")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if i := s.schema.Index(name); i >= 0 && divides(s.schema[i].Type, true) {
			return s.schema[i].Name, nil
		}
	}
	return "", nil
}

// primaryKey is the table's primary key where that is one column, else "".
func (s *source) primaryKey(ctx context.Context) (string, error) {
	names, err := s.indexed(ctx, " AND INDEX_NAME='PRIMARY'")
	if err != nil || len(names) != 1 {
		return "", err
	}
	return names[0], nil
}

// indexed are the first columns of the table's indexes, that of the primary key first; with a condition, all columns.
func (s *source) indexed(ctx context.Context, condition string) ([]string, error) {
	if s.table.IsZero() {
		return nil, nil
	}
	if condition == "" {
		condition = " AND SEQ_IN_INDEX=1"
	}
	rows, err := s.c.query(ctx, "SELECT COALESCE(COLUMN_NAME, '') FROM information_schema.STATISTICS WHERE TABLE_SCHEMA="+literal(s.table.Schema)+
		" AND TABLE_NAME="+literal(s.table.Name)+condition+" ORDER BY INDEX_NAME<>'PRIMARY', NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX")
	if err != nil {
		return nil, explain(ctx, err, "look for indexes", s.target())
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0].text
	}
	return names, nil
}

// physical is one part for each partition of a partitioned table.
func (s *source) physical(ctx context.Context) ([]store.Partition, error) {
	rows, err := s.c.query(ctx, "SELECT DISTINCT PARTITION_NAME FROM information_schema.PARTITIONS WHERE PARTITION_NAME IS NOT NULL AND TABLE_SCHEMA="+
		literal(s.table.Schema)+" AND TABLE_NAME="+literal(s.table.Name)+" ORDER BY 1")
	if err != nil {
		return nil, explain(ctx, err, "look for the table's partitions", s.target())
	}
	wanted := map[string]bool{}
	for _, name := range s.part.Names {
		wanted[strings.ToLower(name)] = true
	}
	var parts []store.Partition
	for _, row := range rows {
		if len(wanted) == 0 || wanted[strings.ToLower(row[0].text)] {
			parts = append(parts, store.Partition{ID: fmt.Sprintf("part-%d", len(parts)), Spec: slice{Partition: row[0].text}.spec()})
		}
	}
	if len(parts) < len(wanted) {
		return nil, fault.New(fault.NotFound, "not every one of partitionNames is a partition of the table").At(s.target()).Try("Correct the names.")
	}
	if len(parts) == 0 {
		s.explain = "one part: the table has no partitions of its own"
		return []store.Partition{{ID: "all"}}, nil
	}
	s.explain = fmt.Sprintf("%d partitions of the table", len(parts))
	return parts, nil
}

// ranges divides by the values of a column of integers, dates or times. The first range is open at its lower end and
// holds the NULLs, the last is open at its upper end: the bounds only say where to cut.
func (s *source) ranges(ctx context.Context, n int, name string) ([]store.Partition, error) {
	if name == "" {
		key, err := s.primaryKey(ctx)
		if err != nil {
			return nil, err
		}
		if key == "" {
			return nil, fault.New(fault.BadInput, "the table has no primary key of one column to divide it by").At(s.target()).
				Try("Set partitionSettings.partitionColumnName.")
		}
		name = key
	}
	f, err := s.ordered(name, "divide the rows", "partitionSettings.partitionColumnName")
	if err != nil {
		return nil, err
	}
	low, high, err := s.bounds(ctx, f)
	if err != nil {
		return nil, err
	}
	cuts := evenly(low, high, n)
	s.explain = fmt.Sprintf("%d ranges of the column %q", len(cuts)+1, f.Name)
	if low != nil {
		s.explain += fmt.Sprintf(" from %s to %s", valueText(f.Type, low), valueText(f.Type, high))
	}
	parts := make([]store.Partition, len(cuts)+1)
	for i := range parts {
		cut := slice{Column: f.Name, Nulls: i == 0 && f.Nullable}
		if i > 0 {
			cut.From = valueText(f.Type, cuts[i-1])
		}
		if i < len(cuts) {
			cut.To = valueText(f.Type, cuts[i])
		}
		parts[i] = store.Partition{ID: fmt.Sprintf("range-%d", i), Spec: cut.spec()}
	}
	return parts, nil
}

// ordered finds a column whose values can be cut into ranges.
func (s *source) ordered(name, what, property string) (batch.Field, error) {
	i := s.schema.Index(name)
	if i < 0 {
		return batch.Field{}, fault.New(fault.NotFound, "there is no column %q to %s by", name, what).At(s.target()).Try("Correct %s.", property)
	}
	f := s.schema[i]
	if !divides(f.Type, false) {
		return f, fault.New(fault.Unsupported, "the column %q is of type %s and cannot %s", f.Name, f.Native, what).At(s.target()).
			Try("Choose a column of integers, dates or times as %s.", property)
	}
	return f, nil
}

// evenly gives the values that divide low to high into n parts; fewer where there are not so many values.
func evenly(low, high *big.Int, n int) []*big.Int {
	if low == nil || low.Cmp(high) >= 0 {
		return nil
	}
	width := new(big.Int).Sub(high, low)
	width.Add(width, big.NewInt(1))
	var cuts []*big.Int
	last := low
	for i := 1; i < n; i++ {
		v := new(big.Int).Mul(width, big.NewInt(int64(i)))
		v.Add(v.Quo(v, big.NewInt(int64(n))), low)
		if v.Cmp(last) > 0 {
			cuts = append(cuts, v)
			last = v
		}
	}
	return cuts
}

// valueText is a value of the type as text.
func valueText(t batch.Type, v *big.Int) string {
	if t.Kind == batch.Decimal || !v.IsInt64() {
		return v.String()
	}
	c := batch.Column{Type: t}
	c.AppendInt(v.Int64())
	return string(batch.AppendText(nil, &c, 0))
}

// parseValue reads a value of the type, as it is counted: the number, the day, the seconds or parts of them.
func parseValue(t batch.Type, text string) (*big.Int, error) {
	c := batch.Column{Type: t}
	if err := batch.ParseText(&c, []byte(text)); err != nil {
		return nil, err
	}
	if t.Kind == batch.Decimal {
		return c.Wide[0].Big(), nil
	}
	return big.NewInt(c.Ints[0]), nil
}

// bounds are the smallest and largest value, as given or as they are; nil where there is no value.
func (s *source) bounds(ctx context.Context, f batch.Field) (low, high *big.Int, err error) {
	lower, upper := s.part.Lower, s.part.Upper
	if lower == "" || upper == "" {
		column := quote(f.Name)
		rows, err := s.c.query(ctx, fmt.Sprintf("SELECT CAST(min(%[1]s) AS CHAR), CAST(max(%[1]s) AS CHAR) FROM %[2]s", column, s.relation()))
		if err != nil {
			return nil, nil, explain(ctx, err, "look for the bounds of "+f.Name, s.target())
		}
		if len(rows) != 1 || rows[0][0].null {
			return nil, nil, nil // no rows, or NULLs only
		}
		if lower == "" {
			lower = firstDate(rows[0][0].text)
		}
		if upper == "" {
			upper = firstDate(rows[0][1].text)
		}
	}
	for _, b := range []struct {
		name, text string
		to         **big.Int
	}{{"partitionLowerBound", lower, &low}, {"partitionUpperBound", upper, &high}} {
		if *b.to, err = parseValue(f.Type, b.text); err != nil {
			return nil, nil, fault.New(fault.BadInput, "the bound %q is no value of the column %q of type %s", b.text, f.Name, f.Native).
				At(s.target()).Try("Correct partitionSettings.%s.", b.name)
		}
	}
	return low, high, nil
}

// firstDate replaces the zero date, which only says where to cut, by the first day.
func firstDate(text string) string {
	if strings.HasPrefix(text, "0000-00-00") {
		return "0001-01-01" + text[len("0000-00-00"):]
	}
	return text
}

// relation is what to select from, with the rows that Between left.
func (s *source) relation() string {
	from := quoted(s.table)
	if s.table.IsZero() {
		from = "(" + bare(sqlstore.FillRange(s.query, "1 = 1")) + "\n) AS part"
	}
	if s.window != "" {
		from += " WHERE " + s.window
	}
	return from
}
