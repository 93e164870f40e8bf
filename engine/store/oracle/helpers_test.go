package oracle

import (
	"context"
	"log/slog"
	"testing"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

// testServer decodes the linked service of a DSN.
func testServer(t testing.TB, dsn string) *server {
	t.Helper()
	o := parse(t, linked(t, dsn, ""))
	s := decodeServer(o)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

func testSession(t testing.TB, dsn string) *session {
	t.Helper()
	c, err := testServer(t, dsn).connect(context.Background(), store.Env{}, reading{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// table makes a table for a test and drops it afterwards.
func table(t testing.TB, dsn, name, columns string) *session {
	t.Helper()
	c := testSession(t, dsn)
	_ = c.run(t.Context(), "DROP TABLE "+name+" PURGE")
	if err := c.run(t.Context(), "CREATE TABLE "+name+" ("+columns+")"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.run(context.Background(), "DROP TABLE "+name+" PURGE")
		c.hangUp()
	})
	return c
}

func mustRun(t testing.TB, c *session, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.run(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func openSource(t testing.TB, dsn, dataset, activity string) (*source, error) {
	t.Helper()
	spec := store.Spec{LinkedService: parse(t, linked(t, dsn, "")), Dataset: parse(t, dataset), Activity: parse(t, activity)}
	open := decodeSource(spec)
	for _, err := range []error{spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()} {
		if err != nil {
			return nil, err
		}
	}
	s, err := open(t.Context(), store.Env{RunID: "r", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*source), nil
}

func openSink(t testing.TB, dsn, dataset, activity, run string) *sink {
	t.Helper()
	spec := store.Spec{LinkedService: parse(t, linked(t, dsn, "")), Dataset: parse(t, dataset), Activity: parse(t, activity)}
	open := decodeSink(spec)
	for _, err := range []error{spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	k, err := open(t.Context(), store.Env{RunID: run, Slice: "slice 1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k.(*sink)
}

// all reads every row of the source.
func all(t testing.TB, s *source) [][]string {
	t.Helper()
	schema, err := s.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := storetest.ReadRows(t.Context(), s, store.Partition{ID: "all"}, schema)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
