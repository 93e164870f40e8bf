package fault

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Recover puts a panic into *err, deferred first in a goroutine that nobody above it guards: a defect in a decoder or a
// driver ends one job, not the program with all others. A panic beats the error that is there. The cause tells the places
// that the panic came by.
func Recover(err *error) {
	p := recover()
	if p == nil {
		return
	}
	*err = New(Internal, "a defect of the program stopped the copy").Because(fmt.Errorf("panic: %v (%s)", p, panicPlaces())).
		Try("Send the logs, and say what was copied.")
}

// panicPlaces are the innermost lines of the panicking goroutine that are not the runtime's.
func panicPlaces() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var places []string
	for len(places) < 5 {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.File != "" {
			places = append(places, fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line))
		}
		if !more {
			break
		}
	}
	return strings.Join(places, ", ")
}
