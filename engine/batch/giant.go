package batch

import (
	"runtime/debug"
	"strings"
	"unsafe"
)

// Sizes of what is handled with care for memory: a row of this length is a batch of its own, its values are taken over from
// the buffer that they were read into, and writers pass them on in pieces.
const (
	// Giant is the number of bytes from which a row counts as giant.
	Giant = 8 << 20
	// MaxRow is how many bytes of a file's text one row may have at most, so that a copy stays below 300 MB.
	MaxRow = 224 << 20
	// GiantStep is how much of a giant row is read at once.
	GiantStep = 16 << 20
)

// KeepBytes appends v as the next value, as AppendBytes does. The first value of a column is not copied: v becomes the column's
// buffer, with nothing behind it, and must not be changed by others from then on.
func (c *Column) KeepBytes(v []byte) {
	if c.n > 0 {
		c.AppendBytes(v)
		return
	}
	c.Data = v[:len(v):len(v)]
	c.Offsets = append(c.Offsets[:0], 0)
	c.EndBytes()
}

// Grow replaces *buf by a larger buffer with what it holds, of at most limit bytes; false where it is as large already. The
// memory of a giant one is free when Grow returns, unless other slices of it are in use.
func Grow(buf *[]byte, limit int) bool {
	old := len(*buf)
	if old >= limit {
		return false
	}
	size := 2 * old
	if half := MaxRow / 2; old < half && size > half {
		size = half // so that old and new together never need more than the largest alone
	}
	larger := blank(min(size, limit))
	copy(larger, *buf)
	*buf = larger
	Dropped(old)
	return true
}

// blank makes a buffer with any contents. make would write zeros into memory that was used before, and so take all of it at
// once instead of as much as is read.
func blank(size int) []byte {
	var b strings.Builder
	b.Grow(size)
	b.WriteByte(0)
	return unsafe.Slice(unsafe.StringData(b.String()), size)
}

// Dropped is to be called when a buffer of size bytes is no longer referred to: the memory of a giant one is given back at once,
// while the collector would wait until as much again is in use.
func Dropped(size int) {
	if size >= Giant {
		debug.FreeOSMemory()
	}
}
