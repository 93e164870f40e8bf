// Package testserver starts the real servers that tests talk to: each once per test process and private to it, or found
// through an environment variable. A program that is missing skips the test with the reason; where CI=true it fails the
// test, so that nothing is left out unseen.
package testserver

import (
	"io"
	"os"
	"sync"
	"testing"
)

// inputs are the pipes that end the servers when this process ends. They are kept because a pipe that nothing refers to
// is closed.
var inputs struct {
	sync.Mutex
	list []io.Closer
}

func keepOpen(in io.Closer) {
	inputs.Lock()
	defer inputs.Unlock()
	inputs.list = append(inputs.list, in)
}

// Missing ends the test because something it needs is not on this machine: it skips, and fails where CI=true.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
