package mysql

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// world is a test's own database.
type world struct {
	testing.TB
	dsn     string
	service string // typeProperties of the linked service
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dsn := testserver.MariaDB(t)
	return &world{t, dsn, linked(testserver.MariaDBConnectionString(dsn))}
}

// with adds keys to the connection string.
func (w *world) with(keys string) *world {
	return &world{w.TB, w.dsn, linked(testserver.MariaDBConnectionString(w.dsn) + ";" + keys)}
}

func (w *world) sql(text string) { w.Helper(); sqlScript(w, w.dsn, text) }

func env(run string) store.Env {
	return store.Env{RunID: run, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func (w *world) open(dataset, activity string) (store.Source, error) {
	w.Helper()
	spec := store.Spec{LinkedService: object(w, w.service), Dataset: object(w, dataset), Activity: object(w, activity)}
	opener := Definition().Source(spec)
	if err := errors.Join(spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()); err != nil {
		return nil, err
	}
	src, err := opener(context.Background(), env("read"))
	if err == nil {
		w.Cleanup(func() { _ = src.Close() })
	}
	return src, err
}

func (w *world) source(dataset, activity string) store.Source {
	w.Helper()
	src, err := w.open(dataset, activity)
	if err != nil {
		w.Fatal(err)
	}
	return src
}

func table(name string) string { return `{"tableName": "` + name + `"}` }

// rows gives the rows of a source as text, its columns joined by "|", NULL as "NULL".
func (w *world) rows(src store.Source, p store.Partition) ([]string, error) {
	schema, err := src.Schema(context.Background())
	if err != nil {
		return nil, err
	}
	rows, err := storetest.ReadRows(context.Background(), src, p, schema)
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = strings.ReplaceAll(strings.Join(row, "|"), storetest.Null, "NULL")
	}
	return list, err
}

func (w *world) query(text string) []string {
	w.Helper()
	list, err := w.rows(w.source(`{}`, `{"query": `+quoteJSON(text)+`}`), store.Partition{ID: "all"})
	if err != nil {
		w.Fatalf("%s: %v", text, err)
	}
	return list
}

func (w *world) sink(name, activity, run string) store.Sink {
	w.Helper()
	spec := store.Spec{LinkedService: object(w, w.service), Dataset: object(w, table(name)), Activity: object(w, activity)}
	opener := Definition().Sink(spec)
	if err := errors.Join(spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()); err != nil {
		w.Fatal(err)
	}
	k, err := opener(context.Background(), env(run))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = k.Close() })
	return k
}

// write writes rows as text through a sink, in one partition.
func (w *world) write(k store.Sink, want batch.Schema, rows [][]string) (store.Counts, error) {
	w.Helper()
	types, err := k.Prepare(context.Background(), want, false)
	if err != nil {
		return store.Counts{}, err
	}
	wr, err := k.Open(context.Background(), store.Partition{ID: "all"})
	if err != nil {
		return store.Counts{}, err
	}
	defer func() { _ = wr.Abort() }()
	if err := wr.Write(context.Background(), storetest.Fill(w, types, rows)); err != nil {
		return store.Counts{}, err
	}
	return wr.Commit(context.Background())
}

func column1(name string, t batch.Type) batch.Field {
	return batch.Field{Name: name, Type: t, Nullable: true}
}

func wantCode(t testing.TB, what string, err error, code string) *fault.Error {
	t.Helper()
	e := fault.As(err)
	if err == nil || e.Code != code || e.Hint == "" {
		t.Fatalf("%s: %v, want an error of code %s with a hint", what, err, code)
	}
	return e
}

type batchField = batch.Field
