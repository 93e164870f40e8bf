package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
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

func TestAnAttemptIsTakenOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if !take(t, j, entry("r", 2)) || take(t, j, entry("r", 2)) || take(t, j, entry("r", 1)) || !take(t, j, entry("r", 3)) || !take(t, j, entry("other", 2)) {
		t.Error("an attempt that was known was taken, or a new one was not")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j = open(t, path); take(t, j, entry("r", 3)) {
		t.Error("taken again after a restart")
	}
	end(t, j, "r", 3, report.Succeeded)
	if take(t, j, entry("r", 3)) {
		t.Error("taken again after its end")
	}
}

func TestAJobGoesThroughItsStates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	e := entry("r", 1)
	take(t, j, e)
	got, err := j.Get(t.Context(), "r")
	if err != nil || got.Status != report.Queued || !got.Taken.Equal(e.Taken) || !got.Started.IsZero() || got.Source != "here" || got.Job.Pipeline != "p" {
		t.Fatalf("taken: %+v, %v", got, err)
	}
	first := time.Now().UTC().Truncate(time.Microsecond)
	for _, at := range []time.Time{first, first.Add(time.Minute)} { // a second start is after a restart
		if err := j.Start(t.Context(), "r", 1, at); err != nil {
			t.Fatal(err)
		}
	}
	if got, err = j.Get(t.Context(), "r"); err != nil || got.Status != report.InProgress || !got.Started.Equal(first) {
		t.Fatalf("started: %+v, %v", got, err)
	}
	_ = j.Close()
	j = open(t, path)
	if list, err := j.Unfinished(t.Context()); err != nil || len(list) != 1 || list[0].Job.ActivityRun != "r" {
		t.Fatalf("unfinished: %+v, %v", list, err)
	}
	if !end(t, j, "r", 1, report.Succeeded) || end(t, j, "r", 1, report.Failed) {
		t.Error("an attempt ended twice, or not at all")
	}
	got, err = j.Get(t.Context(), "r")
	if err != nil || got.Status != report.Succeeded || got.Ended.IsZero() || got.Result.RowsCopied != 7 {
		t.Fatalf("ended: %+v, %v", got, err)
	}
	if list, _ := j.Unfinished(t.Context()); len(list) != 0 {
		t.Errorf("unfinished after the end: %+v", list)
	}
}

