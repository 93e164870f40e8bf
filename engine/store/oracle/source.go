package oracle

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// source is a table or a query.
type source struct {
	server   *server
	env      store.Env
	table    sqlstore.Table // as the dataset names it; zero when a query is read
	query    string
	only     batch.Schema // the dataset's structure, nil for all columns
	timeout  time.Duration
	part     partitioning
	integers bool // convertDecimalToInteger

	c       *session
	object  object // the table as the dictionary knows it
	all     []column
	columns []column // those that are offered
	large   bool     // large objects are fetched by their lengths
	since   watermark
	how     string // how Partitions divided it

	mu     sync.Mutex
	warned bool
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
	table := sqlstore.DecodeTable(spec.Dataset)
	query := spec.Activity.String("oracleReaderQuery")
	o := sqlstore.DecodeSource(spec.Activity)
	if o.Query != "" && query != "" {
		spec.Activity.Problem(fault.BadInput, "query", "oracleReaderQuery says what to read already")
	}
	if query == "" {
		query = o.Query
	}
	part := decodePartitioning(spec.Activity, query)
	integers := spec.Activity.Bool("convertDecimalToInteger", false)
	spec.Activity.Warn("numberPrecision", "numbers keep all their digits, so the property has no effect")
	spec.Activity.Warn("numberScale", "numbers keep all their digits, so the property has no effect")
	if table.IsZero() && query == "" {
		spec.Dataset.Required("tableName")
	}
	only := spec.Structure
	if query != "" {
		table, only = sqlstore.Table{}, nil
	}
	timeout := o.QueryTimeout
	if timeout == 0 {
		timeout = server.commandTimeout
	}
	return func(ctx context.Context, env store.Env) (store.Source, error) {
		c, err := server.connect(ctx, env, reading{rows: catalogRows, locators: true})
		if err != nil {
			return nil, err
		}
		s := &source{server: server, env: env, table: table, query: query, only: only, timeout: timeout, part: part, integers: integers, c: c}
		if err := s.describe(ctx); err != nil {
			c.hangUp()
			return nil, err
		}
		return s, nil
	}
}

// catalogRows is how many rows of the dictionary come at once.
const catalogRows = 500

// target names the source in errors.
func (s *source) target() string {
	if s.table.IsZero() {
		return s.server.String()
	}
	return s.server.String() + ": " + s.table.String()
}

func (s *source) Schema(context.Context) (batch.Schema, error) {
	schema := schemaOf(s.columns)
	for i, c := range s.columns {
		schema[i].Type = c.integer(schema[i].Type, batch.Type{}, s.integers && c.base() == typeNumber)
	}
	return schema, nil
}

// Close ends the connection.
func (s *source) Close() error {
	s.c.hangUp()
	return nil
}

// describe finds the columns.
func (s *source) describe(ctx context.Context) (err error) {
	if s.table.IsZero() {
		s.all, err = s.c.describeQuery(ctx, s.part.example(s.query), s.target())
	} else {
		s.all, s.object, err = describeNamed(ctx, s.c, s.table, s.target())
	}
	if err != nil {
		return err
	}
	if s.large, err = s.lengths(ctx); err != nil {
		return err
	}
	s.columns = s.all
	if s.only == nil {
		return nil
	}
	found, err := sqlstore.Match(s.only, schemaOf(s.all), s.target())
	if err != nil {
		return err
	}
	s.columns = nil
	for _, k := range found {
		s.columns = append(s.columns, s.all[k])
	}
	return nil
}

// describeNamed finds a table and its columns.
func describeNamed(ctx context.Context, c *session, t sqlstore.Table, target string) ([]column, object, error) {
	o, ok, err := c.find(ctx, t)
	if err != nil {
		return nil, o, explain(ctx, err, "look for the table", target)
	}
	if ok && o.kind != "SYNONYM" {
		list, err := c.columns(ctx, o.Table)
		if err != nil || len(list) > 0 {
			return list, o, explain(ctx, err, "read the columns", target)
		}
	}
	if !ok { // a public synonym, a view of the system, or nothing
		o.Table = sqlstore.Table{Name: folded(t.Name)}
		if t.Schema != "" {
			o.Schema = folded(t.Schema)
		}
	}
	o.kind = "SYNONYM"
	list, err := c.describeTable(ctx, o.Table)
	if err != nil {
		return nil, o, explain(ctx, err, "look for the table", target)
	}
	return list, o, nil
}

// plan is the SQL text that reads a partition, and how each wanted column is made of its values.
type plan struct {
	text    string
	schema  batch.Schema
	reads   []reads
	columns []column
	first   []int // for each column, its first value among those of a row
	values  int   // of a row
}

