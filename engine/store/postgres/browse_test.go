package postgres

import (
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestBrowseShowsSchemasThenTablesAndViews(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."T 1" (id int); CREATE VIEW "a.b".v AS SELECT 1 AS x; CREATE TABLE plain (id int); INSERT INTO plain VALUES (1)`)
	look := func(path string) (list []store.Entry, err error) {
		err = Definition().Browse(object(t, d.service))(t.Context(), store.Env{}, path, func(e store.Entry) error {
			list = append(list, e)
			return nil
		})
		return list, err
	}
	for _, c := range []struct{ path, want string }{
		{"", `schema "a.b", schema public`},
		{`"a.b"`, `table "a.b".T 1, view "a.b".v`},
		{"public", "table public.plain"},
		{"nowhere", ""},
	} {
		list, err := look(c.path)
		var got []string
		for _, e := range list {
			got = append(got, e.Kind+" "+e.Path)
		}
		if err != nil || strings.Join(got, ", ") != c.want {
			t.Errorf("%q: %q, %v; want %s", c.path, got, err, c.want)
		}
	}
	if list, _ := look("public"); len(list) != 1 || list[0].Size == 0 {
		t.Errorf("the table's size is missing: %v", list)
	}
	if _, err := look(`a.b`); fault.Code(err) != fault.BadInput {
		t.Errorf("two parts are no schema: %v", err)
	}
}

// TestTheTableOfTypesIsTheServers declares a column of every type of the table and asks the server and the reader.
func TestTheTableOfTypesIsTheServers(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	for _, row := range types().Reads {
		if slices.Contains(textTypes, row.Native) {
			continue
		}
		declared := strings.NewReplacer("(p,s)", "(38,10)", "varchar(n)", "varchar(40)", "char(n)", "char(10)").Replace(row.Native)
		_, schema := d.source(t, `{}`, queryJSON("SELECT NULL::"+declared+" AS x"))
		if schema[0].Type != row.Interim {
			t.Errorf("%s is read as %s, the table says %s", declared, schema[0].Type, row.Interim)
		}
	}
	for _, kind := range []batch.Kind{batch.Boolean, batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Single, batch.Double, batch.Decimal, batch.Date, batch.Time, batch.Duration, batch.Timestamp, batch.TimestampTZ, batch.String, batch.JSON, batch.XML, batch.Binary, batch.GUID} {
		sqlScript(t, d.dsn, "SELECT NULL::"+types().Creates(field("x", kind)))
	}
}
