package engine

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/copy"
	"dmgateway/engine/journal"
	"dmgateway/engine/store"
)

func TestCheckpointsThatAreTooLongForTheFactoryStayHere(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	kept := copy.Plan{Partitions: []store.Partition{{ID: "f000000", Spec: "@256:0-1:1f"}}}
	var plain copy.Plan
	for range 70_000 {
		plain.Partitions = append(plain.Partitions, store.Partition{ID: "f", Spec: strings.Repeat("x", 100)})
	}
	for _, c := range []struct {
		name  string
		plan  copy.Plan
		chunk int
		sent  bool
	}{
		{"few files", kept, 1000, true},
		{"many files", kept, mostLists + 1, false},
		{"many parts", plain, 0, false},
	} {
		run := &checkpoints{Checkpoints: j.Checkpoints(c.name)}
		if c.chunk > 0 {
			if err := run.AddChunks(t.Context(), 0, [][]byte{bytes.Repeat([]byte{7}, c.chunk)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := run.Checkpoints.Planned(t.Context(), c.plan); err != nil {
			t.Fatal(err)
		}
		body, err := run.portable(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var state journal.State
		if err := json.Unmarshal(body, &state); err != nil {
			t.Fatal(err)
		}
		if (state.Plan != nil) != c.sent || c.sent && (len(state.Chunks) != 1 || len(state.Chunks[0]) != c.chunk) || len(body) > mostCheckpoint {
			t.Errorf("%s: %d bytes, plan %v, %d lists", c.name, len(body), state.Plan != nil, len(state.Chunks))
		}
	}
}
