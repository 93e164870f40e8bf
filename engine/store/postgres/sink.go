package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// sink is a table to write to.
type sink struct {
	server  *server
	env     store.Env
	table   sqlstore.Table
	options sqlstore.SinkOptions
	pool    *pool

	inspected batch.Schema // what Inspect was asked last, for a table that is there

	// Set by Prepare.
	home    string         // schema of the table, where the marker table is too
	fields  batch.Schema   // the columns that are written, with the types that writers take
	targets []target       // how
	columns []column       // what they are at the server
	keys    []string       // columns that tell rows apart, for an upsert
	casts   []string       // types of the columns that are staged as text and cast, "" for the others
	staged  bool           // rows go through an interim table
	markers sqlstore.Table // the marker table
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func decodeSink(spec store.Spec) store.OpenSink {
	server := decodeServer(spec.LinkedService)
	table := sqlstore.DecodeTable(spec.Dataset)
	o := sqlstore.DecodeSink(spec.Activity)
	if table.IsZero() {
		spec.Dataset.Required("tableName")
	}
	warnUnused(spec.Activity, o)
	return func(ctx context.Context, env store.Env) (store.Sink, error) {
		p, err := server.openPool(ctx, env)
		if err != nil {
			return nil, err
		}
		return &sink{server: server, env: env, table: table, options: o, pool: p}, nil
	}
}

func warnUnused(o *props.Object, s sqlstore.SinkOptions) {
	if s.BatchSize > 0 {
		o.Warn("writeBatchSize", "rows are streamed with COPY, so a batch size has no effect")
	}
	if s.InterimSchema != "" {
		o.Object("upsertSettings").Warn("interimSchemaName", "the interim table is a temporary table of the session, so a schema has no effect")
	}
}

// target names the sink in errors.
func (k *sink) target() string { return k.server.database + ": " + k.table.String() }

// Close ends the connections.
func (k *sink) Close() error {
	k.pool.close()
	return nil
}

// Prepare implements store.Sink.
func (k *sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	if !resuming {
		if err := k.build(ctx, want); err != nil {
			return nil, err
		}
	}
	if err := k.locate(ctx); err != nil {
		return nil, err
	}
	if !resuming {
		if err := k.makeMarkers(ctx); err != nil {
			return nil, err
		}
	}
	if slices.Equal(want, k.inspected) && k.options.PreCopyScript == "" {
		return k.fields, nil // as Inspect found it a moment ago
	}
	schema, columns, err := k.pool.describe(ctx, "SELECT * FROM "+k.table.Quoted()+" LIMIT 0", k.target())
	if err != nil {
		return nil, err
	}
	fields, err := k.adopt(ctx, want, schema, columns, true)
	if err != nil {
		return nil, err
	}
	return fields, k.checkUnique(ctx)
}

// Inspect implements store.Inspector. For a table that is still to be created the server is asked what it would make of
// the types.
func (k *sink) Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error) {
	there, err := k.exists(ctx, k.table)
	if err != nil {
		return nil, err
	}
	text := "SELECT * FROM " + k.table.Quoted() + " LIMIT 0"
	if k.options.AutoCreate && !there {
		columns := make([]string, len(want))
		for i, f := range want {
			columns[i] = "NULL::" + declare(f) + " AS " + sqlstore.Quote(f.Name)
		}
		text = "SELECT " + strings.Join(columns, ", ")
	}
	schema, columns, err := k.pool.describe(ctx, text, k.target())
	if err != nil {
		return nil, err
	}
	fields, err := k.adopt(ctx, want, schema, columns, there)
	if err != nil || !there || k.options.PreCopyScript != "" { // the script may make the index that is missing
		return fields, err
	}
	if err := k.checkUnique(ctx); err != nil {
		return nil, err
	}
	k.inspected = slices.Clone(want)
	return fields, nil
}

// adopt matches the wanted columns with those of the table and decides how each is written.
func (k *sink) adopt(ctx context.Context, want, schema batch.Schema, columns []column, there bool) (batch.Schema, error) {
	found, err := sqlstore.Match(want, schema, k.target())
	if err != nil {
		return nil, err
	}
	if there {
		if err := k.restrictions(ctx, schema, found); err != nil {
			return nil, err
		}
	}
	k.fields, k.targets, k.casts = make(batch.Schema, len(want)), make([]target, len(want)), make([]string, len(want))
	k.columns, k.staged = make([]column, len(want)), k.options.Upsert
	for i, at := range found {
		f, t := schema[at], targetOf(columns[at], want[i].Type)
		f.Type = t.typ
		k.fields[i], k.targets[i], k.columns[i] = f, t, columns[at]
		if t.cast {
			k.casts[i], k.staged = f.Native, true
		}
	}
	k.keys, err = sqlstore.UpsertKeys(k.fields, k.options, k.target())
	return k.fields, err
}

// build makes the table that is missing and runs the pre-copy script. The script may drop the table or want it to be
// there, so the table is looked for before and after.
func (k *sink) build(ctx context.Context, want batch.Schema) error {
	if err := k.create(ctx, want); err != nil {
		return err
	}
	if k.options.PreCopyScript == "" {
		return nil
	}
	if err := k.pool.script(ctx, k.options.PreCopyScript, k.target()); err != nil {
		return err
	}
	return k.create(ctx, want)
}

