package mysql

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
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
	part    sqlstore.Partitioning

	c       *conn
	schema  batch.Schema
	columns []column // of the schema

	window  string // what Between asked for, "" = all rows
	explain string
}

var (
	_ store.Source      = (*source)(nil)
	_ store.Partitioner = (*source)(nil)
	_ store.Divided     = (*source)(nil)
	_ store.Explainer   = (*source)(nil)
	_ store.Watermarker = (*source)(nil)
)

func decodeSource(spec store.Spec) store.OpenSource {
	server := decodeServer(spec.LinkedService)
	table := decodeTable(spec.Dataset, server)
	o := sqlstore.DecodeSource(spec.Activity)
	part := sqlstore.DecodePartitioning(spec.Activity)
	checkPartitioning(spec.Activity, part, o.Query)
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
		c, err := server.connect(ctx, env)
		if err != nil {
			return nil, err
		}
		s := &source{server: server, env: env, table: table, query: o.Query, only: only, timeout: timeout, part: part, c: c}
		if err := s.describe(ctx); err != nil {
			c.hangUp()
			return nil, err
		}
		return s, nil
	}
}

// decodeTable reads a dataset's table; a part may stand in backquotes. A table without schema is in the linked service's
// database.
func decodeTable(o *props.Object, s *server) sqlstore.Table {
	t := sqlstore.DecodeTable(o)
	bare := func(part string) string {
		if len(part) > 2 && part[0] == '`' && part[len(part)-1] == '`' {
			return strings.ReplaceAll(part[1:len(part)-1], "``", "`")
		}
		return part
	}
	t.Schema, t.Name = bare(t.Schema), bare(t.Name)
	if t.Name != "" && t.Schema == "" {
		t.Schema = s.schema
	}
	return t
}

// quoted is a table's name for SQL.
func quoted(t sqlstore.Table) string {
	if t.Schema == "" {
		return quote(t.Name)
	}
	return quote(t.Schema) + "." + quote(t.Name)
}

func checkPartitioning(o *props.Object, p sqlstore.Partitioning, query string) {
	switch {
	case query == "":
	case p.Option == sqlstore.PhysicalPartitions:
		o.Problem(fault.Unsupported, "partitionOption", "a query has no physical partitions; leave the query out, or use DynamicRange")
	case p.Option == sqlstore.DynamicRange && p.Column == "":
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	case p.Option != sqlstore.DynamicRange && sqlstore.HasRange(query):
		o.Problem(fault.BadInput, "query", "the place for a range in the query needs partitionOption DynamicRange")
	}
}

// target names the source in errors.
func (s *source) target() string {
	if s.table.IsZero() {
		return s.server.address() + "/" + s.server.database
	}
	return s.table.String()
}

func (s *source) Schema(context.Context) (batch.Schema, error) { return s.schema, nil }

// Divided implements store.Divided.
func (s *source) Divided() bool { return s.part.Divided() }

// Explain implements store.Explainer.
func (s *source) Explain() string { return s.explain }

// Close ends the connection.
func (s *source) Close() error {
	s.c.hangUp()
	return nil
}

// describe asks the server for the columns.
func (s *source) describe(ctx context.Context) error {
	columns, err := describe(ctx, s.c, s.table, s.from(), s.target())
	if err != nil {
		return err
	}
	var schema batch.Schema
	for _, c := range columns {
		schema = append(schema, s.field(c))
	}
	if s.only == nil {
		s.schema, s.columns = schema, columns
		return nil
	}
	found, err := sqlstore.Match(s.only, schema, s.target())
	if err != nil {
		return err
	}
	for _, k := range found {
		s.schema, s.columns = append(s.schema, schema[k]), append(s.columns, columns[k])
	}
	return nil
}

func (s *source) field(c column) batch.Field {
	f := batch.Field{Name: c.name, Type: c.typ(s.server.values), Nullable: true, Native: c.nativeName()}
	if !s.table.IsZero() && c.flags&flagNotNull != 0 {
		date := f.Type.Kind == batch.Date || f.Type.Kind == batch.Timestamp
		f.Nullable = date && s.server.values.zero == zeroNull
	}
	return f
}

