package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// Partitions divides the source as its partitionOption says. Without one a table is divided by ranges of its primary
// key, where that is a single integer column, else by its physical partitions, else by ranges of its blocks.
//
// The partitions of one attempt see one state of the database. After a restart the rest of them see a later one: with
// ranges of keys or physical partitions a row that did not change is still copied exactly once; with ranges of blocks
// that holds for rows that were not updated meanwhile, because an update moves a row.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	switch {
	case s.part.Option == sqlstore.PhysicalPartitions:
		return s.physical(ctx)
	case n <= 1:
		return s.one("one part: no more were asked for")
	case s.part.Option == sqlstore.NoPartitions:
		return s.one("one part: partitionOption is None")
	case s.part.Option == sqlstore.DynamicRange:
		return s.dynamic(ctx, n)
	case s.table.IsZero():
		return s.one("one part: a query is divided only by partitionOption DynamicRange")
	}
	key, integer, err := s.primaryKey(ctx)
	if err != nil {
		return nil, err
	}
	if integer {
		return s.ranges(ctx, n, key)
	}
	parted, err := s.isParted(ctx)
	if err != nil {
		return nil, err
	}
	if parted {
		return s.physical(ctx)
	}
	return s.blocks(ctx, n)
}

// one is the plan with a single part, and why.
func (s *source) one(why string) ([]store.Partition, error) {
	s.explained = why
	return []store.Partition{{ID: "all"}}, nil
}

// Explain implements store.Explainer.
func (s *source) Explain() string { return s.explained }

// Divided implements store.Divided.
func (s *source) Divided() bool { return s.part.Divided() }

// leaves are the tables that a relation's rows are in, for a condition: its partitions, or itself.
const leaves = "SELECT $1::regclass UNION ALL SELECT relid FROM pg_partition_tree($1::regclass)"

// partSize is how many bytes of a table are worth a connection of their own.
const partSize = 16 << 20

// Advise implements store.Adviser: it divides large tables by themselves where the parts mean the same rows also after
// a restart, which those by blocks do not.
func (s *source) Advise(ctx context.Context, most int) (int, error) {
	if s.part.Option != "" || s.table.IsZero() || s.mark.column != "" {
		return 1, nil
	}
	rows, err := s.pool.query(ctx, `SELECT coalesce(sum(pg_relation_size(c.oid)), 0)::bigint, count(*) FROM pg_class c WHERE c.relkind='r' AND c.oid IN (`+leaves+`)`, s.table.Quoted())
	if err != nil {
		return 0, explain(ctx, err, "look at the table's size", s.target())
	}
	size, _ := strconv.ParseInt(rows[0][0].text, 10, 64)
	tables, _ := strconv.ParseInt(rows[0][1].text, 10, 64)
	n := int(min(int64(most), size/partSize))
	if n < 2 {
		return 1, nil
	}
	if _, integer, err := s.primaryKey(ctx); err != nil || integer {
		return n, err
	}
	if tables > 1 {
		return int(min(int64(n), tables)), nil
	}
	return 1, nil
}

func (s *source) isParted(ctx context.Context) (bool, error) {
	rows, err := s.pool.query(ctx, "SELECT relkind='p' FROM pg_class WHERE oid=$1::regclass", s.table.Quoted())
	if err != nil {
		return false, explain(ctx, err, "look for the table's partitions", s.target())
	}
	return rows[0][0].text == "t", nil
}

// primaryKey is the table's primary key where that is one column, and whether it holds integers.
func (s *source) primaryKey(ctx context.Context) (name string, integer bool, err error) {
	rows, err := s.pool.query(ctx, `SELECT a.attname, a.atttypid IN (20, 21, 23) FROM pg_index i JOIN pg_attribute a ON a.attrelid=i.indrelid AND a.attnum=i.indkey[0]
		WHERE i.indrelid=$1::regclass AND i.indisprimary AND i.indnkeyatts=1`, s.table.Quoted())
	if err != nil {
		return "", false, explain(ctx, err, "look for the primary key", s.target())
	}
	if len(rows) == 0 {
		return "", false, nil
	}
	return rows[0][0].text, rows[0][1].text == "t", nil
}

