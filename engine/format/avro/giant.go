package avro

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"unicode/utf8"

	"github.com/klauspost/compress/snappy"

	"dmgateway/engine/batch"
)

const (
	// segment is the length from which a value of a giant row goes to the compressor from where it stands.
	segment = 64 << 10
	// piece is how much compressed data is in memory in one buffer.
	piece = 1 << 20
	// snappyBlock is what Snappy looks back at most.
	snappyBlock = 64 << 10
)

// giant reports whether a row has to be a block of its own, for its long values.
func (w *writer) giant(row int) bool {
	size := 0
	for _, e := range w.cols {
		if e.col.Type.Storage() == batch.InData {
			size += len(e.col.Bytes(row))
		}
	}
	return size >= batch.Giant
}

// writeGiant writes a row as a block of its own, without a copy of its long values. b is the batch as it was given.
func (w *writer) writeGiant(b *batch.Batch, row int) error {
	if w.block != nil && w.block.rows > 0 {
		if err := w.finish(); err != nil {
			return err
		}
	}
	for len(w.waiting) > 0 {
		if err := w.put(); err != nil {
			return err
		}
	}
	data, why, column := w.segments(row)
	if why != "" {
		return w.refuse(&b.Cols[column], row, w.cols[column].name, why)
	}
	size := int64(0)
	for _, s := range data {
		size += int64(len(s))
	}
	packed := data
	if w.f.codec != "null" {
		p, err := w.f.newPacker()
		if err != nil {
			return err
		}
		out := &pieces{}
		if err := p.stream(out, w.f.codec, data, size); err != nil {
			return err
		}
		defer batch.Dropped(int(out.size))
		packed, size = out.all, out.size
	}
	if _, err := w.w.Write(appendLong(appendLong(nil, 1), size)); err != nil {
		return err
	}
	for _, s := range packed {
		if _, err := w.w.Write(s); err != nil {
			return err
		}
	}
	_, err := w.w.Write(w.sync[:])
	return err
}

// segments are the row's data, the long values among them as they stand in their columns; why tells what is wrong with a column.
func (w *writer) segments(row int) (all [][]byte, why string, column int) {
	var small []byte
	for i, e := range w.cols {
		long := (e.typ.Kind == batch.Binary || e.typ.Kind == batch.String || e.typ.Kind == batch.JSON) && !e.col.IsNull(row) && len(e.col.Bytes(row)) >= segment
		if !long {
			if small, why = e.append(small, row); why != "" {
				return nil, why, i
			}
			continue
		}
		v := e.col.Bytes(row)
		if e.typ.Kind != batch.Binary && !utf8.Valid(v) {
			return nil, notUTF8, i
		}
		if e.nullable {
			small = append(small, 2)
		}
		all = append(all, appendLong(small, int64(len(v))), v)
		small = nil
	}
	return append(all, small), "", 0
}

// stream compresses size bytes of data.
func (p *packer) stream(to io.Writer, codec string, data [][]byte, size int64) error {
	if codec == "snappy" {
		return snap(to, data, size)
	}
	var z io.WriteCloser
	switch codec {
	case "deflate":
		p.flate.Reset(to)
		z = p.flate
	case "zstandard":
		p.zstd.ResetContentSize(to, size)
		z = p.zstd
	default:
		var err error
		if z, err = newCompressor(codec, to); err != nil {
			return err
		}
	}
	for _, s := range data {
		if _, err := z.Write(s); err != nil {
			return err
		}
	}
	return z.Close()
}

// snap makes one raw Snappy block, of pieces that do not refer to each other, and the checksum behind it.
func snap(to io.Writer, data [][]byte, size int64) error {
	if size > math.MaxUint32 {
		return errTooLong
	}
	if _, err := to.Write(binary.AppendUvarint(nil, uint64(size))); err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	buf := make([]byte, snappy.MaxEncodedLen(snappyBlock))
	for _, s := range data {
		_, _ = sum.Write(s)
		for len(s) > 0 {
			n := min(len(s), snappyBlock)
			packed := snappy.Encode(buf, s[:n])
			s = s[n:]
			_, head := binary.Uvarint(packed) // its length, which stands once before all
			if _, err := to.Write(packed[head:]); err != nil {
				return err
			}
		}
	}
	_, err := to.Write(sum.Sum(nil))
	return err
}

// pieces gathers bytes in buffers that are not moved when they grow.
type pieces struct {
	all  [][]byte
	size int64
}

// Write keeps a copy of b.
func (p *pieces) Write(b []byte) (int, error) {
	total := len(b)
	p.size += int64(total)
	for len(b) > 0 {
		last := len(p.all) - 1
		if last < 0 || len(p.all[last]) == cap(p.all[last]) {
			p.all = append(p.all, make([]byte, 0, piece))
			last++
		}
		n := min(len(b), cap(p.all[last])-len(p.all[last]))
		p.all[last] = append(p.all[last], b[:n]...)
		b = b[n:]
	}
	return total, nil
}
