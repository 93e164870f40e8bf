package parquet

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/pierrec/lz4/v4"
)

// oldLZ4 is the codec LZ4, long since deprecated for LZ4_RAW, which no two programs wrote alike: Hadoop's have one or
// more blocks with their lengths before them, others one bare block. It is only read.
type oldLZ4 struct{ compress.Codec }

var errOldLZ4 = errors.New("the LZ4 data is damaged")

// registerOldLZ4 teaches the file library the codec; it keeps codecs in a table of its own.
var registerOldLZ4 = sync.OnceFunc(func() {
	if raw, err := compress.GetCodec(compress.Codecs.Lz4Raw); err == nil {
		compress.RegisterCodec(compress.Codecs.Lz4, oldLZ4{raw})
	}
})

// Decode is DecodeWithError for callers that recover.
func (o oldLZ4) Decode(dst, src []byte) []byte {
	dst, err := o.DecodeWithError(dst, src)
	if err != nil {
		panic(err)
	}
	return dst
}

// DecodeWithError fills dst, which has the length of the data, from src.
func (oldLZ4) DecodeWithError(dst, src []byte) ([]byte, error) {
	if n, ok := hadoopBlocks(dst, src); ok {
		return dst[:n], nil
	}
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return nil, errOldLZ4
	}
	return dst[:n], nil
}

func hadoopBlocks(dst, src []byte) (n int, ok bool) {
	for len(src) > 0 {
		if len(src) < 8 {
			return 0, false
		}
		size, packed := binary.BigEndian.Uint32(src), binary.BigEndian.Uint32(src[4:])
		src = src[8:]
		if uint64(packed) > uint64(len(src)) || uint64(size) > uint64(len(dst)-n) {
			return 0, false
		}
		got, err := lz4.UncompressBlock(src[:packed], dst[n:n+int(size)])
		if err != nil || got != int(size) {
			return 0, false
		}
		n, src = n+got, src[packed:]
	}
	return n, true
}
