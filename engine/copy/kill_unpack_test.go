package copy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKilledUnpacking kills copies that unpack archives and delete each afterwards.
func TestKilledUnpacking(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source := t.TempDir()
	archives, want := map[string]string{}, map[string]string{}
	for i := range 12 {
		files := map[string]string{}
		for j := range 8 {
			name := fmt.Sprintf("d%d/f%d.bin", j%3, j)
			files[name] = strings.Repeat(fmt.Sprintf("archive %d, file %d, ", i, j), 1+i*j*50)
			want[fmt.Sprintf("s/%d.zip/%s", i, name)] = files[name]
		}
		archives[fmt.Sprintf("%d.zip", i)] = zipped(t, files)
	}
	refill := func() {
		if err := os.MkdirAll(filepath.Join(source, "s"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, data := range archives {
			if err := os.WriteFile(filepath.Join(source, "s", name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	refill()
	killAndResume(t, "unpack", source, func(t *testing.T, sink string) {
		got := readTree(t, sink)
		maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(filepath.Base(name), ".") })
		if !maps.Equal(got, want) {
			t.Errorf("%d files, want %d: %q", len(got), len(want), slices.Sorted(maps.Keys(got)))
		}
		if left := readTree(t, source); len(left) > 0 {
			t.Errorf("%q are left", slices.Sorted(maps.Keys(left)))
		}
		refill()
	})
}
