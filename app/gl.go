//go:build cgo && !ci

package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/go-gl/glfw/v3.3/glfw"
)

// probe makes a small hidden window as Fyne would and says by the exit code whether it came. It runs in a child process:
// a broken driver may take its process with it.
func probe() int {
	runtime.LockOSThread()
	if err := glfw.Init(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer glfw.Terminate()
	probeHints()
	glfw.WindowHint(glfw.Visible, glfw.False)
	w, err := glfw.CreateWindow(64, 64, "probe", nil, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w.MakeContextCurrent()
	w.SwapBuffers()
	w.Destroy()
	return 0
}
