package engine

import (
	"context"
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

func TestAGatewayKeepsTheWatermarkOfItsPipelines(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	exec1(t, dsn, incrementTables)
	w := newWorld(t)
	w.node("n1", w.gateway("gw"))
	connection, err := json.Marshal(testserver.PostgresConnectionString(dsn))
	if err != nil {
		t.Fatal(err)
	}
	w.put("linkedservices", "db", fmt.Sprintf(`{"type":"AzurePostgreSql","connectVia":{"referenceName":"gw","type":"IntegrationRuntimeReference"},"typeProperties":{"connectionString":%s}}`, connection))
	for _, table := range []string{"src", "dst"} {
		w.put("datasets", table, `{"type":"AzurePostgreSqlTable","linkedServiceName":{"referenceName":"db","type":"LinkedServiceReference"},"typeProperties":{"tableName":"`+table+`"}}`)
	}
	for _, pipeline := range []string{"one", "two"} {
		w.put("pipelines", pipeline, `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"src","type":"DatasetReference"}],
			"outputs":[{"referenceName":"dst","type":"DatasetReference"}],"typeProperties":{"source":{"type":"AzurePostgreSQLSource","watermark":{"column":"id"}},"sink":{"type":"AzurePostgreSQLSink"}}}]}`)
	}
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
