package sqlserver

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

// source is a table, a query or a stored procedure.
type source struct {
	server    *server
	env       store.Env
	table     sqlstore.Table // zero when a query or procedure is read
	query     string
	args      []any        // of a procedure
	procedure bool         // query calls one
	only      batch.Schema // the dataset's structure, nil for all columns
	timeout   time.Duration
	part      sqlstore.Partitioning
	mark      watermark

	c       *conn
	object  int64 // of the table
	columns []column
	explain string // how Partitions divided it
	// begun is a statement that had to run to be described; the first Open takes it over.
	begun *reader
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
	o := spec.Activity
	common := sqlstore.DecodeSource(o)
	s := source{server: server, table: table, query: o.String("sqlReaderQuery"), part: sqlstore.DecodePartitioning(o)}
	if s.query == "" {
		s.query = common.Query
	} else if common.Query != "" && common.Query != s.query {
		o.Problem(fault.BadInput, "query", "the source has sqlReaderQuery too; give one of them")
	}
	name := o.String("sqlReaderStoredProcedureName")
	parameters := decodeParameters(o, "storedProcedureParameters")
	switch {
	case name != "" && s.query != "":
		o.Problem(fault.BadInput, "sqlReaderStoredProcedureName", "the source has a query too; give one of them")
	case name != "":
		s.query, s.args, s.procedure = call(o, "sqlReaderStoredProcedureName", name, parameters), parameters, true
	case parameters != nil:
		o.Problem(fault.BadInput, "storedProcedureParameters", "the parameters need sqlReaderStoredProcedureName")
	case table.IsZero() && s.query == "":
		spec.Dataset.Required("tableName")
	}
	if s.query == "" {
		s.only = spec.Structure
	} else {
		s.table = sqlstore.Table{}
	}
	s.checkPartitioning(o)
	s.timeout = common.QueryTimeout
	if s.timeout == 0 {
		s.timeout = server.commandTimeout
	}
	if level := isolationLevel(o); level != "" {
		read := *server
		read.session = "SET TRANSACTION ISOLATION LEVEL " + level
		s.server = &read
	}
	return func(ctx context.Context, env store.Env) (store.Source, error) {
		s := s
		s.env = env
		return s.open(ctx)
	}
}

func isolationLevel(o *props.Object) string {
	switch o.Enum("isolationLevel", "", "ReadCommitted", "ReadUncommitted", "RepeatableRead", "Serializable", "Snapshot") {
	case "ReadUncommitted":
		return "READ UNCOMMITTED"
	case "RepeatableRead":
		return "REPEATABLE READ"
	case "Serializable":
		return "SERIALIZABLE"
	case "Snapshot":
		return "SNAPSHOT"
	}
	return "" // ReadCommitted is the server's default
}

// checkPartitioning refuses what cannot be divided.
func (s *source) checkPartitioning(o *props.Object) {
	hook := sqlstore.HasRange(s.query)
	switch {
	case s.procedure && s.part.Divided():
		o.Problem(fault.BadInput, "partitionOption", "the result of a stored procedure cannot be divided")
	case s.query != "" && s.part.Option == sqlstore.PhysicalPartitions:
		o.Problem(fault.BadInput, "partitionOption", "PhysicalPartitionsOfTable needs a table, not a query")
	case s.query != "" && s.part.Option == sqlstore.DynamicRange && s.part.Column == "":
		o.Problem(fault.BadInput, "partitionSettings", "a query with partitionOption DynamicRange needs partitionSettings.partitionColumnName")
	case hook && s.part.Option != sqlstore.DynamicRange:
		o.Problem(fault.BadInput, "sqlReaderQuery", "?AdfDynamicRangePartitionCondition needs partitionOption DynamicRange")
	}
}

