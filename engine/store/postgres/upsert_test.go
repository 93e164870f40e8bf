package postgres

import (
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestUpsertNeedsAUniqueIndexOnItsKeysBeforeARowIsCopied(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE none (id int, "B" text); CREATE TABLE part (id int, "B" text); CREATE UNIQUE INDEX ON part (id) WHERE id > 0;
		CREATE TABLE late (id int, "B" text, UNIQUE (id) DEFERRABLE); CREATE TABLE wide (id int, "B" text, UNIQUE (id, "B"));
		CREATE TABLE good (id int, "B" text); CREATE UNIQUE INDEX ON good (id) INCLUDE ("B"); CREATE TABLE two ("B" text, id int, PRIMARY KEY ("B", id))`)
	want := batch.Schema{field("id", batch.Int32), field("b", batch.String)}
	for _, c := range []struct {
		table, keys, script string
		ok                  bool
	}{
		{"none", `["id"]`, "", false},
		{"part", `["id"]`, "", false},
		{"late", `["id"]`, "", false},
		{"wide", `["id"]`, "", false},
		{"wide", `["ID", "b"]`, "", true},
		{"good", `["id"]`, "", true},
		{"two", `["id", "B"]`, "", true},
		{"none", `["id"]`, "CREATE UNIQUE INDEX ON none (id)", true},
	} {
		k := d.sink(t, `{"tableName": "`+c.table+`"}`, `{"writeBehavior": "Upsert", "preCopyScript": "`+c.script+`", "upsertSettings": {"keys": `+c.keys+`}}`, "run")
		_, inspected := k.(store.Inspector).Inspect(t.Context(), want)
		_, prepared := k.Prepare(t.Context(), want, false)
		if c.ok && (inspected != nil || prepared != nil) {
			t.Errorf("%s by %s: %v, %v", c.table, c.keys, inspected, prepared)
		}
		for _, err := range []error{inspected, prepared} {
			if !c.ok && (!fault.Is(err, fault.Conflict) || !strings.Contains(fault.As(err).Hint, "CREATE UNIQUE INDEX")) {
				t.Errorf("%s by %s: %v", c.table, c.keys, err)
			}
		}
	}
}

func TestUpsertRefusesNULLAsAKey(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int UNIQUE, name text)`)
	k := d.sink(t, `{"tableName": "target"}`, `{"writeBehavior": "Upsert", "upsertSettings": {"keys": ["id"]}}`, "run")
	want := batch.Schema{field("id", batch.Int32), field("name", batch.String)}
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	b := batch.New(types, 2)
	b.Cols[0].AppendInt(1)
	b.Cols[0].AppendNull()
	b.Cols[1].AppendString("a")
	b.Cols[1].AppendString("b")
	if e := fault.As(w.Write(t.Context(), b)); e.Row != 2 || e.Column != "id" {
		t.Errorf("error %v in row %d column %q", e, e.Row, e.Column)
	}
}
