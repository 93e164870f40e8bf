package sqlserver

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// slice is a partition's spec: a range of a column's values, or a physical partition. Values are in the form of
// [batch.AppendText]; From is included, To is not.
type slice struct {
	Column string `json:"column,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Nulls  bool   `json:"nulls,omitempty"`

	Function string `json:"function,omitempty"` // the partition function, with Column its argument
	Number   int64  `json:"number,omitempty"`
}

func (s slice) spec() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of texts and numbers always marshals
	}
	return string(text)
}

func whole() []store.Partition { return []store.Partition{{ID: "all"}} }

// Partitions divides the source as its partitionOption says. Without one a table is divided by ranges of the first column
// of its clustered index or primary key, where that is a number, date or time, else it is one part.
//
// Each partition reads the table as it is when its turn comes; a row that does not change is read exactly once.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	switch {
	case s.part.Option == sqlstore.PhysicalPartitions:
		return s.physical(ctx)
	case n <= 1 && s.part.Option != sqlstore.DynamicRange:
		s.explain = "one part"
		return whole(), nil
	case s.part.Option == sqlstore.NoPartitions:
		s.explain = "one part: partitionOption is None"
		return whole(), nil
	case s.part.Option == sqlstore.DynamicRange:
		return s.ranges(ctx, n, s.part.Column)
	case s.table.IsZero():
		s.explain = "one part: a query is divided only by partitionOption DynamicRange"
		return whole(), nil
	}
	key, err := s.key(ctx)
	if err != nil {
		return nil, err
	}
	i := schemaOf(s.columns).Index(key)
	if key == "" || i < 0 || !dividing(s.columns[i]) {
		s.explain = "one part: the table has no clustered index or primary key of a number, date or time to divide by"
		return whole(), nil
	}
	return s.ranges(ctx, n, key)
}

// physical is one part for each partition of the table, or for those that are named by their numbers.
func (s *source) physical(ctx context.Context) ([]store.Partition, error) {
	rows, err := s.c.query(ctx, `SELECT f.name, c.name, p.partition_number, p.rows FROM sys.indexes i
		JOIN sys.partition_schemes ps ON ps.data_space_id = i.data_space_id JOIN sys.partition_functions f ON f.function_id = ps.function_id
		JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.partition_ordinal = 1
		JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
		JOIN sys.partitions p ON p.object_id = i.object_id AND p.index_id = i.index_id
		WHERE i.object_id = @p1 AND i.index_id IN (0, 1) ORDER BY p.partition_number`, s.object)
	if err != nil {
		return nil, explain(ctx, err, "look for the table's partitions", s.target())
	}
	if len(rows) == 0 && len(s.part.Names) == 0 {
		s.explain = "one part: the table is not partitioned"
		return whole(), nil
	}
	var parts []store.Partition
	for _, row := range rows {
		number := numberOf(row[2])
		if len(s.part.Names) > 0 && !slices.Contains(s.part.Names, strconv.FormatInt(number, 10)) {
			continue
		}
		cut := slice{Function: textOf(row[0]), Column: textOf(row[1]), Number: number}
		parts = append(parts, store.Partition{ID: fmt.Sprintf("part-%d", number), Spec: cut.spec(), Rows: numberOf(row[3])})
	}
	if len(parts) < len(s.part.Names) || len(parts) == 0 {
		return nil, fault.New(fault.NotFound, "not every one of partitionNames is a partition of the table").At(s.target()).
			Try("Give the numbers of partitions, as sys.partitions shows them.")
	}
	s.explain = fmt.Sprintf("%d physical partitions by %q", len(parts), textOf(rows[0][1]))
	return parts, nil
}

// ranges divides by the values of a column. The first range is open at its lower end and holds the NULLs, the last is
// open at its upper end: the bounds only say where to cut.
func (s *source) ranges(ctx context.Context, n int, name string) ([]store.Partition, error) {
	if name == "" {
		key, err := s.key(ctx)
		if err != nil {
			return nil, err
		}
		if name = key; name == "" {
			return nil, fault.New(fault.BadInput, "the table has no key to divide it by").At(s.target()).Try("Set partitionSettings.partitionColumnName.")
		}
	}
	i := schemaOf(s.columns).Index(name)
	if i < 0 {
		return nil, fault.New(fault.NotFound, "there is no column %q to divide by", name).At(s.target()).Try("Correct partitionSettings.partitionColumnName.")
	}
	c := s.columns[i]
	if !dividing(c) {
		return nil, fault.New(fault.Unsupported, "the column %q is of type %s and cannot divide the rows", c.name, c.native()).At(s.target()).
			Try("Choose a column of numbers, dates or times as partitionColumnName.")
	}
	low, high, ok, err := s.bounds(ctx, c)
	if err != nil {
		return nil, err
	}
	var cuts []int64
	if ok {
		cuts = divide(low, high, n)
	}
	if len(cuts) == 0 {
		s.explain = fmt.Sprintf("one part: the values of %q do not differ", c.name)
	} else {
		s.explain = fmt.Sprintf("%d ranges of %q from %s to %s", len(cuts)+1, c.name, valueText(c, low), valueText(c, high))
	}
	return rangeParts(c, cuts), nil
}

// rangeParts makes the partitions between the cuts.
func rangeParts(c column, cuts []int64) []store.Partition {
	parts := make([]store.Partition, len(cuts)+1)
	for i := range parts {
		cut := slice{Column: c.name, Nulls: i == 0 && len(cuts) > 0 && c.nullable}
		if i > 0 {
			cut.From = valueText(c, cuts[i-1])
		}
		if i < len(cuts) {
			cut.To = valueText(c, cuts[i])
		}
		parts[i] = store.Partition{ID: fmt.Sprintf("range-%d", i), Spec: cut.spec()}
	}
	return parts
}

// divide cuts low to high, both included, into n ranges of about the same width.
func divide(low, high int64, n int) []int64 {
	if low >= high {
		return nil
	}
	width := new(big.Int).Sub(big.NewInt(high), big.NewInt(low))
	width.Add(width, big.NewInt(1))
	var cuts []int64
	last := low
	for i := 1; i < n; i++ {
		v := new(big.Int).Mul(width, big.NewInt(int64(i)))
		v.Add(v.Quo(v, big.NewInt(int64(n))), big.NewInt(low))
		if at := v.Int64(); at > last {
			cuts = append(cuts, at)
			last = at
		}
	}
	return cuts
}

// bounds are the smallest and largest value, as given or as they are; ok is false where there are none.
func (s *source) bounds(ctx context.Context, c column) (low, high int64, ok bool, err error) {
	values := [2]int64{}
	given := [2]string{s.part.Lower, s.part.Upper}
	for i, text := range given {
		if text == "" {
			continue
		}
		if values[i], err = parseValue(c, text); err != nil {
			return 0, 0, false, fault.New(fault.BadInput, "the bound %q is no value of the column %q of type %s", text, c.name, c.native()).
				At(s.target()).Try("Correct partitionSettings.%s.", [2]string{"partitionLowerBound", "partitionUpperBound"}[i])
		}
	}
	if given[0] != "" && given[1] != "" {
		return values[0], values[1], true, nil
	}
	rows, err := s.c.query(ctx, fmt.Sprintf("SELECT MIN(%[1]s), MAX(%[1]s) FROM %[2]s", quote(c.name), s.from()), s.args...)
	if err != nil {
		return 0, 0, false, explain(ctx, err, "look for the bounds of "+c.name, s.target())
	}
	for i, text := range given {
		if text != "" {
			continue
		}
		v := batch.Column{Type: c.interim()}
		if len(rows) == 0 || rows[0][i] == nil {
			return 0, 0, false, nil // no rows, or NULLs only
		}
		if err := decoderOf(c)(&v, rows[0][i]); err != nil {
			return 0, 0, false, fault.New(fault.StoreFailed, "the bounds of %s cannot be read", c.name).At(s.target()).Because(err).
				Try("Set partitionLowerBound and partitionUpperBound.")
		}
		values[i] = v.Ints[0]
	}
	return values[0], values[1], true, nil
}

// from is what stands behind FROM to see all rows of the source, restricted by the watermark.
func (s *source) from() string {
	text := quoted(s.table)
	if s.table.IsZero() {
		text = "(" + bare(sqlstore.FillRange(s.query, "1 = 1")) + "\n) AS part"
	}
	if condition, err := s.mark.condition(s.columns); err == nil && condition != "" {
		text += " WHERE " + condition
	}
	return text
}

func valueText(c column, v int64) string {
	col := batch.Column{Type: c.interim()}
	col.AppendInt(v)
	return string(batch.AppendText(nil, &col, 0))
}

func parseValue(c column, text string) (int64, error) {
	col := batch.Column{Type: c.interim()}
	if err := batch.ParseText(&col, []byte(strings.TrimSpace(text))); err != nil {
		return 0, err
	}
	return col.Ints[0], nil
}

// condition is the SQL for a partition, together with the watermark's; "" means all rows.
func (s *source) condition(p store.Partition) (string, error) {
	bad := func(err error) error {
		return fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.target()).Because(err).Try("Run the copy again from the start.")
	}
	var list []string
	if p.Spec != "" {
		var cut slice
		if err := json.Unmarshal([]byte(p.Spec), &cut); err != nil {
			return "", bad(err)
		}
		text, err := s.cutCondition(cut)
		if err != nil {
			return "", bad(err)
		}
		list = append(list, text)
	}
	text, err := s.mark.condition(s.columns)
	if err != nil {
		return "", err
	}
	list = append(list, text)
	list = slices.DeleteFunc(list, func(text string) bool { return text == "" })
	return strings.Join(list, " AND "), nil
}

func (s *source) cutCondition(cut slice) (string, error) {
	if cut.Function != "" {
		return fmt.Sprintf("$PARTITION.%s(%s) = %d", quote(cut.Function), quote(cut.Column), cut.Number), nil
	}
	i := schemaOf(s.columns).Index(cut.Column)
	if i < 0 {
		return "", fmt.Errorf("there is no column %q", cut.Column)
	}
	text, err := between(s.columns[i], cut.From, ">=", cut.To, "<")
	if err != nil {
		return "", err
	}
	if cut.Nulls && text != "" {
		text = "(" + text + " OR " + quote(cut.Column) + " IS NULL)"
	}
	return text, nil
}

// between compares a column with values in the form of batch.AppendText; "" = no limit.
func between(c column, from, fromSign, to, toSign string) (string, error) {
	var list []string
	for _, side := range [2][2]string{{from, fromSign}, {to, toSign}} {
		if side[0] == "" {
			continue
		}
		value, err := valueLiteral(c, side[0])
		if err != nil {
			return "", err
		}
		list = append(list, quote(c.name)+" "+side[1]+" "+value)
	}
	return strings.Join(list, " AND "), nil
}

// valueLiteral is a value as SQL, of the column's own type, so that an index on it serves. Numbers stand as they are, all
// else is cast from a form that means the same in every language of the session.
func valueLiteral(c column, text string) (string, error) {
	t := c.interim()
	col := batch.Column{Type: t}
	if err := batch.ParseText(&col, []byte(text)); err != nil {
		return "", err
	}
	text = string(batch.AppendText(nil, &col, 0))
	switch t.Kind {
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Decimal:
		return text, nil
	case batch.Timestamp:
		text = strings.Replace(text, " ", "T", 1)
	case batch.TimestampTZ:
		col.Zones = nil // in UTC
		text = strings.Replace(string(batch.AppendText(nil, &col, 0)), " ", "T", 1) + ":00"
	case batch.Binary:
		return "0x" + strings.TrimPrefix(text, `\x`), nil
	}
	return "CAST(" + literal(text) + " AS " + c.native() + ")", nil
}
