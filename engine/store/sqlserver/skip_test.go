package sqlserver

import (
	"fmt"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func TestSkippedRowsAreLeftOutAndNamed(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY, name nvarchar(5) NOT NULL, amount int CHECK (amount < 100), doc xml")
	want := batch.Schema{field("id", batch.Int32), {Name: "name", Type: batch.Type{Kind: batch.String}}, field("amount", batch.Int32), field("doc", batch.XML)}
	k := d.sink(dataset(table), `{}`, "r")
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	types[1].Type.Length = 0
	var rejected []string
	put := func(rows ...[]string) {
		t.Helper()
		err := w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, rows), func(e *fault.Error) {
			rejected = append(rejected, fmt.Sprintf("%d:%s:%t", e.Row, e.Column, e.Hint != ""))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put([]string{"1", "a", "1", "<a/>"}, []string{"1", "again", "1", "<a/>"}, []string{"2", storetest.Null, "1", "<a/>"}, []string{"3", "c", "100", "<a/>"},
		[]string{"4", "too long", "1", "<a/>"}, []string{"5", "e", "1", "<a"}, []string{"6", "f", "1", "<a/>"})
	put([]string{"6", "f", "1", "<a/>"}, []string{"7", "g", "1", "<a/>"})
	n, err := w.Commit(t.Context())
	if err != nil || n.Rows != 3 {
		t.Fatalf("counts %+v, error %v; want 3 rows", n, err)
	}
	if got := strings.Join(rejected, " "); got != "3:name:true 5:name:true 6:doc:true 2::true 4::true 1::true" {
		t.Errorf("rejected are %s", got)
	}
	if got := d.text("SELECT id FROM " + table + " ORDER BY id"); got != "1 6 7" {
		t.Errorf("the table has %s", got)
	}
}

// TestManySkippedRows halves large batches: every other row is there already.
func TestManySkippedRows(t *testing.T) {
	d := newDatabase(t)
	table := d.table("id int NOT NULL PRIMARY KEY")
	var rows [][]string
	for i := range 300 {
		rows = append(rows, []string{fmt.Sprint(i)})
		if i%2 == 0 {
			d.do(fmt.Sprintf("INSERT INTO %s VALUES (%d)", table, i))
		}
	}
	k := d.sink(dataset(table), `{"writeBatchSize": 100}`, "r")
	types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	next := int64(1)
	err = w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, rows), func(e *fault.Error) {
		if e.Row != next {
			t.Errorf("row %d is rejected, want %d", e.Row, next)
		}
		next += 2
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Commit(t.Context()); err != nil || n.Rows != 150 || next != 301 {
		t.Errorf("counts %+v, error %v, next %d", n, err, next)
	}
}

func TestUpsert(t *testing.T) {
	for name, activity := range map[string]string{
		"keys that are named":       `{"writeBehavior": "Upsert", "upsertSettings": {"useTempDB": true, "keys": ["ID"]}, "writeBatchSize": 2}`,
		"keys as a text":            `{"writeBehavior": "upsert", "upsertSettings": {"keys": "[\"id\"]"}}`,
		"the primary key":           `{"writeBehavior": "upsert", "tableLock": true}`,
		"interim table in a schema": `{"writeBehavior": "upsert", "upsertSettings": {"useTempDB": false, "keys": ["id"]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			table := d.table("id int NOT NULL PRIMARY KEY, name nvarchar(20), other int DEFAULT 7")
			d.do("INSERT INTO " + table + " (id, name) VALUES (1, 'old'), (2, 'stays')")
			k := d.sink(dataset(table), activity, "r")
			n, err := d.put(k, batch.Schema{field("name", batch.String), field("id", batch.Int32)},
				[]string{"new", "1"}, []string{"first", "3"}, []string{"last", "3"}, []string{"later", "4"})
			if err != nil || n.Rows != 4 {
				t.Fatalf("counts %+v, error %v", n, err)
			}
			if err := k.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := d.text("SELECT id, name, other FROM " + table + " ORDER BY id"); got != "1|new|7 2|stays|7 3|last|7 4|later|7" {
				t.Errorf("the table has %s", got)
			}
			if got := d.text("SELECT COUNT(*) FROM sys.tables WHERE name LIKE 'dmgateway[_]stage[_]%'"); got != "0" {
				t.Errorf("%s interim tables are left", got)
			}
		})
	}
}
