package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// upserting is the store with a sink that replaces rows by their id.
func (s Store) upserting() Store {
	if !strings.Contains(s.Sink, `"keys"`) {
		s.Sink = `{"tableOption": "autoCreate", "writeBehavior": "upsert", "upsertSettings": {"keys": ["id"]}}`
	}
	return s
}

// testUpsert holds the rules of an upsert, which are alike in all stores; see package sqlstore.
func testUpsert(t *testing.T, s Store) {
	if s.NoUpsert {
		t.Skip("the store has no upsert")
	}
	t.Run("the last of several rows counts", func(t *testing.T) {
		u := s.upserting()
		u.load(t, "upserted", numbered, [][]string{{"1", "a"}, {"2", "b"}})
		again := func(run string) {
			t.Helper()
			k, types := u.prepared(t, "upserted", run, numbered, false)
			w := open(t, k, "all")
			write(t, w, Fill(t, types, [][]string{{"2", "x"}, {"3", "y"}, {"2", "z"}}))
			write(t, w, Fill(t, types, [][]string{{"3", "w"}}))
			if x, ok := w.(store.Expecter); ok {
				x.Expect(4)
			}
			commit(t, w, 4)
			holds(t, u, "upserted", "1 a", "2 z", "3 w")
		}
		again("run-upserted")
		again("run-upserted-again")
	})
	t.Run("a key is never NULL", func(t *testing.T) {
		u := s.upserting()
		k, types := u.prepared(t, "keyed", "run-keyed", numbered, false)
		if types[0].Nullable {
			t.Error("the sink says that its key takes NULL")
		}
		rows := Fill(t, types, [][]string{{"1", "a"}, {Null, "b"}, {"2", Null}})
		w := open(t, k, "refused")
		e := fault.As(w.Write(t.Context(), rows))
		if e == nil || e.Row != 2 || !strings.EqualFold(e.Column, "id") || e.Hint == "" || !strings.Contains(e.Message, "key") || e.Code != fault.Conflict {
			t.Errorf("a NULL as key gives %+v", e)
		}
		if err := w.Abort(); err != nil {
			t.Error(err)
		}
		w = open(t, k, "skipped")
		x, ok := w.(store.Skipper)
		if !ok {
			t.Fatal("the sink cannot leave out rows")
		}
		var left []string
		if err := x.WriteSome(t.Context(), rows, func(e *fault.Error) { left = append(left, fmt.Sprint(e.Row, " ", strings.ToLower(e.Column))) }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(left, []string{"2 id"}) {
			t.Errorf("left out are %q, want row 2 for its id", left)
		}
		commit(t, w, 2)
		holds(t, u, "keyed", "1 a", "2 "+Null)
	})
	t.Run("keys that do not fit", func(t *testing.T) {
		s.plain().load(t, "misfit", numbered, nil)
		for what, keys := range map[string]string{"a column that is not written": `["nowhere"]`, "a column twice": `["id", "ID"]`} {
			u := s.upserting()
			u.Sink = strings.Replace(u.Sink, `["id"]`, keys, 1)
			u.Sink = strings.Replace(u.Sink, `"tableOption": "autoCreate", `, "", 1)
			_, err := u.sink(t, "misfit", "run-misfit").Prepare(t.Context(), numbered, false)
			if !fault.Is(err, fault.BadInput) || fault.As(err).Hint == "" {
				t.Errorf("%s as key: %v", what, err)
			}
		}
	})
	t.Run("a table without a unique index", func(t *testing.T) { testUnkeyed(t, s) })
}

// testUnkeyed upserts into a table that has no unique index on the keys.
func testUnkeyed(t *testing.T, s Store) {
	s.plain().load(t, "unkeyed", numbered, [][]string{{"1", "a"}, {"1", "b"}})
	u := s.upserting()
	k := u.sink(t, "unkeyed", "run-unkeyed")
	if !s.Merges {
		_, looked := k.(store.Inspector).Inspect(t.Context(), numbered)
		_, prepared := k.Prepare(t.Context(), numbered, false)
		for what, err := range map[string]error{"Inspect": looked, "Prepare": prepared} {
			e := fault.As(err)
			if e == nil || e.Code != fault.Conflict || !strings.Contains(e.Message, "id") || !strings.Contains(e.Hint, "CREATE UNIQUE INDEX") {
				t.Errorf("%s gives %v", what, err)
			}
		}
		return
	}
	types, err := k.Prepare(t.Context(), numbered, false)
	if err != nil {
		t.Fatal(err)
	}
	w := open(t, k, "all")
	write(t, w, Fill(t, types, [][]string{{"1", "c"}, {"2", "d"}}))
	commit(t, w, 2)
	holds(t, u, "unkeyed", "1 c", "1 c", "2 d") // every row with the key is changed, and none is added
}

// plain is the store with a sink that only inserts.
func (s Store) plain() Store {
	s.Sink = ""
	return s
}

// holds compares the two columns of a table with rows as text, in the order of the text.
func holds(t *testing.T, s Store, table string, want ...string) {
	t.Helper()
	schema, rows := s.read(t, table)
	var got []string
	for _, row := range rows {
		id := row[schema.Index("id")]
		if x, err := canonical(batch.Type{Kind: batch.Int64}, id); err == nil {
			id = x
		}
		got = append(got, id+" "+row[1-schema.Index("id")])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table %s holds %q, want %q", table, got, want)
	}
}
