package filesystem

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// entries is what one folder holds. Millions of files can be in one folder, so their names are packed into blocks: a file
// takes its name and seven bytes.
type entries struct {
	blocks [][]byte // of records: two bytes of length, one that tells a link, the name
	refs   []uint32 // of records: block, and offset in it
}

const (
	firstBlock = 4 << 10
	blockSize  = 64 << 10
	headSize   = 3
	mostBlocks = 1 << 16
)

// add takes one more; false where there is no place for it, which is at 4 GiB of names.
func (x *entries) add(e entry) bool {
	need := headSize + len(e.name)
	if need > blockSize {
		return false
	}
	last := len(x.blocks) - 1
	if last < 0 || len(x.blocks[last])+need > cap(x.blocks[last]) {
		size := blockSize
		if last < 0 {
			size = max(firstBlock, need)
		}
		if last++; last == mostBlocks {
			return false
		}
		x.blocks = append(x.blocks, make([]byte, 0, size))
	}
	b := x.blocks[last]
	x.refs = append(x.refs, uint32(last)<<16|uint32(len(b)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	link := byte(0)
	if e.link {
		link = 1
	}
	x.blocks[last] = append(append(b, link), e.name...)
	return true
}

func (x *entries) len() int { return len(x.refs) }

// record is the name at a reference, and whether it is a link.
func (x *entries) record(ref uint32) (name []byte, link bool) {
	b := x.blocks[ref>>16][ref&0xffff:]
	return b[headSize : headSize+int(binary.LittleEndian.Uint16(b))], b[2] == 1
}

func (x *entries) at(i int) entry {
	name, link := x.record(x.refs[i])
	return entry{name: string(name), link: link}
}

// sort puts the names in order.
func (x *entries) sort() {
	slices.SortFunc(x.refs, func(a, b uint32) int {
		p, _ := x.record(a)
		q, _ := x.record(b)
		return bytes.Compare(p, q)
	})
}
