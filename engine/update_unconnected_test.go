package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// notConnectedTwice is the state after 1.1.0 was undone twice, because it was not connected; and this version was connected at once after the first time.
const notConnectedTwice = `{"format":1,"unconnected":{"1.1.0":{"times":2,"alone":1}},
	"failure":{"version":"1.1.0","from":"1.0.0","why":"it was not connected within 3m0s","when":"2026-05-02T03:05:00Z","again":true},
	"untold":[{"kind":"NotConnected","version":"1.1.0","text":"it was not connected within 3m0s","when":"2026-05-02T03:05:00Z"}]}`

func TestAVersionThatWasNotConnectedIsScheduledAgainForAnotherDay(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	f := &fakeFeed{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), release: &feed.Release{Version: "1.1.0"}}
	e := updatable(t, data, f)
	if _, err := e.CheckUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := *updateOf(t, e).Scheduled
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	writeState(t, data, notConnectedTwice)
	f.set(func() { f.now = first.Add(5 * time.Minute) })
	e = updatable(t, data, f)
	s, err := e.CheckUpdate(t.Context())
	if err != nil || s.State != UpdateFailed || s.Scheduled == nil || !s.Scheduled.Equal(first.AddDate(0, 0, 1)) || s.Remedy == "" {
		t.Errorf("first for %s, then %v, %+v", first, err, s)
	}
	if kept, err := update.Load(data); err != nil || len(kept.Failed) != 0 || len(kept.Untold) != 0 {
		t.Errorf("kept %v, %+v", err, kept)
	}
}

// registeredGateway is updatable, registered and connected.
func registeredGateway(t *testing.T, w *world, f *fakeFeed) (e *Engine, again func() *Engine) {
	t.Helper()
	data := filepath.Join(w.dir, "n1")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	again = func() *Engine { return updatable(t, data, f) }
	e = again()
	if err := e.Register(t.Context(), w.gateway("gw"), "n1", nil); err != nil {
		t.Fatal(err)
	}
	w.state(e, Connected)
	return e, again
}

func TestANewerVersionTakesTheBlameWhereThisOneIsConnectedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &fakeFeed{now: time.Now(), release: &feed.Release{Version: "1.1.0"}}
	e, again := registeredGateway(t, w, f)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	writeState(t, e.data, notConnectedTwice)
	e = again()
	wait(t, func() bool {
		kept, err := update.Load(e.data)
		return err == nil && len(kept.Failed) == 1
	})
	if _, err := e.CheckUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool { return updateOf(t, e).Scheduled == nil })
	if s := updateOf(t, e); s.State != UpdateFailed || s.Available != "1.1.0" {
		t.Errorf("status %+v", s)
	}
}

func TestANewerVersionTakesNoBlameWhereThisOneIsConnectedOnlyLater(t *testing.T) {
	t.Parallel()
	f := &fakeFeed{now: time.Now()}
	e, _ := registeredGateway(t, newWorld(t), f)
	writeState(t, e.data, notConnectedTwice)
	e.judgeUndone(t.Context(), "1.1.0", f.clock().Add(-soonConnected-time.Second))
	kept, err := update.Load(e.data)
	if err != nil || len(kept.Failed) != 0 || kept.Unconnected["1.1.0"].Alone != 1 {
		t.Errorf("kept %v, %+v", err, kept)
	}
}

func TestAScheduledUpdateWaitsForTheConnectionForSomeDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := &fakeFeed{now: time.Now(), release: &feed.Release{Version: "1.1.0"}}
	e, _ := registeredGateway(t, w, f)
	if _, err := e.CheckUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := *updateOf(t, e).Scheduled
	w.stop()
	wait(t, func() bool { return !e.canProve() })
	f.set(func() { f.now = at.Add(withoutFactory - time.Minute) })
	if e.installsNow(f.clock()) {
		t.Error("it is installed though it could not prove itself")
	}
	f.set(func() { f.now = at.Add(withoutFactory + time.Minute) })
	if !e.installsNow(f.clock()) {
		t.Error("it waits for ever")
	}
}
