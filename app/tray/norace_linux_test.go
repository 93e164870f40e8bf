//go:build !race

package tray

import "testing"

// withoutDetector has nothing to do.
func withoutDetector(*testing.T) bool { return false }
