package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// source is a table or a query.
type source struct {
	server  *server
	env     store.Env
	table   sqlstore.Table // zero when a query is read
	query   string
	only    batch.Schema // the dataset's structure, nil for all columns
	timeout time.Duration
	part    partitioning
	mark    window

	pool    *pool
	schema  batch.Schema
	columns []column

	mu sync.Mutex
	// leader keeps the snapshot open that all partitions of this attempt read.
	leader     *pgconn.PgConn
	snapshot   string
	noSnapshot bool // the server cannot share one

	explained string // how Partitions divided the rows
}

var (
	_ store.Source      = (*source)(nil)
	_ store.Partitioner = (*source)(nil)
	_ store.Divided     = (*source)(nil)
	_ store.Explainer   = (*source)(nil)
	_ store.Adviser     = (*source)(nil)
	_ store.Watermarker = (*source)(nil)
)

func decodeSource(spec store.Spec) store.OpenSource {
	server := decodeServer(spec.LinkedService)
	table := sqlstore.DecodeTable(spec.Dataset)
	o := sqlstore.DecodeSource(spec.Activity)
	part := decodePartitioning(spec.Activity, o.Query)
	if table.IsZero() && o.Query == "" {
		spec.Dataset.Required("tableName")
	}
	var only batch.Schema
	if o.Query != "" {
		table = sqlstore.Table{}
	} else {
		only = spec.Structure
	}
	timeout := o.QueryTimeout
	if timeout == 0 {
		timeout = server.commandTimeout
	}
	return func(ctx context.Context, env store.Env) (store.Source, error) {
		p, err := server.openPool(ctx, env)
		if err != nil {
			return nil, err
		}
		s := &source{server: server, env: env, table: table, query: o.Query, only: only, timeout: timeout, part: part, pool: p}
		if err := s.describe(ctx); err != nil {
			p.close()
			return nil, err
		}
		return s, nil
	}
}

// target names the source in errors.
func (s *source) target() string {
	if s.table.IsZero() {
		return s.server.address() + "/" + s.server.database
	}
	return s.server.database + ": " + s.table.String()
}

func (s *source) Schema(context.Context) (batch.Schema, error) { return s.schema, nil }

// Close ends the connections.
func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader != nil {
		hangUp(s.leader)
		s.leader = nil
	}
	s.pool.close()
	return nil
}

// describe asks the server for the columns.
func (s *source) describe(ctx context.Context) error {
	text := s.part.whole(s.query)
	if !s.table.IsZero() {
		text = "SELECT * FROM " + s.table.Quoted()
	}
	schema, columns, err := s.pool.describe(ctx, text, s.target())
	if err != nil {
		return s.maybeCase(ctx, err)
	}
	if !s.table.IsZero() {
		if err := s.notNull(ctx, schema); err != nil {
			return err
		}
	}
	if s.only != nil {
		found, err := sqlstore.Match(s.only, schema, s.target())
		if err != nil {
			return err
		}
		for _, k := range found {
			s.schema, s.columns = append(s.schema, schema[k]), append(s.columns, columns[k])
		}
		return nil
	}
	s.schema, s.columns = schema, columns
	return nil
}

