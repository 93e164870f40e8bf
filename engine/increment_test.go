package engine

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dmgateway/engine/fault"
	"dmgateway/engine/testserver"
)

// incrementBundle copies src to dst of one database, what came since the last run.
func incrementBundle(t *testing.T, dsn, activity string) string {
	t.Helper()
	connection, err := json.Marshal(testserver.PostgresConnectionString(dsn))
	if err != nil {
		t.Fatal(err)
	}
	bundle := fmt.Sprintf(`{"linkedServices": [{"name": "db", "properties": {"type": "PostgreSqlV2", "typeProperties": {"connectionString": %s}}}],
		"datasets": [{"name": "from", "properties": {"type": "PostgreSqlV2Table", "linkedServiceName": {"referenceName": "db", "type": "LinkedServiceReference"}, "typeProperties": {"table": "src"}}},
			{"name": "to", "properties": {"type": "AzurePostgreSqlTable", "linkedServiceName": {"referenceName": "db", "type": "LinkedServiceReference"}, "typeProperties": {"tableName": "dst"}}}],
		"activity": {"name": "New rows", "type": "Copy", "inputs": [{"referenceName": "from", "type": "DatasetReference"}], "outputs": [{"referenceName": "to", "type": "DatasetReference"}],
			"typeProperties": {"source": {"type": "PostgreSqlV2Source", "watermark": {"column": "id"}}, "sink": {"type": "AzurePostgreSqlSink"}%s}}}`, connection, activity)
	path := filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(path, []byte(bundle), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func exec1(t *testing.T, dsn, sql string) (answer string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	err = c.QueryRow(t.Context(), `SELECT (SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || coalesce(max(id), 0) FROM dst)::text`).Scan(&answer)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

const incrementTables = `CREATE TABLE src (id bigint, name text); CREATE TABLE dst (id bigint, name text)`

func TestAnIncrementIsWhatCameSinceTheLastRun(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables)
	bundle := incrementBundle(t, dsn, "")
	o := BundleOptions{State: filepath.Join(t.TempDir(), "state.db")}
	for _, step := range []struct {
		sql  string
		rows int64
		want string
	}{
		{"SELECT 1", 0, "0 0 0"},
		{"INSERT INTO src SELECT i, 'x' FROM generate_series(1, 100) i; INSERT INTO src VALUES (NULL, 'once')", 101, "101 100 100"},
		{"SELECT 1", 0, "101 100 100"},
		{"INSERT INTO src SELECT i, 'y' FROM generate_series(101, 150) i", 50, "151 150 150"},
		{"DELETE FROM src WHERE id > 90", 0, "151 150 150"},
		{"INSERT INTO src SELECT i, 'y' FROM generate_series(91, 160) i", 10, "161 160 160"},
	} {
		exec1(t, dsn, step.sql)
		plan, err := PlanBundle(t.Context(), bundle, o)
		if err != nil || plan.Window == nil {
			t.Fatalf("%s: plan %+v, %v", step.sql, plan, err)
		}
		r, err := CopyBundle(t.Context(), bundle, o)
		if err != nil || r.RowsCopied != step.rows {
			t.Fatalf("%s: %+v, %v", step.sql, r, err)
		}
		if got := exec1(t, dsn, "SELECT 1"); got != step.want {
			t.Errorf("%s: the sink has %s, want %s", step.sql, got, step.want)
		}
	}
	o.Reset = true
	if r, err := CopyBundle(t.Context(), bundle, o); err != nil || r.RowsCopied != 161 {
		t.Errorf("after a reset: %+v, %v", r, err)
	}
	if _, err := PlanBundle(t.Context(), incrementBundle(t, dsn, `, "parallelCopies": 3`), o); err != nil {
		t.Error(err)
	}
}

func TestAFailedIncrementMovesNoMark(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables+`; INSERT INTO src SELECT i, 'x' FROM generate_series(1, 10) i; ALTER TABLE dst ADD CHECK (id < 5)`)
	bundle := incrementBundle(t, dsn, "")
	o := BundleOptions{State: filepath.Join(t.TempDir(), "state.db")}
	if _, err := CopyBundle(t.Context(), bundle, o); err == nil {
		t.Fatal("rows that the sink refuses were copied")
	}
	exec1(t, dsn, `ALTER TABLE dst DROP CONSTRAINT dst_id_check; INSERT INTO src VALUES (11, 'later')`)
	if r, err := CopyBundle(t.Context(), bundle, o); err != nil || r.RowsCopied != 10 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := CopyBundle(t.Context(), bundle, o); err != nil {
		t.Fatal(err)
	}
	if got := exec1(t, dsn, "SELECT 1"); got != "11 11 11" {
		t.Errorf("the sink has %s", got)
	}
}

const incrementVariable = "DMGATEWAY_TEST_INCREMENT"

// TestIncrementVictim is not a test of its own: it is the process that the test below kills.
func TestIncrementVictim(t *testing.T) {
	told := os.Getenv(incrementVariable)
	if told == "" {
		t.Skip("started by TestKilledIncrements only")
	}
	var paths [2]string
	if err := json.Unmarshal([]byte(told), &paths); err != nil {
		t.Fatal(err)
	}
	if _, err := CopyBundle(t.Context(), paths[0], BundleOptions{State: paths[1]}); err != nil && !fault.Is(err, fault.Conflict) {
		t.Fatal(err)
	}
}

// TestKilledIncrements kills copies with SIGKILL at random moments while rows come in, and looks that each row arrived once.
func TestKilledIncrements(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables)
	bundle, state := incrementBundle(t, dsn, `, "parallelCopies": 4`), filepath.Join(t.TempDir(), "state.db")
	told, err := json.Marshal([2]string{bundle, state})
	if err != nil {
		t.Fatal(err)
	}
	killed, rows := 0, 0
	run := func(life time.Duration) {
		ctx, stop := context.WithTimeout(t.Context(), life)
		defer stop()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestIncrementVictim$")
		cmd.Env = append(os.Environ(), incrementVariable+"="+string(told))
		out, err := cmd.CombinedOutput()
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			killed++
		case err != nil:
			t.Fatalf("%v: %s", err, out)
		}
	}
	for life := 150 * time.Millisecond; killed < 15; {
		rows += 3000
		exec1(t, dsn, fmt.Sprintf(`INSERT INTO src SELECT i, repeat('x', 100) FROM generate_series(%d, %d) i`, rows-2999, rows))
		before := killed
		run(life/2 + rand.N(life))
		if killed == before {
			life -= life / 6
		} else {
			life += life / 8
		}
	}
	run(time.Minute) // finishes the last
	run(time.Minute)
	if want, got := fmt.Sprintf("%[1]d %[1]d %[1]d", rows), exec1(t, dsn, "SELECT 1"); got != want {
		t.Errorf("the sink has %s rows, want %s", got, want)
	}
	t.Logf("%d kills over %d rows", killed, rows)
}

