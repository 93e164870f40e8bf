package compression

import (
	"bytes"

	"github.com/klauspost/compress/zstd"
)

// zstdFrames is one frame a block. Blocks are as long as the window of the format's usual levels, so that cutting the
// text costs little in size.
func zstdFrames(speed zstd.EncoderLevel) scheme {
	return scheme{block: 4 << 20, encoder: func() (encode, error) {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4<<20),
			zstd.WithZeroFrames(true), zstd.WithLowerEncoderMem(true))
		return func(dst *bytes.Buffer, b *blockText) error {
			if len(b.text) == 0 && !b.first {
				return nil
			}
			dst.Grow(len(b.text)/3 + 1024)
			dst.Write(z.EncodeAll(b.text, dst.AvailableBuffer()))
			return nil
		}, err
	}}
}
