package sqlite

import (
	"context"
	"io"
	"strings"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

type source struct {
	env    store.Env
	path   string
	table  string // "" when a query is read
	query  string
	only   batch.Schema // the dataset's structure, nil for all columns
	part   sqlstore.Partitioning
	c      *conn
	schema batch.Schema

	window  string // what Between asked for, "" = all rows
	explain string
}

var (
	_ store.Source      = (*source)(nil)
	_ store.Partitioner = (*source)(nil)
	_ store.Divided     = (*source)(nil)
	_ store.Explainer   = (*source)(nil)
)

func decodeSource(spec store.Spec) store.OpenSource {
	path := decodeFile(spec.LinkedService)
	table := spec.Dataset.String("tableName")
	o := sqlstore.DecodeSource(spec.Activity)
	part := sqlstore.DecodePartitioning(spec.Activity)
	if part.Option == sqlstore.PhysicalPartitions {
		spec.Activity.Problem(fault.Unsupported, "partitionOption", "SQLite has no physical partitions; use DynamicRange")
	}
	if part.Option == sqlstore.DynamicRange && o.Query != "" && part.Column == "" {
		spec.Activity.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	}
	if part.Option != sqlstore.DynamicRange && sqlstore.HasRange(o.Query) {
		spec.Activity.Problem(fault.BadInput, "query", "the place for a range in the query needs partitionOption DynamicRange")
	}
	if table == "" && o.Query == "" {
		spec.Dataset.Required("tableName")
	}
	if o.Query != "" {
		table = ""
	}
	return func(ctx context.Context, env store.Env) (store.Source, error) {
		c, err := open(env, path, false, false)
		if err != nil {
			return nil, err
		}
		s := &source{env: env, path: path, table: table, query: o.Query, part: part, c: c}
		if table != "" {
			s.only = spec.Structure
		}
		if s.schema, err = s.describe(ctx); err != nil {
			_ = c.close()
			return nil, err
		}
		return s, nil
	}
}

func (s *source) Schema(context.Context) (batch.Schema, error) { return s.schema, nil }

func (s *source) Close() error { return s.c.close() }

func (s *source) target() string {
	if s.table == "" {
		return s.path
	}
	return s.path + ": " + s.table
}

func (s *source) describe(ctx context.Context) (schema batch.Schema, err error) {
	if s.table != "" {
		schema, err = s.c.describe(ctx, s.table, s.target())
		if err == nil && s.only != nil {
			schema, err = s.restrict(schema)
		}
	} else {
		var q *stmt
		if q, err = s.prepareQuery(s.c, ""); err != nil {
			return nil, err
		}
		schema = declaredSchema(q)
		q.close()
	}
	if err != nil {
		return nil, err
	}
	for _, f := range schema {
		if f.Type.Kind == batch.Invalid {
			return schema, s.sample(ctx, schema)
		}
	}
	return schema, nil
}

// restrict keeps the columns that the dataset's structure names.
func (s *source) restrict(schema batch.Schema) (batch.Schema, error) {
	columns, err := sqlstore.Match(s.only, schema, s.target())
	if err != nil {
		return nil, err
	}
	kept := make(batch.Schema, len(columns))
	for i, k := range columns {
		kept[i] = schema[k]
	}
	return kept, nil
}

// prepareQuery compiles the query, which must be one statement that gives rows and changes nothing.
func (s *source) prepareQuery(c *conn, condition string) (*stmt, error) {
	q, rest, err := c.prepare(s.restricted(condition))
	if err != nil {
		return nil, explain(err, "run the query", s.path)
	}
	if q == nil {
		return nil, fault.New(fault.BadInput, "the query is empty").At(s.path)
	}
	if more, _, err := c.prepare(rest); more != nil || err != nil {
		if more != nil {
			more.close()
		}
		q.close()
		return nil, fault.New(fault.BadInput, "the query is more than one statement").At(s.path).Try("Give one SELECT statement.")
	}
	if q.columns == 0 || !q.readOnly() {
		q.close()
		return nil, fault.New(fault.BadInput, "the query gives no rows, or changes the database").At(s.path).Try("Give one SELECT statement.")
	}
	return q, nil
}

// restricted is the query with a condition, and with what Between asked for: where it has a place for a range, else
// around it.
func (s *source) restricted(condition string) string {
	text := s.query
	if sqlstore.HasRange(text) {
		if condition == "" {
			condition = "1 = 1"
		}
		text = sqlstore.FillRange(text, condition)
		condition = ""
	}
	if where := s.where(condition); where != "" {
		return "SELECT * FROM (" + bare(text) + "\n)" + where
	}
	return text
}

// Divided implements store.Divided.
func (s *source) Divided() bool { return s.part.Divided() }

// Explain implements store.Explainer.
func (s *source) Explain() string { return s.explain }

// sampleRows is how many rows are looked at to find the type of a column that was declared without one.
const sampleRows = 1000

// sample gives columns of unknown type the one that the first rows suggest: all INTEGER, all numbers, all BLOB, else text.
func (s *source) sample(ctx context.Context, schema batch.Schema) error {
	text := s.restricted("")
	if s.table != "" {
		text = "SELECT " + sqlstore.QuoteAll(sqlstore.Names(schema)) + " FROM " + sqlstore.Quote(s.table)
	}
	q, _, err := s.c.prepare(text)
	if err != nil {
		return explain(err, "read the first rows", s.target())
	}
	defer q.close()
	release := s.c.watch(ctx)
	defer release()
	seen := make([]uint8, len(schema))
	for range sampleRows {
		more, err := q.step(ctx)
		if err != nil {
			return explain(err, "read the first rows", s.target())
		}
		if !more {
			break
		}
		for i := range seen {
			seen[i] |= 1 << q.class(i)
		}
	}
	for i := range schema {
		if schema[i].Type.Kind == batch.Invalid {
			schema[i].Type = sampled(seen[i])
		}
	}
	return nil
}

func sampled(classes uint8) batch.Type {
	switch classes &^ (1 << lib.SQLITE_NULL) {
	case 1 << lib.SQLITE_INTEGER:
		return batch.Type{Kind: batch.Int64}
	case 1 << lib.SQLITE_FLOAT, 1<<lib.SQLITE_FLOAT | 1<<lib.SQLITE_INTEGER:
		return batch.Type{Kind: batch.Double}
	case 1 << lib.SQLITE_BLOB:
		return batch.Type{Kind: batch.Binary}
	}
	return batch.Type{Kind: batch.String}
}

// Open starts a partition on a connection of its own.
func (s *source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	schema, columns := make(batch.Schema, len(want)), make([]int, len(want))
	for i, f := range want {
		k := s.schema.Index(f.Name)
		if k < 0 {
			return nil, fault.New(fault.NotFound, "there is no column %q", f.Name).At(s.target())
		}
		schema[i], columns[i] = s.schema[k], k
	}
	c, err := open(s.env, s.path, false, false)
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, schema: schema, columns: columns, target: s.target()}
	err = patiently(ctx, 0, func() (err error) {
		r.q, err = s.prepareRead(c, p, schema, columns)
		return err
	})
	if err != nil {
		_ = c.close()
		return nil, err
	}
	for _, f := range schema {
		r.decode = append(r.decode, decoderOf(f.Type))
	}
	return r, nil
}

