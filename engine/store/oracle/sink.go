package oracle

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// sink is a table to write to.
type sink struct {
	server  *server
	env     store.Env
	table   sqlstore.Table // as the dataset names it
	options sinkOptions
	c       *session

	// Set by Prepare and Inspect.
	unicode bool           // the database's character set is Unicode
	object  object         // the table as the dictionary knows it
	targets []target       // the columns that are written, the slice's last where there is one
	fields  batch.Schema   // what writers take
	keys    []string       // columns that tell rows apart, for an upsert
	markers sqlstore.Table // the marker table
	sliceID []byte         // value of the slice's column, nil for none
}

type sinkOptions struct {
	sqlstore.SinkOptions
	cleanup string // v1's script that runs before the first row
	slice   string // column that holds the identifier of the slice
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func decodeSink(spec store.Spec) store.OpenSink {
	server := decodeServer(spec.LinkedService)
	table := sqlstore.DecodeTable(spec.Dataset)
	a := spec.Activity
	o := sinkOptions{SinkOptions: sqlstore.DecodeSink(a), cleanup: a.String("sqlWriterCleanupScript"), slice: a.String("sliceIdentifierColumnName")}
	if table.IsZero() {
		spec.Dataset.Required("tableName")
	}
	if o.InterimSchema != "" {
		a.Object("upsertSettings").Warn("interimSchemaName", "rows are merged without an interim table, so a schema has no effect")
	}
	if o.Upsert && o.slice != "" {
		a.Problem(fault.BadInput, "sliceIdentifierColumnName", "the property is for inserting, not for writeBehavior Upsert")
	}
	return func(ctx context.Context, env store.Env) (store.Sink, error) {
		c, err := server.connect(ctx, env, reading{rows: catalogRows, locators: true})
		if err != nil {
			return nil, err
		}
		return &sink{server: server, env: env, table: table, options: o, c: c}, nil
	}
}

// target names the sink in errors.
func (k *sink) target() string { return k.server.String() + ": " + k.table.String() }

// Close ends the connection.
func (k *sink) Close() error {
	k.c.hangUp()
	return nil
}

// Prepare implements store.Sink.
func (k *sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	if err := k.characters(ctx); err != nil {
		return nil, err
	}
	if !resuming {
		if err := k.build(ctx, want); err != nil {
			return nil, err
		}
	}
	columns, err := k.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.adopt(want, columns); err != nil {
		return nil, err
	}
	if resuming {
		return k.fields, nil
	}
	if err := k.makeMarkers(ctx); err != nil {
		return nil, err
	}
	return k.fields, k.cleanSlice(ctx)
}

// Inspect implements store.Inspector.
func (k *sink) Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error) {
	if err := k.characters(ctx); err != nil {
		return nil, err
	}
	o, ok, err := k.c.find(ctx, k.table)
	if err != nil {
		return nil, explain(ctx, err, "look for the table", k.target())
	}
	if !k.options.AutoCreate || ok {
		columns, err := k.describe(ctx)
		if err != nil {
			return nil, err
		}
		return k.fields, k.adopt(want, columns)
	}
	k.object = o
	fields := k.newColumns(want)
	columns := make([]column, len(fields))
	for i, f := range fields {
		columns[i] = declared(f.Name, f.Native)
	}
	err = k.adopt(want, columns)
	return k.fields, err
}

// characters finds out whether the database's character set is Unicode.
func (k *sink) characters(ctx context.Context) error {
	rows, err := k.c.query(ctx, "SELECT VALUE FROM NLS_DATABASE_PARAMETERS WHERE PARAMETER = 'NLS_CHARACTERSET'")
	if err != nil {
		return explain(ctx, err, "ask for the database's character set", k.target())
	}
	k.unicode = len(rows) == 0 || rows[0][0].text == "AL32UTF8" || rows[0][0].text == "UTF8"
	return nil
}

// describe reads the columns of the table that is written.
func (k *sink) describe(ctx context.Context) ([]column, error) {
	columns, o, err := describeNamed(ctx, k.c, k.table, k.target())
	if err != nil {
		return nil, err
	}
	k.object = o
	k.markers = sqlstore.Table{Schema: o.Schema, Name: folded(sqlstore.MarkerTable)}
	return columns, k.computed(ctx, columns)
}

// computed marks the columns that only the server can fill. What the server's release does not know it does not have.
func (k *sink) computed(ctx context.Context, columns []column) error {
	schema := schemaOf(columns)
	for _, ask := range []struct{ text, why string }{
		{"SELECT COLUMN_NAME FROM ALL_TAB_COLS WHERE OWNER = :1 AND TABLE_NAME = :2 AND VIRTUAL_COLUMN = 'YES' AND HIDDEN_COLUMN = 'NO'", "is computed by the server"},
		{"SELECT COLUMN_NAME FROM ALL_TAB_IDENTITY_COLS WHERE OWNER = :1 AND TABLE_NAME = :2 AND GENERATION_TYPE = 'ALWAYS'", "is an identity that the server always generates"},
	} {
		rows, err := k.c.query(ctx, ask.text, k.object.Schema, k.object.Name)
		if _, refused := oracleError(err); err != nil && (!refused || ctx.Err() != nil) {
			return explain(ctx, err, "read the columns", k.target())
		}
		for _, row := range rows {
			if i := schema.Index(row[0].text); i >= 0 {
				columns[i].computed = ask.why
			}
		}
	}
	return nil
}

