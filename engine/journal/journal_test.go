package journal

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func fresh(t *testing.T) *Journal {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "journal.db"))
}

func entry(run string, attempt int) Entry {
	return Entry{
		Job: protocol.Job{
			ActivityRun: run, Attempt: attempt, Gateway: "g", Pipeline: "p", Bundle: json.RawMessage(`{}`),
			QueuedAt: time.Now().UTC(), Expires: time.Now().Add(time.Hour).UTC(),
		},
		Source: "here", Sink: "there", Taken: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func take(t *testing.T, j *Journal, e Entry) bool {
	t.Helper()
	taken, err := j.Take(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func end(t *testing.T, j *Journal, run string, attempt int, status string) bool {
	t.Helper()
	ev := protocol.Event{Kind: protocol.EventResult, ActivityRun: run, Attempt: attempt, Gateway: "g"}
	ended, err := j.End(t.Context(), End{
		Run: run, Attempt: attempt, At: time.Now(), Result: &report.Result{Status: status, RowsCopied: 7}, Event: &ev, MessageID: protocol.ResultMessageID(run, attempt),
	})
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

func TestSettings(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	if _, found, err := j.Setting(t.Context(), "a"); found || err != nil {
		t.Fatal(found, err)
	}
	if err := errors.Join(j.SetSetting(t.Context(), "a", "1"), j.SetSetting(t.Context(), "a", "2")); err != nil {
		t.Fatal(err)
	}
	if v, found, err := j.Setting(t.Context(), "a"); v != "2" || !found || err != nil {
		t.Fatal(v, found, err)
	}
	if err := j.ClearSetting(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := j.Setting(t.Context(), "a"); found {
		t.Error("still there")
	}
}
