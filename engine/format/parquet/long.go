package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/pierrec/lz4/v4"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// longChunk reads a column chunk of long texts or bytes. The file library keeps a page compressed and decompressed, and the column
// would be a third copy; here a page is decompressed as it comes, and the columns take over its values.
type longChunk struct {
	in       *bufio.Reader
	left     int64 // bytes of the chunk behind those that in has given
	codec    compress.Compression
	nullable bool
	text     bool // has to be UTF-8
	most     int64

	page  []byte // values of the page that are still to come
	valid []byte // for each of its rows that are still to come, 1 for a value and 0 for NULL
}

// longValue is the average length from which a chunk is read so, and kept the least that is not copied.
const (
	longValue = 64 << 10
	kept      = 64 << 10
)

// newLong makes the reader of a chunk; nil where the file library has to read it.
func (r *reader) newLong(l leaf, meta *metadata.ColumnChunkMetaData) *longChunk {
	size := meta.TotalUncompressedSize()
	if meta.Type() != parquet.Types.ByteArray || l.rep > 0 || l.def > 1 || l.typ.Storage() != batch.InData || l.typ.Kind == batch.Decimal ||
		size < batch.Giant || size/max(meta.NumValues(), 1) < longValue || meta.HasDictionaryPage() {
		return nil
	}
	for _, e := range meta.Encodings() {
		switch e {
		case parquet.Encodings.Plain, parquet.Encodings.RLE, parquet.Encodings.BitPacked:
		default:
			return nil
		}
	}
	return &longChunk{
		in:       bufio.NewReaderSize(io.NewSectionReader(r.src, meta.DataPageOffset(), meta.TotalCompressedSize()), 256<<10),
		left:     meta.TotalCompressedSize(),
		codec:    meta.Compression(),
		nullable: l.def > 0,
		text:     l.typ.Kind != batch.Binary,
		most:     r.props.GetMaxUncompressedPageSize(),
	}
}

var errPage = errors.New("a page is damaged")

// read appends n rows.
func (g *longChunk) read(c *batch.Column, n int) error {
	for range n {
		for len(g.valid) == 0 {
			if err := g.next(); err != nil {
				return err
			}
		}
		null := g.valid[0] == 0
		g.valid = g.valid[1:]
		if null {
			c.AppendNull()
			continue
		}
		if len(g.page) < 4 {
			return errPage
		}
		size := int64(binary.LittleEndian.Uint32(g.page))
		if size > int64(len(g.page)-4) {
			return errPage
		}
		v := g.page[4 : 4+size]
		g.page = g.page[4+size:]
		if g.text && !utf8.Valid(v) {
			return fault.New(fault.BadData, "the text is not valid UTF-8").InRow(int64(c.Len())+1, "", string(v[:min(len(v), 256)]))
		}
		if len(v) >= kept {
			c.KeepBytes(v)
		} else {
			c.AppendBytes(v)
		}
		if len(c.Data) > maxData {
			return fault.New(fault.BadData, "values of more than %d MiB in %d rows cannot be read", maxData>>20, c.Len())
		}
	}
	return nil
}

// next decompresses the next page with rows.
func (g *longChunk) next() error {
	g.page, g.valid = nil, nil
	in := &limited{r: g.in, n: g.left}
	head, err := readPageHeader(in)
	g.left = in.n
	if err != nil {
		return err
	}
	if head.packed < 0 || int64(head.packed) > g.left || head.plain < 0 || int64(head.plain) > g.most || head.values < 0 {
		return errPage
	}
	g.left -= int64(head.packed)
	body := &limited{r: g.in, n: int64(head.packed)}
	switch {
	case head.kind != dataPage && head.kind != dataPageV2:
	case head.encoding != int32(parquet.Encodings.Plain):
		return fmt.Errorf("a page has the encoding %d where its column has none of it", head.encoding)
	default:
		if err := g.fill(head, body); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, body)
	return err
}

// fill reads levels and values of a page.
func (g *longChunk) fill(head pageHead, body *limited) error {
	size, levels := int64(head.plain), int64(head.defLength)+int64(head.repLength)
	compressed := true
	if head.kind == dataPageV2 {
		compressed = !head.bare
		if head.repLength < 0 || head.defLength < 0 || levels > size || levels > int64(head.packed) {
			return errPage
		}
	} else {
		levels = 0
	}
	page := make([]byte, size)
	if _, err := io.ReadFull(body, page[:levels]); err != nil {
		return err
	}
	var err error
	if compressed && levels < size { // of no values there may be nothing, not even compressed
		err = unpack(page[levels:], body, g.codec)
	} else {
		_, err = io.ReadFull(body, page[levels:])
	}
	if err != nil {
		return err
	}
	def := page[head.repLength:levels]
	page = page[levels:]
	if head.kind == dataPage && g.nullable {
		if head.defEncoding != int32(parquet.Encodings.RLE) || len(page) < 4 {
			return errPage
		}
		n := binary.LittleEndian.Uint32(page)
		if uint64(n) > uint64(len(page)-4) {
			return errPage
		}
		def, page = page[4:4+n], page[4+n:]
	}
	g.page = page
	g.valid, err = validity(def, int(head.values), g.nullable)
	return err
}

