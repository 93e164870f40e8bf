package engine

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/store/memory"
)

func TestAJobGoesTheWholeWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	events, err := e.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run, id := w.run(w.pipeline("gw", 10_000))
	d := w.wait(run)
	job := waitJob(t, e, id, ended)
	if a := d.Activities[0]; d.Status != Succeeded || a.Status != Succeeded || !strings.Contains(string(a.Output), `"rowsCopied":10000`) {
		t.Errorf("the factory says %+v", d)
	}
	if job.Status != Succeeded || job.Result.RowsCopied != 10_000 || job.Attempt != 1 || job.PickedUp <= 0 || job.Pipeline != "copy" || !strings.Contains(job.Source, "in") || !strings.Contains(job.Sink, "out") || job.Retryable || job.Started.IsZero() {
		t.Errorf("the gateway says %+v", job)
	}
	if rows, different := w.distinct(); rows != 10_000 || different != rows {
		t.Errorf("%d rows, %d of them different", rows, different)
	}
	seen := map[string]bool{}
	for !seen[Succeeded] {
		if ev := next(t, events); ev.Job != nil && ev.Job.ID == id {
			seen[ev.Job.Status] = true
		}
	}
	waitStatus(t, e, func(s Status) bool {
		return s.Jobs.Running == 0 && s.Gateway == "gw" && s.Node == "n1" && !s.LastContact.IsZero() && s.FactoryURL == "https://"+w.address
	})
	deadline := time.Now().Add(soon)
	for {
		left, err := e.journal.Outbox(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still to send: %+v", left)
		}
		time.Sleep(10 * time.Millisecond) // polling, with a deadline
	}
	list, err := e.Jobs(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("listed %+v, %v", list, err)
	}
	for what, err := range map[string]error{"retry": e.Retry(t.Context(), id), "cancel": e.Cancel(t.Context(), id)} {
		if fault.Code(err) != fault.Conflict {
			t.Errorf("%s of a job that succeeded: %v", what, err)
		}
	}
}

func TestASealedCredentialIsOpenForTheJobAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	const hidden = "S3CRET-shop.db"
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, hidden))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1), (2), (3)"); err != nil {
		t.Fatal(err)
	}
	w.pipeline("gw", 1)
	service := map[string]any{"name": "Shop", "properties": map[string]any{
		"type": "SQLite", "connectVia": map[string]any{"referenceName": "gw", "type": "IntegrationRuntimeReference"},
		"typeProperties": map[string]any{"connectionString": map[string]any{"type": "SecureString", "value": "Data Source=" + filepath.Join(dir, hidden)}},
	}}
	text, err := json.Marshal(service)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := credential.Seal(text, e.certificate().Leaf)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Properties json.RawMessage }
	if err := json.Unmarshal(sealed, &document); err != nil {
		t.Fatal(err)
	}
	w.put("linkedservices", "Shop", string(document.Properties))
	w.put("datasets", "t", `{"type":"SQLiteTable","linkedServiceName":{"referenceName":"Shop","type":"LinkedServiceReference"},"typeProperties":{"tableName":"t"}}`)
	w.put("pipelines", "shop", `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"t","type":"DatasetReference"}],
		"outputs":[{"referenceName":"out","type":"DatasetReference"}],"typeProperties":{"source":{"type":"SQLiteSource"},"sink":{"type":"MemorySink","tableOption":"autoCreate"}}}]}`)

	// The operator has allowed no folder yet.
	run, id := w.run("shop")
	d := w.wait(run)
	job := waitJob(t, e, id, ended)
	if d.Status != Failed || job.Status != Failed || !job.Retryable || job.Result.Errors[0].Code != fault.FolderNotAllowed || !strings.Contains(job.Result.Errors[0].Hint, "folders") {
		t.Errorf("not allowed: %+v, %+v", d.Status, job.Result)
	}
	if err := e.SetSetting(t.Context(), SettingFolders, dir); err != nil {
		t.Fatal(err)
	}
	run, id = w.run("shop")
	if d = w.wait(run); d.Status != Succeeded || waitJob(t, e, id, ended).Result.RowsCopied != 3 {
		t.Errorf("allowed: %+v", d)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(e.data, journalFile))
	if err != nil {
		t.Fatal(err)
	}
	// The first run's error names the file: errors do. What must not be there is the credential itself.
	mustNotHold(t, "the journal", string(data), "Data Source="+dir)
	mustNotHold(t, "the log", logOf(t, e), "Data Source="+dir)
}

func TestARunningJobIsCancelledHereAndAtTheFactory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 1000)
	for _, c := range []struct {
		name   string
		cancel func(run, job string) error
		where  string
	}{
		{"here", func(_, job string) error { return e.Cancel(t.Context(), job[:8]) }, "at the gateway"},
		{"at the factory", func(run, _ string) error { return w.client.Cancel(t.Context(), run) }, "at the data factory"},
	} {
		g := w.hold()
		run, id := w.run("copy")
		g.wait(t)
		if s, _ := e.Status(t.Context()); s.Jobs.Running != 1 {
			t.Errorf("%s: %d jobs run", c.name, s.Jobs.Running)
		}
		if err := c.cancel(run, id); err != nil {
			t.Fatal(err)
		}
		job := waitJob(t, e, id, ended)
		if job.Status != Cancelled || !strings.Contains(job.Result.Errors[0].Message, c.where) {
			t.Errorf("%s: %+v", c.name, job)
		}
		if d := w.wait(run); d.Status != Cancelled {
			t.Errorf("%s: the factory says %s", c.name, d.Status)
		}
	}
	if err := e.Cancel(t.Context(), "no-such-job"); fault.Code(err) != fault.NotFound {
		t.Errorf("unknown: %v", err)
	}
}

