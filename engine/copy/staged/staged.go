// Package staged is the file format of staged copies: batches of rows as they are in memory, between the moment when they
// are read and the moment when they are written. Every interim type keeps every value. The files live as long as a run
// and are read by the version that wrote them.
//
//	"DMGSTAGE" version
//	header:  length, JSON: schema, compression
//	blocks:  length, CRC-32C, rows column by column
//	end:     length 0, length, JSON: counts
//
// Numbers are little-endian. A block is a batch; with compression it is one zstd frame. The CRC is of what is stored.
package staged

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

const magic = "DMGSTAGE\x01"

// Extension of the files.
const Extension = ".dmgstage"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	Schema batch.Schema `json:"schema"`
	Zstd   bool         `json:"zstd,omitempty"`
}

// End is what the last record of a file says: how much was read from the source to make it, and its rows.
type End struct {
	Rows      int64 `json:"rows"`
	BytesRead int64 `json:"bytesRead"`
}

// Writer writes one file, from one goroutine.
type Writer struct {
	w    io.Writer
	zstd *zstd.Encoder // nil = stored as it is
	raw  []byte
	out  []byte
	rows int64
}

// NewWriter begins a file of the schema.
func NewWriter(w io.Writer, s batch.Schema, compress bool) (*Writer, error) {
	x := &Writer{w: w}
	text, err := json.Marshal(header{s, compress})
	if err != nil {
		return nil, fmt.Errorf("describe the columns: %w", err)
	}
	if compress {
		if x.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
			return nil, fmt.Errorf("begin to compress: %w", err)
		}
	}
	x.out = append(binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(text))), text...)
	_, err = w.Write(x.out)
	return x, err
}

// Write adds the rows of b.
func (x *Writer) Write(b *batch.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	x.raw = appendBatch(x.raw[:0], b)
	x.out = append(x.out[:0], 0, 0, 0, 0, 0, 0, 0, 0)
	if x.zstd != nil {
		x.out = x.zstd.EncodeAll(x.raw, x.out)
	} else {
		x.out = append(x.out, x.raw...)
	}
	binary.LittleEndian.PutUint32(x.out, uint32(len(x.out)-8))
	binary.LittleEndian.PutUint32(x.out[4:], crc32.Checksum(x.out[8:], castagnoli))
	x.rows += int64(b.Len())
	_, err := x.w.Write(x.out)
	return err
}

// Rows is how many were written.
func (x *Writer) Rows() int64 { return x.rows }

// End ends the file.
func (x *Writer) End(e End) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("describe the end: %w", err)
	}
	x.out = binary.LittleEndian.AppendUint32(append(x.out[:0], 0, 0, 0, 0), uint32(len(text)))
	_, err = x.w.Write(append(x.out, text...))
	return err
}

func appendBatch(dst []byte, b *batch.Batch) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(b.Len()))
	for i := range b.Cols {
		dst = appendColumn(dst, &b.Cols[i])
	}
	return dst
}

// Marks in front of a column.
const (
	hasNulls = 1 << iota
	hasZones
)

func appendColumn(dst []byte, c *batch.Column) []byte {
	valid := c.Validity()
	var marks byte
	if valid != nil {
		marks |= hasNulls
	}
	if len(c.Zones) > 0 {
		marks |= hasZones
	}
	dst = append(append(dst, marks), valid...)
	switch c.Type.Storage() {
	case batch.InInts:
		for _, v := range c.Ints {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	case batch.InFloats:
		dst = appendFloats(dst, c.Floats)
	case batch.InWide:
		for _, v := range c.Wide {
			dst = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, v.Lo), uint64(v.Hi))
		}
	case batch.InData:
		for _, v := range c.Offsets[1:] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
		dst = append(dst, c.Data...)
	}
	if marks&hasZones != 0 {
		for i := range c.Len() {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(c.Zone(i)))
		}
	}
	return dst
}

func damaged(format string, args ...any) *fault.Error {
	return fault.New(fault.BadData, "the staged file is damaged: "+format, args...).
		Try("Run the copy again; if it happens again, check the staging store.")
}