// from is the statement that gives all rows.
func (s *source) from() string {
	if s.table.IsZero() {
		return sqlstore.FillRange(s.query, "1 = 1")
	}
	return "SELECT * FROM " + quoted(s.table)
}

// Open starts a partition on a connection of its own.
func (s *source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	text, r, err := s.plan(p, want)
	if err != nil {
		return nil, err
	}
	c, err := s.server.connect(ctx, s.env)
	if err != nil {
		return nil, err
	}
	r.c, r.start = c, c.bytes
	done := c.guard(ctx)
	r.id, _, err = c.prepare(text)
	done()
	if err != nil {
		c.hangUp()
		return nil, explain(ctx, err, "read the rows", s.target())
	}
	return r, nil
}

// plan makes the statement that reads the partition, and the reader of its rows without connection.
func (s *source) plan(p store.Partition, want batch.Schema) (string, *reader, error) {
	condition, partition, err := parsePart(p)
	if err != nil {
		return "", nil, fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.target()).Because(err).Try("Run the copy again from its beginning.")
	}
	if s.window != "" {
		condition = strings.TrimPrefix(condition+" AND "+s.window, " AND ")
	}
	r := &reader{target: s.target(), timeout: s.timeout}
	list := make([]string, len(want))
	place := map[int]int{} // of columns of the schema among the wanted ones
	for i, f := range want {
		k := s.find(f.Name, place)
		if k < 0 {
			return "", nil, fault.New(fault.NotFound, "there is no column %q", f.Name).At(s.target()).Try("Correct the mapping.")
		}
		field, col := s.schema[k], s.columns[k]
		field.Type = widened(field.Type, f.Type)
		r.schema = append(r.schema, field)
		list[i] = quote(field.Name)
		if col.code == codeGeometry {
			list[i] = "ST_AsText(" + list[i] + ")"
		}
		place[k] = i
	}
	from := s.columns
	if !s.table.IsZero() { // its statement names the wanted columns alone
		from = make([]column, len(want))
		for k, i := range place {
			from[i] = s.columns[k]
		}
	}
	for k, c := range from {
		i, ok := k, true
		if s.table.IsZero() {
			i, ok = place[k]
		}
		r.server = append(r.server, c)
		if !ok {
			r.to, r.decode = append(r.to, -1), append(r.decode, nil)
			continue
		}
		r.to = append(r.to, i)
		r.decode = append(r.decode, decoderOf(c, r.schema[i].Type, s.server.values))
	}
	if s.table.IsZero() {
		return restrict(s.query, condition), r, nil
	}
	text := "SELECT " + strings.Join(list, ", ") + " FROM " + quoted(s.table)
	if partition != "" {
		text += " PARTITION (" + quote(partition) + ")"
	}
	if condition != "" {
		text += " WHERE " + condition
	}
	return text, r, nil
}

// find gives the place of a column in the schema: of columns with one name the first that is not taken.
func (s *source) find(name string, taken map[int]int) int {
	k := s.schema.Index(name)
	for i := max(k, 0); i < len(s.schema); i++ {
		if _, ok := taken[i]; !ok && s.schema[i].Name == name {
			return i
		}
	}
	if _, ok := taken[k]; ok {
		return -1
	}
	return k
}

// restrict puts a condition into a query: where it has a place for it, else around it.
func restrict(query, condition string) string {
	switch {
	case condition == "":
		return sqlstore.FillRange(query, "1 = 1")
	case sqlstore.HasRange(query):
		return sqlstore.FillRange(query, condition)
	}
	return fmt.Sprintf("SELECT * FROM (%s\n) AS part WHERE %s", bare(query), condition)
}

// bare is a statement without what may not stand inside brackets.
func bare(query string) string { return strings.TrimRight(query, "; \t\r\n") }

// widened is the wanted type where it is an integer type that holds every value of the own one. A tinyint(1) that is
// wanted as a number is read as one, whatever it holds.
func widened(own, want batch.Type) batch.Type {
	switch {
	case want.Kind < batch.Int16 || want.Kind > batch.Int64:
	case own.Kind >= batch.Int16 && own.Kind <= batch.Int64 && want.Kind > own.Kind:
		return want
	case own.Kind == batch.Boolean:
		return want
	}
	return own
}