// holdFirst lets the first partition be read and committed and makes the readers of all others wait; held is closed once
// that partition is committed and another waits.
func holdFirst(w *world) (held chan struct{}, release func()) {
	held, open := make(chan struct{}), make(chan struct{})
	committed := make(chan struct{})
	var (
		first            atomic.Pointer[string]
		commitOnce, once sync.Once
	)
	w.memory.SetHooks(memory.Hooks{
		Next: func(ctx context.Context, partition string, _ int64) error {
			if first.CompareAndSwap(nil, &partition) || *first.Load() == partition {
				return nil
			}
			for _, c := range []chan struct{}{committed, open} {
				select {
				case <-c:
				case <-ctx.Done():
					return ctx.Err()
				}
				once.Do(func() { close(held) })
			}
			return nil
		},
		AfterCommit: func(context.Context, string) error {
			commitOnce.Do(func() { close(committed) })
			return nil
		},
	})
	return held, func() { close(open) }
}

func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(soon):
		t.Fatal("it never happened")
	}
}

func TestAJobGoesOnFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// interrupt breaks the job off and gives the engine that ends it.
		interrupt func(t *testing.T, w *world, e *Engine, release func()) *Engine
		attempt   int
	}{
		{"after stop and start", func(t *testing.T, w *world, e *Engine, release func()) *Engine {
			if err := e.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.state(e, Stopped)
			release()
			if err := e.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return e
		}, 1},
		{"after a restart", func(t *testing.T, w *world, e *Engine, release func()) *Engine {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			release()
			return openEngine(t, e.data, func(o *Options) { o.stores = w.stores() })
		}, 1},
		{"on another node", func(t *testing.T, w *world, e *Engine, release func()) *Engine {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			key, err := w.client.Key(t.Context(), "gw")
			if err != nil {
				t.Fatal(err)
			}
			release()
			return w.node("n2", key)
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := w.node("n1", w.gateway("gw"))
			w.pipeline("gw", 100_000)
			held, release := holdFirst(w)
			run, id := w.run("copy")
			await(t, held)
			e = c.interrupt(t, w, e, release)
			d := w.wait(run)
			job := waitJob(t, e, id, ended)
			if d.Status != Succeeded || job.Status != Succeeded || job.Attempt != c.attempt || job.Result.ResumedFrom < 1 {
				t.Errorf("factory %s, job %+v, result %+v", d.Status, job, job.Result)
			}
			if rows, different := w.distinct(); rows != 100_000 || different != rows {
				t.Errorf("%d rows, %d of them different", rows, different)
			}
		})
	}
}

func TestAJobIsPausedWhileTheFactoryIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 50_000)
	held, release := holdFirst(w)
	run, id := w.run("copy")
	await(t, held)
	w.stop()
	w.state(e, Disconnected)
	deadline := time.Now().Add(soon)
	for !strings.Contains(logOf(t, e), "job paused until") {
		if time.Now().After(deadline) {
			t.Fatal("the job goes on without a lease")
		}
		time.Sleep(20 * time.Millisecond) // polling, with a deadline
	}
	release()
	if rows, _ := w.distinct(); rows == 50_000 {
		t.Error("the job went on without a lease")
	}
	w.up()
	d := w.wait(run)
	if job := waitJob(t, e, id, ended); d.Status != Succeeded || job.Status != Succeeded {
		t.Errorf("factory %s, job %+v", d.Status, job)
	}
	if rows, different := w.distinct(); rows != 50_000 || different != rows {
		t.Errorf("%d rows, %d of them different", rows, different)
	}
	w.state(e, Connected)
}

func TestAPanicInAJobIsItsFailureAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	w.pipeline("gw", 10)
	w.memory.SetHooks(memory.Hooks{Prepare: func(string) error { panic("a defect") }})
	run, id := w.run("copy")
	if d := w.wait(run); d.Status != Failed {
		t.Errorf("the factory says %+v", d)
	}
	if job := waitJob(t, e, id, ended); job.Status != Failed || job.Result.Errors[0].Code != fault.Internal {
		t.Errorf("the job is %+v", job)
	}
	w.memory.SetHooks(memory.Hooks{})
	run, _ = w.run("copy")
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("the next one: %+v", d)
	}
}

func TestAStoreThatFailsFailsTheJobWithItsWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.node("n1", w.gateway("gw"))
	events, err := e.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.pipeline("gw", 10)
	w.memory.SetHooks(memory.Hooks{Connect: func() error {
		return fault.New(fault.SignInFailed, "the password was refused").Because(errors.New("28P01")).Try("Set the credential again.")
	}})
	run, id := w.run("copy")
	d := w.wait(run)
	job := waitJob(t, e, id, ended)
	if first := job.Result.Errors[0]; d.Status != Failed || first.Code != fault.SignInFailed || first.Hint == "" || d.Activities[0].Error.Message == "" {
		t.Errorf("the gateway says %+v, the factory %+v", job.Result, d.Activities[0])
	}
	for {
		if ev := next(t, events); ev.Notice != nil && ev.Notice.ID == "job-failed" {
			if !strings.Contains(ev.Notice.Text, "password was refused") {
				t.Errorf("notice %+v", ev.Notice)
			}
			break
		}
	}
}
