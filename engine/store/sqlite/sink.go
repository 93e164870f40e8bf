package sqlite

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// markers is the DDL of the marker table, see package sqlstore.
const markers = `CREATE TABLE IF NOT EXISTS ` + sqlstore.MarkerTable + ` (
	"run" TEXT NOT NULL, "partition" TEXT NOT NULL, "rows" INTEGER NOT NULL, "bytes" INTEGER NOT NULL,
	"committed_at" TEXT NOT NULL, PRIMARY KEY ("run", "partition"))`

type sink struct {
	env     store.Env
	path    string
	table   string
	options sqlstore.SinkOptions
	c       *conn // nil while the file is still to be made
	// turn is held while a writer's rows go into the file: one at a time, since the file has one writer.
	turn sync.Mutex

	// Set by Prepare: the table's columns that are written, and the types that the writers take.
	fields   batch.Schema
	affinity []affinity
	keys     []string // columns that tell rows apart, for an upsert
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func decodeSink(spec store.Spec) store.OpenSink {
	path := decodeFile(spec.LinkedService)
	table := spec.Dataset.Required("tableName")
	o := sqlstore.DecodeSink(spec.Activity)
	warnUnused(spec.Activity, o)
	return func(_ context.Context, env store.Env) (store.Sink, error) {
		k := &sink{env: env, path: path, table: table, options: o}
		c, err := open(env, path, true, false)
		if o.AutoCreate && fault.Is(err, fault.NotFound) {
			return k, nil // Prepare makes the file
		}
		if err != nil {
			return nil, err
		}
		k.c = c
		return k, nil
	}
}

func warnUnused(o *props.Object, s sqlstore.SinkOptions) {
	if s.BatchSize > 0 {
		o.Warn("writeBatchSize", "rows are staged and go into the file in one transaction, so a batch size has no effect")
	}
	if s.InterimSchema != "" {
		o.Object("upsertSettings").Warn("interimSchemaName", "rows are staged in a temporary database, so an interim schema has no effect")
	}
}

func (k *sink) target() string { return k.path + ": " + k.table }

func (k *sink) Close() error {
	if k.c == nil {
		return nil
	}
	return k.c.close()
}

// Prepare implements store.Sink.
func (k *sink) Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	if k.c == nil {
		c, err := open(k.env, k.path, true, !resuming)
		if err != nil {
			return nil, err
		}
		k.c = c
	}
	if !resuming {
		if err := k.build(ctx, want); err != nil {
			return nil, err
		}
	}
	schema, err := k.c.describe(ctx, k.table, k.target())
	if err != nil {
		return nil, err
	}
	fields, err := k.adopt(want, schema)
	if err != nil {
		return nil, err
	}
	return fields, k.checkUnique()
}

// Inspect implements store.Inspector.
func (k *sink) Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error) {
	missing := k.c == nil
	if !missing && k.options.AutoCreate {
		missing = true
		err := k.c.query(ctx, "SELECT 1 FROM sqlite_schema WHERE lower(name)=lower(?) AND type IN ('table', 'view')", []any{k.table},
			func(*stmt) error { missing = false; return nil })
		if err != nil {
			return nil, explain(err, "look for the table", k.target())
		}
	}
	if missing {
		schema := make(batch.Schema, len(want))
		for i, f := range want {
			d := declare(f.Type)
			schema[i] = batch.Field{Name: f.Name, Type: typeOf(d), Nullable: true, Native: d}
		}
		return k.adopt(want, schema)
	}
	schema, err := k.c.describe(ctx, k.table, k.target())
	if err != nil {
		return nil, err
	}
	fields, err := k.adopt(want, schema)
	if err != nil || k.options.PreCopyScript != "" { // the script may make the index that is missing
		return fields, err
	}
	return fields, k.checkUnique()
}

// adopt matches the wanted columns with those of the table and decides how each is written.
func (k *sink) adopt(want, schema batch.Schema) (batch.Schema, error) {
	columns, err := sqlstore.Match(want, schema, k.target())
	if err != nil {
		return nil, err
	}
	k.fields = make(batch.Schema, len(want))
	k.affinity = make([]affinity, len(want))
	for i, at := range columns {
		f := schema[at]
		k.affinity[i] = affinityOf(f.Native)
		if f.Type.Kind == batch.Invalid {
			f.Type = want[i].Type
		}
		k.fields[i] = f
	}
	k.keys, err = sqlstore.UpsertKeys(k.fields, k.options, k.target())
	return k.fields, err
}

