package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

func TestUpsertNoticesRowsThatATriggerDrops(t *testing.T) {
	t.Parallel()
	want := batch.Schema{field("id", batch.String), field("v", batch.Int64)}
	const dropInsert = "CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.id = 'b' BEGIN SELECT RAISE(IGNORE); END"
	for name, c := range map[string]struct {
		triggers string
		columns  int
		rows     [][]string
		ok       bool
	}{
		"none":             {"", 2, [][]string{{"a", "2"}, {"b", "3"}, {"A", "4"}}, true},
		"an insert":        {dropInsert, 2, [][]string{{"a", "2"}, {"b", "3"}}, false},
		"a change":         {"CREATE TRIGGER g BEFORE UPDATE ON t BEGIN SELECT RAISE(IGNORE); END", 2, [][]string{{"a", "2"}, {"b", "3"}}, false},
		"a change to same": {"CREATE TRIGGER g BEFORE UPDATE ON t WHEN NEW.v IS OLD.v AND NEW.id IS OLD.id BEGIN SELECT RAISE(IGNORE); END", 2, [][]string{{"a", "1"}, {"b", "3"}, {"B", "4"}}, true},
		"none of keys":     {"", 1, [][]string{{"a"}, {"b"}, {"b"}}, true},
		"one of keys":      {dropInsert, 1, [][]string{{"a"}, {"b"}}, false},
	} {
		for _, some := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, some), func(t *testing.T) {
				t.Parallel()
				f := newFile(t, "CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1); "+c.triggers)
				k := f.sink(t, "t", `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`, "run")
				types, err := k.Prepare(t.Context(), want[:c.columns], false)
				if err != nil {
					t.Fatal(err)
				}
				w, err := k.Open(t.Context(), store.Partition{ID: "all"})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = w.Abort() }()
				b := storetest.Fill(t, types, c.rows)
				if some {
					err = w.(store.Skipper).WriteSome(t.Context(), b, func(e *fault.Error) { t.Errorf("left out: %v", e) })
				} else {
					err = w.Write(t.Context(), b)
				}
				if err != nil {
					t.Fatal(err)
				}
				w.(store.Expecter).Expect(int64(len(c.rows)))
				_, err = w.Commit(t.Context())
				if c.ok && err != nil || !c.ok && fault.Code(err) != store.Inconsistent {
					t.Errorf("the copy ends with %v", err)
				}
				if held := f.text(t, "SELECT group_concat(id || v) FROM t"); !c.ok && held != "a1" {
					t.Errorf("a part that was refused left %s", held)
				}
			})
		}
	}
}

func TestUpsertTakesAnyUniqueConstraintOnItsKeys(t *testing.T) {
	t.Parallel()
	want := batch.Schema{field("a", batch.Int64), field("b", batch.Int64)}
	for ddl, ok := range map[string]bool{
		"CREATE TABLE t (a INTEGER PRIMARY KEY, b)":                                     true,
		"CREATE TABLE t (a INT UNIQUE, b)":                                              true,
		"CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a)":                         true,
		"CREATE TABLE t (a, b)":                                                         false,
		"CREATE TABLE t (a, b); CREATE INDEX i ON t (a)":                                false,
		"CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a) WHERE b > 0":             false,
		"CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (a, b)":                      false,
		"CREATE TABLE t (a, b); CREATE UNIQUE INDEX i ON t (abs(a))":                    false,
		"CREATE TABLE t (a, b); CREATE TABLE \"x\" (a UNIQUE)":                          false,
		"CREATE TABLE u (a UNIQUE, b); CREATE VIEW t AS SELECT * FROM u":                false,
		"CREATE TABLE t (a, b, UNIQUE (b)); CREATE UNIQUE INDEX i ON t (b) WHERE a = 1": false,
	} {
		f := newFile(t, ddl)
		k := f.sink(t, "t", `{"writeBehavior": "upsert", "upsertSettings": {"keys": ["A"]}}`, "run")
		_, err := k.Prepare(t.Context(), want, false)
		if ok != (err == nil) {
			t.Errorf("%s: %v", ddl, err)
		}
		if err != nil && !strings.Contains(ddl, "VIEW") && (!fault.Is(err, fault.Conflict) || !strings.Contains(fault.As(err).Hint, `CREATE UNIQUE INDEX dmgateway_key ON "t" ("a")`)) {
			t.Errorf("%s: %+v", ddl, fault.As(err))
		}
	}
}
