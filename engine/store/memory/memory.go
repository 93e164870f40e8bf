// Package memory is a table store that lives in the process: what tests of the copy engine read from and write to. It
// keeps every contract of package store, exactly-once commits included, and can be told to fail at any point.
//
// Its JSON has the style of the other stores: linked service "Memory" without properties, dataset "MemoryTable" with
// tableName, source "MemorySource", sink "MemorySink" with tableOption autoCreate.
package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Server holds tables. It may be used from any goroutine.
type Server struct {
	mu      sync.Mutex
	tables  map[string]*table
	commits map[commit]store.Counts
	done    map[string]bool // finished runs
	hooks   Hooks
}

type table struct {
	schema batch.Schema
	rows   *batch.Batch
}

type commit struct{ table, run, partition string }

// Hooks let a test stop, delay or fail the store. Nil hooks do nothing; an error is returned to the caller as it is.
// They are called from the goroutine of the caller and without locks, so a hook may block.
type Hooks struct {
	// Connect is called when a source or sink is opened.
	Connect func() error
	// Prepare is called before the sink changes anything.
	Prepare func(table string) error
	// Next is called before rows are handed out, with the number of rows that the partition's reader gave so far.
	Next func(ctx context.Context, partition string, rows int64) error
	// Write is called before rows are taken, with the number of rows that the partition's writer took so far.
	Write func(ctx context.Context, partition string, rows int64) error
	// Refuse says why the store does not take a row, nil where it does; it is asked by writers that leave such rows out.
	Refuse func(b *batch.Batch, row int) *fault.Error
	// BeforeCommit is called before a partition's rows become visible, AfterCommit afterwards: its error is what a
	// connection lost between the server's commit and its answer looks like.
	BeforeCommit, AfterCommit func(ctx context.Context, partition string) error
}

// New makes a server without tables.
func New() *Server {
	return &Server{tables: map[string]*table{}, commits: map[commit]store.Counts{}, done: map[string]bool{}}
}

// SetHooks replaces the hooks.
func (s *Server) SetHooks(h Hooks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = h
}

func (s *Server) hook() Hooks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks
}

// Create makes an empty table in place of any of that name. A column that is not Nullable refuses NULL.
func (s *Server) Create(name string, schema batch.Schema) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tables[name] = newTable(schema)
}

func newTable(schema batch.Schema) *table {
	return &table{schema: append(batch.Schema(nil), schema...), rows: batch.New(schema, 1<<30)}
}

// Add appends rows to a table; the columns of b must be those of the table, in its order.
func (s *Server) Add(name string, b *batch.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		return unknown(name)
	}
	if len(b.Cols) != len(t.schema) {
		return fmt.Errorf("table %s has %d columns, the rows have %d", name, len(t.schema), len(b.Cols))
	}
	for i := range b.Cols {
		appendColumn(&t.rows.Cols[i], &b.Cols[i], 0, b.Len())
	}
	return nil
}

// Rows gives a copy of a table's rows and its columns; nil where there is no such table.
func (s *Server) Rows(name string) (batch.Schema, *batch.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		return nil, nil
	}
	b := batch.New(t.schema, 1<<30)
	for i := range b.Cols {
		appendColumn(&b.Cols[i], &t.rows.Cols[i], 0, t.rows.Len())
	}
	return t.schema, b
}

// Definition is the registry entry of this server.
func (s *Server) Definition() store.Definition {
	return store.Definition{
		Name: "memory", Title: "Memory",
		LinkedServices: []string{"Memory"}, Datasets: []string{"MemoryTable"},
		Sources: []string{"MemorySource"}, Sinks: []string{"MemorySink"},
		Source: func(spec store.Spec) store.OpenSource {
			name := spec.Dataset.Required("tableName")
			return func(context.Context, store.Env) (store.Source, error) { return s.openSource(name) }
		},
		Sink: func(spec store.Spec) store.OpenSink {
			name := spec.Dataset.Required("tableName")
			create := spec.Activity.Enum("tableOption", "", "autoCreate") != ""
			return func(_ context.Context, env store.Env) (store.Sink, error) { return s.openSink(env, name, create) }
		},
		Test: func(*props.Object) store.Test {
			return func(_ context.Context, _ store.Env, report func(store.Stage)) error {
				start := time.Now()
				err := s.connect()
				report(store.Stage{Name: "database", Took: time.Since(start), Err: err})
				return err
			}
		},
	}
}

func (s *Server) connect() error {
	if connect := s.hook().Connect; connect != nil {
		return connect()
	}
	return nil
}

func unknown(name string) *fault.Error {
	return fault.New(fault.NotFound, "there is no table %q", name).At(name).
		Try("Create the table, or set tableOption to autoCreate.")
}

// appendColumn appends rows from..to of src, whose type is that of dst.
func appendColumn(dst, src *batch.Column, from, to int) {
	storage := src.Type.Storage()
	for i := from; i < to; i++ {
		switch {
		case src.IsNull(i):
			dst.AppendNull()
		case storage == batch.InFloats:
			dst.AppendFloat(src.Floats[i])
		case storage == batch.InWide:
			dst.AppendWide(src.Wide[i])
		case storage == batch.InData:
			dst.AppendBytes(src.Bytes(i))
		case src.Zone(i) != 0:
			dst.AppendZoned(src.Ints[i], src.Zone(i))
		default:
			dst.AppendInt(src.Ints[i])
		}
	}
}