// incrementPipelines copies src to dst of one database by a gateway, what came since the last run.
func (w *world) incrementPipelines(dsn string, pipelines ...string) {
	t := w.t
	t.Helper()
	connection, err := json.Marshal(testserver.PostgresConnectionString(dsn))
	if err != nil {
		t.Fatal(err)
	}
	w.put("linkedservices", "db", fmt.Sprintf(`{"type":"AzurePostgreSql","connectVia":{"referenceName":"gw","type":"IntegrationRuntimeReference"},"typeProperties":{"connectionString":%s}}`, connection))
	for _, table := range []string{"src", "dst"} {
		w.put("datasets", table, `{"type":"AzurePostgreSqlTable","linkedServiceName":{"referenceName":"db","type":"LinkedServiceReference"},"typeProperties":{"tableName":"`+table+`"}}`)
	}
	for _, pipeline := range pipelines {
		w.put("pipelines", pipeline, `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"src","type":"DatasetReference"}],
			"outputs":[{"referenceName":"dst","type":"DatasetReference"}],"typeProperties":{"source":{"type":"AzurePostgreSQLSource","watermark":{"column":"id"}},"sink":{"type":"AzurePostgreSQLSink"}}}]}`)
	}
}

func TestTheFactoryKeepsTheWatermarkOfItsPipelines(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables)
	w := newWorld(t)
	w.node("n1", w.gateway("gw"))
	w.incrementPipelines(dsn, "one", "two")
	for _, step := range []struct{ sql, pipeline, want string }{
		{"INSERT INTO src SELECT i, 'x' FROM generate_series(1, 10) i", "one", "10 10 10"},
		{"INSERT INTO src SELECT i, 'x' FROM generate_series(11, 15) i", "one", "15 15 15"},
		{"SELECT 1", "one", "15 15 15"},
		{"SELECT 1", "two", "30 15 15"}, // a mark of its own
	} {
		exec1(t, dsn, step.sql)
		run, _ := w.run(step.pipeline)
		if d := w.wait(run); d.Status != Succeeded {
			t.Fatalf("%s: %+v", step.pipeline, d)
		}
		if got := exec1(t, dsn, "SELECT 1"); got != step.want {
			t.Errorf("%s after %s: the sink has %s, want %s", step.pipeline, step.sql, got, step.want)
		}
	}
}