// prepareRead compiles what reads the partition; columns are changed to where the wanted columns are in its rows.
func (s *source) prepareRead(c *conn, p store.Partition, schema batch.Schema, columns []int) (*stmt, error) {
	where := ""
	if p.Spec != "" {
		var err error
		if where, err = parsePart(p.Spec); err != nil {
			return nil, fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.target()).Because(err).Try("Run the copy again from its beginning.")
		}
	}
	if s.table == "" {
		return s.prepareQuery(c, where)
	}
	var b strings.Builder
	b.WriteString("SELECT ")
	if len(schema) == 0 {
		b.WriteString("1")
	}
	b.WriteString(sqlstore.QuoteAll(sqlstore.Names(schema)))
	b.WriteString(" FROM " + sqlstore.Quote(s.table))
	b.WriteString(s.where(where))
	for i := range columns {
		columns[i] = i
	}
	q, _, err := c.prepare(b.String())
	return q, explain(err, "read the table", s.target())
}

type reader struct {
	c       *conn
	q       *stmt
	schema  batch.Schema
	columns []int
	decode  []decode
	target  string
	row     int64 // of the partition, the last one that was read
	bytes   int64
	pending error
	ended   bool
}

func (r *reader) Schema() batch.Schema { return r.schema }

func (r *reader) BytesRead() int64 { return r.bytes }

func (r *reader) Close() error {
	r.q.close()
	return r.c.close()
}

// Next fills b. After the error of a single value it may be called again and goes on with the next row; the rows before
// the bad one are given first.
func (r *reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.pending; err != nil {
		r.pending = nil
		return err
	}
	release := r.c.watch(ctx)
	defer release()
	for !r.ended && !b.Full() {
		more, err := r.step(ctx)
		if err != nil {
			return explain(err, "read the rows", r.target)
		}
		if !more {
			r.ended = true
			break
		}
		r.row++
		if err := r.take(b); err != nil {
			if b.Len() == 0 {
				return err
			}
			r.pending = err
			break
		}
	}
	if b.Len() == 0 {
		return io.EOF
	}
	r.bytes += b.Size()
	return nil
}

// step goes to the next row; before the first one it may have to wait for a writer to end.
func (r *reader) step(ctx context.Context) (more bool, err error) {
	if r.row > 0 {
		return r.q.step(ctx)
	}
	err = patiently(ctx, 0, func() (err error) {
		more, err = r.q.step(ctx)
		return err
	})
	return more, err
}

// take appends the statement's row to b, or nothing where a value does not fit.
func (r *reader) take(b *batch.Batch) error {
	n := b.Len()
	for i, decode := range r.decode {
		c, k := &b.Cols[i], r.columns[i]
		if r.q.class(k) == lib.SQLITE_NULL {
			c.AppendNull()
			continue
		}
		if err := decode(c, r.q, k); err != nil {
			for j := range i + 1 {
				b.Cols[j].Truncate(n)
			}
			return misfit(err, r.schema[i], r.q, k, r.target, r.row)
		}
	}
	return nil
}
