package copy

import (
	"syscall"
	"unsafe"
)

const (
	hugePage     = 2 << 20
	adviseHuge   = 14 // MADV_HUGEPAGE
	shortestHuge = 2 * hugePage
)

// newBuffer makes a buffer, of huge pages where it is long: passing files through small ones takes a tenth more CPU.
func newBuffer(size int64) []byte {
	b := make([]byte, size)
	if size < shortestHuge {
		return b
	}
	from := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (hugePage - 1)) // #nosec G103 -- only the address counts
	whole := (len(b) - from) &^ (hugePage - 1)
	_ = syscall.Madvise(b[from:from+whole], adviseHuge) // a wish: without it the buffer is as good
	return b
}
