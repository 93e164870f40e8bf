package batch

import "unsafe"

// Limits of one batch. A reader stops at Rows or at Bytes of text and binary data, whichever comes first.
const (
	// Rows is the usual number of rows; measured best between databases and text.
	Rows = 4096
	// ColumnarRows is what Parquet likes better.
	ColumnarRows = 16384
	// Bytes is the amount of text and binary data after which a batch counts as full.
	Bytes = 1 << 20
)

// Int128 is a signed 128-bit number in two's complement, in the memory layout of Arrow's decimal128 on little-endian
// machines.
type Int128 struct {
	Lo uint64
	Hi int64
}

// Batch is a number of rows, column by column. Every column has the same length. A batch has one owner at a time: who
// was given it to fill or to write may use its buffers until the call returns, no longer.
type Batch struct {
	Cols  []Column
	limit int
}

// New makes an empty batch for the schema with room for limit rows (0 = [Rows]).
func New(s Schema, limit int) *Batch {
	if limit <= 0 {
		limit = Rows
	}
	b := &Batch{Cols: make([]Column, len(s)), limit: limit}
	for i := range s {
		b.Cols[i].Type = s[i].Type
	}
	return b
}

// Len is the number of rows.
func (b *Batch) Len() int {
	if len(b.Cols) == 0 {
		return 0
	}
	return b.Cols[0].Len()
}

// Limit is the number of rows that a reader puts in at most.
func (b *Batch) Limit() int { return b.limit }

// Full reports whether a reader should stop: the row limit or [Bytes] of data is reached. Ask between rows.
func (b *Batch) Full() bool {
	if b.Len() >= b.limit {
		return true
	}
	size := 0
	for i := range b.Cols {
		size += len(b.Cols[i].Data)
	}
	return size >= Bytes
}

// Size is the number of bytes that the values take in memory, NULLs included: what dataRead counts for stores whose
// own byte count is unknown.
func (b *Batch) Size() int64 {
	var n int64
	for i := range b.Cols {
		c := &b.Cols[i]
		n += int64(len(c.Ints))*8 + int64(len(c.Floats))*8 + int64(len(c.Wide))*16 + int64(len(c.Data))
	}
	return n
}

// Reset empties the batch and keeps its buffers.
func (b *Batch) Reset() {
	for i := range b.Cols {
		b.Cols[i].Reset()
	}
}

// Truncate drops all rows from n on, as a reader does with a row that turned out bad half-way.
func (b *Batch) Truncate(n int) {
	for i := range b.Cols {
		b.Cols[i].Truncate(n)
	}
}

// Column is the values of one column. Which of the slices holds them is [Type.Storage]; a NULL has a zero value there,
// so that index i is row i in every slice.
type Column struct {
	Type   Type
	Ints   []int64
	Floats []float64
	Wide   []Int128
	// Offsets has Len()+1 entries once there is a row (Arrow's layout): value i is Data[Offsets[i]:Offsets[i+1]].
	Offsets []int32
	Data    []byte
	// Zones holds, for a TimestampTZ whose store keeps the offset, minutes east of UTC; else it is empty and the offset
	// is UTC's.
	Zones []int16

	n     int
	nulls int
	valid []byte // bit i set = row i is not NULL; only meaningful while nulls > 0
}

// Len is the number of rows.
func (c *Column) Len() int { return c.n }

// Nulls is the number of NULLs.
func (c *Column) Nulls() int { return c.nulls }

// IsNull reports whether row i is NULL.
func (c *Column) IsNull(i int) bool {
	return c.nulls > 0 && c.valid[i>>3]&(1<<(i&7)) == 0
}

// Validity is Arrow's validity bitmap, nil when no row is NULL.
func (c *Column) Validity() []byte {
	if c.nulls == 0 {
		return nil
	}
	return c.valid[:(c.n+7)/8]
}

// Bytes is the value of row i of a column in Data; empty for NULL. It is valid while the batch is.
func (c *Column) Bytes(i int) []byte { return c.Data[c.Offsets[i]:c.Offsets[i+1]] }