// physical is one partition for each leaf of a partitioned table.
func (s *source) physical(ctx context.Context) ([]store.Partition, error) {
	var parts []store.Partition
	add := func(schema, table string, rows int64) {
		p := store.Partition{ID: fmt.Sprintf("part-%d", len(parts)), Spec: slice{Schema: schema, Table: table}.spec(), Rows: rows}
		parts = append(parts, p)
	}
	if s.table.IsZero() {
		for _, name := range s.part.Names {
			t, err := split(name)
			if err != nil {
				return nil, err
			}
			add(t.Schema, t.Name, 0)
		}
		s.explained = fmt.Sprintf("%d physical partitions that the job names", len(parts))
		return parts, nil
	}
	rows, err := s.pool.query(ctx, `SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint FROM pg_partition_tree($1::regclass) p
		JOIN pg_class c ON c.oid=p.relid JOIN pg_namespace n ON n.oid=c.relnamespace WHERE p.isleaf ORDER BY 1, 2`, s.table.Quoted())
	if err != nil {
		return nil, explain(ctx, err, "look for the table's partitions", s.target())
	}
	wanted := map[string]bool{}
	for _, name := range s.part.Names {
		t, err := split(name)
		if err != nil {
			return nil, err
		}
		wanted[t.Name] = true
	}
	for _, row := range rows {
		if len(wanted) == 0 || wanted[row[1].text] {
			count, _ := strconv.ParseInt(row[2].text, 10, 64)
			add(row[0].text, row[1].text, count)
		}
	}
	if len(parts) < len(wanted) {
		return nil, fault.New(fault.NotFound, "not every one of partitionNames is a partition of the table").At(s.target()).
			Try("Correct the names; they are case-sensitive.")
	}
	if len(parts) == 0 {
		return s.one("one part: the table has no physical partitions")
	}
	s.explained = fmt.Sprintf("%d physical partitions of the table", len(parts))
	return parts, nil
}

func split(name string) (sqlstore.Table, error) {
	words, err := sqlstore.SplitName(name)
	if err != nil || len(words) > 2 {
		return sqlstore.Table{}, fault.New(fault.BadInput, "%q is no name of a partition", name).Try("Give schema.table or table.")
	}
	t := sqlstore.Table{Name: words[len(words)-1]}
	if len(words) == 2 {
		t.Schema = words[0]
	}
	return t, nil
}

// blocks divides a table by where its rows are stored.
func (s *source) blocks(ctx context.Context, n int) ([]store.Partition, error) {
	rows, err := s.pool.query(ctx, `SELECT pg_relation_size(c.oid)/current_setting('block_size')::int, greatest(c.reltuples, 0)::bigint,
		c.relkind='r' AND current_setting('server_version_num')::int>=140000 AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent=c.oid)
		FROM pg_class c WHERE c.oid=$1::regclass`, s.table.Quoted())
	if err != nil {
		return nil, explain(ctx, err, "look at the table's size", s.target())
	}
	total, _ := strconv.ParseInt(rows[0][0].text, 10, 64)
	count, _ := strconv.ParseInt(rows[0][1].text, 10, 64)
	if rows[0][2].text != "t" {
		return s.one("one part: neither a key of one integer column nor the kind of table gives a way to divide it")
	}
	if total < 2 {
		return s.one("one part: the table is small")
	}
	n = int(min(int64(n), total))
	parts := make([]store.Partition, n)
	for i := range parts {
		cut := slice{Blocks: true, FromBlock: total * int64(i) / int64(n), ToBlock: total * int64(i+1) / int64(n)}
		if i == n-1 {
			cut.ToBlock = 0
		}
		parts[i] = store.Partition{ID: fmt.Sprintf("blocks-%d", i), Spec: cut.spec(), Rows: count / int64(n)}
	}
	s.explained = fmt.Sprintf("%d ranges of the table's %d blocks: it has no key of one integer column", n, total)
	return parts, nil
}

