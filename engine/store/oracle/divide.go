package oracle

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// Partitions divides the source as its partitionOption says. Without one a table is divided by ranges of its rows' ids,
// where the user may look at the table's extents; else by ranges of its primary key, where that is one column of numbers;
// else by a hash of its rows' ids, for which every part reads the table through.
//
// Where the user may ask for the system change number, every part reads the state of the same moment, also after a
// restart.
func (s *source) Partitions(ctx context.Context, n int) ([]store.Partition, error) {
	cuts, err := s.slices(ctx, n)
	if err != nil {
		return nil, err
	}
	if len(cuts) > 1 {
		scn, err := s.snapshot(ctx)
		if err != nil {
			return nil, err
		}
		for i := range cuts {
			cuts[i].SCN = scn
		}
		if scn == "" {
			s.how += "; the user may not ask for the system change number, so parts may see different states"
		}
	}
	parts := make([]store.Partition, len(cuts))
	for i, c := range cuts {
		parts[i] = store.Partition{ID: fmt.Sprintf("%s-%d", c.id, i), Spec: c.spec(), Rows: c.rows}
		if len(cuts) == 1 && c.slice == (slice{}) {
			parts[i].ID = "all"
		}
	}
	return parts, nil
}

// Divided implements store.Divided.
func (s *source) Divided() bool { return s.part.Divided() }

// Explain implements store.Explainer.
func (s *source) Explain() string { return s.how }

// piece is a slice with its estimate of rows and the beginning of its partition's name.
type piece struct {
	slice
	id   string
	rows int64
}

func (s *source) slices(ctx context.Context, n int) ([]piece, error) {
	whole := func(why string) ([]piece, error) {
		s.how = "one part: " + why
		return []piece{{id: "all"}}, nil
	}
	switch {
	case s.part.Option == sqlstore.PhysicalPartitions:
		return s.physical(ctx)
	case s.part.Option == sqlstore.NoPartitions:
		return whole("partitionOption is None")
	case n <= 1:
		return whole("no more were asked for")
	case s.part.Option == sqlstore.DynamicRange:
		return s.ranges(ctx, n, s.part.Column)
	case s.table.IsZero():
		return whole("a query is not divided without partitionOption")
	case s.object.kind != "TABLE" && s.object.kind != "MATERIALIZED VIEW":
		return whole("views and synonyms are not divided without partitionOption")
	}
	if pieces, err := s.byRowID(ctx, n); err != nil || pieces != nil {
		return pieces, err
	}
	key, err := s.primaryKey(ctx)
	if err != nil {
		return nil, err
	}
	if k := schemaOf(s.all).Index(key); key != "" && k >= 0 && s.all[k].kindOf() == aNumber {
		return s.ranges(ctx, n, key)
	}
	pieces, err := s.byHash(ctx, n)
	if err != nil || pieces != nil {
		return pieces, err
	}
	return whole("the server gives no ids of rows, and the table has no primary key of one number")
}

// asked is a query of the dictionary that the user may not be allowed.
func (s *source) asked(ctx context.Context, text string, args ...any) ([][]cell, error) {
	rows, err := s.c.query(ctx, text, args...)
	if err != nil && (ctx.Err() != nil || broken(err)) {
		return nil, explain(ctx, err, "plan the parts", s.target())
	}
	return rows, err
}

// interrupted passes the errors of asked that end the work: not those by which the server refuses the question.
func interrupted(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, refused := oracleError(err); refused && ctx.Err() == nil && !broken(err) {
		return nil
	}
	return err
}

// byRowID cuts between extents. The first range is open below and the last above, so that together they are all rows
// whatever the dictionary says.
func (s *source) byRowID(ctx context.Context, n int) ([]piece, error) {
	rows, err := s.asked(ctx, `SELECT ROWIDTOCHAR(DBMS_ROWID.ROWID_CREATE(1, O.DATA_OBJECT_ID, E.RELATIVE_FNO, E.BLOCK_ID, 0)), E.BLOCKS
		FROM DBA_EXTENTS E JOIN DBA_OBJECTS O ON O.OWNER = E.OWNER AND O.OBJECT_NAME = E.SEGMENT_NAME
		AND (O.SUBOBJECT_NAME = E.PARTITION_NAME OR O.SUBOBJECT_NAME IS NULL AND E.PARTITION_NAME IS NULL)
		WHERE E.OWNER = :1 AND E.SEGMENT_NAME = :2 AND E.SEGMENT_TYPE IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')
		AND O.DATA_OBJECT_ID IS NOT NULL ORDER BY O.DATA_OBJECT_ID, E.RELATIVE_FNO, E.BLOCK_ID`, s.object.Schema, s.object.Name)
	if err != nil || len(rows) < 2 {
		return nil, interrupted(ctx, err)
	}
	pieces := cutExtents(rows, n)
	s.how = fmt.Sprintf("%d ranges of row ids", len(pieces))
	return pieces, nil
}

