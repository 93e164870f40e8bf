// Package storetest is the suite that every table store passes: it holds the contracts of package store against a real
// store, through its JSON, as the copy engine would use it.
//
// A store's own test says how to reach it, and calls [Run]:
//
//	storetest.Run(t, storetest.Store{Definition: postgres.Definition(), LinkedService: `{"connectionString": "…"}`})
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Store is a store under test.
type Store struct {
	Definition store.Definition
	// LinkedService is the typeProperties of the linked service as JSON, "" = {}.
	LinkedService string
	// Dataset gives the typeProperties of a dataset for a table; nil means {"tableName": table}.
	Dataset func(table string) string
	// Sink is the sink object with which a table is created, "" = {"tableOption": "autoCreate"}.
	Sink string
	// BadSignIn is a linked service with a wrong password, "" where the store has no sign-in.
	BadSignIn string
	// Lacks says which values the store cannot keep in a column of the type; nil means that it keeps all.
	Lacks func(t batch.Type, value string) bool
	// Whole says that the store's tables cannot be read in parts.
	Whole bool
	// NoUpsert says that the store's sink only inserts.
	NoUpsert bool
	// Merges says that an upsert needs no unique index: every row of the table that has the key is changed.
	Merges bool
}

// Run runs the suite.
func Run(t *testing.T, s Store) {
	t.Run("types", func(t *testing.T) { testTypes(t, s) })
	t.Run("nulls", func(t *testing.T) { testNulls(t, s) })
	t.Run("empty table", func(t *testing.T) { testEmpty(t, s) })
	t.Run("columns by name", func(t *testing.T) { testColumns(t, s) })
	t.Run("inspect", func(t *testing.T) { testInspect(t, s) })
	t.Run("missing table", func(t *testing.T) { testMissing(t, s) })
	t.Run("partitions", func(t *testing.T) { testPartitions(t, s) })
	t.Run("cancel half-way", func(t *testing.T) { testCancel(t, s) })
	t.Run("abort and retry", func(t *testing.T) { testRetry(t, s) })
	t.Run("resume", func(t *testing.T) { testResume(t, s) })
	t.Run("committed by another attempt", func(t *testing.T) { testTwice(t, s) })
	t.Run("late attempt after finish", func(t *testing.T) { testLate(t, s) })
	t.Run("parallel partitions", func(t *testing.T) { testParallel(t, s) })
	t.Run("parallel values", func(t *testing.T) { testParallelValues(t, s) })
	t.Run("upsert", func(t *testing.T) { testUpsert(t, s) })
	t.Run("watermark", func(t *testing.T) { testWatermark(t, s) })
	t.Run("properties", func(t *testing.T) { testProperties(t, s) })
	t.Run("test connection", func(t *testing.T) { testConnection(t, s) })
}

func (s Store) object(t testing.TB, text string) *props.Object {
	t.Helper()
	if text == "" {
		text = "{}"
	}
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatalf("JSON %s: %v", text, err)
	}
	return o
}

func (s Store) dataset(table string) string {
	if s.Dataset != nil {
		return s.Dataset(table)
	}
	name, _ := json.Marshal(table)
	return fmt.Sprintf(`{"tableName": %s}`, name)
}

func (s Store) sinkJSON() string {
	if s.Sink != "" {
		return s.Sink
	}
	return `{"tableOption": "autoCreate"}`
}

func (s Store) spec(t testing.TB, table, activity string) store.Spec {
	return store.Spec{LinkedService: s.object(t, s.LinkedService), Dataset: s.object(t, s.dataset(table)), Activity: s.object(t, activity)}
}

// decoded fails the test where decoding had problems or left something unread.
func decoded(t testing.TB, spec store.Spec) {
	t.Helper()
	for what, o := range map[string]*props.Object{"linked service": spec.LinkedService, "dataset": spec.Dataset, "activity": spec.Activity} {
		if err := o.Err(); err != nil {
			t.Fatalf("decode the %s: %v", what, err)
		}
	}
}

