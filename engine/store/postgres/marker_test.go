package postgres

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

// TestMarkersNeedFewRights writes as a user who may not create tables.
func TestMarkersNeedFewRights(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "")
	user := strings.TrimPrefix(strings.ReplaceAll(mustURL(t, d.dsn).Path, "-", "_"), "/") + "_writer"
	sqlScript(t, d.dsn, `CREATE ROLE `+user+` LOGIN PASSWORD 'pw'; CREATE TABLE target (id int); GRANT INSERT, SELECT ON target TO `+user)
	t.Cleanup(func() { sqlScript(t, d.dsn, `DROP OWNED BY `+user+`; DROP ROLE `+user) })
	u := mustURL(t, d.dsn)
	u.User = url.UserPassword(user, "pw")
	writer := database{dsn: u.String(), service: linked(testserver.PostgresConnectionString(u.String()))}
	all := batch.Schema{field("id", batch.Int32)}

	_, err := writer.sink(t, `{"tableName": "target"}`, `{}`, "run").Prepare(t.Context(), all, false)
	e := fault.As(err)
	if e.Code != fault.Forbidden || !strings.Contains(e.Hint, `CREATE TABLE IF NOT EXISTS "public"."dmgateway_commits"`) {
		t.Fatalf("error %v, hint %q; want the DDL of the marker table", err, e.Hint)
	}
	ddl := e.Hint[strings.Index(e.Hint, "CREATE TABLE IF NOT EXISTS"):]
	sqlScript(t, d.dsn, ddl+`; GRANT INSERT, SELECT, DELETE ON dmgateway_commits TO `+user)
	k := writer.sink(t, `{"tableName": "target"}`, `{}`, "run")
	if err := put(t, k, all, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestACommitThatHangsDoesNotDoubleRows lets an attempt stop between marking and committing, while another one commits
// the same partition: the second waits, and either finds it committed or takes its place.
func TestACommitThatHangsDoesNotDoubleRows(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"COMMIT", "ROLLBACK"} {
		d := newDatabase(t, `CREATE TABLE target (id int)`)
		k := d.sink(t, `{"tableName": "target"}`, `{}`, "run")
		types, err := k.Prepare(t.Context(), batch.Schema{field("id", batch.Int32)}, false)
		if err != nil {
			t.Fatal(err)
		}
		hung, err := pgx.Connect(t.Context(), d.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer hung.Close(context.Background())
		if _, err := hung.Exec(t.Context(), `BEGIN; INSERT INTO target VALUES (1); INSERT INTO dmgateway_commits ("run", "partition", "rows", "bytes") VALUES ('run', 'all', 1, 0)`); err != nil {
			t.Fatal(err)
		}
		w, err := k.Open(t.Context(), store.Partition{ID: "all"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), storetest.Fill(t, types, [][]string{{"1"}})); err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() {
			_, err := w.Commit(context.Background())
			result <- err
		}()
		poll(t, "the commit waits", func() bool {
			return d.text(t, `SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type='Lock' AND datname=current_database()`) == "1"
		})
		if _, err := hung.Exec(t.Context(), end); err != nil {
			t.Fatal(err)
		}
		if err := <-result; (end == "COMMIT") != errors.Is(err, store.ErrAlreadyCommitted) || end == "ROLLBACK" && err != nil {
			t.Errorf("%s: Commit gives %v", end, err)
		}
		if got := d.text(t, `SELECT count(*)::text FROM target`); got != "1" {
			t.Errorf("%s: the table has %s rows, want 1", end, got)
		}
	}
}

func TestFinishForgetsOldRuns(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE target (id int)`)
	k := d.sink(t, `{"tableName": "target"}`, `{}`, "new")
	if err := put(t, k, batch.Schema{field("id", batch.Int32)}, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	sqlScript(t, d.dsn, `INSERT INTO dmgateway_commits VALUES ('old', 'all', 1, 1, now() - interval '31 days'), ('recent', 'all', 1, 1, now() - interval '29 days')`)
	if err := k.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.text(t, `SELECT string_agg("run" || ' ' || "partition", ', ' ORDER BY "run") FROM dmgateway_commits`); got != "new "+sqlstore.FinishedPartition+", recent all" {
		t.Errorf("the marker table has %s", got)
	}
}
