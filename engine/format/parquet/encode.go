package parquet

import (
	"fmt"
	"hash/maphash"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// encoder holds what one column needs again and again.
type encoder struct {
	field   batch.Field
	convert *batch.Converter
	tmp     batch.Column

	levels  []int16
	bools   []bool
	ints    []int32
	singles []float32
	int96   []parquet.Int96
	flat    []byte
	slices  []parquet.ByteArray
	fixed   []parquet.FixedLenByteArray
}

// encode hands the column's values to the file. Buffers whose layout the file shares are handed over as they are; it
// copies what it keeps.
func (e *encoder) encode(cw file.ColumnChunkWriter, c *batch.Column) error {
	def := e.definitions(c)
	valid := c.Validity()
	var err error
	switch cw := cw.(type) {
	case *file.BooleanColumnChunkWriter:
		e.bools = e.bools[:0]
		for _, v := range c.Ints {
			e.bools = append(e.bools, v != 0)
		}
		if valid == nil {
			_, err = cw.WriteBatch(e.bools, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(e.bools, def, nil, valid, 0)
		}
	case *file.Int32ColumnChunkWriter:
		if err := e.narrow(c); err != nil {
			return err
		}
		if valid == nil {
			_, err = cw.WriteBatch(e.ints, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(e.ints, def, nil, valid, 0)
		}
	case *file.Int64ColumnChunkWriter:
		if err := checkTime(c); err != nil {
			return err
		}
		if valid == nil {
			_, err = cw.WriteBatch(c.Ints, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(c.Ints, def, nil, valid, 0)
		}
	case *file.Int96ColumnChunkWriter:
		if err := e.days(c); err != nil {
			return err
		}
		if valid == nil {
			_, err = cw.WriteBatch(e.int96, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(e.int96, def, nil, valid, 0)
		}
	case *file.Float32ColumnChunkWriter:
		e.singles = e.singles[:0]
		for _, v := range c.Floats {
			e.singles = append(e.singles, float32(v))
		}
		if valid == nil {
			_, err = cw.WriteBatch(e.singles, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(e.singles, def, nil, valid, 0)
		}
	case *file.Float64ColumnChunkWriter:
		if valid == nil {
			_, err = cw.WriteBatch(c.Floats, def, nil)
		} else {
			_, err = cw.WriteBatchSpacedWithError(c.Floats, def, nil, valid, 0)
		}
	case *file.ByteArrayColumnChunkWriter:
		err = e.bytes(cw, c, def, valid)
	case *file.FixedLenByteArrayColumnChunkWriter:
		err = e.fixedBytes(cw, c, def, valid)
	default:
		err = fmt.Errorf("no encoder for %T", cw)
	}
	return err
}

// definitions are the definition levels: 1 for a value, 0 for NULL; nil for a column that cannot have NULLs.
func (e *encoder) definitions(c *batch.Column) []int16 {
	if !e.field.Nullable {
		return nil
	}
	n := c.Len()
	e.levels = e.levels[:0]
	if valid := c.Validity(); valid != nil {
		for i := range n {
			e.levels = append(e.levels, int16(valid[i>>3]>>(i&7)&1))
		}
		return e.levels
	}
	for range n {
		e.levels = append(e.levels, 1)
	}
	return e.levels
}

func (e *encoder) narrow(c *batch.Column) error {
	if err := checkTime(c); err != nil {
		return err
	}
	e.ints = e.ints[:0]
	for i, v := range c.Ints {
		if v < math.MinInt32 || v > math.MaxInt32 {
			return outside(c, i)
		}
		e.ints = append(e.ints, int32(v))
	}
	return nil
}

// checkTime refuses 24:00:00, which Parquet has no number for.
func checkTime(c *batch.Column) error {
	if c.Type.Kind != batch.Time {
		return nil
	}
	day := 86400 * c.Type.Unit.PerSecond()
	for i, v := range c.Ints {
		if v < 0 || v >= day {
			return outside(c, i)
		}
	}
	return nil
}

func outside(c *batch.Column, i int) error {
	return fault.New(fault.Conversion, "the value is outside the range of Parquet's %s", c.Type).
		InRow(int64(i)+1, "", string(batch.AppendText(nil, c, i)))
}

func (e *encoder) bytes(cw *file.ByteArrayColumnChunkWriter, c *batch.Column, def []int16, valid []byte) error {
	if cw.SupportsArrowOffsets() {
		if valid == nil {
			_, err := cw.WriteBatchArrow(c.Data, c.Offsets, def, nil)
			return err
		}
		_, err := cw.WriteBatchSpacedArrow(c.Data, c.Offsets, def, nil, valid, 0)
		return err
	}
	e.slices = e.slices[:0]
	for i := range c.Len() {
		e.slices = append(e.slices, c.Bytes(i))
	}
	if valid == nil {
		_, err := cw.WriteBatch(e.slices, def, nil)
		return err
	}
	_, err := cw.WriteBatchSpacedWithError(e.slices, def, nil, valid, 0)
	return err
}

// fixedBytes writes decimals of more than 18 digits and GUIDs.
func (e *encoder) fixedBytes(cw *file.FixedLenByteArrayColumnChunkWriter, c *batch.Column, def []int16, valid []byte) error {
	width := cw.Descr().TypeLength()
	if err := e.flatten(c, width); err != nil {
		return err
	}
	if cw.SupportsArrowValues() {
		if valid == nil {
			_, err := cw.WriteBatchArrow(e.flat, def, nil)
			return err
		}
		_, err := cw.WriteBatchSpacedArrow(e.flat, def, nil, valid, 0)
		return err
	}
	e.fixed = e.fixed[:0]
	for i := range c.Len() {
		e.fixed = append(e.fixed, e.flat[i*width:(i+1)*width])
	}
	if valid == nil {
		_, err := cw.WriteBatch(e.fixed, def, nil)
		return err
	}
	_, err := cw.WriteBatchSpacedWithError(e.fixed, def, nil, valid, 0)
	return err
}

// flatten puts the values, width bytes each, one after the other; a NULL is zeros.
func (e *encoder) flatten(c *batch.Column, width int) error {
	need := c.Len() * width
	if cap(e.flat) < need {
		e.flat = make([]byte, need)
	}
	e.flat = e.flat[:need]
	clear(e.flat)
	wide := c.Type.Storage() == batch.InWide
	for i := range c.Len() {
		slot := e.flat[i*width : (i+1)*width]
		switch {
		case c.IsNull(i):
		case wide:
			putWide(slot, c.Wide[i])
		case c.Type.Kind == batch.Decimal:
			if !putBig(slot, c.Bytes(i)) {
				return outside(c, i)
			}
		case len(c.Bytes(i)) != width:
			return outside(c, i)
		default:
			copy(slot, c.Bytes(i))
		}
	}
	return nil
}

// repeats reports whether a column has so few different values that a dictionary pays: less than one in five.
func repeats(c *batch.Column) bool {
	rows := c.Len()
	if rows < 100 || c.Type.Kind == batch.Boolean {
		return false
	}
	limit := (rows - c.Nulls()) / 5
	seen := make(map[uint64]struct{}, limit+1)
	seed := maphash.MakeSeed()
	for i := range rows {
		if c.IsNull(i) {
			continue
		}
		var h uint64
		switch c.Type.Storage() {
		case batch.InInts:
			h = uint64(c.Ints[i])
		case batch.InFloats:
			h = math.Float64bits(c.Floats[i])
		case batch.InWide:
			h = c.Wide[i].Lo ^ uint64(c.Wide[i].Hi)*0x9e3779b97f4a7c15
		default:
			h = maphash.Bytes(seed, c.Bytes(i))
		}
		seen[h] = struct{}{}
		if len(seen) > limit {
			return false
		}
	}
	return true
}
