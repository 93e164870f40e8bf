// Package e2e starts the real desktop program on a display of its own and uses it as a person does: by mouse, window
// manager and tray. Where a program that it needs is missing, its tests are skipped, and fail in CI.
package e2e
