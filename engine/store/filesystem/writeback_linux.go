//go:build linux && (amd64 || arm64)

package filesystem

import (
	"os"
	"syscall"
)

// startWriteback asks the system to begin with writing what the file has in memory to its disk, and does not wait for
// that, so that there is less to wait for in the end. It is only a wish: errors mean nothing.
func startWriteback(f *os.File) {
	const write = 2 // SYNC_FILE_RANGE_WRITE, of sync_file_range(2)
	_ = syscall.SyncFileRange(int(f.Fd()), 0, 0, write)
}