// checkUnique asks the library whether it finds the rows to replace: it compiles the statement of the upsert.
func (k *sink) checkUnique() error {
	if !k.options.Upsert {
		return nil
	}
	s, _, err := k.c.prepare(k.into("VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(k.fields)), ", ") + ")"))
	if err == nil {
		s.close()
		return nil
	}
	if e, ok := errors.AsType[*sqlError](err); ok && strings.Contains(e.message, "ON CONFLICT clause does not match") {
		return sqlstore.NotUnique(k.keys, sqlstore.Quote(k.table), sqlstore.QuoteAll(k.keys), k.target())
	}
	return explain(err, "prepare the upsert", k.target())
}

// build makes the tables that are missing and runs the pre-copy script. The script may drop the table or want it to be
// there, so the table is looked for before and after.
func (k *sink) build(ctx context.Context, want batch.Schema) error {
	if err := k.create(ctx, want); err != nil {
		return err
	}
	if k.options.PreCopyScript != "" {
		if err := k.c.exec(ctx, k.options.PreCopyScript); err != nil {
			_ = k.c.exec(context.WithoutCancel(ctx), "ROLLBACK") // of a transaction that the script may have left open
			return explain(err, "run the pre-copy script", k.target())
		}
		if err := k.create(ctx, want); err != nil {
			return err
		}
	}
	return explain(patiently(ctx, 0, func() error { return k.c.exec(ctx, markers) }), "create the table "+sqlstore.MarkerTable+", which marks what is copied", k.path)
}

func (k *sink) create(ctx context.Context, want batch.Schema) error {
	if !k.options.AutoCreate {
		return nil
	}
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + sqlstore.Quote(k.table) + " (")
	for i, f := range want {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(sqlstore.Quote(f.Name) + " " + declare(f.Type))
	}
	if k.options.Upsert {
		b.WriteString(", UNIQUE (" + sqlstore.QuoteAll(k.options.Keys) + ")")
	}
	b.WriteString(")")
	return explain(patiently(ctx, 0, func() error { return k.c.exec(ctx, b.String()) }), "create the table", k.target())
}

// Committed implements store.Resumer.
func (k *sink) Committed(ctx context.Context) (map[string]store.Counts, error) {
	counts := map[string]store.Counts{}
	if k.c == nil {
		return counts, nil
	}
	there := false
	err := k.c.query(ctx, "SELECT 1 FROM sqlite_schema WHERE name=?", []any{sqlstore.MarkerTable}, func(*stmt) error { there = true; return nil })
	if err == nil && there {
		err = k.c.query(ctx, `SELECT "partition", "rows", "bytes" FROM `+sqlstore.MarkerTable+` WHERE "run"=? AND "partition"<>?`,
			[]any{k.env.RunID, sqlstore.FinishedPartition}, func(s *stmt) error {
				counts[string(s.text(0))] = store.Counts{Rows: s.int(1), Bytes: s.int(2)}
				return nil
			})
	}
	return counts, explain(err, "read which parts are copied", k.path)
}

// Finish implements store.Sink.
func (k *sink) Finish(ctx context.Context) error {
	k.turn.Lock()
	defer k.turn.Unlock()
	now := time.Now().UTC()
	err := k.c.transact(ctx, k.options.BatchTimeout, func() error {
		err := k.c.query(ctx, `DELETE FROM `+sqlstore.MarkerTable+` WHERE "run"=? OR "committed_at"<?`,
			[]any{k.env.RunID, now.Add(-sqlstore.MarkerAge).Format(time.RFC3339)}, nil)
		if err != nil {
			return err
		}
		return k.c.mark(ctx, k.env.RunID, sqlstore.FinishedPartition, store.Counts{}, now)
	})
	return explain(err, "remove the marks of the copied parts", k.path)
}

func (c *conn) mark(ctx context.Context, run, partition string, n store.Counts, now time.Time) error {
	return c.query(ctx, `INSERT INTO `+sqlstore.MarkerTable+` ("run", "partition", "rows", "bytes", "committed_at") VALUES (?, ?, ?, ?, ?)`,
		[]any{run, partition, n.Rows, n.Bytes, now.Format(time.RFC3339)}, nil)
}

// transact runs do in a transaction that may write, and commits it. It waits for other connections' locks until ctx
// ends or wait (0 = [lockWait]) is over.
func (c *conn) transact(ctx context.Context, wait time.Duration, do func() error) error {
	if err := patiently(ctx, wait, func() error { return c.exec(ctx, "BEGIN IMMEDIATE") }); err != nil {
		return err
	}
	err := do()
	if err == nil {
		err = patiently(ctx, wait, func() error { return c.exec(ctx, "COMMIT") })
	}
	if err != nil {
		_ = c.exec(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// Open starts a partition on a connection of its own.
func (k *sink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	if k.fields == nil {
		return nil, fault.New(fault.Internal, "the sink is not prepared").At(k.target())
	}
	c, err := open(k.env, k.path, true, false)
	if err != nil {
		return nil, err
	}
	w := &writer{sink: k, c: c, partition: p.ID}
	if err := w.stage(ctx); err != nil {
		_ = w.Abort()
		return nil, explain(err, "stage the rows", k.target())
	}
	for i, f := range k.fields {
		w.encode = append(w.encode, encoderOf(f.Type, k.affinity[i]))
	}
	return w, nil
}

var errTaken = errors.New("another attempt has committed the partition")
