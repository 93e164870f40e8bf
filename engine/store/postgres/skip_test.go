package postgres

import (
	"fmt"
	"slices"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
)

// some writes batches in one partition, leaving out what the server refuses, and gives rows and columns of that.
func someRows(t *testing.T, k store.Sink, want batch.Schema, batches ...[][]string) (refused []string, n int64) {
	t.Helper()
	types, err := k.Prepare(t.Context(), want, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Abort(); err != nil {
			t.Errorf("abort: %v", err)
		}
	}()
	for _, rows := range batches {
		err := w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, rows), func(e *fault.Error) {
			refused = append(refused, fmt.Sprintf("%s=%s", rows[e.Row-1][0], rows[e.Row-1][1]))
			if e.Error() == "" || e.Hint == "" {
				t.Errorf("a refused row without reason or remedy: %+v", e)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return refused, c.Rows
}

func TestRefusedRowsAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, table, activity string
		kinds                 [2]batch.Kind
		batches               [][][]string
		refused               []string
		rows                  string
	}{
		{
			"a key that is there already, in the table and in the same rows", `CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1, 'old')`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "x"}, {"2", "y"}, {"2", "z"}}, {{"2", "v"}, {"3", "w"}}},
			[]string{"1=x", "2=z", "2=v"},
			"(1,old) (2,y) (3,w)",
		},
		{
			"NULL and check", `CREATE TABLE t (a int NOT NULL, b varchar(5) CHECK (b <> 'no'))`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{storetest.Null, "x"}, {"2", "no"}, {"4", "yes"}}},
			[]string{storetest.Null + "=x", "2=no"},
			"(4,yes)",
		},
		{
			"a foreign key that is checked when the statement has ended", `CREATE TABLE p (a int PRIMARY KEY); INSERT INTO p VALUES (1); CREATE TABLE t (a int REFERENCES p, b text)`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "x"}, {"9", "y"}, {"1", "z"}, {"8", "w"}}},
			[]string{"9=y", "8=w"},
			"(1,x) (1,z)",
		},
		{
			"a unique key that is checked when the transaction ends", `CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED, b text)`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "x"}, {"1", "y"}}, {{"2", "z"}}},
			[]string{"1=y"},
			"(1,x) (2,z)",
		},
		{
			"a value that goes through the interim table", `CREATE TABLE t (a int, b inet)`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "10.0.0.1"}, {"2", "nowhere"}, {"3", "10.0.0.3"}}},
			[]string{"2=nowhere"},
			"(1,10.0.0.1/32) (3,10.0.0.3/32)",
		},
		{
			"upsert replaces, and leaves out what breaks a constraint", `CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL CHECK (b <> 'no')); INSERT INTO t VALUES (1, 'old'), (2, 'old')`,
			`{"writeBehavior":"Upsert","upsertSettings":{"keys":["a"]}}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "new"}, {"2", "no"}, {"3", "x"}}},
			[]string{"2=no"},
			"(1,new) (2,old) (3,x)",
		},
		{
			"a trigger that raises", `CREATE TABLE t (a int, b text);
			CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.a=2 THEN RAISE EXCEPTION 'not two'; END IF; RETURN NEW; END$$;
			CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()`, `{}`,
			[2]batch.Kind{batch.Int32, batch.String},
			[][][]string{{{"1", "x"}, {"2", "y"}, {"3", "z"}}},
			[]string{"2=y"},
			"(1,x) (3,z)",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, test.table)
			k := d.sink(t, `{"schema":"public","table":"t"}`, test.activity, t.Name())
			want := batch.Schema{field("a", test.kinds[0]), field("b", test.kinds[1])}
			refused, n := someRows(t, k, want, test.batches...)
			slices.Sort(refused)
			slices.Sort(test.refused)
			if !slices.Equal(refused, test.refused) {
				t.Errorf("refused %q, want %q", refused, test.refused)
			}
			total := 0
			for _, b := range test.batches {
				total += len(b)
			}
			if n != int64(total-len(refused)) {
				t.Errorf("%d rows counted of %d", n, total)
			}
			if got := d.text(t, "SELECT string_agg('(' || a || ',' || b || ')', ' ' ORDER BY a, b) FROM t"); got != test.rows {
				t.Errorf("the table holds %s, want %s", got, test.rows)
			}
		})
	}
}

// TestManyRefusedRowsAmongMany leaves out every third row and a long run of them, over several batches.
func TestManyRefusedRowsAmongMany(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT i, 'old' FROM generate_series(0, 900, 3) i`)
	k := d.sink(t, `{"schema":"public","table":"t"}`, `{}`, t.Name())
	var rows [][]string
	for i := range 2000 {
		rows = append(rows, []string{fmt.Sprint(i), "new"})
	}
	refused, n := someRows(t, k, batch.Schema{field("a", batch.Int32), field("b", batch.String)}, rows[:700], rows[700:])
	if len(refused) != 301 || n != 1699 {
		t.Errorf("%d refused, %d written", len(refused), n)
	}
	if got := d.text(t, "SELECT count(*) || ' ' || count(*) FILTER (WHERE b='old') FROM t"); got != "2000 301" {
		t.Errorf("the table holds %s", got)
	}
}

// TestALostConnectionIsNoRefusedRow ends the server's side of the connection between two batches.
func TestALostConnectionIsNoRefusedRow(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE t (a int)`)
	k := d.sink(t, `{"schema":"public","table":"t"}`, `{}`, t.Name())
	types, err := k.Prepare(t.Context(), batch.Schema{field("a", batch.Int32)}, false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.Open(t.Context(), store.Partition{ID: "all"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Abort() }()
	never := func(e *fault.Error) { t.Errorf("refused: %v", e) }
	if err := w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"1"}}), never); err != nil {
		t.Fatal(err)
	}
	d.text(t, fmt.Sprintf("SELECT pg_terminate_backend(%d)::text", w.(*writer).c.PID()))
	err = w.(store.Skipper).WriteSome(t.Context(), storetest.Fill(t, types, [][]string{{"2"}}), never)
	if !fault.IsTransient(err) {
		t.Errorf("%v is not worth retrying", err)
	}
}
