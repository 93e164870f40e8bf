package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// keptVersion puts a version among the kept programs, as if it had been downloaded.
func keptVersion(t *testing.T, data, version string) {
	t.Helper()
	body, name := "a program", update.Command
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	dir := filepath.Join(update.Folder(data), version)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), []byte(body), 0o700)); err != nil {
		t.Fatal(err)
	}
	writeState(t, data, fmt.Sprintf(`{"format":1,"kept":{%q:{"files":{%q:{"size":%d,"sha256":"%x"}}}}}`, version, name, len(body), sha256.Sum256([]byte(body))))
}

func TestAnUpdateWaitsForRunningJobsAndCanBeGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := filepath.Join(w.dir, "n1")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	f := &fakeFeed{now: time.Now(), release: &feed.Release{Version: "1.1.0", Notes: "new"}}
	e := openEngine(t, data, func(o *Options) {
		o.stores, o.Version, o.Starter = w.stores(), "1.0.0", &Starter{Data: data, Version: "1.0.0", Name: CommandProgram}
		o.feed, o.now = func() (feedClient, error) { return f, nil }, f.clock
	})
	if err := e.Register(t.Context(), w.gateway("gw"), "n1", nil); err != nil {
		t.Fatal(err)
	}
	w.state(e, Connected)
	keptVersion(t, data, "1.1.0")
	g := w.hold()
	run, id := w.run(w.pipeline("gw", 1000))
	g.wait(t)

	// Given up while the job runs: it goes on, and jobs are taken again.
	ctx, cancel := context.WithCancel(t.Context())
	var steps []UpdateState
	err := e.InstallUpdate(ctx, func(s UpdateStep) {
		steps = append(steps, s.State)
		if s.State == UpdateWaiting {
			if s := w.state(e, Updating); s.Jobs.Running != 1 || s.Update.State != UpdateWaiting {
				t.Errorf("while it waits: %+v", s)
			}
			if err := e.InstallUpdate(t.Context(), nil); !fault.Is(err, fault.Conflict) {
				t.Errorf("a second one: %v", err)
			}
			cancel()
		}
	})
	if !fault.Is(err, fault.Cancelled) || len(steps) != 1 || steps[0] != UpdateWaiting {
		t.Errorf("given up: %v, %q", err, steps)
	}
	select {
	case <-e.Restarts():
		t.Fatal("it restarts")
	default:
	}
	close(g.release)
	if j := waitJob(t, e, id, ended); j.Status != Succeeded || j.Attempt != 1 {
		t.Errorf("the job: %+v", j)
	}
	if d := w.wait(run); d.Status != Succeeded {
		t.Errorf("the factory says %+v", d)
	}
	w.state(e, Connected)
	if _, again := w.run("copy"); waitJob(t, e, again, ended).Status != Succeeded {
		t.Error("no jobs are taken any more")
	}

	// Not given up: it is put on trial, and has to be connected as this one is.
	if err := e.InstallUpdate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Restarts():
	default:
		t.Error("it does not restart")
	}
	s, err := update.Load(data)
	if err != nil || s.Trial == nil || s.Trial.Version != "1.1.0" || s.Trial.From != "1.0.0" || !s.Trial.Connected || s.Trial.Notes != "new" {
		t.Errorf("%v, %+v", err, s.Trial)
	}
	if st := updateOf(t, e); st.State != UpdateRestarting {
		t.Errorf("status %+v", st)
	}
}
