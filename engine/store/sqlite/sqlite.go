// Package sqlite is the store for SQLite database files.
//
// The file is used as it is found: neither its journal mode nor any other setting that lasts is changed. Rows are read
// over connections that cannot write. Rows to write are staged in a temporary database of each partition and go into
// the file in one short transaction, so that the file is locked for as short as possible, partitions can be prepared
// side by side, and a table can be copied within one file.
package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// Definition is the registry entry of SQLite.
func Definition() store.Definition {
	return store.Definition{
		Name: "sqlite", Title: "SQLite",
		LinkedServices: []string{"SQLite"}, Datasets: []string{"SQLiteTable"},
		Sources: []string{"SQLiteSource"}, Sinks: []string{"SQLiteSink"},
		Source: decodeSource, Sink: decodeSink, Test: decodeTest, Browse: decodeBrowse, Types: typeTable(),
	}
}

// decodeFile reads the linked service: the path of the database file.
func decodeFile(o *props.Object) string {
	o.Ignore("gatewayName", "encryptedCredential")
	if !o.Has("connectionString") {
		o.Required("connectionString")
		return ""
	}
	c := sqlstore.DecodeConnectionString(o, "connectionString")
	c.Take("EncryptedCredential")
	path, ok := c.Take("Data Source", "DataSource", "Filename")
	c.Report(o, "connectionString")
	switch {
	case !ok || path == "":
		o.Problem(fault.BadInput, "connectionString", "the key Data Source, the path of the database file, is missing")
	case strings.HasPrefix(path, ":"):
		o.Problem(fault.Unsupported, "connectionString", "%q is no file; databases in memory cannot be copied", path)
	case strings.ContainsRune(path, 0):
		o.Problem(fault.BadInput, "connectionString", "the path of the database file contains a zero byte")
	}
	return path
}

// open asks for the right to use the file and connects to it.
func open(env store.Env, path string, write, create bool) (*conn, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.New(fault.BadInput, "the path of the database file cannot be used").At(path).Because(err)
	}
	if err := env.Allowed(full, write); err != nil {
		return nil, err
	}
	info, err := os.Stat(full)
	switch {
	case err == nil && info.IsDir():
		return nil, fault.New(fault.BadInput, "the database file is a folder").At(full).Try("Give the path of the file.")
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, fault.New(fault.NotFound, "the database file does not exist").At(full).
			Try("Correct the path, or set tableOption to autoCreate to have a new file made.")
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Forbidden, "the database file may not be used").At(full).Because(err).
			Try("Give the account that the gateway runs under access to the file.")
	}
	flags := int32(lib.SQLITE_OPEN_READONLY)
	if write {
		flags = lib.SQLITE_OPEN_READWRITE
		if create {
			flags |= lib.SQLITE_OPEN_CREATE
		}
	}
	c, err := connect(full, flags)
	if err != nil {
		return nil, explain(err, "open the database file", full)
	}
	return c, nil
}

func decodeTest(o *props.Object) store.Test {
	path := decodeFile(o)
	return func(ctx context.Context, env store.Env, report func(store.Stage)) error {
		start := time.Now()
		err := probe(ctx, env, path)
		report(store.Stage{Name: "database", Detail: path, Took: time.Since(start), Err: err})
		return err
	}
}

func probe(ctx context.Context, env store.Env, path string) error {
	c, err := open(env, path, false, false)
	if err != nil {
		return err
	}
	defer c.close()
	return explain(c.exec(ctx, "SELECT count(*) FROM sqlite_schema"), "read the database file", path)
}

// describe gives the columns of a table or view as they are declared; NotFound where there is none.
func (c *conn) describe(ctx context.Context, table, target string) (batch.Schema, error) {
	s, _, err := c.prepare("SELECT * FROM " + sqlstore.Quote(table))
	if err != nil {
		return nil, explain(err, "read the columns of the table", target)
	}
	schema := declaredSchema(s)
	s.close()
	err = c.query(ctx, "SELECT name FROM pragma_table_xinfo(?) WHERE \"notnull\" OR pk AND upper(type)='INTEGER'", []any{table}, func(s *stmt) error {
		if i := schema.Index(string(s.text(0))); i >= 0 {
			schema[i].Nullable = false
		}
		return nil
	})
	return schema, explain(err, "read the columns of the table", target)
}

func declaredSchema(s *stmt) batch.Schema {
	schema := make(batch.Schema, s.columns)
	for i := range schema {
		d := s.declared(i)
		schema[i] = batch.Field{Name: s.name(i), Type: typeOf(d), Nullable: true, Native: d}
	}
	return schema
}
