package compression

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/flate"
)

// deflated is one raw deflate stream. Each block starts with the end of the one before as its dictionary, so that
// cutting the text into blocks costs next to nothing in size.
func deflated(level int) scheme {
	return scheme{block: 512 << 10, window: 32 << 10, encoder: func() (encode, error) {
		z, err := flate.NewWriter(io.Discard, level)
		return func(dst *bytes.Buffer, b *blockText) error {
			z.ResetDict(dst, b.dict)
			if _, err := z.Write(b.text); err != nil {
				return err
			}
			if b.last {
				return z.Close()
			}
			return z.Flush()
		}, err
	}}
}

// gzipped is one gzip member.
func gzipped(level int) scheme {
	s := deflated(level)
	s.head = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	s.tail = func(crc uint32, size int64) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc), uint32(size))
	}
	return s
}
