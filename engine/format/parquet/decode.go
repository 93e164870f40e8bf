package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// decoder reads up to n values of a chunk into c: all rows of def, which has room for n levels. It returns how many rows
// it read.
type decoder func(k *chunk, c *batch.Column, n int) (int, error)

// chunk is one column of the open row group.
type chunk struct {
	r      file.ColumnChunkReader
	long   *longChunk // reads it instead, where its values are long
	decode decoder
	max    int16 // definition level of a value; 0 = there are no NULLs
	again  int16 // largest repetition level; 0 = no list

	def     []int16
	rep     []int16
	bools   []bool
	ints    []int32
	longs   []int64
	int96   []parquet.Int96
	singles []float32
	doubles []float64
	slices  []parquet.ByteArray
	fixed   []parquet.FixedLenByteArray
}

var errTooFew = errors.New("a column has fewer rows than its row group")

// maxData is how many bytes of one column a batch may have; its offsets have 32 bits.
const maxData = 1 << 30

func (k *chunk) read(c *batch.Column, n int) error {
	if k.long != nil {
		return k.long.read(c, n)
	}
	for n > 0 {
		got, err := k.decode(k, c, n)
		if err != nil {
			return err
		}
		if got == 0 {
			if err := k.r.Err(); err != nil {
				return err
			}
			return errTooFew
		}
		if len(c.Data) > maxData {
			return fault.New(fault.BadData, "values of more than %d MiB in %d rows cannot be read", maxData>>20, c.Len())
		}
		n -= got
	}
	return nil
}

// levels gives room for n definition levels; nil for a column without NULLs.
func (k *chunk) levels(n int) []int16 {
	if k.max == 0 {
		return nil
	}
	k.def = room(k.def, n)
	return k.def
}

// repetitions gives room for n repetition levels; nil for a column that is in no list.
func (k *chunk) repetitions(n int) []int16 {
	if k.again == 0 {
		return nil
	}
	k.rep = room(k.rep, n)
	return k.rep
}

func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// spread appends the values that were read, with NULLs where the levels say so.
func spread[T any](k *chunk, c *batch.Column, rows int64, values []T, all func(*batch.Column, []T) error, one func(*batch.Column, T) error) (int, error) {
	if int64(len(values)) == rows {
		return int(rows), all(c, values)
	}
	next := 0
	for _, d := range k.def[:rows] {
		if d != k.max {
			c.AppendNull()
			continue
		}
		if next >= len(values) {
			return 0, errTooFew
		}
		if err := one(c, values[next]); err != nil {
			return 0, err
		}
		next++
	}
	return int(rows), nil
}

// typed makes a decoder of values that need no check: put appends them to the column's storage.
func typed[T any](fetch func(k *chunk, n int) (int64, []T, error), put func(*batch.Column, T)) decoder {
	all := func(c *batch.Column, values []T) error {
		for _, v := range values {
			put(c, v)
		}
		c.EndValues(len(values))
		return nil
	}
	one := func(c *batch.Column, v T) error {
		put(c, v)
		c.EndValues(1)
		return nil
	}
	return func(k *chunk, c *batch.Column, n int) (int, error) {
		rows, values, err := fetch(k, n)
		if err != nil {
			return 0, err
		}
		return spread(k, c, rows, values, all, one)
	}
}

// checked makes a decoder of values that append one by one and can fail.
func checked[T any](fetch func(k *chunk, n int) (int64, []T, error), one func(*batch.Column, T) error) decoder {
	all := func(c *batch.Column, values []T) error {
		for _, v := range values {
			if err := one(c, v); err != nil {
				return err
			}
		}
		return nil
	}
	return func(k *chunk, c *batch.Column, n int) (int, error) {
		rows, values, err := fetch(k, n)
		if err != nil {
			return 0, err
		}
		return spread(k, c, rows, values, all, one)
	}
}

func fetchBools(k *chunk, n int) (int64, []bool, error) {
	k.bools = room(k.bools, n)
	rows, got, err := k.r.(*file.BooleanColumnChunkReader).ReadBatchInPage(int64(n), k.bools, k.levels(n), k.repetitions(n))
	return rows, k.bools[:got], err
}

func fetchInt32(k *chunk, n int) (int64, []int32, error) {
	k.ints = room(k.ints, n)
	rows, got, err := k.r.(*file.Int32ColumnChunkReader).ReadBatchInPage(int64(n), k.ints, k.levels(n), k.repetitions(n))
	return rows, k.ints[:got], err
}

func fetchInt64(k *chunk, n int) (int64, []int64, error) {
	k.longs = room(k.longs, n)
	rows, got, err := k.r.(*file.Int64ColumnChunkReader).ReadBatchInPage(int64(n), k.longs, k.levels(n), k.repetitions(n))
	return rows, k.longs[:got], err
}

func fetchInt96(k *chunk, n int) (int64, []parquet.Int96, error) {
	k.int96 = room(k.int96, n)
	rows, got, err := k.r.(*file.Int96ColumnChunkReader).ReadBatchInPage(int64(n), k.int96, k.levels(n), k.repetitions(n))
	return rows, k.int96[:got], err
}

func fetchFloat32(k *chunk, n int) (int64, []float32, error) {
	k.singles = room(k.singles, n)
	rows, got, err := k.r.(*file.Float32ColumnChunkReader).ReadBatchInPage(int64(n), k.singles, k.levels(n), k.repetitions(n))
	return rows, k.singles[:got], err
}

