package journal

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"dmgateway/engine/copy"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

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