// statement makes the plan for a partition.
func (s *source) statement(p slice, want batch.Schema) (*plan, error) {
	schema := schemaOf(s.columns)
	r := &plan{}
	var list []string
	plain := true
	for _, f := range want {
		k := schema.Index(f.Name)
		if k < 0 {
			return nil, fault.New(fault.NotFound, "there is no column %q", f.Name).At(s.target()).Try("Correct the mapping.")
		}
		c := s.columns[k]
		how, err := c.readsAs(f.Type, s.integers)
		if err != nil {
			return nil, fault.As(err).At(s.target())
		}
		out := c.field()
		out.Type = how.typ
		r.schema, r.reads, r.columns = append(r.schema, out), append(r.reads, how), append(r.columns, c)
		r.first = append(r.first, r.values)
		r.values += len(how.expressions)
		list = append(list, how.of(sqlstore.Quote(c.name))...)
		plain = plain && how.plain()
	}
	where := and(p.condition(), s.since.condition())
	if !s.table.IsZero() {
		r.text = "SELECT " + strings.Join(list, ", ") + " FROM " + s.object.Quoted() + p.clause() + where
		return r, nil
	}
	text := s.part.rewrite(s.query, p)
	if text != s.query && s.part.hooked {
		where = and("", s.since.condition())
	}
	if plain && where == "" { // as it is: names may be missing or repeat
		for i, f := range want {
			r.first[i] = s.place(f.Name)
		}
		r.text, r.values = bare(text), len(s.all)
		return r, nil
	}
	for _, c := range r.columns {
		if n := count(s.all, c.name); n > 1 {
			return nil, fault.New(fault.BadInput, "the query has %d columns called %q", n, c.name).At(s.target()).Try("Give the columns different names, with AS.")
		}
	}
	r.text = "SELECT " + strings.Join(list, ", ") + " FROM (\n" + bare(text) + "\n) Q" + where
	return r, nil
}

// place is where a column of the query stands.
func (s *source) place(name string) int { return schemaOf(s.all).Index(name) }

func count(columns []column, name string) (n int) {
	for _, c := range columns {
		if c.name == name {
			n++
		}
	}
	return n
}

// and joins conditions to a WHERE clause.
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

// Open starts a partition on a connection of its own.
func (s *source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	cut, err := parseSlice(p.Spec)
	if err != nil {
		return nil, fault.New(fault.BadInput, "the partition %q cannot be read", p.Spec).At(s.target()).Because(err).Try("Run the copy anew.")
	}
	how, err := s.statement(cut, want)
	if err != nil {
		return nil, err
	}
	r := &reader{plan: how, target: s.target(), timeout: s.timeout, row: make([]driver.Value, how.values)}
	if s.large {
		r.lobs = s.divide(how, cut)
		r.row = make([]driver.Value, how.values)
	}
	r.c, err = s.server.connect(ctx, s.env, reading{rows: fetchRows(how.columns, s.server.fetchBytes)})
	if err != nil {
		return nil, err
	}
	if cut.SCN != "" && s.table.IsZero() {
		if err := r.c.run(ctx, "BEGIN DBMS_FLASHBACK.ENABLE_AT_SYSTEM_CHANGE_NUMBER("+cut.SCN+"); END;"); err != nil {
			s.warn("parts of the query may see different states", err)
		}
	}
	if cut.SCN == "" {
		return r, nil
	}
	r.later = func(ctx context.Context) error {
		s.warn("the state at which the copy began is gone, this part is read as it is now", nil)
		cut.SCN = ""
		if s.table.IsZero() {
			if err := r.c.run(ctx, "BEGIN DBMS_FLASHBACK.DISABLE; END;"); err != nil {
				return err
			}
		}
		again, err := s.statement(cut, want)
		if err != nil {
			return err
		}
		r.plan = again
		if s.large {
			r.lobs = s.divide(again, cut)
		}
		return nil
	}
	return r, nil
}

func (s *source) warn(what string, err error) {
	if s.env.Log == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.warned {
		return
	}
	s.warned = true
	if err != nil {
		what = fmt.Sprintf("%s: %v", what, err)
	}
	s.env.Log.Warn(what, "table", s.target())
}

// fetchRows is how many rows one fetch brings: as many as fit into a few megabytes if every value has its greatest
// length. The driver holds a fetch twice, and reads 25 as "decide yourself", badly.
func fetchRows(columns []column, budget int64) int {
	const (
		usual    = 2 << 20
		most     = 4096
		withLobs = 32 // values that the program cannot foresee
	)
	if budget <= 0 {
		budget = usual
	}
	width, limit := 16, most
	for _, c := range columns {
		width += c.width()
		if c.large() {
			limit = withLobs
		}
	}
	n := min(max(int(budget)/width, 10), limit)
	if n == 25 {
		n++
	}
	return n
}
