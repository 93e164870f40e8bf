package compression

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/dsnet/compress/bzip2"
)

// Marks of the format: 48 bits each, and of the stream's beginning.
const (
	bzipBlock = 0x314159265359
	bzipEnd   = 0x177245385090
	bzipHead  = 4  // "BZh9"
	bzipTail  = 80 // bits: end mark and checksum
)

// bzipped is one bzip2 stream. Every block is compressed as a stream of its own, of which the bits between head and tail
// are joined: old readers know only one stream a file.
func bzipped(level int) scheme {
	var joined bits
	var sum uint32
	return scheme{
		// What the format does to runs before it counts a block's bytes makes them a quarter longer at most.
		block: level * 78_000,
		encoder: func() (encode, error) {
			z, err := bzip2.NewWriter(io.Discard, &bzip2.WriterConfig{Level: level})
			return func(dst *bytes.Buffer, b *blockText) error {
				if len(b.text) == 0 {
					return nil
				}
				if err := z.Reset(dst); err != nil {
					return err
				}
				if _, err := z.Write(b.text); err != nil {
					return err
				}
				return z.Close()
			}, err
		},
		head: []byte{'B', 'Z', 'h', '0' + byte(level)},
		join: func(out []byte) ([]byte, error) {
			if len(out) == 0 {
				return nil, nil
			}
			joined.out = joined.out[:0]
			n, ok := bzipBits(out)
			if !ok {
				return nil, errBzip
			}
			// The block's checksum follows its mark, which is at a whole byte here.
			crc := binary.BigEndian.Uint32(out[bzipHead+6:])
			sum = (sum<<1 | sum>>31) ^ crc
			joined.add(out[bzipHead:], n)
			return joined.out, nil
		},
		tail: func(uint32, int64) []byte {
			joined.out = joined.out[:0]
			var tail [10]byte
			binary.BigEndian.PutUint64(tail[:8], bzipEnd<<16|uint64(sum)>>16)
			binary.BigEndian.PutUint16(tail[8:], uint16(sum))
			joined.add(tail[:], bzipTail)
			return joined.close()
		},
	}
}

var errBzip = errors.New("bzip2: a block has no end mark")

// bzipBits is how many bits of a stream of one block lie between its head and its tail.
func bzipBits(stream []byte) (int, bool) {
	if len(stream) < bzipHead+10+bzipTail/8 {
		return 0, false
	}
	for pad := range 8 {
		n := len(stream)*8 - pad - bzipTail
		if bitsAt(stream, n, 48) == bzipEnd {
			return n - bzipHead*8, true
		}
	}
	return 0, false
}

// bitsAt reads up to 56 bits from a bit on.
func bitsAt(b []byte, at, n int) (v uint64) {
	for i := at; i < at+n; {
		take := min(8-i&7, at+n-i)
		piece := uint64(b[i>>3]) >> (8 - i&7 - take) & (1<<take - 1)
		v = v<<take | piece
		i += take
	}
	return v
}

// bits joins pieces that do not end at whole bytes.
type bits struct {
	out  []byte
	rest byte // the last bits, at the top
	have int  // how many
}

func (w *bits) add(b []byte, n int) {
	whole := n / 8
	if w.have == 0 {
		w.out = append(w.out, b[:whole]...)
	} else {
		for _, c := range b[:whole] {
			w.out = append(w.out, w.rest|c>>w.have)
			w.rest = c << (8 - w.have)
		}
	}
	if left := n % 8; left > 0 {
		c := b[whole] &^ (0xff >> left)
		w.rest |= c >> w.have
		if w.have += left; w.have >= 8 {
			w.out = append(w.out, w.rest)
			w.have -= 8
			w.rest = c << (left - w.have)
		}
	}
}

func (w *bits) close() []byte {
	if w.have > 0 {
		w.out = append(w.out, w.rest)
		w.rest, w.have = 0, 0
	}
	return w.out
}