func TestNodesOfOneGatewayShareTheWatermark(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables)
	w := newWorld(t)
	key := w.gateway("gw")
	nodes := []*Engine{w.node("n1", key), w.node("n2", key)}
	w.incrementPipelines(dsn, "p")
	step := func(node int, sql, status, want string) {
		t.Helper()
		exec1(t, dsn, sql)
		for i, e := range nodes {
			turn := e.Stop
			if i == node {
				turn = e.Start
			}
			if err := turn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		run, _ := w.run("p")
		if d := w.wait(run); d.Status != status || d.Activities[0].Node != fmt.Sprintf("n%d", node+1) {
			t.Fatalf("%s: %+v", sql, d)
		}
		if got := exec1(t, dsn, "SELECT 1"); got != want {
			t.Errorf("after %s by node %d the sink has %s, want %s", sql, node, got, want)
		}
	}
	more := func(from, to int) string {
		return fmt.Sprintf("INSERT INTO src SELECT i, 'x' FROM generate_series(%d, %d) i", from, to)
	}
	step(0, more(1, 10), Succeeded, "10 10 10")
	step(1, more(11, 15), Succeeded, "15 15 15")
	step(0, more(16, 20), Succeeded, "20 20 20")
	step(1, "ALTER TABLE dst ADD CONSTRAINT small CHECK (id < 25); "+more(21, 30), Failed, "20 20 20")
	step(0, "ALTER TABLE dst DROP CONSTRAINT small", Succeeded, "30 30 30")
	if list, err := w.client.Watermarks(t.Context(), "p"); err != nil || len(list) != 1 || list[0].Value != "30" || list[0].Column != "id" {
		t.Errorf("watermarks %+v, %v", list, err)
	}

	// What a node knew before factories kept watermarks is where the first run after begins.
	w.stop()
	forgetWatermarks(t, filepath.Join(w.options.Dir, "factory.db"))
	w.up()
	exec1(t, dsn, "DELETE FROM dst WHERE id > 10") // the first run by the first node wrote its mark down too
	step(0, "SELECT 1", Succeeded, "30 30 30")
	step(1, more(31, 40), Succeeded, "40 40 40")

	if err := w.client.ResetWatermarks(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	step(0, "TRUNCATE dst", Succeeded, "40 40 40")
	step(1, more(41, 42), Succeeded, "42 42 42")
}

func forgetWatermarks(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DELETE FROM watermarks"); err != nil {
		t.Fatal(err)
	}
}

func TestALostNodesIncrementIsFinishedByAnother(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables+"; INSERT INTO src SELECT i, 'x' FROM generate_series(1, 10) i")
	w := newWorld(t)
	key := w.gateway("gw")
	n1, n2 := w.node("n1", key), w.node("n2", key)
	w.incrementPipelines(dsn, "p")
	if err := n2.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	holder, err := pgx.Connect(t.Context(), dsn) // lets rows be read and not be written
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close(context.WithoutCancel(t.Context())) }()
	if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE dst IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	run, id := w.run("p")
	waitJob(t, n1, id, func(j Job) bool { return !j.Started.IsZero() })
	if err := n1.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n2.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitJob(t, n2, id, func(j Job) bool { return j.Attempt > 1 && !j.Started.IsZero() })
	if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if d := w.wait(run); d.Status != Succeeded || d.Activities[0].Attempt < 2 {
		t.Fatalf("%+v", d)
	}
	if err := n1.Start(t.Context()); err != nil { // comes back, and finds the attempt lost
		t.Fatal(err)
	}
	exec1(t, dsn, "INSERT INTO src VALUES (11, 'y')")
	again, _ := w.run("p")
	if d := w.wait(again); d.Status != Succeeded {
		t.Fatalf("%+v", d)
	}
	if got := exec1(t, dsn, "SELECT 1"); got != "11 11 11" {
		t.Errorf("the sink has %s", got)
	}
}