// Text is Bytes as a string that shares the buffer: valid while the batch is.
func (c *Column) Text(i int) string {
	b := c.Bytes(i)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Reset empties the column and keeps its buffers, a giant one of text excepted.
func (c *Column) Reset() {
	if cap(c.Data) > Giant {
		c.Data = nil
	}
	c.Ints, c.Floats, c.Wide, c.Data, c.Zones = c.Ints[:0], c.Floats[:0], c.Wide[:0], c.Data[:0], c.Zones[:0]
	c.Offsets, c.valid, c.n, c.nulls = c.Offsets[:0], c.valid[:0], 0, 0
}

// Truncate drops the rows from n on.
func (c *Column) Truncate(n int) {
	if n >= c.n {
		return
	}
	if n == 0 {
		c.Reset()
		return
	}
	for i := n; i < c.n; i++ {
		if c.IsNull(i) {
			c.nulls--
		}
	}
	if c.nulls == 0 {
		c.valid = c.valid[:0]
	} else {
		c.valid = c.valid[:(n+7)/8]
		if r := n & 7; r != 0 {
			c.valid[n>>3] &= 1<<r - 1
		}
	}
	cut(&c.Ints, n)
	cut(&c.Floats, n)
	cut(&c.Wide, n)
	cut(&c.Zones, n)
	if len(c.Offsets) > n {
		c.Data = c.Data[:c.Offsets[n]]
		c.Offsets = c.Offsets[:n+1]
	}
	c.n = n
}

func cut[T any](s *[]T, n int) {
	if len(*s) > n {
		*s = (*s)[:n]
	}
}

// AppendInt appends a value to a column in Ints.
func (c *Column) AppendInt(v int64) {
	c.Ints = append(c.Ints, v)
	c.grow()
}

// AppendFloat appends a value to a column in Floats.
func (c *Column) AppendFloat(v float64) {
	c.Floats = append(c.Floats, v)
	c.grow()
}

// AppendWide appends an unscaled value to a Decimal of precision 19 to 38.
func (c *Column) AppendWide(v Int128) {
	c.Wide = append(c.Wide, v)
	c.grow()
}

// AppendBytes appends a copy of v to a column in Data. The data of one column of a batch must stay under 2 GiB.
func (c *Column) AppendBytes(v []byte) {
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Data = append(c.Data, v...)
	c.Offsets = append(c.Offsets, int32(len(c.Data)))
	c.grow()
}

// AppendString is AppendBytes for a string.
func (c *Column) AppendString(v string) {
	c.AppendBytes(unsafe.Slice(unsafe.StringData(v), len(v)))
}

// EndBytes ends a value that the caller has appended to Data itself: the value is what came after the previous one.
func (c *Column) EndBytes() {
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Offsets = append(c.Offsets, int32(len(c.Data)))
	c.grow()
}

// EndValues ends n values, none of them NULL, that the caller has appended to Ints, Floats or Wide itself.
func (c *Column) EndValues(n int) {
	if c.nulls == 0 {
		c.n += n
		return
	}
	for range n {
		c.mark(true)
		c.n++
	}
}

// AppendZoned appends an instant with the offset, in minutes east of UTC, that it was written with.
func (c *Column) AppendZoned(v int64, minutes int16) {
	for len(c.Zones) < c.n {
		c.Zones = append(c.Zones, 0)
	}
	c.Zones = append(c.Zones, minutes)
	c.AppendInt(v)
}

// Zone is the offset of row i in minutes east of UTC.
func (c *Column) Zone(i int) int16 {
	if i < len(c.Zones) {
		return c.Zones[i]
	}
	return 0
}

func (c *Column) grow() {
	if c.nulls > 0 {
		c.mark(true)
	}
	c.n++
}

// AppendNull appends a NULL.
func (c *Column) AppendNull() {
	if c.nulls == 0 { // all rows so far are valid
		c.valid = c.valid[:0]
		for range c.n / 8 {
			c.valid = append(c.valid, 0xff)
		}
		if r := c.n & 7; r != 0 {
			c.valid = append(c.valid, 1<<r-1)
		}
	}
	c.mark(false)
	c.nulls++
	switch c.Type.Storage() {
	case InFloats:
		c.Floats = append(c.Floats, 0)
	case InWide:
		c.Wide = append(c.Wide, Int128{})
	case InData:
		if len(c.Offsets) == 0 {
			c.Offsets = append(c.Offsets, 0)
		}
		c.Offsets = append(c.Offsets, int32(len(c.Data)))
	default:
		c.Ints = append(c.Ints, 0)
	}
	c.n++
}

// mark writes the validity bit of row c.n, which is about to be added.
func (c *Column) mark(ok bool) {
	if c.n&7 == 0 {
		c.valid = append(c.valid, 0)
	}
	if ok {
		c.valid[c.n>>3] |= 1 << (c.n & 7)
	}
}
