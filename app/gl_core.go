//go:build cgo && !ci && ((!gles && !arm && !arm64) || darwin)

package main

import "github.com/go-gl/glfw/v3.3/glfw"

// probeHints are those with which Fyne makes its windows for OpenGL.
func probeHints() {
	glfw.WindowHint(glfw.ContextVersionMajor, 2)
	glfw.WindowHint(glfw.ContextVersionMinor, 1)
}
