package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update"
	"dmgateway/engine/update/feed"
)

// fakeFeed offers a release; its clock is the engine's.
type fakeFeed struct {
	mu         sync.Mutex
	release    *feed.Release
	err        error
	downloads  int
	asked      int
	now        time.Time
	downloaded error
}

func (f *fakeFeed) Latest(_ context.Context, channel, node, current string) (*feed.Release, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	if channel != feed.Stable || node == "" || current != "1.0.0" {
		return nil, errors.New("asked for " + channel + " " + node + " " + current)
	}
	return f.release, f.err
}

func (f *fakeFeed) Download(context.Context, *feed.Release, string, func(done, total int64)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.downloads++
	return f.downloaded
}

func (f *fakeFeed) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeFeed) set(edit func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit()
}

func (f *fakeFeed) counts() (asked, downloads int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.downloads
}

// updatable opens an engine of version 1.0.0 that looks for updates at f.
func updatable(t *testing.T, data string, f *fakeFeed) *Engine {
	t.Helper()
	return openEngine(t, data, func(o *Options) {
		o.Version, o.Starter = "1.0.0", &Starter{Data: data, Version: "1.0.0", Name: CommandProgram}
		o.feed, o.now = func() (feedClient, error) { return f, nil }, f.clock
	})
}

func updateOf(t *testing.T, e *Engine) UpdateStatus {
	t.Helper()
	s, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Update
}

func TestUpdatesAreLookedForScheduledAndInstalledAtTheirTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	f := &fakeFeed{now: noon, release: &feed.Release{Version: "1.1.0", Notes: "new", Name: "x.tar.gz"}, downloaded: fault.New(fault.Unreachable, "no way").Try("wait")}
	e := updatable(t, t.TempDir(), f)
	ctx := t.Context()
	e.tendUpdate(ctx)
	if asked, _ := f.counts(); asked != 0 {
		t.Fatal("it asks at the start already")
	}
	f.set(func() { f.now = noon.Add(2 * update.FirstLook) })
	e.tendUpdate(ctx)
	s := updateOf(t, e)
	if s.State != UpdateScheduled || s.Available != "1.1.0" || s.Notes != "new" || !s.Auto || s.Scheduled == nil || s.Checked.IsZero() {
		t.Fatalf("after the first look: %+v", s)
	}
	at := *s.Scheduled
	if at.Sub(noon) < 15*time.Hour || at.Sub(noon) > 15*time.Hour+30*time.Minute {
		t.Errorf("scheduled for %s", at)
	}
	e.tendUpdate(ctx)
	if asked, downloads := f.counts(); asked != 1 || downloads != 0 {
		t.Errorf("asked %d times, downloaded %d times", asked, downloads)
	}
	if err := e.SetSetting(ctx, SettingUpdateTime, "22:30"); err != nil {
		t.Fatal(err)
	}
	if s = updateOf(t, e); s.Scheduled == nil || s.Scheduled.Sub(noon) < 10*time.Hour || s.Scheduled.Sub(noon) >= 11*time.Hour {
		t.Errorf("at another time: %v", s.Scheduled)
	}
	if err := e.SetSetting(ctx, SettingAutoUpdate, "false"); err != nil {
		t.Fatal(err)
	}
	if s = updateOf(t, e); s.Scheduled != nil || s.Auto || s.State != UpdateAvailable {
		t.Errorf("automatism off: %+v", s)
	}
	if err := e.SetSetting(ctx, SettingAutoUpdate, "true"); err != nil {
		t.Fatal(err)
	}
	at = *updateOf(t, e).Scheduled
	// The time comes; the download fails; it is tried again a day later, not at once.
	f.set(func() { f.now = at.Add(time.Second) })
	e.updates.mu.Lock()
	e.updates.next = at.Add(time.Hour)
	e.updates.mu.Unlock()
	e.tendUpdate(ctx)
	wait(t, func() bool { s = updateOf(t, e); return s.Problem != "" && s.State == UpdateScheduled })
	if s.Problem != "no way" || s.Remedy != "wait" || s.State != UpdateScheduled || s.Scheduled == nil || s.Scheduled.Sub(at) < 23*time.Hour {
		t.Errorf("after the failure: %+v", s)
	}
	if _, downloads := f.counts(); downloads != 1 {
		t.Errorf("downloaded %d times", downloads)
	}
}

// wait polls, with a deadline.
func wait(t *testing.T, met func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !met(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time")
		}
	}
}

func TestAScheduledTimeOutlivesARestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	f := &fakeFeed{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), release: &feed.Release{Version: "1.1.0"}}
	e := updatable(t, data, f)
	if _, err := e.CheckUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := *updateOf(t, e).Scheduled
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// The machine was off at that time; it is installed when it is on again, not a day later.
	f.set(func() { f.now = before.Add(5 * time.Hour) })
	e = updatable(t, data, f)
	if _, err := e.CheckUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := updateOf(t, e).Scheduled; got == nil || !got.Equal(before) {
		t.Errorf("scheduled for %v, before for %s", got, before)
	}
}

