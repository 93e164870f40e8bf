package sqlserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// database is the server that the tests use.
type database struct {
	connection string // ADO.NET's connection string
	real       bool
	c          *conn // for looking and for making things, which are removed with the test
	t          testing.TB
}

// newDatabase connects to the server.
func newDatabase(t testing.TB) *database {
	t.Helper()
	dsn, real := testserver.SQLServer(t)
	d := &database{connection: ado(t, dsn), real: real, t: t}
	s := decodeServer(object(t, linked(d.connection)))
	c, err := s.connect(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	d.c = c
	t.Cleanup(c.close)
	return d
}

// ado turns the driver's URL into a connection string of ADO.NET.
func ado(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the DSN of the server cannot be read")
	}
	password, _ := u.User.Password()
	q := u.Query()
	host := u.Hostname()
	if p := u.Port(); p != "" {
		host += "," + p
	}
	text := fmt.Sprintf("Data Source=%s;Initial Catalog=%s;User ID=%s;Password='%s'", host, q.Get("database"), u.User.Username(), strings.ReplaceAll(password, "'", "''"))
	if e := q.Get("encrypt"); e == "true" || e == "strict" {
		text += ";Encrypt=" + e
	}
	if q.Get("TrustServerCertificate") == "true" {
		text += ";TrustServerCertificate=True"
	}
	return text
}

func linked(connection string) string {
	text, _ := json.Marshal(map[string]string{"connectionString": connection})
	return string(text)
}

func object(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

var names atomic.Int64

// name is a name that no other test, and no other process, uses.
func (d *database) name(what string) string {
	return fmt.Sprintf("t%d_%d_%s", os.Getpid(), names.Add(1), what)
}

// schema makes a schema of its own, and removes it with everything in it when the test ends.
func (d *database) schema() string {
	d.t.Helper()
	name := d.name("s")
	d.do("CREATE SCHEMA " + name)
	d.t.Cleanup(func() {
		ctx := context.Background()
		rows, _ := d.c.query(ctx, "SELECT t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE s.name = @p1", name)
		for _, row := range rows {
			_, _ = d.c.exec(ctx, "DROP TABLE "+name+"."+quote(textOf(row[0])))
		}
		_, _ = d.c.exec(ctx, "DROP SCHEMA "+name)
	})
	return name
}

// table makes a table of its own with the columns, and removes it with the test.
func (d *database) table(columns string) string {
	d.t.Helper()
	name := d.schema() + ".t"
	d.do("CREATE TABLE " + name + " (" + columns + ")")
	return name
}

func (d *database) do(text string) {
	d.t.Helper()
	if _, err := d.c.exec(context.Background(), text); err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
}

// text gives a query's rows: values with | between them, rows with a blank.
func (d *database) text(query string) string {
	d.t.Helper()
	rows, err := d.c.query(context.Background(), query)
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	var lines []string
	for _, row := range rows {
		var values []string
		for _, v := range row {
			switch v := v.(type) {
			case nil:
				values = append(values, "NULL")
			case []byte:
				values = append(values, string(v))
			default:
				values = append(values, fmt.Sprint(v))
			}
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return strings.Join(lines, " ")
}

func (d *database) spec(dataset, activity string) store.Spec {
	return store.Spec{LinkedService: object(d.t, linked(d.connection)), Dataset: object(d.t, dataset), Activity: object(d.t, activity)}
}

func dataset(table string) string { return fmt.Sprintf(`{"tableName": %q}`, table) }

func problems(s store.Spec) error {
	return errors.Join(s.LinkedService.Err(), s.Dataset.Err(), s.Activity.Err())
}

// source opens a source; it is closed with the test.
func (d *database) source(dataset, activity string) (store.Source, error) {
	d.t.Helper()
	spec := d.spec(dataset, activity)
	open := decodeSource(spec)
	if err := problems(spec); err != nil {
		return nil, err
	}
	s, err := open(d.t.Context(), store.Env{RunID: "read"})
	if err == nil {
		d.t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// read gives all rows of a source as text, NULL as "NULL".
func (d *database) read(dataset, activity string) (batch.Schema, [][]string) {
	d.t.Helper()
	s, err := d.source(dataset, activity)
	if err != nil {
		d.t.Fatal(err)
	}
	schema, err := s.Schema(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	rows, err := storetest.ReadRows(d.t.Context(), s, store.Partition{ID: "all"}, schema)
	if err != nil {
		d.t.Fatal(err)
	}
	return schema, rows
}

// sink opens a sink for a run; it is closed with the test.
func (d *database) sink(dataset, activity, run string) store.Sink {
	d.t.Helper()
	k, err := d.trySink(dataset, activity, store.Env{RunID: run})
	if err != nil {
		d.t.Fatal(err)
	}
	return k
}

func (d *database) trySink(dataset, activity string, env store.Env) (store.Sink, error) {
	d.t.Helper()
	spec := d.spec(dataset, activity)
	open := decodeSink(spec)
	if err := problems(spec); err != nil {
		return nil, err
	}
	k, err := open(d.t.Context(), env)
	if err == nil {
		d.t.Cleanup(func() { _ = k.Close() })
	}
	return k, err
}

// field is a nullable column.
func field(name string, k batch.Kind) batch.Field {
	return batch.Field{Name: name, Type: batch.Type{Kind: k, Unit: batch.Micro}, Nullable: true}
}

// put writes rows in one partition and commits.
func (d *database) put(k store.Sink, want batch.Schema, rows ...[]string) (store.Counts, error) {
	d.t.Helper()
	types, err := k.Prepare(d.t.Context(), want, false)
	if err != nil {
		return store.Counts{}, err
	}
	w, err := k.Open(d.t.Context(), store.Partition{ID: "all"})
	if err != nil {
		return store.Counts{}, err
	}
	defer func() { _ = w.Abort() }()
	if err := w.Write(d.t.Context(), storetest.Fill(d.t, types, rows)); err != nil {
		return store.Counts{}, err
	}
	return w.Commit(d.t.Context())
}
