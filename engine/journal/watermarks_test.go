package journal

import (
	"path/filepath"
	"testing"

	"dmgateway/engine/copy"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestAWatermarkMovesFromWhereItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		from, to, code, now string
	}{
		{"", "10", "", "10"},
		{"", "10", "", "10"}, // again, after a crash
		{"10", "20", "", "20"},
		{"10", "15", fault.Conflict, "20"},
		{"", "5", fault.Conflict, "20"},
	} {
		err := j.SetMark(t.Context(), "k", step.from, step.to)
		if fault.Code(err) != step.code {
			t.Errorf("%q to %q: %v, want code %q", step.from, step.to, err, step.code)
		}
		if now, err := j.Mark(t.Context(), "k"); err != nil || now != step.now {
			t.Errorf("%q to %q: the mark is %q, %v", step.from, step.to, now, err)
		}
	}
	if now, _ := j.Mark(t.Context(), "other"); now != "" {
		t.Errorf("another key has the mark %q", now)
	}
	if err := j.SetMark(t.Context(), "other", "7", "8"); err != nil { // a run that another node has begun
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if now, _ := j.Mark(t.Context(), "k"); now != "20" {
		t.Errorf("the mark is then %q", now)
	}
}

func TestAnOpenRunIsKeptUntilItIsClosed(t *testing.T) {
	j, err := Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	open := func(run, want string) {
		t.Helper()
		if got, err := j.OpenRun(t.Context(), "k", run); err != nil || got != want {
			t.Fatalf("the open run is %q, %v; want %q", got, err, want)
		}
	}
	open("a", "a")
	open("b", "a")
	plan := copy.Plan{Partitions: []store.Partition{{ID: "all"}}, Window: &copy.Window{Column: "id", Upto: "7"}}
	if err := j.Checkpoints("a").Planned(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if kept, err := j.Checkpoints("a").Load(t.Context()); err != nil || kept.Plan.Window == nil || kept.Plan.Window.Upto != "7" {
		t.Errorf("the window is not kept: %+v, %v", kept.Plan, err)
	}
	if err := j.CloseRun(t.Context(), "k", "a"); err != nil {
		t.Fatal(err)
	}
	if kept, _ := j.Checkpoints("a").Load(t.Context()); kept.Plan != nil {
		t.Error("the checkpoint of a closed run is kept")
	}
	open("c", "c")
	if err := j.SetMark(t.Context(), "k", "", "1"); err != nil {
		t.Fatal(err)
	}
	if err := j.ForgetMark(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	open("d", "d")
	if now, _ := j.Mark(t.Context(), "k"); now != "" {
		t.Errorf("the mark is %q after a reset", now)
	}
}
