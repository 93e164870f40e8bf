package compression

import (
	"bytes"

	"github.com/klauspost/compress/zstd"
)

// zstdFrames is one frame a block. Blocks are as long as the window of the format's usual levels, so that cutting the
// text costs little in size. The quick level finds little that is further away, and shorter blocks keep all cores busy
// to the end.
func zstdFrames(speed zstd.EncoderLevel) scheme {
	block := 4 << 20
	if speed == zstd.SpeedFastest {
		block = 2 << 20
	}
	return scheme{block: block, encoder: func() (encode, error) {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(block),
			zstd.WithZeroFrames(true), zstd.WithLowerEncoderMem(speed != zstd.SpeedFastest))
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