func (s *source) open(ctx context.Context) (store.Source, error) {
	c, err := s.server.connect(ctx, s.env)
	if err != nil {
		return nil, err
	}
	s.c = c
	if err := s.describe(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// target names the source in errors.
func (s *source) target() string {
	if s.table.IsZero() {
		return s.server.name() + "/" + s.server.database
	}
	return s.server.database + ": " + s.table.String()
}

func (s *source) Schema(context.Context) (batch.Schema, error) { return schemaOf(s.columns), nil }

func (s *source) Divided() bool { return s.part.Divided() }

func (s *source) Explain() string { return s.explain }

// Close ends the connections.
func (s *source) Close() error {
	if s.begun != nil {
		_ = s.begun.Close()
		s.begun = nil
	}
	s.c.close()
	return nil
}

// describe asks the server for the columns.
func (s *source) describe(ctx context.Context) error {
	if s.table.IsZero() {
		return s.describeStatement(ctx)
	}
	id, err := objectID(ctx, s.c, s.table)
	if err != nil {
		return explain(ctx, err, "look for the table", s.target())
	}
	if id == 0 {
		return s.missing(ctx)
	}
	s.object = id
	columns, err := tableColumns(ctx, s.c, id)
	if err != nil {
		return explain(ctx, err, "read the columns", s.target())
	}
	if len(columns) == 0 { // a synonym, say
		rows, err := s.c.rows(ctx, "SELECT * FROM "+quoted(s.table)+" WHERE 1 = 0")
		if err != nil {
			return explain(ctx, err, "read the columns", s.target())
		}
		columns, err = resultColumns(rows)
		_ = rows.Close()
		if err != nil {
			return err
		}
	}
	if s.only == nil {
		s.columns = columns
		return nil
	}
	found, err := sqlstore.Match(s.only, schemaOf(columns), s.target())
	if err != nil {
		return err
	}
	for _, k := range found {
		s.columns = append(s.columns, columns[k])
	}
	return nil
}

// missing is the error for a table that is not there; it names tables that are called alike.
func (s *source) missing(ctx context.Context) error {
	e := fault.New(fault.NotFound, "there is no table or view %s, or the user may not see it", s.table).At(s.target()).
		Try("Correct the name, with its schema, or grant SELECT on the table.")
	rows, err := s.c.query(ctx, `SELECT s.name, o.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
		WHERE LOWER(o.name) = LOWER(@p1) AND o.type IN ('U', 'V')`, s.table.Name)
	if err != nil || len(rows) == 0 {
		return e
	}
	var list []string
	for _, row := range rows {
		list = append(list, textOf(row[0])+"."+textOf(row[1]))
	}
	return e.Try("Correct the name; there is %s.", strings.Join(list, ", "))
}

func (s *source) describeStatement(ctx context.Context) error {
	text := sqlstore.FillRange(s.query, "1 = 1")
	columns, ok, err := describeQuery(ctx, s.c, text, s.args)
	if err != nil {
		return explain(ctx, err, "read the columns", s.target())
	}
	if !ok {
		if columns, err = s.run(ctx, text); err != nil {
			return err
		}
	}
	for i, c := range columns {
		if c.userDefined() {
			return fault.New(fault.Unsupported, "the column %q of the query is a %s, which comes in a form of the server's own", c.name, c.typ).At(s.target()).
				Try("Write %s in the query.", map[bool]string{true: quote(c.name) + ".AsTextZM()", false: quote(c.name) + ".ToString()"}[c.spatial()])
		}
		if c.name == "" {
			columns[i].name = fmt.Sprintf("Column%d", i+1) // as Data Factory calls them
		}
	}
	s.columns = columns
	return nil
}

// run starts a statement that cannot be described otherwise. The first Open goes on with it, so that it runs once.
func (s *source) run(ctx context.Context, text string) ([]column, error) {
	c, err := s.server.connect(ctx, s.env)
	if err != nil {
		return nil, err
	}
	r := s.reader(c, text)
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	rows, err := c.rows(r.running, text, s.args...)
	if err != nil {
		_ = r.Close()
		return nil, explain(ctx, err, "read the columns", s.target())
	}
	r.rows = rows
	columns, err := resultColumns(rows)
	if err == nil && len(columns) == 0 {
		err = noRows(s.target())
	}
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	s.begun = r
	return columns, nil
}

func (s *source) reader(c *conn, text string) *reader {
	r := &reader{c: c, text: text, args: s.args, target: s.target(), timeout: s.timeout, start: c.wire.read.Load()}
	r.running, r.cancel = context.WithCancel(context.Background())
	return r
}

// Open starts a partition on a connection of its own.
func (s *source) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	schema := schemaOf(s.columns)
	places := make([]int, len(want))
	for i, f := range want {
		if places[i] = schema.Index(f.Name); places[i] < 0 {
			return nil, fault.New(fault.NotFound, "there is no column %q", f.Name).At(s.target()).Try("Correct the mapping.")
		}
	}
	text, err := s.statement(p, places)
	if err != nil {
		return nil, err
	}
	r := s.takeBegun(text)
	if r == nil {
		c, err := s.server.connect(ctx, s.env)
		if err != nil {
			return nil, err
		}
		r = s.reader(c, text)
	}
	for i, k := range places {
		f := schema[k]
		f.Type = widened(f.Type, want[i].Type)
		r.schema = append(r.schema, f)
		r.decode = append(r.decode, decoderOf(s.columns[k]))
		r.want = append(r.want, s.columns[k])
		if !s.table.IsZero() {
			k = i
		}
		r.read = append(r.read, k)
	}
	if r.rows != nil {
		if err := r.check(); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	return r, nil
}

// takeBegun hands out the statement that runs already, where it is the one that is wanted. Such statements are one
// partition, so only one goroutine asks.
func (s *source) takeBegun(text string) *reader {
	r := s.begun
	if r == nil || r.text != text {
		return nil
	}
	s.begun = nil
	return r
}

// widened is the wanted type where it is an integer type that holds every value of the own integer type.
func widened(own, want batch.Type) batch.Type {
	if own.Kind >= batch.Byte && own.Kind <= batch.Int64 && want.Kind > own.Kind && want.Kind <= batch.Int64 {
		return want
	}
	return own
}