// adopt matches the wanted columns with those of the table and decides how each is written.
func (k *sink) adopt(want batch.Schema, columns []column) error {
	found, err := sqlstore.Match(want, schemaOf(columns), k.target())
	if err != nil {
		return err
	}
	k.targets, k.fields = make([]target, len(want)), make(batch.Schema, len(want))
	for i, at := range found {
		t, err := targetOf(columns[at], want[i].Type, k.unicode)
		if err != nil {
			return fault.As(err).At(k.target())
		}
		k.targets[i], k.fields[i] = t, t.field()
		k.fields[i].Type = t.typ
	}
	if err := k.findKeys(); err != nil {
		return err
	}
	return k.adoptSlice(columns)
}

// findKeys finds the columns that tell rows apart. No index is needed: the merge finds the rows by their values.
func (k *sink) findKeys() (err error) {
	if k.keys, err = sqlstore.UpsertKeys(k.fields, k.options.SinkOptions, k.target()); err != nil {
		return err
	}
	for i := range k.targets {
		t := &k.targets[i]
		if t.key = k.isKey(i); !t.key {
			continue
		}
		t.required = true
		if t.large() {
			return fault.New(fault.BadInput, "the key column %q of upsertSettings is a %s, which cannot be compared", t.name, t.native()).At(k.target()).
				Try("Choose keys of short types, or make the column a VARCHAR2.")
		}
	}
	return nil
}

// isKey reports whether the i-th column that is written is a key of the upsert.
func (k *sink) isKey(i int) bool { return slices.Contains(k.keys, k.targets[i].name) }

// adoptSlice adds the column of sliceIdentifierColumnName to those that are written. Its value is the same for every run
// over the same slice.
func (k *sink) adoptSlice(columns []column) error {
	name := k.options.slice
	if name == "" {
		return nil
	}
	if k.env.Slice == "" {
		return fault.New(fault.BadInput, "sliceIdentifierColumnName needs a run with a window, which tells the slice").At(k.target()).
			Try("Run the activity for a window, or use sqlWriterCleanupScript.")
	}
	if k.fields.Index(name) >= 0 {
		return fault.New(fault.BadInput, "the column %q holds the identifier of the slice and is filled by the copy", name).At(k.target()).
			Try("Leave the column out of the mapping.")
	}
	i := schemaOf(columns).Index(name)
	if i < 0 {
		return fault.New(fault.NotFound, "the table has no column %q for the identifier of the slice", name).At(k.target()).
			Try("Add a column of type RAW(32) to the table, or correct sliceIdentifierColumnName.")
	}
	t, err := targetOf(columns[i], batch.Type{Kind: batch.Binary}, k.unicode)
	if err != nil || t.bind != bindRaw || t.bytes < sha256.Size {
		return fault.New(fault.BadInput, "the column %q is a %s and cannot hold the identifier of a slice", columns[i].name, columns[i].native()).At(k.target()).
			Try("Give the column the type RAW(32).")
	}
	sum := sha256.Sum256([]byte(k.env.Slice))
	k.sliceID, k.targets = sum[:], append(k.targets, t)
	return nil
}

// cleanSlice deletes what an earlier run wrote for the slice.
func (k *sink) cleanSlice(ctx context.Context) error {
	if k.sliceID == nil {
		return nil
	}
	column := sqlstore.Quote(k.targets[len(k.targets)-1].name)
	return explain(ctx, k.c.run(ctx, "DELETE FROM "+k.object.Quoted()+" WHERE "+column+" = :1", k.sliceID), "delete the rows of the slice", k.target())
}

// Open starts a partition on a connection of its own.
func (k *sink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	if k.targets == nil {
		return nil, fault.New(fault.Internal, "the sink is not prepared").At(k.target())
	}
	c, err := k.server.connect(ctx, k.env, reading{})
	if err != nil {
		return nil, err
	}
	return newWriter(k, c, p.ID), nil
}

// say puts a warning into the run's log.
func (k *sink) say(what string, more ...any) {
	if k.env.Log != nil {
		k.env.Log.Warn(what, append([]any{"table", k.target()}, more...)...)
	}
}

// insert is the statement that one row's values go into.
func (k *sink) insert() string {
	values := make([]string, len(k.targets))
	for i := range k.targets {
		values[i] = k.targets[i].placeholder(i + 1)
	}
	return "INSERT INTO " + k.object.Quoted() + " (" + strings.Join(names(k.targets), ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

// merge is the statement of an upsert, and for each of its placeholders the column whose value goes there. The server
// runs it row by row, so of rows with the same key the last one counts.
func (k *sink) merge() (text string, order []int) {
	var on, set, values []string
	add := func(i int) int {
		order = append(order, i)
		return len(order)
	}
	for _, key := range k.keys {
		i := k.fields.Index(key)
		on = append(on, "T."+sqlstore.Quote(k.targets[i].name)+" = "+k.targets[i].cast(add(i)))
	}
	for i := range k.targets {
		if !k.isKey(i) {
			set = append(set, sqlstore.Quote(k.targets[i].name)+" = "+k.targets[i].placeholder(add(i)))
		}
	}
	for i := range k.targets {
		values = append(values, k.targets[i].placeholder(add(i)))
	}
	text = "MERGE INTO " + k.object.Quoted() + " T USING DUAL ON (" + strings.Join(on, " AND ") + ")"
	if len(set) > 0 {
		text += " WHEN MATCHED THEN UPDATE SET " + strings.Join(set, ", ")
	}
	return text + fmt.Sprintf(" WHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)", strings.Join(names(k.targets), ", "), strings.Join(values, ", ")), order
}