// source opens the table for reading; it is closed with the test.
func (s Store) source(t testing.TB, table string) store.Source {
	t.Helper()
	spec := s.spec(t, table, "")
	opener := s.Definition.Source(spec)
	decoded(t, spec)
	src, err := opener(t.Context(), env(t, "read"))
	if err != nil {
		t.Fatalf("open the source: %v", err)
	}
	t.Cleanup(func() {
		if err := src.Close(); err != nil {
			t.Errorf("close the source: %v", err)
		}
	})
	return src
}

// sink opens the table for writing; it is closed with the test.
func (s Store) sink(t testing.TB, table, run string) store.Sink {
	t.Helper()
	spec := s.spec(t, table, s.sinkJSON())
	opener := s.Definition.Sink(spec)
	decoded(t, spec)
	k, err := opener(t.Context(), env(t, run))
	if err != nil {
		t.Fatalf("open the sink: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close the sink: %v", err)
		}
	})
	return k
}

// prepared is sink, prepared for the schema; types are those that its writers take.
func (s Store) prepared(t testing.TB, table, run string, want batch.Schema, resuming bool) (k store.Sink, types batch.Schema) {
	t.Helper()
	k = s.sink(t, table, run)
	types, err := k.Prepare(t.Context(), want, resuming)
	if err != nil {
		t.Fatalf("prepare the sink: %v", err)
	}
	if len(types) != len(want) {
		t.Fatalf("Prepare gives %d columns, want %d", len(types), len(want))
	}
	return k, types
}

func open(t testing.TB, k store.Sink, partition string) store.Writer {
	t.Helper()
	w, err := k.Open(t.Context(), store.Partition{ID: partition})
	if err != nil {
		t.Fatalf("open the partition %s: %v", partition, err)
	}
	return w
}

func write(t testing.TB, w store.Writer, b *batch.Batch) {
	t.Helper()
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func commit(t testing.TB, w store.Writer, rows int) {
	t.Helper()
	n, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	if n.Rows != int64(rows) {
		t.Fatalf("Commit counts %d rows, want %d", n.Rows, rows)
	}
}

// load fills a new table with the rows, as text, in one partition.
func (s Store) load(t testing.TB, table string, want batch.Schema, rows [][]string) {
	t.Helper()
	k, types := s.prepared(t, table, "load-"+table, want, false)
	w := open(t, k, "all")
	write(t, w, Fill(t, types, rows))
	commit(t, w, len(rows))
	if err := k.Finish(t.Context()); err != nil {
		t.Fatalf("finish: %v", err)
	}
}

// read gives every row of the table as text.
func (s Store) read(t testing.TB, table string) (batch.Schema, [][]string) {
	t.Helper()
	src := s.source(t, table)
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatalf("schema: %v", err)
	}
	return schema, readPart(t, src, store.Partition{ID: "all"}, schema)
}

func readPart(t testing.TB, src store.Source, p store.Partition, want batch.Schema) [][]string {
	t.Helper()
	rows, err := ReadRows(t.Context(), src, p, want)
	if err != nil {
		t.Fatalf("read the partition %q: %v", p.Spec, err)
	}
	return rows
}

// ReadRows gives the rows of one partition, each value in canonical text or [Null]. The rows before an error come with it.
func ReadRows(ctx context.Context, src store.Source, p store.Partition, want batch.Schema) ([][]string, error) {
	r, err := src.Open(ctx, p, want)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	schema := r.Schema()
	if len(schema) != len(want) {
		return nil, fmt.Errorf("the reader has %d columns, want %d", len(schema), len(want))
	}
	var rows [][]string
	b := batch.New(schema, 0)
	for {
		b.Reset()
		err := r.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			if b.Len() > 0 {
				return nil, fmt.Errorf("io.EOF comes with %d rows", b.Len())
			}
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		if b.Len() == 0 || b.Len() > b.Limit() {
			return nil, fmt.Errorf("a call of Next gives %d rows, the limit is %d", b.Len(), b.Limit())
		}
		for i := range b.Len() {
			rows = append(rows, rowText(b, i))
		}
	}
}

func env(t testing.TB, run string) store.Env {
	return store.Env{RunID: run, Log: logger(t)}
}
