package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// file is a test's own database file.
type file struct{ path string }

func newFile(t testing.TB, sql string) file {
	t.Helper()
	f := file{filepath.Join(t.TempDir(), "test.db")}
	f.run(t, sql)
	return f
}

func (f file) run(t testing.TB, sql string) {
	t.Helper()
	c, err := connect(f.path, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// text runs a query with one value and gives it as text.
func (f file) text(t testing.TB, sql string) (v string) {
	t.Helper()
	c, err := connect(f.path, lib.SQLITE_OPEN_READONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	err = c.query(context.Background(), sql, nil, func(s *stmt) error {
		v = string(s.text(0))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func object(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (f file) spec(t testing.TB, table, activity string) store.Spec {
	t.Helper()
	name, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	return store.Spec{LinkedService: object(t, linkedService(f.path)), Dataset: object(t, fmt.Sprintf(`{"tableName": %s}`, name)), Activity: object(t, activity)}
}

func (f file) source(t testing.TB, table, activity string) (store.Source, batch.Schema) {
	t.Helper()
	spec := f.spec(t, table, activity)
	open := decodeSource(spec)
	if err := errors.Join(spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()); err != nil {
		t.Fatal(err)
	}
	src, err := open(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = src.Close() })
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return src, schema
}

func (f file) sink(t testing.TB, table, activity, run string) store.Sink {
	t.Helper()
	spec := f.spec(t, table, activity)
	open := decodeSink(spec)
	if err := errors.Join(spec.LinkedService.Err(), spec.Dataset.Err(), spec.Activity.Err()); err != nil {
		t.Fatal(err)
	}
	k, err := open(t.Context(), store.Env{RunID: run})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// field is a nullable column.
func field(name string, k batch.Kind) batch.Field {
	return batch.Field{Name: name, Type: batch.Type{Kind: k, Unit: batch.Micro}, Nullable: true}
}