// dynamic follows partitionOption DynamicRange: ranges of the named column or of the primary key, or shares by hash where
// the column's type has no even ranges.
func (s *source) dynamic(ctx context.Context, n int) ([]store.Partition, error) {
	name := s.part.Column
	if name == "" {
		key, _, err := s.primaryKey(ctx)
		if err != nil {
			return nil, err
		}
		if key == "" {
			return nil, fault.New(fault.BadInput, "the table has no primary key of one column to divide it by").At(s.target()).
				Try("Set partitionSettings.partitionColumnName.")
		}
		name = key
	}
	i := s.schema.Index(name)
	if i < 0 {
		return nil, fault.New(fault.NotFound, "there is no column %q to divide by", name).At(s.target()).Try("Correct partitionSettings.partitionColumnName.")
	}
	f := s.schema[i]
	switch {
	case hasRanges(f.Type) && (!s.part.exact || f.Type.Kind != batch.Decimal):
		return s.ranges(ctx, n, f.Name)
	case s.part.exact || s.part.Lower != "" || s.part.Upper != "":
		return nil, fault.New(fault.Unsupported, "the column %q is of type %s, which has no bounds to divide at", f.Name, f.Native).At(s.target()).
			Try("Choose a column of integers, dates or timestamps as partitionColumnName, or leave the bounds out: the rows are divided by hash then.")
	}
	parts := make([]store.Partition, n)
	for i := range parts {
		parts[i] = store.Partition{ID: fmt.Sprintf("hash-%d", i), Spec: slice{Column: f.Name, Share: i, Of: n}.spec()}
	}
	s.explained = fmt.Sprintf("%d shares of %q by hash; each of them reads the whole table on the server", n, f.Name)
	return parts, nil
}

// hasRanges reports whether values of the type lie on a line that can be cut evenly.
func hasRanges(t batch.Type) bool {
	switch t.Kind {
	case batch.Int16, batch.Int32, batch.Int64, batch.Decimal, batch.Date, batch.Timestamp, batch.TimestampTZ:
		return true
	}
	return false
}

// ranges divides by the values of a column. The first range is open at its lower end and holds the NULLs, the last is
// open at its upper end: the bounds only say where to cut.
func (s *source) ranges(ctx context.Context, n int, name string) ([]store.Partition, error) {
	f := s.schema[max(0, s.schema.Index(name))]
	if f.Name != name { // the key is not among the columns of the dataset's structure
		return s.blocks(ctx, n)
	}
	cuts, err := s.cuts(ctx, f, n)
	if err != nil {
		return nil, err
	}
	if len(cuts) == 0 {
		return s.one(fmt.Sprintf("one part: %q has too few different values", f.Name))
	}
	s.explained = fmt.Sprintf("%d ranges of %q, cut at %s", len(cuts)+1, f.Name, cutText(f.Type, cuts))
	return s.estimated(ctx, rangeParts(f, cuts)), nil
}

// cutText lists the cuts, at most five of them.
func cutText(t batch.Type, cuts []int64) string {
	var list []string
	for _, v := range cuts[:min(len(cuts), 5)] {
		list = append(list, valueText(t, v))
	}
	if len(cuts) > 5 {
		list = append(list, "…")
	}
	return strings.Join(list, ", ")
}

// estimated adds the rows of each part, as far as the server's statistics know them.
func (s *source) estimated(ctx context.Context, parts []store.Partition) []store.Partition {
	if s.table.IsZero() || s.mark.column != "" {
		return parts
	}
	rows, err := s.pool.query(ctx, "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_class c WHERE c.relkind='r' AND c.oid IN ("+leaves+")", s.table.Quoted())
	if err != nil || len(rows) == 0 {
		return parts
	}
	count, _ := strconv.ParseInt(rows[0][0].text, 10, 64)
	for i := range parts {
		parts[i].Rows = count / int64(len(parts))
	}
	return parts
}

// rangeParts makes the partitions between the cuts.
func rangeParts(f batch.Field, cuts []int64) []store.Partition {
	parts := make([]store.Partition, len(cuts)+1)
	for i := range parts {
		cut := slice{Column: f.Name, Nulls: i == 0 && f.Nullable}
		if i > 0 {
			cut.From = valueText(f.Type, cuts[i-1])
		}
		if i < len(cuts) {
			cut.To, cut.Last = valueText(f.Type, cuts[i]), valueText(f.Type, cuts[i]-1)
		}
		parts[i] = store.Partition{ID: fmt.Sprintf("range-%d", i), Spec: cut.spec()}
	}
	return parts
}

