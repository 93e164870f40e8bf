package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
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

func (d database) run(t *testing.T, script string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(t.Context(), script); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// replaced writes one part of an upsert as the copy engine does, and gives the error of its commit.
func (d database) replaced(t *testing.T, table string, want batch.Schema, some bool, rows ...[]string) error {
	t.Helper()
	k := d.sink(t, `{"tableName": "`+table+`"}`, `{"writeBehavior": "Upsert", "upsertSettings": {"keys": ["id"]}}`, "run"+table+fmt.Sprint(some))
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	b := storetest.Fill(t, types, rows)
	if some {
		err = w.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { t.Errorf("left out: %v", e) })
	} else {
		err = w.Write(t.Context(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.(store.Expecter).Expect(int64(len(rows)))
	_, err = w.Commit(t.Context())
	if done, bad := k.(store.Resumer).Committed(t.Context()); bad != nil || len(done) == 0 != (err != nil) {
		t.Errorf("committed are %v, %v after %v", done, bad, err)
	}
	if err == nil {
		err = k.Finish(t.Context())
	}
	return err
}

func TestUpsertNoticesRowsThatATriggerDrops(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE FUNCTION drop_odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END';
		CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = upper(NEW.name); RETURN NEW; END';`)
	want := batch.Schema{field("id", batch.Int32), field("name", batch.String), field("doc", batch.JSON)}
	for name, c := range map[string]struct {
		triggers string
		keysOnly bool
		rows     [][]string
		ok       bool
	}{
		"none":             {"", false, [][]string{{"1", "x", `{"a": 1}`}, {"3", "y", "2"}, {"1", "z", "3"}}, true},
		"an insert":        {"CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION drop_odd()", false, [][]string{{"2", "x", "1"}, {"5", "y", "1"}}, false},
		"a change":         {"CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION drop_odd()", false, [][]string{{"1", "x", "1"}, {"4", "y", "1"}}, false},
		"a change to same": {"CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", false, [][]string{{"1", "old", `{"b": [1]}`}, {"7", "x", "1"}, {"7", "y", storetest.Null}}, true},
		"none, but alters": {"CREATE TRIGGER t BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION shout()", false, [][]string{{"1", "x", "1"}, {"8", "x", "1"}}, true},
		"none of keys":     {"", true, [][]string{{"1"}, {"9"}, {"9"}}, true},
		"one of keys":      {"CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION drop_odd()", true, [][]string{{"1"}, {"9"}}, false},
	} {
		for _, some := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, some), func(t *testing.T) {
				table := fmt.Sprintf("t%x", sha256.Sum256([]byte(t.Name())))[:12]
				d.run(t, `CREATE TABLE `+table+` (id int PRIMARY KEY, name text, doc json); INSERT INTO `+table+` VALUES (1, 'old', '{"b": [1]}'); `+
					strings.ReplaceAll(c.triggers, "%s", table))
				columns := want
				if c.keysOnly {
					columns = want[:1]
				}
				err := d.replaced(t, table, columns, some, c.rows...)
				if c.ok && err != nil || !c.ok && fault.Code(err) != store.Inconsistent {
					t.Errorf("the copy ends with %v", err)
				}
			})
		}
	}
}
