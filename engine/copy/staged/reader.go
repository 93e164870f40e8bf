package staged

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// Reader reads one file, from one goroutine. It is a store.Reader: each batch that was written comes back as one.
type Reader struct {
	in     io.ReadCloser
	r      *bufio.Reader
	schema batch.Schema
	zstd   *zstd.Decoder // nil = stored as it is
	stored []byte
	raw    []byte
	end    *End
	rows   int64
}

var _ store.Reader = (*Reader)(nil)

// maxBlock is the largest block that is believed, so that damage does not take all memory.
const maxBlock = math.MaxInt32

// NewReader begins to read; it closes in, also when it fails.
func NewReader(in io.ReadCloser) (_ *Reader, err error) {
	x := &Reader{in: in, r: bufio.NewReaderSize(in, 256<<10)}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close())
		}
	}()
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(x.r, start); err != nil || string(start) != magic {
		return nil, damaged("its beginning is wrong").Because(err)
	}
	var h header
	if err := x.json(&h); err != nil {
		return nil, err
	}
	x.schema = h.Schema
	if h.Zstd {
		if x.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1)); err != nil {
			return nil, damaged("it cannot be decompressed").Because(err)
		}
	}
	return x, nil
}

// json reads a length and as much JSON.
func (x *Reader) json(to any) error {
	n, err := x.number()
	if err != nil {
		return err
	}
	text, err := x.take(int64(n))
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		return damaged("a record cannot be read").Because(err)
	}
	return nil
}

func (x *Reader) number() (uint32, error) {
	var n [4]byte
	if _, err := io.ReadFull(x.r, n[:]); err != nil {
		return 0, broken(err)
	}
	return binary.LittleEndian.Uint32(n[:]), nil
}

// take reads n bytes into the buffer; it grows only as far as there are bytes.
func (x *Reader) take(n int64) ([]byte, error) {
	if n > maxBlock {
		return nil, damaged("a block of %d bytes", n)
	}
	x.stored = x.stored[:0]
	for int64(len(x.stored)) < n {
		step := min(n-int64(len(x.stored)), 1<<20)
		at := len(x.stored)
		x.stored = append(x.stored, make([]byte, step)...)
		if _, err := io.ReadFull(x.r, x.stored[at:]); err != nil {
			return nil, broken(err)
		}
	}
	return x.stored, nil
}

// broken tells a file that ends too early from a store that fails.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends too early")
	}
	return err
}

// Schema implements store.Reader.
func (x *Reader) Schema() batch.Schema { return x.schema }

// BytesRead implements store.Reader: what comes from a staged file is not the source's.
func (x *Reader) BytesRead() int64 { return 0 }

// End is the file's last record, nil until Next has given io.EOF.
func (x *Reader) End() *End { return x.end }

// Close implements store.Reader.
func (x *Reader) Close() error {
	if x.zstd != nil {
		x.zstd.Close()
		x.zstd = nil
	}
	return x.in.Close()
}

// Next implements store.Reader.
func (x *Reader) Next(ctx context.Context, b *batch.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if x.end != nil {
		return io.EOF
	}
	n, err := x.number()
	if err != nil {
		return err
	}
	if n == 0 {
		var e End
		if err := x.json(&e); err != nil {
			return err
		}
		if e.Rows != x.rows {
			return damaged("%d rows are there of %d", x.rows, e.Rows)
		}
		x.end = &e
		return io.EOF
	}
	sum, err := x.number()
	if err != nil {
		return err
	}
	block, err := x.take(int64(n))
	if err != nil {
		return err
	}
	if crc32.Checksum(block, castagnoli) != sum {
		return damaged("a block's checksum is wrong")
	}
	if x.zstd != nil {
		if x.raw, err = x.zstd.DecodeAll(block, x.raw[:0]); err != nil {
			return damaged("a block cannot be decompressed").Because(err)
		}
		block = x.raw
	}
	if err := fill(b, block); err != nil {
		b.Reset()
		return err
	}
	x.rows += int64(b.Len())
	return nil
}

// fill appends a block's rows.
func fill(b *batch.Batch, block []byte) error {
	d := decoder{rest: block}
	rows := int(d.uint32())
	for i := range b.Cols {
		d.column(&b.Cols[i], rows)
	}
	if d.short || len(d.rest) > 0 {
		return damaged("a block has another length than its rows")
	}
	return nil
}

// decoder takes values from a block; short is set when there are too few bytes.
type decoder struct {
	rest  []byte
	short bool
}

func (d *decoder) take(n int) []byte {
	if d.short || n < 0 || n > len(d.rest) {
		d.short = true
		return nil
	}
	p := d.rest[:n]
	d.rest = d.rest[n:]
	return p
}

func (d *decoder) uint32() uint32 {
	if p := d.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (d *decoder) column(c *batch.Column, rows int) {
	marks := d.take(1)
	if d.short {
		return
	}
	var valid []byte
	if marks[0]&hasNulls != 0 {
		valid = d.take((rows + 7) / 8)
	}
	var put func(i int)
	var ints []byte
	switch c.Type.Storage() {
	case batch.InInts:
		ints = d.take(rows * 8)
		put = func(i int) { c.AppendInt(int64(binary.LittleEndian.Uint64(ints[i*8:]))) }
	case batch.InFloats:
		p := d.take(rows * 8)
		put = func(i int) { c.AppendFloat(math.Float64frombits(binary.LittleEndian.Uint64(p[i*8:]))) }
	case batch.InWide:
		p := d.take(rows * 16)
		put = func(i int) {
			c.AppendWide(batch.Int128{Lo: binary.LittleEndian.Uint64(p[i*16:]), Hi: int64(binary.LittleEndian.Uint64(p[i*16+8:]))})
		}
	case batch.InData:
		put = d.data(c, rows)
	}
	var zones []byte
	if marks[0]&hasZones != 0 {
		zones = d.take(rows * 2)
		put = func(i int) {
			c.AppendZoned(int64(binary.LittleEndian.Uint64(ints[i*8:])), int16(binary.LittleEndian.Uint16(zones[i*2:])))
		}
	}
	if d.short || zones != nil && ints == nil {
		d.short = true
		return
	}
	for i := range rows {
		if valid != nil && valid[i>>3]&(1<<(i&7)) == 0 {
			c.AppendNull()
			continue
		}
		put(i)
	}
}

// data takes offsets and bytes of a column in Data.
func (d *decoder) data(c *batch.Column, rows int) func(i int) {
	ends := d.take(rows * 4)
	var last uint32
	for i := range rows {
		if d.short {
			return nil
		}
		end := binary.LittleEndian.Uint32(ends[i*4:])
		if end < last || end > uint32(min(len(d.rest), math.MaxInt32)) {
			d.short = true
			return nil
		}
		last = end
	}
	p := d.take(int(last))
	return func(i int) {
		from := uint32(0)
		if i > 0 {
			from = binary.LittleEndian.Uint32(ends[i*4-4:])
		}
		c.AppendBytes(p[from:binary.LittleEndian.Uint32(ends[i*4:])])
	}
}

func appendFloats(dst []byte, list []float64) []byte {
	for _, v := range list {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}
