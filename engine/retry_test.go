package engine

import (
	"database/sql"
	"path/filepath"
	"testing"

	"dmgateway/engine/fault"
)

func TestAFailedJobIsRetriedOnceItsCauseIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2), (3)"); err != nil {
		t.Fatal(err)
	}
	w.pipeline("gw", 1)
	w.put("linkedservices", "Shop", `{"type":"SQLite","connectVia":{"referenceName":"gw","type":"IntegrationRuntimeReference"},
		"typeProperties":{"connectionString":"Data Source=`+filepath.ToSlash(file)+`"}}`)
	w.put("datasets", "t", `{"type":"SQLiteTable","linkedServiceName":{"referenceName":"Shop","type":"LinkedServiceReference"},"typeProperties":{"tableName":"t"}}`)
	w.put("pipelines", "shop", `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"t","type":"DatasetReference"}],
		"outputs":[{"referenceName":"out","type":"DatasetReference"}],"typeProperties":{"source":{"type":"SQLiteSource"},"sink":{"type":"MemorySink","tableOption":"autoCreate"}}}]}`)

	run, id := w.run("shop")
	d := w.wait(run)
	job := waitJob(t, e, id, ended)
	if d.Status != Failed || !job.Retryable || job.Result.Errors[0].Code != fault.FolderNotAllowed {
		t.Fatalf("not allowed: the factory says %s, the gateway %+v", d.Status, job)
	}
	if err := e.SetSetting(t.Context(), SettingFolders, dir); err != nil {
		t.Fatal(err)
	}
	if err := e.Retry(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	d = w.wait(run)
	job = waitJob(t, e, id, func(j Job) bool { return j.Attempt == 2 && ended(j) })
	if a := d.Activities[0]; d.Status != Succeeded || a.Status != Succeeded || a.ActivityRunID != id || a.Attempt != 2 {
		t.Errorf("retried: the factory says %+v", d)
	}
	if job.Status != Succeeded || job.Retryable || job.Result.RowsCopied != 3 {
		t.Errorf("retried: the gateway says %+v", job)
	}
	if rows, different := w.distinct(); rows != 3 || different != 3 {
		t.Errorf("%d rows, %d of them different", rows, different)
	}
	if err := e.Retry(t.Context(), id); fault.Code(err) != fault.Conflict {
		t.Errorf("retry of a job that succeeded: %v", err)
	}
}