func TestAFeedThatIsNotBelievedIsWarnedOfAndOneThatIsNotThereIsNot(t *testing.T) {
	t.Parallel()
	f := &fakeFeed{now: time.Now(), err: fault.New(feed.Refused, "it has expired").Try("Check the clock.")}
	e := updatable(t, t.TempDir(), f)
	warned := func() bool {
		s, err := e.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range s.Warnings {
			if w.ID == "feed" && w.Remedy == "Check the clock." {
				return true
			}
		}
		return false
	}
	if _, err := e.CheckUpdate(t.Context()); !fault.Is(err, feed.Refused) || !warned() {
		t.Errorf("got %v, warned %v", err, warned())
	}
	f.set(func() { f.err = nil })
	if _, err := e.CheckUpdate(t.Context()); err != nil || warned() || updateOf(t, e).Problem != "" {
		t.Errorf("got %v, warned %v, %+v", err, warned(), updateOf(t, e))
	}
	f.set(func() { f.err = fault.New(fault.NotFound, "no feed") })
	if s, err := e.CheckUpdate(t.Context()); err != nil || s.Problem != "" {
		t.Errorf("a factory without a feed: %v, %+v", err, s)
	}
	if err := e.InstallUpdate(t.Context(), nil); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "no newer version") {
		t.Errorf("nothing to install: %v", err)
	}
}

func TestWhatWasUpdatedAndWhatFailedIsShownUntilItIsDismissed(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	f := &fakeFeed{now: time.Now()}
	writeState(t, data, `{"format":1,"updated":{"from":"0.9.0","to":"1.0.0","notes":"better","when":"2026-05-01T03:00:00Z"},
		"failed":{"1.1.0":{"version":"1.1.0","from":"1.0.0","why":"it hung","when":"2026-05-02T03:00:00Z"}},
		"failure":{"version":"1.1.0","from":"1.0.0","why":"it hung","when":"2026-05-02T03:00:00Z"},
		"untold":[{"kind":"RolledBack","version":"1.1.0","text":"it hung","when":"2026-05-02T03:00:00Z"}]}`)
	e := updatable(t, data, f)
	s := updateOf(t, e)
	if s.Updated == nil || s.Updated.From != "0.9.0" || s.Updated.Notes != "better" || s.State != UpdateFailed || !strings.Contains(s.Problem, "it hung") || s.Err() == nil {
		t.Errorf("status %+v", s)
	}
	// The version that failed is offered, not installed by itself.
	f.set(func() { f.release = &feed.Release{Version: "1.1.0"} })
	if s, err := e.CheckUpdate(t.Context()); err != nil || s.Available != "1.1.0" || s.Scheduled != nil || s.State != UpdateFailed {
		t.Errorf("checked: %v, %+v", err, s)
	}
	if err := e.DismissUpdate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s = updateOf(t, e); s.Updated != nil || s.Problem != "" || s.State != UpdateAvailable || s.Scheduled != nil {
		t.Errorf("dismissed: %+v", s)
	}
	all, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all.Warnings {
		if w.ID == "update" {
			t.Errorf("still warned: %+v", w)
		}
	}
	// A later one installs itself again.
	f.set(func() { f.release = &feed.Release{Version: "1.2.0"} })
	if s, err := e.CheckUpdate(t.Context()); err != nil || s.Scheduled == nil || s.State != UpdateScheduled {
		t.Errorf("a later one: %v, %+v", err, s)
	}
}

func TestBuildsThatCannotBeUpdatedSayWhy(t *testing.T) {
	t.Parallel()
	for version, says := range map[string]string{"dev": "between releases", "1.0.0": "no key"} {
		e := openEngine(t, t.TempDir(), func(o *Options) { o.Version = version })
		if s := updateOf(t, e); !strings.Contains(s.Off, says) || s.Auto {
			t.Errorf("%s: %+v", version, s)
		}
		if _, err := e.CheckUpdate(t.Context()); !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.As(err).Hint, says) {
			t.Errorf("%s: %v", version, err)
		}
		if err := e.InstallUpdate(t.Context(), nil); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestUpdateSettingsAreChecked(t *testing.T) {
	t.Parallel()
	e := openEngine(t, t.TempDir())
	for _, bad := range [][2]string{
		{SettingUpdateTime, "25:00"},
		{SettingUpdateTime, "noon"},
		{SettingAutoUpdate, "perhaps"},
		{SettingUpdateChannel, "nightly"},
		{SettingUpdateFeed, "http://updates.example"},
		{SettingUpdateFeed, "updates.example"},
		{SettingUpdateFeed, "https://user:secret@updates.example"},
	} {
		if err := e.SetSetting(t.Context(), bad[0], bad[1]); err == nil || fault.As(err).Hint == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s = %s: %v", bad[0], bad[1], err)
		}
	}
	for _, good := range [][2]string{{SettingUpdateTime, "3:05"}, {SettingUpdateFeed, "https://updates.example/gateway"}, {SettingUpdateChannel, feed.Preview}} {
		if err := e.SetSetting(t.Context(), good[0], good[1]); err != nil {
			t.Errorf("%s = %s: %v", good[0], good[1], err)
		}
	}
	if got := value(t, e, SettingUpdateTime).Value; got != "03:05" {
		t.Errorf("stored as %q", got)
	}
}

func writeState(t *testing.T, data, text string) {
	t.Helper()
	dir := update.Folder(data)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "state.json"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}
