package mysql

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// sink is a table to write to.
type sink struct {
	server  *server
	env     store.Env
	table   sqlstore.Table
	options sqlstore.SinkOptions
	c       *conn

	// Set by Prepare.
	fields  batch.Schema // the columns that are written, with the types that writers take
	targets []target     // how
	keys    []string     // columns that tell rows apart, for an upsert
	raw     bool         // LOAD DATA sends bytes as they are: every text column is in a Unicode character set
	markers sqlstore.Table

	mu   sync.Mutex
	open map[*writer]bool // writers that are neither committed nor aborted
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func decodeSink(spec store.Spec) store.OpenSink {
	server := decodeServer(spec.LinkedService)
	table := decodeTable(spec.Dataset, server)
	o := sqlstore.DecodeSink(spec.Activity)
	if table.IsZero() {
		spec.Dataset.Required("tableName")
	}
	return func(ctx context.Context, env store.Env) (store.Sink, error) {
		c, err := server.connect(ctx, env)
		if err != nil {
			return nil, err
		}
		k := &sink{server: server, env: env, table: table, options: o, c: c, open: map[*writer]bool{}}
		k.markers = sqlstore.Table{Schema: table.Schema, Name: sqlstore.MarkerTable}
		return k, nil
	}
}

// target names the sink in errors.
func (k *sink) target() string { return k.table.String() }

// Close ends the connections.
func (k *sink) Close() error {
	k.mu.Lock()
	left := slices.Collect(maps.Keys(k.open))
	k.mu.Unlock()
	for _, w := range left {
		_ = w.Abort()
	}
	k.c.hangUp()
	return nil
}

// Prepare implements store.Sink.
func (k *sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	if !resuming {
		if err := k.build(ctx, want); err != nil {
			return nil, err
		}
	}
	columns, err := describe(ctx, k.c, k.table, "SELECT * FROM "+quoted(k.table), k.target())
	if err != nil {
		return nil, err
	}
	if err := k.checkEngine(ctx); err != nil {
		return nil, err
	}
	if !resuming {
		if err := k.makeMarkers(ctx); err != nil {
			return nil, err
		}
	}
	return k.adopt(ctx, want, columns, true)
}

// Inspect implements store.Inspector. For a table that is still to be created the server is asked what it would make of
// it, by a temporary table that nobody else sees.
func (k *sink) Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error) {
	there, err := k.exists(ctx, k.table)
	if err != nil {
		return nil, err
	}
	look := k.table
	if k.options.AutoCreate && !there {
		look.Name = "dmgateway_inspect_" + k.c.id
		if _, err := k.c.exec(ctx, k.definition(look, want, "TEMPORARY ")); err != nil {
			return nil, explain(ctx, err, "try the table's definition", k.target())
		}
	} else if err := k.checkEngine(ctx); err != nil {
		return nil, err
	}
	columns, err := describe(ctx, k.c, look, "SELECT * FROM "+quoted(look), k.target())
	if look != k.table {
		if _, bad := k.c.exec(ctx, "DROP TEMPORARY TABLE IF EXISTS "+quoted(look)); bad != nil && err == nil {
			err = explain(ctx, bad, "drop the temporary table", k.target())
		}
		for i := range columns {
			columns[i].isJSON = columns[i].isJSON || k.c.mariaDB && i < len(want) && declare(want[i]) == "json"
			if columns[i].isJSON {
				columns[i].native = "json"
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return k.adopt(ctx, want, columns, there && k.options.PreCopyScript == "") // the script may make the index that is missing
}

// adopt matches the wanted columns with those of the table and decides how each is written. final says that the table's
// indexes are those that the rows will meet.
func (k *sink) adopt(ctx context.Context, want batch.Schema, columns []column, final bool) (batch.Schema, error) {
	table := make(batch.Schema, len(columns))
	for i, c := range columns {
		table[i] = batch.Field{Name: c.name, Nullable: c.flags&flagNotNull == 0, Native: c.nativeName()}
	}
	found, err := sqlstore.Match(want, table, k.target())
	if err != nil {
		return nil, err
	}
	k.fields, k.targets, k.raw = make(batch.Schema, len(want)), make([]target, len(want)), true
	for i, at := range found {
		c := columns[at]
		if c.generated {
			return nil, fault.New(fault.Conflict, "the column %q is computed by the server and cannot be written", c.name).At(k.target()).
				Try("Leave the column out of the mapping.")
		}
		k.fields[i], k.targets[i] = table[at], targetOf(c, want[i].Type, k.server.values)
		k.fields[i].Type = k.targets[i].typ
		if c.charName != "" && c.charName != "binary" && c.charName != "ascii" && !strings.HasPrefix(c.charName, "utf8") {
			k.raw = false
		}
	}
	if k.keys, err = sqlstore.UpsertKeys(k.fields, k.options, k.target()); err != nil || !final {
		return k.fields, err
	}
	return k.fields, k.checkUnique(ctx, columns)
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
	o, err := k.c.exec(ctx, k.options.PreCopyScript)
	if err != nil {
		return explain(ctx, err, "run the pre-copy script", k.target())
	}
	if o.status&inTransaction != 0 {
		return fault.New(fault.BadInput, "the pre-copy script leaves a transaction open").At(k.target()).Try("End the script with COMMIT, or leave START TRANSACTION out.")
	}
	if _, err := k.c.exec(ctx, session); err != nil { // which the script may have changed
		return explain(ctx, err, "prepare the session", k.target())
	}
	return k.create(ctx, want)
}

// inTransaction is the server's status that a transaction is open.
const inTransaction = 0x0001

func (k *sink) create(ctx context.Context, want batch.Schema) error {
	if !k.options.AutoCreate {
		return nil
	}
	there, err := k.exists(ctx, k.table)
	if err != nil || there {
		return err
	}
	return k.define(ctx, k.definition(k.table, want, ""), "create the table", k.table)
}

// rowRoom is how many bytes of a row are given to columns of limited length; MySQL allows 65,535 in all.
const rowRoom = 48_000

// definition is the statement that makes the table. Where columns of limited length would fill a row, the rest of them
// becomes longtext or longblob.
func (k *sink) definition(t sqlstore.Table, want batch.Schema, temporary string) string {
	var b strings.Builder
	b.WriteString("CREATE " + temporary + "TABLE IF NOT EXISTS " + quoted(t) + " (")
	room := rowRoom
	for i, f := range want {
		native := declare(f)
		if sqlstore.IsKey(f.Name, k.options.Keys) {
			native = k.declareKey(f)
		} else if size, long := roomOf(native, f.Type); size > room {
			native = long
		} else {
			room -= size
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(f.Name) + " " + native + " NULL")
	}
	if k.options.Upsert {
		b.WriteString(", UNIQUE KEY (" + quoteAll(k.options.Keys) + ")")
	}
	b.WriteString(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")
	return b.String()
}

// roomOf is how many bytes of a row a column of limited length can take, and the unlimited type in its place.
func roomOf(native string, t batch.Type) (size int, long string) {
	switch {
	case strings.HasPrefix(native, "varchar"):
		return 4*t.Length + 2, "longtext"
	case strings.HasPrefix(native, "varbinary"):
		return t.Length + 2, "longblob"
	}
	return 0, native
}

// declareKey is declare for a column of the key. Texts are compared byte by byte there, so that keys which differ in
// case or spaces stay different rows.
func (k *sink) declareKey(f batch.Field) string {
	native := declareKey(f)
	if !strings.HasPrefix(native, "varchar") && !strings.HasPrefix(native, "char") {
		return native
	}
	if k.c.mariaDB {
		return native + " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
	}
	return native + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
}

// exists asks whether a table is there. It is asked before CREATE TABLE IF NOT EXISTS, which wants the right to create
// even where there is nothing to do.
func (k *sink) exists(ctx context.Context, t sqlstore.Table) (bool, error) {
	rows, err := k.c.query(ctx, "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA="+literal(t.Schema)+" AND TABLE_NAME="+literal(t.Name))
	if err != nil {
		return false, explain(ctx, err, "look for the table", k.target())
	}
	return len(rows) > 0, nil
}

// define runs DDL that makes a table.
func (k *sink) define(ctx context.Context, ddl, what string, t sqlstore.Table) error {
	if _, err := k.c.exec(ctx, ddl); err != nil {
		err = explain(ctx, err, what+" "+t.String(), k.target())
		if fault.Is(err, fault.Forbidden) {
			return fault.As(err).Try("Grant the user CREATE on the database, or have the table made by: %s", ddl)
		}
		return err
	}
	return nil
}

// checkEngine refuses tables that cannot take back what was written: a partition is there as a whole or not at all only
// where the engine has transactions.
func (k *sink) checkEngine(ctx context.Context) error {
	rows, err := k.c.query(ctx, "SELECT COALESCE(t.ENGINE, ''), t.TABLE_TYPE, COALESCE(e.TRANSACTIONS, '') FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE=t.ENGINE WHERE t.TABLE_SCHEMA="+
		literal(k.table.Schema)+" AND t.TABLE_NAME="+literal(k.table.Name))
	if err != nil {
		return explain(ctx, err, "look at the table's engine", k.target())
	}
	if len(rows) == 0 {
		return nil
	}
	switch row := rows[0]; {
	case strings.Contains(row[1].text, "VIEW"):
		return fault.New(fault.Unsupported, "%s is a view", k.table).At(k.target()).Try("Write into the table under it.")
	case row[2].text != "YES":
		return fault.New(fault.Unsupported, "the table's engine %s has no transactions, so a failed copy would leave a part of its rows", row[0].text).At(k.target()).
			Try("ALTER TABLE %s ENGINE=InnoDB, or copy into another table.", quoted(k.table))
	}
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
	k.mu.Lock()
	k.open[w] = true
	k.mu.Unlock()
	if err := w.begin(ctx); err != nil {
		_ = w.Abort()
		return nil, err
	}
	return w, nil
}