// validity gives 1 for each of n rows with a value and 0 for each other, from definition levels in runs and bits.
func validity(levels []byte, n int, nullable bool) ([]byte, error) {
	if int64(n) > 1<<26 {
		return nil, errPage
	}
	valid := make([]byte, 0, n)
	for len(valid) < n {
		if !nullable {
			valid = append(valid, 1)
			continue
		}
		h, k := binary.Uvarint(levels)
		if k <= 0 || h>>1 == 0 {
			return nil, errPage
		}
		levels = levels[k:]
		if h&1 == 0 { // a run
			if len(levels) == 0 || levels[0] > 1 {
				return nil, errPage
			}
			for range min(h>>1, uint64(n-len(valid))) {
				valid = append(valid, levels[0])
			}
			levels = levels[1:]
			continue
		}
		for range min(h>>1, uint64(len(levels))) { // groups of eight bits
			for bit := range 8 {
				if len(valid) < n {
					valid = append(valid, levels[0]>>bit&1)
				}
			}
			levels = levels[1:]
		}
	}
	return valid, nil
}

// unpack fills dst from the compressed data in src.
func unpack(dst []byte, src *limited, codec compress.Compression) error {
	switch codec {
	case compress.Codecs.Uncompressed:
		_, err := io.ReadFull(src, dst)
		return err
	case compress.Codecs.Snappy:
		return unsnap(dst, src)
	case compress.Codecs.Lz4Raw, compress.Codecs.Lz4:
		return unpackLZ4(dst, src, codec)
	}
	c, err := compress.GetCodec(codec)
	if err != nil {
		return err
	}
	s, ok := c.(compress.StreamingCodec)
	if !ok {
		return fmt.Errorf("the codec %s cannot decompress a stream", codec)
	}
	r := s.NewReader(src)
	defer r.Close()
	if _, err := io.ReadFull(r, dst); err != nil {
		return err
	}
	// Checksums are compared at the end of the data, which has to be here.
	if _, err := io.ReadFull(r, make([]byte, 1)); err == nil {
		return errPage
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func unpackLZ4(dst []byte, src *limited, codec compress.Compression) error {
	all := make([]byte, src.n)
	defer batch.Dropped(len(all))
	if _, err := io.ReadFull(src, all); err != nil {
		return err
	}
	var n int
	var err error
	if codec == compress.Codecs.Lz4 {
		var got []byte
		got, err = oldLZ4{}.DecodeWithError(dst, all)
		n = len(got)
	} else {
		n, err = lz4.UncompressBlock(all, dst)
	}
	if err == nil && n != len(dst) {
		err = errPage
	}
	return err
}

// limited gives n more bytes of r. It reads single bytes too.
type limited struct {
	r *bufio.Reader
	n int64
}

// Read reads.
func (l *limited) Read(b []byte) (int, error) {
	if l.n <= 0 {
		return 0, io.EOF
	}
	n, err := l.r.Read(b[:min(int64(len(b)), l.n)])
	l.n -= int64(n)
	return n, err
}

// ReadByte reads one byte.
func (l *limited) ReadByte() (byte, error) {
	if l.n <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	l.n--
	return l.r.ReadByte()
}

// unsnap decompresses Snappy's block format, of which src holds one block.
//
// Source: format_description.txt of google/snappy.
func unsnap(dst []byte, src *limited) error {
	size, err := binary.ReadUvarint(src)
	if err != nil || size != uint64(len(dst)) {
		return errPage
	}
	at := 0
	for src.n > 0 {
		tag, err := src.ReadByte()
		if err != nil {
			return err
		}
		var offset int
		length := int(tag>>2) + 1
		switch tag & 3 {
		case 0:
			if more := length - 60; more > 0 {
				if length, err = little(src, more); err != nil {
					return err
				}
				length++
			}
			if length <= 0 || length > len(dst)-at {
				return errPage
			}
			if _, err := io.ReadFull(src, dst[at:at+length]); err != nil {
				return err
			}
			at += length
			continue
		case 1:
			length = int(tag>>2&7) + 4
			if offset, err = little(src, 1); err == nil {
				offset |= int(tag>>5) << 8
			}
		case 2:
			offset, err = little(src, 2)
		default:
			offset, err = little(src, 4)
		}
		if err != nil {
			return err
		}
		if offset <= 0 || offset > at || length > len(dst)-at {
			return errPage
		}
		for length > 0 { // what is copied may reach into what it makes
			n := copy(dst[at:at+length], dst[at-offset:at])
			at, length = at+n, length-n
		}
	}
	if at != len(dst) {
		return errPage
	}
	return nil
}

// little reads a number of n bytes, the least one first.
func little(src *limited, n int) (v int, err error) {
	for i := range n {
		b, err := src.ReadByte()
		if err != nil {
			return 0, err
		}
		v |= int(b) << (8 * i)
	}
	return v, nil
}