func TestResultAndItsMessageAreOneFact(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	take(t, j, entry("a", 1))
	take(t, j, entry("b", 1))
	end(t, j, "b", 1, report.Failed)
	end(t, j, "a", 1, report.Succeeded)
	end(t, j, "a", 1, report.Succeeded)
	list, err := j.Outbox(t.Context(), 10)
	if err != nil || len(list) != 2 || list[0].MessageID != "result/b.1" || list[1].MessageID != "result/a.1" || list[1].Event.ActivityRun != "a" {
		t.Fatalf("outbox %+v, %v", list, err)
	}
	if one, _ := j.Outbox(t.Context(), 1); len(one) != 1 || one[0].MessageID != "result/b.1" {
		t.Errorf("the oldest is %+v", one)
	}
	if err := j.Sent(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if list, _ := j.Outbox(t.Context(), 10); len(list) != 1 || list[0].MessageID != "result/a.1" {
		t.Errorf("after sending: %+v", list)
	}
	take(t, j, entry("lost", 1))
	if ended, err := j.End(t.Context(), End{Run: "lost", Attempt: 1, At: time.Now(), Result: &report.Result{Status: report.Cancelled}}); !ended || err != nil {
		t.Fatal(ended, err)
	}
	if list, _ := j.Outbox(t.Context(), 10); len(list) != 1 {
		t.Errorf("a lost attempt was reported: %+v", list)
	}
}

func TestListShowsEachRunOnce(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	for i, run := range []string{"a1", "a2", "b", "c"} {
		e := entry(run, 1)
		e.Taken = at.Add(time.Duration(i) * time.Minute)
		take(t, j, e)
	}
	for _, run := range []string{"a2", "b", "c"} {
		end(t, j, run, 1, report.Failed)
	}
	again := entry("b", 2)
	again.Taken = at.Add(10 * time.Minute)
	take(t, j, again)
	end(t, j, "b", 2, report.Succeeded)
	list, err := j.List(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Job.MessageID())
	}
	if want := []string{"a1.1", "b.2", "c.1"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	for id, code := range map[string]string{"a1": "", "c": "", "a": fault.BadInput, "x": fault.NotFound, "": fault.NotFound, "%": fault.NotFound, "_1": fault.NotFound} {
		if _, err := j.Get(t.Context(), id); fault.Code(err) != code {
			t.Errorf("get %q: %v", id, err)
		}
	}
}

func counts(rows int64) copy.PartitionCounts {
	return copy.PartitionCounts{RowsRead: rows, BytesRead: 10 * rows, Counts: store.Counts{Rows: rows, Files: []string{"f"}}}
}

func load(t *testing.T, c *Checkpoints) copy.State {
	t.Helper()
	s, err := c.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckpointsAreDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	c := j.Checkpoints("r")
	if s := load(t, c); !reflect.DeepEqual(s, copy.State{}) {
		t.Fatalf("at first %+v", s)
	}
	plan := copy.Plan{Partitions: []store.Partition{{ID: "p-0", Spec: "1..9", Rows: 9}, {ID: "p-1"}}}
	err := errors.Join(
		c.Planned(t.Context(), plan), c.Prepared(t.Context()), c.Committed(t.Context(), "p-0", counts(9)), c.Committed(t.Context(), "p-0", counts(1)),
		j.Checkpoints("other").Planned(t.Context(), copy.Plan{}))
	if err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	j = open(t, path)
	want := copy.State{Plan: &plan, Prepared: true, Done: map[string]copy.PartitionCounts{"p-0": counts(9)}}
	if s := load(t, j.Checkpoints("r")); !reflect.DeepEqual(s, want) {
		t.Errorf("after a restart %+v", s)
	}
}

func TestCheckpointsOfTheFactoryAreMerged(t *testing.T) {
	t.Parallel()
	plan := &copy.Plan{Partitions: []store.Partition{{ID: "p-0"}, {ID: "p-1"}}}
	other := &copy.Plan{Partitions: []store.Partition{{ID: "q-0"}}}
	for _, c := range []struct {
		name         string
		ours, theirs copy.State
		want         copy.State
	}{
		{"nothing here", copy.State{}, copy.State{Plan: plan, Prepared: true, Done: map[string]copy.PartitionCounts{"p-0": counts(1)}}, copy.State{Plan: plan, Prepared: true, Done: map[string]copy.PartitionCounts{"p-0": counts(1)}}},
		{"nothing there", copy.State{Plan: plan, Done: map[string]copy.PartitionCounts{"p-1": counts(2)}}, copy.State{}, copy.State{Plan: plan, Done: map[string]copy.PartitionCounts{"p-1": counts(2)}}},
		{"same plan", copy.State{Plan: plan, Done: map[string]copy.PartitionCounts{"p-1": counts(2)}}, copy.State{Plan: plan, Prepared: true, Done: map[string]copy.PartitionCounts{"p-0": counts(1)}}, copy.State{Plan: plan, Prepared: true, Done: map[string]copy.PartitionCounts{"p-0": counts(1), "p-1": counts(2)}}},
		{"another plan", copy.State{Plan: other, Prepared: true, Done: map[string]copy.PartitionCounts{"q-0": counts(2)}}, copy.State{Plan: plan}, copy.State{Plan: plan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := fresh(t)
			here := j.Checkpoints("r")
			if c.ours.Plan != nil {
				if err := here.Planned(t.Context(), *c.ours.Plan); err != nil {
					t.Fatal(err)
				}
			}
			if c.ours.Prepared {
				if err := here.Prepared(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for id, n := range c.ours.Done {
				if err := here.Committed(t.Context(), id, n); err != nil {
					t.Fatal(err)
				}
			}
			e := entry("r", 2)
			var err error
			if e.Job.Checkpoint, err = json.Marshal(c.theirs); err != nil {
				t.Fatal(err)
			}
			take(t, j, e)
			if s := load(t, here); !reflect.DeepEqual(s, c.want) {
				t.Errorf("got %+v, want %+v", s, c.want)
			}
		})
	}
	j := fresh(t)
	e := entry("r", 1)
	e.Job.Checkpoint = json.RawMessage(`[1]`)
	if _, err := j.Take(t.Context(), e); err == nil {
		t.Error("a checkpoint that cannot be read was taken")
	}
	if list, _ := j.Unfinished(t.Context()); len(list) != 0 {
		t.Error("half a job was written down")
	}
}

func TestSuccessForgetsTheCheckpointAndFailureKeepsIt(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	for run, status := range map[string]string{"good": report.Succeeded, "bad": report.Failed} {
		take(t, j, entry(run, 1))
		c := j.Checkpoints(run)
		if err := errors.Join(c.Planned(t.Context(), copy.Plan{}), c.Committed(t.Context(), "p", counts(1))); err != nil {
			t.Fatal(err)
		}
		end(t, j, run, 1, status)
		if kept := load(t, c).Plan != nil; kept != (status == report.Failed) {
			t.Errorf("%s: kept %v", run, kept)
		}
	}
}

func TestPruneKeepsWhatCanStillMatter(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	past := time.Now().Add(-48 * time.Hour)
	put := func(run string, taken, expires, ended time.Time) {
		e := entry(run, 1)
		e.Taken, e.Job.Expires = taken, expires
		take(t, j, e)
		if err := j.Checkpoints(run).Planned(t.Context(), copy.Plan{}); err != nil {
			t.Fatal(err)
		}
		if !ended.IsZero() {
			if _, err := j.End(t.Context(), End{Run: run, Attempt: 1, At: ended, Result: &report.Result{Status: report.Failed}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("old", past, past, past)
	put("unexpired", past, time.Now().Add(time.Hour), past)
	put("running", past, past, time.Time{})
	put("newest", time.Now(), past, past)
	if err := j.Prune(t.Context(), time.Now().Add(-time.Hour), 1); err != nil {
		t.Fatal(err)
	}
	for run, kept := range map[string]bool{"old": false, "unexpired": true, "running": true, "newest": true} {
		if _, err := j.Get(t.Context(), run); (err == nil) != kept {
			t.Errorf("%s: %v", run, err)
		}
		if s := load(t, j.Checkpoints(run)); (s.Plan != nil) != kept {
			t.Errorf("%s: checkpoint %+v", run, s)
		}
	}
}

func TestForsakeEndsTheJobsOfAnotherGateway(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	other := entry("other", 1)
	other.Job.Gateway = "h"
	take(t, j, entry("ours", 1))
	take(t, j, other)
	take(t, j, entry("sent", 1))
	end(t, j, "sent", 1, report.Failed)
	if err := j.Forsake(t.Context(), "h", &report.Result{Status: report.Cancelled}, time.Now()); err != nil {
		t.Fatal(err)
	}
	list, err := j.Unfinished(t.Context())
	if err != nil || len(list) != 1 || list[0].Job.ActivityRun != "other" {
		t.Errorf("left %+v, %v", list, err)
	}
	if e, _ := j.Get(t.Context(), "ours"); e.Status != report.Cancelled || e.Result == nil || e.Ended.IsZero() {
		t.Errorf("forsaken: %+v", e)
	}
	if out, _ := j.Outbox(t.Context(), 9); len(out) != 0 {
		t.Errorf("still to send: %+v", out)
	}
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

func TestAFullDiskIsSaidSoAndHealsItself(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	var pages int
	if err := j.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(n int) {
		var got int
		if err := j.db.QueryRow("PRAGMA max_page_count = " + itoa(n)).Scan(&got); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	e := entry("big", 1)
	e.Job.Bundle, _ = json.Marshal(string(make([]byte, 1<<20)))
	taken, err := j.Take(t.Context(), e)
	if f := fault.As(err); taken || f == nil || f.Code != fault.DiskFull || !f.Transient || f.Hint == "" {
		t.Fatalf("taken %v, %v", taken, err)
	}
	limit(1 << 30)
	if !take(t, j, e) {
		t.Error("not taken although there is space again")
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestAFileThatCannotBeUsedIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	garbage := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(garbage, []byte("this is not a database, and it is longer than a header would be ............................................"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), garbage); fault.Code(err) != fault.BadData || fault.As(err).Hint == "" {
		t.Errorf("garbage: %v", err)
	}
	if data, _ := os.ReadFile(garbage); string(data[:4]) != "this" {
		t.Error("the damaged file was overwritten")
	}

	torn := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, torn)
	for i := range 50 {
		take(t, j, entry("r"+itoa(i), 1))
	}
	_ = j.Close()
	data, err := os.ReadFile(torn)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i += 7 {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(torn, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), torn); fault.Code(err) != fault.BadData {
		t.Errorf("torn: %v", err)
	}

	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder", "journal.db")); fault.Code(err) != fault.Forbidden {
		t.Errorf("no folder: %v", err)
	}

	newer := filepath.Join(t.TempDir(), "journal.db")
	j = open(t, newer)
	if _, err := j.db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if _, err := Open(t.Context(), newer); fault.Code(err) != fault.Conflict {
		t.Errorf("newer: %v", err)
	}
}

func TestALockedFileIsSaidSo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if _, err := j.db.Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	_, err = j.Take(t.Context(), entry("r", 1))
	if f := fault.As(err); f == nil || f.Code != fault.Conflict || !f.Transient {
		t.Errorf("locked: %v", err)
	}
	if _, err := c.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	take(t, j, entry("r", 1))
}

func TestAPathWithOddCharactersIsOpened(t *testing.T) {
	t.Parallel()
	name := "a b%20?#&ü"
	if runtime.GOOS == "windows" {
		name = "a b%20#&ü"
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "journal.db")
	open(t, path)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestACancelledContextIsNoDamage(t *testing.T) {
	t.Parallel()
	j := fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Take(ctx, entry("r", 1)); fault.Code(err) != fault.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
