package memory

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

type sink struct {
	server *Server
	run    string
	name   string
	create bool
	// types are what the writers take, columns where they go; both are set by Prepare.
	types   batch.Schema
	columns []int
}

var (
	_ store.Sink      = (*sink)(nil)
	_ store.Resumer   = (*sink)(nil)
	_ store.Inspector = (*sink)(nil)
)

func (s *Server) openSink(env store.Env, name string, create bool) (store.Sink, error) {
	if err := s.connect(); err != nil {
		return nil, err
	}
	return &sink{server: s, run: env.RunID, name: name, create: create}, nil
}

func (k *sink) Prepare(_ context.Context, want batch.Schema, resuming bool) (batch.Schema, error) {
	s := k.server
	if hook := s.hook().Prepare; hook != nil {
		if err := hook(k.name); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[k.name]
	if t == nil && k.create && !resuming {
		t = newTable(want)
		s.tables[k.name] = t
	}
	return k.adopt(t, want)
}

// Inspect implements store.Inspector.
func (k *sink) Inspect(_ context.Context, want batch.Schema) (batch.Schema, error) {
	k.server.mu.Lock()
	defer k.server.mu.Unlock()
	t := k.server.tables[k.name]
	if t == nil && k.create {
		t = newTable(want)
	}
	return k.adopt(t, want)
}

func (k *sink) adopt(t *table, want batch.Schema) (batch.Schema, error) {
	if t == nil {
		return nil, unknown(k.name)
	}
	columns, err := sqlstore.Match(want, t.schema, k.name)
	if err != nil {
		return nil, err
	}
	k.columns = columns
	k.types = make(batch.Schema, len(want))
	for i, c := range columns {
		k.types[i] = t.schema[c]
	}
	return k.types, nil
}

func (k *sink) Open(_ context.Context, p store.Partition) (store.Writer, error) {
	if k.types == nil {
		return nil, fault.New(fault.Internal, "the sink is not prepared").At(k.name)
	}
	return &writer{sink: k, partition: p.ID, rows: batch.New(k.types, 1<<30)}, nil
}

// Committed implements store.Resumer.
func (k *sink) Committed(context.Context) (map[string]store.Counts, error) {
	s := k.server
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]store.Counts{}
	for c, n := range s.commits {
		if c.table == k.name && c.run == k.run {
			counts[c.partition] = n
		}
	}
	return counts, nil
}

func (k *sink) Finish(context.Context) error {
	s := k.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.commits {
		if c.table == k.name && c.run == k.run {
			delete(s.commits, c)
		}
	}
	s.done[k.name+"\x00"+k.run] = true
	return nil
}

func (k *sink) Close() error { return nil }

type writer struct {
	sink      *sink
	partition string
	rows      *batch.Batch
	bytes     int64
	closed    bool
}

func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if hook := w.sink.server.hook().Write; hook != nil {
		if err := hook(ctx, w.partition, int64(w.rows.Len())); err != nil {
			return err
		}
	}
	for i := range b.Cols {
		if b.Cols[i].Type.Storage() != w.rows.Cols[i].Type.Storage() {
			return fault.New(fault.Internal, "column %d comes as %s, not as %s", i+1, b.Cols[i].Type, w.rows.Cols[i].Type).At(w.sink.name)
		}
		if f := w.sink.types[i]; !f.Nullable && b.Cols[i].Nulls() > 0 {
			return nullRow(&b.Cols[i], f, w.sink.name)
		}
	}
	for i := range b.Cols {
		appendColumn(&w.rows.Cols[i], &b.Cols[i], 0, b.Len())
	}
	w.bytes += b.Size()
	return nil
}

func nullRow(c *batch.Column, f batch.Field, target string) error {
	row := 0
	for !c.IsNull(row) {
		row++
	}
	return sqlstore.NoNull().At(target).InRow(int64(row+1), f.Name, "")
}

func (w *writer) Commit(ctx context.Context) (store.Counts, error) {
	hooks := w.sink.server.hook()
	if hooks.BeforeCommit != nil {
		if err := hooks.BeforeCommit(ctx, w.partition); err != nil {
			return store.Counts{}, err
		}
	}
	counts, err := w.commit()
	if err == nil && hooks.AfterCommit != nil {
		err = hooks.AfterCommit(ctx, w.partition)
	}
	return counts, err
}

func (w *writer) commit() (store.Counts, error) {
	s, k := w.sink.server, w.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.closed {
		return store.Counts{}, fault.New(fault.Internal, "the partition was aborted or committed before").At(k.name)
	}
	w.closed = true
	key := commit{k.name, k.run, w.partition}
	if _, there := s.commits[key]; there || s.done[k.name+"\x00"+k.run] {
		return store.Counts{}, store.ErrAlreadyCommitted
	}
	t := s.tables[k.name]
	if t == nil {
		return store.Counts{}, unknown(k.name)
	}
	rows := w.rows.Len()
	for i := range t.schema {
		w.put(t, i)
	}
	counts := store.Counts{Rows: int64(rows), Bytes: w.bytes}
	s.commits[key] = counts
	return counts, nil
}

// put appends the writer's rows to column i of the table, NULLs where the writer does not have the column.
func (w *writer) put(t *table, i int) {
	for from, to := range w.sink.columns {
		if to == i {
			appendColumn(&t.rows.Cols[i], &w.rows.Cols[from], 0, w.rows.Len())
			return
		}
	}
	for range w.rows.Len() {
		t.rows.Cols[i].AppendNull()
	}
}

func (w *writer) Abort() error {
	w.sink.server.mu.Lock()
	defer w.sink.server.mu.Unlock()
	w.closed = true
	return nil
}
