package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// A page of the file library's is in memory four times: encoded, with its levels, compressed, and as statistics. Pages of giant
// values are written here instead, compressed twice in small pieces: once to learn the length, which stands before them,
// and once into the file. They have no statistics.

const (
	// giantPage is how many bytes such a page gathers before the next begins.
	giantPage = 1 << 20
	// block is how much is compressed at once: what Snappy looks back at most.
	block = 64 << 10
	// maxPage is what a page's header has room for.
	maxPage = 1<<31 - 1 - 1<<20
)

// giant writes one column of a row group.
func (w *writer) giant(i int, c *batch.Column) error {
	meta := w.out.group.NextColumnChunk()
	info := metadata.ChunkMetaInfo{NumValues: int64(c.Len()), IndexPageOffset: -1, DataPageOffset: w.out.Tell()}
	pages := int32(0)
	for from := 0; from < c.Len(); pages++ {
		to := from + 1
		for to < c.Len() && c.Offsets[to]-c.Offsets[from] < giantPage {
			to++
		}
		if int64(c.Offsets[to])-int64(c.Offsets[from]) > maxPage {
			return fault.New(fault.Conversion, "a Parquet page has no room for the value").InRow(int64(from)+1, w.stored[i].Name, "")
		}
		p := page{c: c, from: from, to: to, nullable: w.stored[i].Nullable}
		size, err := p.write(w.out, w.f.codec, w.f.level)
		if err != nil {
			return err
		}
		info.UncompressedSize += size
		from = to
	}
	info.CompressedSize = w.out.Tell() - info.DataPageOffset
	return meta.Finish(info, false, false, metadata.EncodingStats{DataEncodingStats: map[parquet.Encoding]int32{parquet.Encodings.Plain: pages}})
}

// page is rows from to to of a column in Data.
type page struct {
	c        *batch.Column
	from, to int
	nullable bool
}

// write writes the page and gives its size before compression, with its header.
func (p *page) write(w *out, codec compress.Compression, level int) (int64, error) {
	var plain, packed count
	if err := p.content(&plain); err != nil {
		return 0, err
	}
	pack := func(to io.Writer) error {
		z, err := packer(to, codec, level, int64(plain))
		if err != nil {
			return err
		}
		if err := p.content(z); err != nil {
			return err
		}
		return z.Close()
	}
	if err := pack(&packed); err != nil {
		return 0, err
	}
	if packed > maxPage {
		return 0, fault.New(fault.Conversion, "a Parquet page has no room for the value").InRow(int64(p.from)+1, "", "")
	}
	head := pageHeader(int32(plain), int32(packed), int32(p.to-p.from))
	if _, err := w.Write(head); err != nil {
		return 0, err
	}
	begin := w.Tell()
	if err := pack(w); err != nil {
		return 0, err
	}
	if got := w.Tell() - begin; got != int64(packed) {
		return 0, fault.New(fault.Internal, "a page has %d bytes after %d when it was measured", got, packed)
	}
	return int64(len(head)) + int64(plain), nil
}

// content writes levels and values.
func (p *page) content(w io.Writer) error {
	if p.nullable {
		levels := p.levels()
		if _, err := w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(levels))), levels...)); err != nil {
			return err
		}
	}
	var size [4]byte
	for i := p.from; i < p.to; i++ {
		if p.c.IsNull(i) {
			continue
		}
		v := p.c.Bytes(i)
		binary.LittleEndian.PutUint32(size[:], uint32(len(v)))
		if _, err := w.Write(size[:]); err != nil {
			return err
		}
		if _, err := w.Write(v); err != nil {
			return err
		}
	}
	return nil
}

// levels are the definition levels as runs of equal ones, each a length and a value.
func (p *page) levels() (b []byte) {
	for i := p.from; i < p.to; {
		n, null := 1, p.c.IsNull(i)
		for i+n < p.to && p.c.IsNull(i+n) == null {
			n++
		}
		b = binary.AppendUvarint(b, uint64(n)<<1)
		if null {
			b = append(b, 0)
		} else {
			b = append(b, 1)
		}
		i += n
	}
	return b
}

// pageHeader is the header of a data page of version 1 with plain values, in Thrift's compact protocol.
//
// Source: parquet.thrift of apache/parquet-format, PageHeader and DataPageHeader.
func pageHeader(plain, packed, values int32) []byte {
	const number, structure = 5, 12 // types of fields; before them in a byte stands how much higher the field's number is
	field := func(b []byte, v int32) []byte {
		return binary.AppendVarint(append(b, 1<<4|number), int64(v))
	}
	b := field(nil, 0) // DATA_PAGE
	b = field(b, plain)
	b = field(b, packed)
	b = append(b, 2<<4|structure)
	b = field(b, values)
	b = field(b, int32(parquet.Encodings.Plain))
	b = field(b, int32(parquet.Encodings.RLE)) // of definition levels
	b = field(b, int32(parquet.Encodings.RLE)) // of repetition levels
	return append(b, 0, 0)
}

// count counts bytes.
type count int64

// Write counts.
func (c *count) Write(b []byte) (int, error) {
	*c += count(len(b))
	return len(b), nil
}

// packer compresses size bytes, a little at a time, to what the file library takes for one compressed page.
func packer(w io.Writer, codec compress.Compression, level int, size int64) (io.WriteCloser, error) {
	switch codec {
	case compress.Codecs.Uncompressed:
		return plainPacker{w}, nil
	case compress.Codecs.Snappy:
		_, err := w.Write(binary.AppendUvarint(nil, uint64(size)))
		return &snappyPacker{w: w}, err
	case compress.Codecs.Lz4Raw:
		// One run of literals: the format has no way to begin anew in the middle, so nothing is compressed.
		_, err := w.Write(lz4Literals(size))
		return plainPacker{w}, err
	case compress.Codecs.Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
	}
	c, err := compress.GetCodec(codec)
	if err != nil {
		return nil, err
	}
	s, ok := c.(compress.StreamingCodec)
	if !ok {
		return nil, fmt.Errorf("the codec %s cannot compress a stream", codec)
	}
	if level == compress.DefaultCompressionLevel {
		return s.NewWriter(w), nil
	}
	return s.NewWriterLevel(w, level)
}

// lz4Literals is what stands before size bytes that are not compressed.
func lz4Literals(size int64) []byte {
	if size < 15 {
		return []byte{byte(size << 4)}
	}
	size -= 15
	b := append([]byte{15 << 4}, bytes.Repeat([]byte{255}, int(size/255))...)
	return append(b, byte(size%255))
}

type plainPacker struct{ io.Writer }

// Close has nothing to write.
func (plainPacker) Close() error { return nil }

// snappyPacker compresses blocks that do not refer to each other and leaves out the length before each.
type snappyPacker struct {
	w        io.Writer
	buf, tmp []byte
}

// Write gathers blocks.
func (s *snappyPacker) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 {
		if len(s.buf) == 0 && len(b) >= block {
			if err := s.put(b[:block]); err != nil {
				return 0, err
			}
			b = b[block:]
			continue
		}
		n := min(block-len(s.buf), len(b))
		s.buf = append(s.buf, b[:n]...)
		b = b[n:]
		if len(s.buf) == block {
			if err := s.Close(); err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

func (s *snappyPacker) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	s.tmp = s2.EncodeSnappy(s.tmp[:cap(s.tmp)], b)
	_, n := binary.Uvarint(s.tmp)
	_, err := s.w.Write(s.tmp[n:])
	return err
}

// Close writes the last block.
func (s *snappyPacker) Close() error {
	err := s.put(s.buf)
	s.buf = s.buf[:0]
	return err
}
