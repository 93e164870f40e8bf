//go:build race

package window

import (
	"flag"
	"os"
	"os/exec"
	"testing"
)

const raceDetector = true

// TestMain runs under the detector only what joins the goroutines of model and window: making a page takes half a minute
// there, and pages have one goroutine. TestPicturesWithoutDetector runs everything.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.run", "^(TestPicturesWithoutDetector|TestAJobIsFollowedWhileItIsLookedAt)$"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestPicturesWithoutDetector runs this package's tests in a process without the detector, where drawing is ten times
// faster.
func TestPicturesWithoutDetector(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", ".")
	// Fyne forgets how a widget is drawn a minute after it was; a slow machine is not to see another picture.
	cmd.Env = append(os.Environ(), "FYNE_CACHE=1h")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
