package avro

import (
	"encoding/binary"
	"math"

	"dmgateway/engine/batch"
)

// cursor reads Avro's binary encoding from a block. After the first thing that cannot be right it gives zeros, and why
// says what it was.
type cursor struct {
	buf []byte
	i   int
	why string
}

func (c *cursor) fail(why string) {
	if c.why == "" {
		c.why = why
	}
	c.i = len(c.buf)
}

// long reads a variable-length number with its sign in the lowest bit.
func (c *cursor) long() int64 {
	if c.i < len(c.buf) {
		if b := c.buf[c.i]; b < 0x80 {
			c.i++
			return int64(b>>1) ^ -int64(b&1)
		}
	}
	v, n := binary.Uvarint(c.buf[c.i:])
	if n <= 0 {
		c.fail("a number has no end")
		return 0
	}
	c.i += n
	return int64(v>>1) ^ -int64(v&1)
}

func (c *cursor) int() int64 {
	v := c.long()
	if v != int64(int32(v)) {
		c.fail("an int needs more than 32 bits")
		return 0
	}
	return v
}

// take gives the next n bytes.
func (c *cursor) take(n int) []byte {
	if n > len(c.buf)-c.i {
		c.fail("a value goes beyond the end of its block")
		return nil
	}
	b := c.buf[c.i : c.i+n]
	c.i += n
	return b
}

// bytes reads a length and as many bytes.
func (c *cursor) bytes() []byte {
	n := c.long()
	if n < 0 || n > int64(len(c.buf)-c.i) {
		c.fail("a value goes beyond the end of its block")
		return nil
	}
	b := c.buf[c.i : c.i+int(n)]
	c.i += int(n)
	return b
}

// put appends a value of the block to a column, which takes over a long one of a giant block.
func (c *cursor) put(col *batch.Column, v []byte) {
	if len(v) >= segment && len(c.buf) >= batch.Giant {
		col.KeepBytes(v)
		return
	}
	col.AppendBytes(v)
}

func (c *cursor) boolean() int64 {
	b := c.take(1)
	if b == nil {
		return 0
	}
	if b[0] > 1 {
		c.fail("a boolean is neither 0 nor 1")
	}
	return int64(b[0] & 1)
}

func (c *cursor) float() float64 {
	b := c.take(4)
	if b == nil {
		return 0
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

func (c *cursor) double() float64 {
	b := c.take(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// index reads a number from 0 to n-1.
func (c *cursor) index(n int, why string) int {
	v := c.long()
	if v < 0 || v >= int64(n) {
		c.fail(why)
		return 0
	}
	return int(v)
}

// maxEmpty is how many elements that take no bytes an array may have.
const maxEmpty = 1 << 16

// items calls each for the elements of an array or map, and skip, where it is not nil, for the bytes of a block whose
// length is given.
func (c *cursor) items(skip bool, each func()) {
	empty := 0
	for c.why == "" {
		n := c.long()
		if n == 0 {
			return
		}
		if n < 0 {
			size := c.long()
			if n == math.MinInt64 || size < 0 || size > int64(len(c.buf)-c.i) {
				c.fail("an array's block goes beyond the end of its block")
				return
			}
			if skip {
				c.i += int(size)
				continue
			}
			n = -n
		}
		for ; n > 0 && c.why == ""; n-- {
			before := c.i
			each()
			if c.i == before {
				if empty++; empty > maxEmpty {
					c.fail("an array has too many elements that take no bytes")
				}
			}
		}
	}
}

// skip goes over a value.
func (c *cursor) skip(n *node, depth int) {
	if depth > maxNesting {
		c.fail("a value is nested too deep")
		return
	}
	switch n.kind {
	case kNull:
	case kBoolean:
		c.take(1)
	case kInt, kLong, kEnum:
		c.long()
	case kFloat:
		c.take(4)
	case kDouble:
		c.take(8)
	case kBytes, kString:
		c.bytes()
	case kFixed:
		c.take(n.size)
	case kRecord:
		for i := range n.fields {
			c.skip(n.fields[i].node, depth+1)
		}
	case kArray:
		c.items(true, func() { c.skip(n.items, depth+1) })
	case kMap:
		c.items(true, func() { c.bytes(); c.skip(n.items, depth+1) })
	case kUnion:
		c.skip(n.branches[c.index(len(n.branches), "a union has no such branch")], depth+1)
	}
}