// maybeCase adds the table's right spelling to the hint where only the case is wrong.
func (s *source) maybeCase(ctx context.Context, err error) error {
	if s.table.IsZero() || !hasState(err, "42P01") {
		return err
	}
	rows, bad := s.pool.query(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace
		WHERE lower(c.relname)=lower($1) AND c.relkind IN ('r','v','m','p','f') AND n.nspname NOT LIKE 'pg\_%' LIMIT 5`, s.table.Name)
	if bad != nil || len(rows) == 0 {
		return err
	}
	var list []string
	for _, row := range rows {
		list = append(list, row[0].text)
	}
	return fault.As(err).Try("Names are case-sensitive; there is %s.", strings.Join(list, ", "))
}

// describe gives the columns of a statement's rows.
func describe(ctx context.Context, c *pgconn.PgConn, text, target string) (batch.Schema, []column, error) {
	d, err := c.Prepare(ctx, "", text, nil)
	if err != nil {
		return nil, nil, explain(ctx, err, "read the columns", target)
	}
	if len(d.Fields) == 0 {
		return nil, nil, fault.New(fault.BadInput, "the statement gives no rows").At(target).Try("Give a SELECT statement.")
	}
	columns := make([]column, len(d.Fields))
	schema := make(batch.Schema, len(d.Fields))
	names := make([]string, len(d.Fields))
	for i, f := range d.Fields {
		columns[i] = column{oid: f.DataTypeOID, mod: f.TypeModifier}
		names[i] = f.Name
	}
	native, err := describeTypes(ctx, c, columns)
	if err != nil {
		return nil, nil, explain(ctx, err, "read the columns' types", target)
	}
	for i, col := range columns {
		schema[i] = batch.Field{Name: names[i], Type: col.typ(), Nullable: true, Native: native[i]}
	}
	return schema, columns, nil
}

// describeTypes asks for the types' names, and completes the columns with what only the server knows.
func describeTypes(ctx context.Context, c *pgconn.PgConn, columns []column) (native []string, err error) {
	var oids, mods strings.Builder
	money := false
	for i, col := range columns {
		if i > 0 {
			oids.WriteByte(',')
			mods.WriteByte(',')
		}
		fmt.Fprintf(&oids, "%d", col.oid)
		fmt.Fprintf(&mods, "%d", col.mod)
		money = money || col.oid == oidMoney
	}
	rows, err := query(ctx, c, `SELECT format_type(u.o, u.m), coalesce(t.typtype='e', false) FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY u(o, m, n)
		LEFT JOIN pg_type t ON t.oid=u.o ORDER BY u.n`, "{"+oids.String()+"}", "{"+mods.String()+"}")
	if err != nil {
		return nil, err
	}
	native = make([]string, len(columns))
	for i := range native {
		native[i] = rows[i][0].text
		columns[i].enum = rows[i][1].text == "t"
	}
	if money {
		rows, err = query(ctx, c, "SELECT scale(1::money::numeric)")
		if err != nil {
			return nil, err
		}
		digits := 2
		_, _ = fmt.Sscan(rows[0][0].text, &digits)
		for i := range columns {
			columns[i].money = digits
		}
	}
	return native, nil
}

// notNull marks the columns that the table promises to be without NULLs.
func (s *source) notNull(ctx context.Context, schema batch.Schema) error {
	rows, err := s.pool.query(ctx, `SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid=a.attrelid
		WHERE a.attrelid=$1::regclass AND a.attnotnull AND NOT a.attisdropped AND a.attnum>0 AND c.relkind IN ('r','p')`, s.table.Quoted())
	if err != nil {
		return explain(ctx, err, "read the columns", s.target())
	}
	for _, row := range rows {
		if i := schema.Index(row[0].text); i >= 0 {
			schema[i].Nullable = false
		}
	}
	return nil
}

// Open starts a partition on a connection of its own.
func (s *source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	text, columns, err := s.statement(p, want)
	if err != nil {
		return nil, err
	}
	c, err := s.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, pool: s.pool, target: s.target(), timeout: s.timeout, read: columns}
	for i, k := range columns {
		f := s.schema[k]
		f.Type = widened(f.Type, want[i].Type)
		r.schema = append(r.schema, f)
		r.decode = append(r.decode, decoderOf(s.columns[k]))
		r.oids = append(r.oids, s.columns[k].oid)
	}
	if !s.table.IsZero() {
		for i := range r.read {
			r.read[i] = i
		}
	}
	if err := s.join(ctx, c, p); err != nil {
		hangUp(c)
		return nil, err
	}
	if err := r.prepare(ctx, text); err != nil {
		hangUp(c)
		return nil, err
	}
	return r, nil
}

// widened is the wanted type where it is an integer type that holds every value of the own integer type.
func widened(own, want batch.Type) batch.Type {
	if own.Kind >= batch.Int16 && own.Kind <= batch.Int64 && want.Kind > own.Kind && want.Kind <= batch.Int64 {
		return want
	}
	return own
}

// statement is the SQL text that reads the partition, and for each wanted column its place in the schema.
func (s *source) statement(p store.Partition, want batch.Schema) (text string, columns []int, err error) {
	columns = make([]int, len(want))
	names := make([]string, len(want))
	for i, f := range want {
		if columns[i] = s.schema.Index(f.Name); columns[i] < 0 {
			return "", nil, fault.New(fault.NotFound, "there is no column %q", f.Name).At(s.target())
		}
		names[i] = s.schema[columns[i]].Name
	}
	from, where, err := s.part.parse(p, s.table)
	if err != nil {
		return "", nil, fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.target()).Because(err)
	}
	conditions := []string{where.condition, s.mark.condition()}
	if !s.table.IsZero() {
		return "SELECT " + sqlstore.QuoteAll(names) + " FROM " + from + and(conditions...), columns, nil
	}
	text = s.part.whole(s.query)
	if p.Spec != "" {
		var placed bool
		if text, placed = s.part.rewrite(s.query, where); placed {
			conditions[0] = ""
		}
	}
	if only := and(conditions...); only != "" {
		text = "SELECT * FROM (" + bare(text) + "\n) AS part" + only
	}
	return text, columns, nil
}

// and is a WHERE clause with those conditions that are not "".
func and(conditions ...string) string {
	var list []string
	for _, c := range conditions {
		if c != "" {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(list, " AND ")
}

// from is what follows FROM to mean all rows of the source for which the conditions hold.
func (s *source) from(conditions ...string) string {
	if s.table.IsZero() {
		return "(" + bare(s.part.whole(s.query)) + "\n) AS part" + and(conditions...)
	}
	return s.table.Quoted() + and(conditions...)
}

// join makes the connection see the same rows as those of the attempt's other partitions.
func (s *source) join(ctx context.Context, c *pgconn.PgConn, p store.Partition) error {
	if p.Spec == "" {
		return nil
	}
	id, err := s.share(ctx)
	if err != nil || id == "" {
		return err
	}
	err = run(ctx, c, "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '"+id+"'")
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader != nil && s.snapshot == id { // it may have broken; the next partition makes a new one
		hangUp(s.leader)
		s.leader, s.snapshot = nil, ""
	}
	e := fault.As(explain(ctx, err, "read the same state as the other partitions", s.target()))
	if ctx.Err() == nil {
		e.Transient = true
	}
	return e
}

// share gives the attempt's snapshot, and makes it the first time; "" where the server cannot share one.
func (s *source) share(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leader != nil || s.noSnapshot {
		return s.snapshot, nil
	}
	c, err := s.pool.take(ctx)
	if err != nil {
		return "", err
	}
	var rows [][]cell
	if err = run(ctx, c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err == nil {
		rows, err = query(ctx, c, "SELECT pg_export_snapshot()")
	}
	if err != nil {
		hangUp(c)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		s.noSnapshot = true
		if s.env.Log != nil {
			s.env.Log.Warn("the server cannot share a snapshot: partitions may see different states of the table", "table", s.target(), "error", err.Error())
		}
		return "", nil
	}
	s.leader, s.snapshot = c, rows[0][0].text
	return s.snapshot, nil
}