// cutExtents makes n ranges of about the same number of blocks. rows are the extents in order: first row id, blocks.
func cutExtents(rows [][]cell, n int) []piece {
	var total, seen int64
	for _, row := range rows {
		total += max(row[1].int(), 1)
	}
	pieces := []piece{{id: "rows"}}
	for i, row := range rows {
		if len(pieces) < n && i > 0 && seen >= total*int64(len(pieces))/int64(n) {
			pieces[len(pieces)-1].ToRow = row[0].text
			pieces = append(pieces, piece{id: "rows", slice: slice{FromRow: row[0].text}})
		}
		seen += max(row[1].int(), 1)
	}
	return pieces
}

// byHash divides by a hash of the rows' ids.
func (s *source) byHash(ctx context.Context, n int) ([]piece, error) {
	_, err := s.asked(ctx, "SELECT ORA_HASH(ROWID, 1) FROM "+s.object.Quoted()+" WHERE ROWNUM <= 1")
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	s.how = fmt.Sprintf("%d parts by a hash of the row ids, each of which reads the table through: the user may not see its extents (DBA_EXTENTS), and it has no primary key of one number", n)
	pieces := make([]piece, n)
	for i := range pieces {
		pieces[i] = piece{id: "hash", slice: slice{Parts: n, Hash: i}}
	}
	return pieces, nil
}

// primaryKey is the column of the primary key where that is one, else "".
func (s *source) primaryKey(ctx context.Context) (string, error) {
	rows, err := s.asked(ctx, `SELECT C.COLUMN_NAME FROM ALL_CONSTRAINTS K JOIN ALL_CONS_COLUMNS C ON C.OWNER = K.OWNER AND C.CONSTRAINT_NAME = K.CONSTRAINT_NAME
		AND C.TABLE_NAME = K.TABLE_NAME WHERE K.OWNER = :1 AND K.TABLE_NAME = :2 AND K.CONSTRAINT_TYPE = 'P'`, s.object.Schema, s.object.Name)
	if err != nil || len(rows) != 1 {
		return "", interrupted(ctx, err)
	}
	return rows[0][0].text, nil
}

// physical is one part for each partition of the table.
func (s *source) physical(ctx context.Context) ([]piece, error) {
	var pieces []piece
	if s.table.IsZero() {
		for _, name := range s.part.Names {
			pieces = append(pieces, piece{id: "part", slice: slice{Physical: name}})
		}
		s.how = fmt.Sprintf("%d partitions that the job names", len(pieces))
		return pieces, nil
	}
	rows, err := s.c.query(ctx, `SELECT PARTITION_NAME, NUM_ROWS FROM ALL_TAB_PARTITIONS WHERE TABLE_OWNER = :1 AND TABLE_NAME = :2 ORDER BY PARTITION_POSITION`,
		s.object.Schema, s.object.Name)
	if err != nil {
		return nil, explain(ctx, err, "look for the table's partitions", s.target())
	}
	wanted := map[string]bool{}
	for _, name := range s.part.Names {
		wanted[name] = true
	}
	for _, row := range rows {
		name := row[0].text
		if len(wanted) == 0 || wanted[name] {
			pieces = append(pieces, piece{id: "part", slice: slice{Physical: name}, rows: row[1].int()})
		}
	}
	if len(pieces) < len(wanted) {
		return nil, fault.New(fault.NotFound, "not every one of partitionNames is a partition of the table").At(s.target()).
			Try("Correct the names; they are case-sensitive.")
	}
	if len(pieces) == 0 {
		s.how = "one part: the table has no partitions"
		return []piece{{id: "all"}}, nil
	}
	s.how = fmt.Sprintf("%d partitions of the table", len(pieces))
	return pieces, nil
}

// ranges divides by the values of a column of numbers, dates or timestamps. The first range is open at its lower end and
// holds the NULLs, the last is open at its upper end: the bounds only say where to cut.
func (s *source) ranges(ctx context.Context, n int, name string) ([]piece, error) {
	if name == "" {
		key, err := s.primaryKey(ctx)
		if err != nil {
			return nil, err
		}
		if name = key; name == "" {
			return nil, fault.New(fault.BadInput, "the table has no primary key of one column to divide it by").At(s.target()).
				Try("Set partitionSettings.partitionColumnName.")
		}
	}
	k := schemaOf(s.all).Index(name)
	if k < 0 {
		return nil, fault.New(fault.NotFound, "there is no column %q to divide by", name).At(s.target()).Try("Correct partitionSettings.partitionColumnName.")
	}
	c := s.all[k]
	kind := c.kindOf()
	if kind == "" || kind == aText {
		return nil, fault.New(fault.Unsupported, "the column %q is of type %s and cannot divide the rows", c.name, c.native()).At(s.target()).
			Try("Choose a column of numbers, dates or timestamps as partitionColumnName.")
	}
	t := c.typ()
	if kind == aNumber {
		t = batch.Type{Kind: batch.Int64}
	}
	low, high, err := s.bounds(ctx, c, t)
	if err != nil {
		return nil, err
	}
	pieces := rangePieces(c, t, cutRange(low, high, n))
	s.how = fmt.Sprintf("%d ranges of the column %q", len(pieces), c.name)
	return pieces, nil
}

