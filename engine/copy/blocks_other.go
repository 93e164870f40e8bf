//go:build !linux

package copy

// newBuffer makes a buffer.
func newBuffer(size int64) []byte { return make([]byte, size) }
