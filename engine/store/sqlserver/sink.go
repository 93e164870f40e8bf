package sqlserver

import (
	"context"
	"fmt"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// sink is a table, or a stored procedure, to write to.
type sink struct {
	server  *server
	env     store.Env
	table   sqlstore.Table
	options sinkOptions
	c       *conn
	synapse bool // a dedicated SQL pool, which lacks some things

	// Set by Prepare.
	columns []column       // that are written
	fields  batch.Schema   // the same, with the types that writers take
	targets []target       // how
	keys    []int          // of upsert, among columns
	markers sqlstore.Table // the marker table
	staged  bool           // rows always go through an interim table
	rows    *tableType     // of a procedure's parameter
	sliceID []byte         // value of the slice column, which is the last of columns
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func decodeSink(spec store.Spec) store.OpenSink {
	server := decodeServer(spec.LinkedService)
	table := sqlstore.DecodeTable(spec.Dataset)
	options := decodeSinkOptions(spec.Activity, table)
	if table.IsZero() && options.behaviour != byProcedure {
		spec.Dataset.Required("tableName")
	}
	return func(ctx context.Context, env store.Env) (store.Sink, error) {
		c, err := server.connect(ctx, env)
		if err != nil {
			return nil, err
		}
		k := &sink{server: server, env: env, table: table, options: options, c: c}
		if rows, err := c.query(ctx, "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int)"); err == nil && len(rows) > 0 {
			k.synapse = numberOf(rows[0][0]) == 6
		}
		if c.isBroken() {
			c.close()
			return nil, fault.New(fault.Unreachable, "ask the server's edition").At(server.name()).AsTransient().Try("The connection broke; check the server and the network.")
		}
		return k, nil
	}
}

// target names the sink in errors.
func (k *sink) target() string {
	if k.options.behaviour == byProcedure {
		return k.server.database + ": " + k.options.procedure.text
	}
	return k.server.database + ": " + k.table.String()
}

// Close ends the connection.
func (k *sink) Close() error {
	k.c.close()
	return nil
}

// Prepare implements store.Sink.
func (k *sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	if !resuming {
		if err := k.build(ctx, want); err != nil {
			return nil, err
		}
	}
	if k.options.behaviour == byProcedure {
		if err := k.prepareProcedure(ctx, want); err != nil {
			return nil, err
		}
		if !resuming {
			return k.fields, k.makeMarkers(ctx)
		}
		return k.fields, nil
	}
	id, err := k.find(ctx)
	if err != nil {
		return nil, err
	}
	columns, err := tableColumns(ctx, k.c, id)
	if err != nil {
		return nil, explain(ctx, err, "read the columns", k.target())
	}
	if err := k.locate(ctx, id); err != nil {
		return nil, err
	}
	if err := k.adopt(ctx, want, columns, id); err != nil {
		return nil, err
	}
	if resuming {
		return k.given(), nil
	}
	if err := k.makeMarkers(ctx); err != nil {
		return nil, err
	}
	return k.given(), k.cleanSlice(ctx)
}

// given is the columns that writers are given: without the slice's, which the sink fills itself.
func (k *sink) given() batch.Schema {
	if k.sliceID != nil {
		return k.fields[:len(k.fields)-1]
	}
	return k.fields
}

// find gives the table's identifier; a table that is not there is refused.
func (k *sink) find(ctx context.Context) (int64, error) {
	id, err := objectID(ctx, k.c, k.table)
	if err != nil {
		return 0, explain(ctx, err, "look for the table", k.target())
	}
	if id == 0 {
		return 0, fault.New(fault.NotFound, "there is no table %s, or the user may not see it", k.table).At(k.target()).
			Try("Correct the name, grant INSERT and SELECT on the table, or set tableOption to autoCreate.")
	}
	return id, nil
}

// Inspect implements store.Inspector.
func (k *sink) Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error) {
	if k.options.behaviour == byProcedure {
		return k.fields, k.prepareProcedure(ctx, want)
	}
	id, err := objectID(ctx, k.c, k.table)
	if err != nil {
		return nil, explain(ctx, err, "look for the table", k.target())
	}
	var columns []column
	switch {
	case id != 0:
		columns, err = tableColumns(ctx, k.c, id)
		if err != nil {
			return nil, explain(ctx, err, "read the columns", k.target())
		}
	case k.options.autoCreate:
		columns = k.createdColumns(want)
	default:
		_, err := k.find(ctx)
		return nil, err
	}
	if err := k.adopt(ctx, want, columns, id); err != nil {
		return nil, err
	}
	return k.given(), nil
}

// adopt matches the wanted columns with those of the table and decides how each is written. id is 0 for a table that is
// not there yet.
func (k *sink) adopt(ctx context.Context, want batch.Schema, columns []column, id int64) error {
	found, err := sqlstore.Match(want, schemaOf(columns), k.target())
	if err != nil {
		return err
	}
	k.columns, k.fields, k.targets, k.sliceID = nil, nil, nil, nil
	k.staged = k.options.behaviour == byUpsert
	for i, at := range found {
		k.use(columns[at], want[i].Type)
	}
	for _, c := range k.columns {
		if c.computed {
			return fault.New(fault.Conflict, "the column %q is filled by the server and cannot be written", c.name).At(k.target()).
				Try("Leave the column out of the mapping.")
		}
	}
	if err := k.adoptSlice(columns); err != nil {
		return err
	}
	return k.findKeys(ctx, id)
}

func (k *sink) use(c column, want batch.Type) {
	t := targetOf(c, want)
	f := c.field()
	f.Type = t.typ
	k.columns, k.fields, k.targets = append(k.columns, c), append(k.fields, f), append(k.targets, t)
	k.staged = k.staged || c.cast()
}

// findKeys finds the columns that tell rows apart, for upsert: those that the job names, else the table's primary key.
func (k *sink) findKeys(ctx context.Context, id int64) error {
	k.keys = nil
	if k.options.behaviour != byUpsert {
		return nil
	}
	names := k.options.keys
	if len(names) == 0 && id != 0 {
		rows, err := k.c.query(ctx, `SELECT c.name FROM sys.indexes i JOIN sys.index_columns x ON x.object_id = i.object_id AND x.index_id = i.index_id
			JOIN sys.columns c ON c.object_id = x.object_id AND c.column_id = x.column_id WHERE i.object_id = @p1 AND i.is_primary_key = 1 ORDER BY x.key_ordinal`, id)
		if err != nil {
			return explain(ctx, err, "look for the primary key", k.target())
		}
		for _, row := range rows {
			names = append(names, textOf(row[0]))
		}
	}
	if len(names) == 0 {
		return fault.New(fault.BadInput, "the table has no primary key to tell rows apart by").At(k.target()).Try("Set upsertSettings.keys.")
	}
	for _, name := range names {
		i := k.fields.Index(name)
		if i < 0 {
			return sqlstore.KeyNotWritten(name, k.target())
		}
		if c := k.columns[i]; c.cast() || c.typ == "xml" || c.typ == "text" || c.typ == "ntext" || c.typ == "image" {
			return fault.New(fault.Unsupported, "the key column %q is a %s, which cannot tell rows apart", name, c.native()).At(k.target()).
				Try("Choose other columns as upsertSettings.keys.")
		}
		if k.isUpsertKey(i) {
			return fault.New(fault.BadInput, "upsertSettings.keys names the column %q twice", k.fields[i].Name).At(k.target()).Try("Name each column once.")
		}
		k.fields[i].Nullable = false
		k.keys = append(k.keys, i)
	}
	return nil
}

// build makes the table that is missing and runs the scripts. A script may drop the table or want it to be there, so the
// table is looked for before and after.
func (k *sink) build(ctx context.Context, want batch.Schema) error {
	if err := k.create(ctx, want); err != nil {
		return err
	}
	for _, script := range k.options.scripts {
		if _, err := k.c.exec(ctx, script); err != nil {
			return explain(ctx, err, "run the pre-copy script", k.target())
		}
		rows, err := k.c.query(ctx, "SELECT @@TRANCOUNT")
		if err != nil {
			return explain(ctx, err, "run the pre-copy script", k.target())
		}
		if numberOf(rows[0][0]) != 0 {
			return fault.New(fault.BadInput, "the pre-copy script leaves a transaction open").At(k.target()).Try("End the script with COMMIT, or leave BEGIN TRANSACTION out.")
		}
	}
	if len(k.options.scripts) == 0 {
		return nil
	}
	return k.create(ctx, want)
}

// createdColumns are the columns of the table that autoCreate makes.
func (k *sink) createdColumns(want batch.Schema) []column {
	columns := make([]column, len(want))
	for i, f := range want {
		columns[i] = created(f, k.isKey(f.Name))
	}
	if k.options.slice != "" {
		columns = append(columns, column{name: k.options.slice, typ: "binary", length: 32, nullable: true})
	}
	return columns
}

func (k *sink) isKey(name string) bool {
	return k.options.behaviour == byUpsert && sqlstore.IsKey(name, k.options.keys)
}

func (k *sink) create(ctx context.Context, want batch.Schema) error {
	if !k.options.autoCreate {
		return nil
	}
	id, err := objectID(ctx, k.c, k.table)
	if err != nil {
		return explain(ctx, err, "look for the table", k.target())
	}
	if id != 0 {
		return nil
	}
	var lines []string
	var keys []string
	for _, c := range k.createdColumns(want) {
		null := " NULL"
		if !c.nullable {
			null = " NOT NULL"
			keys = append(keys, c.name)
		}
		lines = append(lines, quote(c.name)+" "+c.native()+null)
	}
	if len(keys) > 0 {
		line := "PRIMARY KEY (" + quoteAll(keys) + ")"
		if k.synapse {
			line = "PRIMARY KEY NONCLUSTERED (" + quoteAll(keys) + ") NOT ENFORCED"
		}
		lines = append(lines, line)
	}
	ddl := "CREATE TABLE " + quoted(k.table) + " (" + strings.Join(lines, ", ") + ")"
	return k.define(ctx, ddl, "create the table", k.table)
}

// define runs DDL that makes a table. Another session may make the same table at the same moment; that is as good.
func (k *sink) define(ctx context.Context, ddl, what string, t sqlstore.Table) error {
	_, err := k.c.exec(ctx, ddl)
	if err == nil {
		return nil
	}
	if hasNumber(err, 2714) {
		if id, bad := objectID(ctx, k.c, t); bad == nil && id != 0 {
			return nil
		}
	}
	err = explain(ctx, err, what+" "+t.String(), k.target())
	if fault.Is(err, fault.Forbidden) {
		return fault.As(err).Try("Grant the user CREATE TABLE and ALTER on the schema, or have the table made by: %s", strings.Join(strings.Fields(ddl), " "))
	}
	return err
}

// locate finds the schema that the table is in, where the marker table is too.
func (k *sink) locate(ctx context.Context, id int64) error {
	rows, err := k.c.query(ctx, "SELECT s.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE o.object_id = @p1", id)
	if err != nil || len(rows) == 0 {
		return explain(ctx, err, "look for the table's schema", k.target())
	}
	k.markers = sqlstore.Table{Schema: textOf(rows[0][0]), Name: sqlstore.MarkerTable}
	return nil
}

// Open starts a partition on a connection of its own.
func (k *sink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	if k.fields == nil {
		return nil, fault.New(fault.Internal, "the sink is not prepared").At(k.target())
	}
	c, err := k.server.connect(ctx, k.env)
	if err != nil {
		return nil, err
	}
	w := &writer{sink: k, c: c, partition: p.ID}
	w.running, w.cancel = context.WithCancel(context.Background())
	if err := w.begin(ctx); err != nil {
		_ = w.Abort()
		return nil, err
	}
	return w, nil
}

// stagePrefix begins the names of interim tables outside of tempdb.
const stagePrefix = "dmgateway_stage_"

// stageColumn is the name of column i in the interim table; its rows are numbered by stageRow.
func stageColumn(i int) string { return fmt.Sprintf("c%d", i) }

const stageRow = "dmg_row"
