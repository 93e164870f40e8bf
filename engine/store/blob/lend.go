package blob

import (
	"fmt"
	"io/fs"

	"dmgateway/engine/store"
)

// Blocks that are sent from the caller's buffers are neither so short that reading each by a request of its own costs
// time, nor so long that a few of them are much memory.
const (
	shortestLent = 4 << 20
	longestLent  = 16 << 20
)

var _ store.BlockWriter = (*writer)(nil)

// BlockLength is the block size of a file that is sent in several blocks of one size.
func (w *writer) BlockLength(size int64) int64 {
	if w.block < shortestLent || w.block > longestLent || size <= w.block || size > growEvery*w.block || w.sent > 0 || len(w.buf) > 0 {
		return 0
	}
	return w.block
}

// WriteBlock sends b from where it is; it waits while too many blocks are under way.
func (w *writer) WriteBlock(b []byte, free func()) error {
	if w.done {
		return fmt.Errorf("write to %s: %w", w.path, fs.ErrClosed)
	}
	if w.sum != nil {
		_, _ = w.sum.Write(b) // never fails
	}
	return w.start(b[:len(b):len(b)], free)
}
