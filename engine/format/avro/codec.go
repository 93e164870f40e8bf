package avro

import (
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	dsnet "github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxBlock is how long a block may be, compressed or not, and so about what reading takes of memory.
const maxBlock = 256 << 20

var errTooLong = fmt.Errorf("a block is longer than %d MiB", maxBlock>>20)

// unpacker decompresses blocks with one codec.
type unpacker struct {
	codec string
	flate io.ReadCloser
	zstd  *zstd.Decoder
}

func newUnpacker(codec string) (*unpacker, error) {
	u := &unpacker{codec: codec}
	switch codec {
	case "", "null":
		u.codec = "null"
	case "deflate", "snappy", "bzip2", "xz":
	case "zstandard":
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock))
		if err != nil {
			return nil, err
		}
		u.zstd = d
	default:
		return nil, fmt.Errorf("the codec %q is not known; known are null, deflate, snappy, zstandard, bzip2 and xz", codec)
	}
	return u, nil
}

func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}

// unpack gives the block's data, in dst where it was compressed.
func (u *unpacker) unpack(dst, packed []byte) ([]byte, error) {
	switch u.codec {
	case "null":
		return packed, nil
	case "snappy":
		return unsnap(dst, packed)
	case "zstandard":
		return u.zstd.DecodeAll(packed, dst[:0])
	case "bzip2":
		return readAll(dst, bzip2.NewReader(bytes.NewReader(packed)))
	case "xz":
		r, err := xz.ReaderConfig{SingleStream: true}.NewReader(bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		return readAll(dst, r)
	}
	in := bytes.NewReader(packed)
	if u.flate == nil {
		u.flate = flate.NewReader(in)
	} else if err := u.flate.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, err
	}
	return readAll(dst, u.flate)
}

// unsnap reads a raw snappy block and the checksum of its content behind it.
func unsnap(dst, packed []byte) ([]byte, error) {
	if len(packed) < 4 {
		return nil, errors.New("a snappy block has no checksum")
	}
	data, sum := packed[:len(packed)-4], packed[len(packed)-4:]
	n, err := snappy.DecodedLen(data)
	if err != nil {
		return nil, err
	}
	if n > maxBlock || n > 64+len(data)*32 { // a snappy element makes 64 bytes of 3 at most
		return nil, errTooLong
	}
	if cap(dst) < n {
		dst = make([]byte, n)
	}
	if data, err = snappy.Decode(dst[:n], data); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(data) != binary.BigEndian.Uint32(sum) {
		return nil, errors.New("the checksum of a snappy block does not agree with its content")
	}
	return data, nil
}

func readAll(dst []byte, r io.Reader) ([]byte, error) {
	dst = dst[:0]
	if cap(dst) == 0 {
		dst = make([]byte, 0, blockBytes+blockBytes/4)
	}
	for {
		if len(dst) == cap(dst) {
			if len(dst) >= maxBlock {
				return nil, errTooLong
			}
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// packer compresses blocks with one codec, from one goroutine.
type packer struct {
	flate *flate.Writer
	zstd  *zstd.Encoder
}

func (f *Format) newPacker() (*packer, error) {
	p := &packer{}
	var err error
	level := f.level
	switch f.codec {
	case "deflate":
		if level == 0 {
			level = flate.DefaultCompression
		}
		p.flate, err = flate.NewWriter(nil, level)
	case "zstandard":
		if level == 0 {
			level = 3
		}
		p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
	}
	return p, err
}

// pack appends the compressed data to dst.
func (p *packer) pack(codec string, dst, data []byte) ([]byte, error) {
	switch codec {
	case "deflate":
		out := bytes.NewBuffer(dst)
		p.flate.Reset(out)
		if _, err := p.flate.Write(data); err != nil {
			return nil, err
		}
		err := p.flate.Close()
		return out.Bytes(), err
	case "snappy":
		room := snappy.MaxEncodedLen(len(data))
		if room < 0 {
			return nil, errTooLong
		}
		start := len(dst)
		if cap(dst)-start < room {
			dst = append(make([]byte, 0, start+room+4), dst...)
		}
		n := len(snappy.Encode(dst[start:start+room], data))
		return binary.BigEndian.AppendUint32(dst[:start+n], crc32.ChecksumIEEE(data)), nil
	case "zstandard":
		return p.zstd.EncodeAll(data, dst), nil
	case "bzip2", "xz":
		out := bytes.NewBuffer(dst)
		w, err := newCompressor(codec, out)
		if err == nil {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Close()
		}
		return out.Bytes(), err
	}
	return append(dst, data...), nil
}

// newCompressor compresses one block with bzip2 or xz.
func newCompressor(codec string, to io.Writer) (io.WriteCloser, error) {
	if codec == "bzip2" {
		return dsnet.NewWriter(to, nil)
	}
	return xz.WriterConfig{DictCap: 1 << 20}.NewWriter(to)
}