// cutRange are the values that divide low to high into n even parts.
func cutRange(low, high int64, n int) []int64 {
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

func rangePieces(c column, t batch.Type, cuts []int64) []piece {
	pieces := make([]piece, len(cuts)+1)
	for i := range pieces {
		p := slice{Column: c.name, Kind: c.kindOf(), Nulls: i == 0 && !c.required && len(cuts) > 0}
		if i > 0 {
			p.From = valueText(t, cuts[i-1])
		}
		if i < len(cuts) {
			p.To, p.Last = valueText(t, cuts[i]), c.before(t, cuts[i])
		}
		pieces[i] = piece{id: "range", slice: p}
	}
	return pieces
}

// bounds are the smallest and largest value, as given or as they are.
func (s *source) bounds(ctx context.Context, c column, t batch.Type) (low, high int64, err error) {
	lower, upper := s.part.Lower, s.part.Upper
	if lower == "" || upper == "" {
		from := s.object.Quoted()
		if s.table.IsZero() {
			from = "(\n" + bare(s.part.rewrite(s.query, slice{Column: s.part.Column})) + "\n) Q"
		}
		least, most, err := s.extremes(ctx, c, from)
		if err != nil {
			return 0, 0, explain(ctx, err, "look for the bounds of "+c.name, s.target())
		}
		if least.null {
			return 0, 0, nil // no rows, or NULLs only
		}
		if lower == "" {
			lower = least.text
		}
		if upper == "" {
			upper = most.text
		}
	}
	if low, err = s.bound(c, t, "partitionLowerBound", lower); err != nil {
		return 0, 0, err
	}
	high, err = s.bound(c, t, "partitionUpperBound", upper)
	return low, high, err
}

func (s *source) bound(c column, t batch.Type, name, text string) (int64, error) {
	parsed := batch.Column{Type: t}
	if c.kindOf() == aNumber {
		text, _, _ = strings.Cut(text, ".") // where to cut need not be exact
		if text == "" || text == "-" {
			text = "0"
		}
	}
	if batch.ParseText(&parsed, []byte(text)) != nil {
		return 0, fault.New(fault.BadInput, "the bound %q is no value of the column %q of type %s, or too large to divide by", text, c.name, c.native()).
			At(s.target()).Try("Correct partitionSettings.%s, or choose another column.", name)
	}
	return parsed.Ints[0], nil
}

// extremes asks for the smallest and largest value of a column.
func (s *source) extremes(ctx context.Context, c column, from string) (least, most cell, err error) {
	e := asItIs
	if c.kindOf() == anInstant {
		e = inUTC
	}
	quoted := sqlstore.Quote(c.name)
	rows, err := s.c.query(ctx, fmt.Sprintf("SELECT "+e+", "+e+" FROM %s", "MIN("+quoted+")", "MAX("+quoted+")", from+and(s.since.condition())))
	if err != nil {
		return least, most, err
	}
	return rows[0][0], rows[0][1], nil
}

// snapshot is the database's present system change number, "" where the user may not ask for it or not read the table as
// of one.
func (s *source) snapshot(ctx context.Context) (string, error) {
	for _, text := range []string{"SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE", "SELECT TO_CHAR(DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER) FROM DUAL"} {
		rows, err := s.asked(ctx, text)
		if err := interrupted(ctx, err); err != nil {
			return "", err
		}
		if err != nil || len(rows) != 1 || rows[0][0].text == "" || strings.Trim(rows[0][0].text, "0123456789") != "" {
			continue
		}
		scn := rows[0][0].text
		if s.table.IsZero() {
			return scn, nil
		}
		_, err = s.asked(ctx, "SELECT 1 FROM "+s.object.Quoted()+slice{SCN: scn}.clause()+" WHERE ROWNUM <= 1")
		if err == nil {
			return scn, nil
		}
		return "", interrupted(ctx, err)
	}
	s.warn("the user may not ask for the system change number: parts may see different states of the table", nil)
	return "", nil
}