func fetchFloat64(k *chunk, n int) (int64, []float64, error) {
	k.doubles = room(k.doubles, n)
	rows, got, err := k.r.(*file.Float64ColumnChunkReader).ReadBatchInPage(int64(n), k.doubles, k.levels(n), k.repetitions(n))
	return rows, k.doubles[:got], err
}

// fetchBytes gives values that lie in the page's buffer: they are gone with the next call.
func fetchBytes(k *chunk, n int) (int64, []parquet.ByteArray, error) {
	k.slices = room(k.slices, n)
	rows, got, err := k.r.(*file.ByteArrayColumnChunkReader).ReadBatchInPage(int64(n), k.slices, k.levels(n), k.repetitions(n))
	return rows, k.slices[:got], err
}

func fetchFixed(k *chunk, n int) (int64, []parquet.FixedLenByteArray, error) {
	k.fixed = room(k.fixed, n)
	rows, got, err := k.r.(*file.FixedLenByteArrayColumnChunkReader).ReadBatchInPage(int64(n), k.fixed, k.levels(n), k.repetitions(n))
	return rows, k.fixed[:got], err
}

var (
	booleans = typed(fetchBools, func(c *batch.Column, v bool) {
		n := int64(0)
		if v {
			n = 1
		}
		c.Ints = append(c.Ints, n)
	})
	int32s  = typed(fetchInt32, func(c *batch.Column, v int32) { c.Ints = append(c.Ints, int64(v)) })
	uint32s = typed(fetchInt32, func(c *batch.Column, v int32) { c.Ints = append(c.Ints, int64(uint32(v))) })
	int64s  = typed(fetchInt64, func(c *batch.Column, v int64) { c.Ints = append(c.Ints, v) })
	uint64s = typed(fetchInt64, func(c *batch.Column, v int64) { c.Wide = append(c.Wide, batch.Int128{Lo: uint64(v)}) })
	singles = typed(fetchFloat32, func(c *batch.Column, v float32) { c.Floats = append(c.Floats, float64(v)) })
	doubles = typed(fetchFloat64, func(c *batch.Column, v float64) { c.Floats = append(c.Floats, v) })
	halves  = typed(fetchFixed, func(c *batch.Column, v parquet.FixedLenByteArray) { c.Floats = append(c.Floats, half(v)) })
	int96s  = checked(fetchInt96, appendInt96)
	texts   = checked(fetchBytes, func(c *batch.Column, v parquet.ByteArray) error {
		if !utf8.Valid(v) {
			return fault.New(fault.BadData, "the text is not valid UTF-8").InRow(int64(c.Len())+1, "", string(v))
		}
		c.AppendBytes(v)
		return nil
	})
	blobs = checked(fetchBytes, func(c *batch.Column, v parquet.ByteArray) error {
		c.AppendBytes(v)
		return nil
	})
	fixed = checked(fetchFixed, func(c *batch.Column, v parquet.FixedLenByteArray) error {
		c.AppendBytes(v)
		return nil
	})
	intervals = checked(fetchFixed, func(c *batch.Column, v parquet.FixedLenByteArray) error {
		c.Data = appendInterval(c.Data, v)
		c.EndBytes()
		return nil
	})
	byteDecimals  = checked(fetchBytes, func(c *batch.Column, v parquet.ByteArray) error { return appendDecimal(c, v) })
	fixedDecimals = checked(fetchFixed, func(c *batch.Column, v parquet.FixedLenByteArray) error { return appendDecimal(c, v) })
)

func appendDecimal(c *batch.Column, v []byte) error {
	if c.Type.Storage() == batch.InData {
		c.Data = appendBig(c.Data, v, c.Type.Scale)
		c.EndBytes()
		return nil
	}
	w, ok := getWide(v)
	if ok = ok && w.Fits(c.Type.Precision); !ok {
		return fault.New(fault.BadData, "a decimal has more digits than its type %s", c.Type).InRow(int64(c.Len())+1, "", fmt.Sprintf("%x", v))
	}
	if c.Type.Storage() == batch.InWide {
		c.AppendWide(w)
		return nil
	}
	n, _ := w.Int64()
	c.AppendInt(n)
	return nil
}

// appendInterval writes months, days and milliseconds as an ISO 8601 duration: P14M3DT4.500S.
func appendInterval(dst, v []byte) []byte {
	if len(v) != 12 {
		return dst
	}
	months, days, millis := binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:]), binary.LittleEndian.Uint32(v[8:])
	return fmt.Appendf(dst, "P%dM%dDT%d.%03dS", months, days, millis/1000, millis%1000)
}

// half widens an IEEE 754 number of 16 bits.
func half(b []byte) float64 {
	if len(b) != 2 {
		return math.NaN()
	}
	v := binary.LittleEndian.Uint16(b)
	exp, frac := int(v>>10&31), float64(v&1023)
	f := math.Ldexp(1+frac/1024, exp-15)
	switch exp {
	case 0:
		f = math.Ldexp(frac/1024, -14)
	case 31:
		f = math.Inf(1)
		if frac != 0 {
			f = math.NaN()
		}
	}
	if v>>15 != 0 {
		f = -f
	}
	return f
}
