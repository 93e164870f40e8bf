//go:build race

package window

import (
	"os/exec"
	"testing"
)

const raceDetector = true

// TestPicturesWithoutDetector runs this package's tests in a process without the detector, where drawing is ten times
// faster.
func TestPicturesWithoutDetector(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