func (k *sink) create(ctx context.Context, want batch.Schema) error {
	if !k.options.AutoCreate {
		return nil
	}
	there, err := k.exists(ctx, k.table)
	if err != nil || there {
		return err
	}
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + k.table.Quoted() + " (")
	for i, f := range want {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(sqlstore.Quote(f.Name) + " " + declare(f))
	}
	if k.options.Upsert {
		b.WriteString(", UNIQUE (" + sqlstore.QuoteAll(k.options.Keys) + ")")
	}
	b.WriteString(")")
	return k.define(ctx, b.String(), "create the table", k.table)
}

// exists asks whether a table is there. It is asked before CREATE TABLE IF NOT EXISTS, which wants the right to create
// even where there is nothing to do.
func (k *sink) exists(ctx context.Context, t sqlstore.Table) (bool, error) {
	rows, err := k.pool.query(ctx, "SELECT to_regclass($1) IS NOT NULL", t.Quoted())
	if err != nil {
		return false, explain(ctx, err, "look for the table", k.target())
	}
	return rows[0][0].text == "t", nil
}

// define runs DDL that makes a table. Another session may make the same table at the same moment; that is as good.
func (k *sink) define(ctx context.Context, ddl, what string, t sqlstore.Table) error {
	err := k.pool.run(ctx, ddl)
	if err == nil {
		return nil
	}
	if hasState(err, "23505") || hasState(err, "42P07") {
		if there, bad := k.exists(ctx, t); bad == nil && there {
			return nil
		}
	}
	err = explain(ctx, err, what+" "+t.String(), k.target())
	if fault.Is(err, fault.Forbidden) {
		return fault.As(err).Try("Grant the user CREATE on the schema, or have the table made by: %s", strings.Join(strings.Fields(ddl), " "))
	}
	return err
}

// locate finds the schema that the table is in, where the name does not say it.
func (k *sink) locate(ctx context.Context) error {
	rows, err := k.pool.query(ctx, "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid=c.relnamespace WHERE c.oid=$1::regclass", k.table.Quoted())
	if err != nil {
		return explain(ctx, err, "look for the table's schema", k.target())
	}
	k.home = rows[0][0].text
	k.markers = sqlstore.Table{Schema: k.home, Name: sqlstore.MarkerTable}
	return nil
}

// restrictions refuses columns that the server computes itself, and marks those that take no NULL.
func (k *sink) restrictions(ctx context.Context, schema batch.Schema, found []int) error {
	rows, err := k.pool.query(ctx, `SELECT a.attname, a.attnotnull, coalesce(to_jsonb(a)->>'attgenerated', '')<>'' FROM pg_attribute a
		WHERE a.attrelid=$1::regclass AND a.attnum>0 AND NOT a.attisdropped`, k.table.Quoted())
	if err != nil {
		return explain(ctx, err, "read the columns", k.target())
	}
	computed := map[string]bool{}
	for _, row := range rows {
		if i := schema.Index(row[0].text); i >= 0 && row[1].text == "t" {
			schema[i].Nullable = false
		}
		computed[row[0].text] = row[2].text == "t"
	}
	for _, i := range found {
		if computed[schema[i].Name] {
			return fault.New(fault.Conflict, "the column %q is computed by the server and cannot be written", schema[i].Name).At(k.target()).
				Try("Leave the column out of the mapping.")
		}
	}
	return nil
}

// checkUnique looks for the index by which the server finds the rows to replace, before a row is copied.
func (k *sink) checkUnique(ctx context.Context) error {
	if !k.options.Upsert {
		return nil
	}
	names := slices.Sorted(slices.Values(k.keys))
	text, err := json.Marshal(names)
	if err != nil {
		return err
	}
	rows, err := k.pool.query(ctx, `SELECT 1 FROM pg_index i WHERE i.indrelid=$1::regclass AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
		AND i.indexprs IS NULL AND $2::jsonb = (SELECT jsonb_agg(a.attname ORDER BY a.attname COLLATE "C") FROM pg_attribute a
			WHERE a.attrelid=i.indrelid AND a.attnum=ANY((i.indkey::int2[])[0:i.indnkeyatts-1]))`, k.table.Quoted(), string(text))
	if err != nil {
		return explain(ctx, err, "look for the index of the keys", k.target())
	}
	if len(rows) == 0 {
		return sqlstore.NotUnique(k.keys, k.table.Quoted(), sqlstore.QuoteAll(k.keys), k.target())
	}
	return nil
}

// Open starts a partition on a connection of its own.
func (k *sink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	w, err := k.open(ctx, p, false)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (k *sink) open(ctx context.Context, p store.Partition, direct bool) (*writer, error) {
	if k.fields == nil {
		return nil, fault.New(fault.Internal, "the sink is not prepared").At(k.target())
	}
	c, err := k.pool.take(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{sink: k, c: c, partition: p.ID, direct: direct}
	if err := w.begin(ctx); err != nil {
		_ = w.Abort()
		return nil, err
	}
	return w, nil
}

// into is the table and columns that COPY fills.
func (k *sink) into() string {
	if k.staged {
		return stage
	}
	return k.plainly()
}

// plainly is the table with the columns that are written.
func (k *sink) plainly() string {
	return k.table.Quoted() + " (" + sqlstore.QuoteAll(sqlstore.Names(k.fields)) + ")"
}