// valueText is a value as an SQL literal without quotes.
func valueText(t batch.Type, v int64) string {
	if t.Kind == batch.Decimal {
		return strconv.FormatInt(v, 10)
	}
	c := batch.Column{Type: t}
	c.AppendInt(v)
	return string(batch.AppendText(nil, &c, 0))
}

// cuts are the values at which to divide: evenly between the bounds, or for an integer column of a table evenly by rows
// as far as the server's statistics know.
func (s *source) cuts(ctx context.Context, f batch.Field, n int) ([]int64, error) {
	if !s.table.IsZero() && s.part.Lower == "" && s.part.Upper == "" {
		if cuts := s.histogram(ctx, f, n); cuts != nil {
			return cuts, nil
		}
	}
	low, high, err := s.bounds(ctx, f)
	if err != nil || low >= high {
		return nil, err
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
	return cuts, nil
}

// edge is the end of int64 that a number beyond it is nearest to: it only says where to cut.
func edge(text string) int64 {
	if strings.HasPrefix(text, "-") {
		return math.MinInt64
	}
	return math.MaxInt64
}

// histogram cuts by the server's statistics of the column; nil where there are none. Old statistics only make the parts
// uneven.
func (s *source) histogram(ctx context.Context, f batch.Field, n int) []int64 {
	rows, err := s.pool.query(ctx, `SELECT unnest(st.histogram_bounds::text::text[]) FROM pg_stats st JOIN pg_class c ON c.relname=st.tablename
		JOIN pg_namespace m ON m.oid=c.relnamespace AND m.nspname=st.schemaname WHERE c.oid=$1::regclass AND st.attname=$2`, s.table.Quoted(), f.Name)
	if err != nil || len(rows) < 2*n {
		return nil
	}
	var cuts []int64
	for i := 1; i < n; i++ {
		v, err := parseValue(f.Type, rows[len(rows)*i/n][0].text)
		if err != nil || len(cuts) > 0 && v <= cuts[len(cuts)-1] {
			return nil
		}
		cuts = append(cuts, v)
	}
	return cuts
}

func parseValue(t batch.Type, text string) (int64, error) {
	if t.Kind == batch.Decimal { // cut at whole numbers
		whole, _, _ := strings.Cut(text, ".")
		return strconv.ParseInt(whole, 10, 64)
	}
	c := batch.Column{Type: t}
	if err := batch.ParseText(&c, []byte(text)); err != nil {
		return 0, err
	}
	return c.Ints[0], nil
}

// bounds are the smallest and largest value, as given or as they are.
func (s *source) bounds(ctx context.Context, f batch.Field) (low, high int64, err error) {
	lower, upper := s.part.Lower, s.part.Upper
	if lower == "" || upper == "" {
		column := sqlstore.Quote(f.Name)
		rows, err := s.pool.query(ctx, fmt.Sprintf("SELECT min(%[1]s), max(%[1]s) FROM %[2]s", column, s.from(finite(f, s.mark.condition()))))
		if err != nil {
			return 0, 0, explain(ctx, err, "look for the bounds of "+f.Name, s.target())
		}
		if rows[0][0].null {
			return 0, 0, nil // no rows, or NULLs only
		}
		if lower == "" {
			lower = rows[0][0].text
		}
		if upper == "" {
			upper = rows[0][1].text
		}
	}
	for _, b := range []struct {
		name, text string
		to         *int64
	}{{"partitionLowerBound", lower, &low}, {"partitionUpperBound", upper, &high}} {
		if *b.to, err = parseValue(f.Type, b.text); errors.Is(err, strconv.ErrRange) {
			*b.to, err = edge(b.text), nil
		}
		if err != nil {
			return 0, 0, fault.New(fault.BadInput, "the bound %q is no value of the column %q of type %s", b.text, f.Name, f.Native).
				At(s.target()).Try("Correct partitionSettings.%s.", b.name)
		}
	}
	return low, high, nil
}
