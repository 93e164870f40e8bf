package batch

import (
	"fmt"
	"slices"

	"dmgateway/engine/fault"
)

// Converter turns columns of one type into another. It has no state: several goroutines may use it.
type Converter struct {
	from, to Type
	run      kernel
}

// kernel converts all rows of a pass. NULLs are in p.dst already when bulk is true, so that it works on the storage
// slices alone; otherwise it appends row by row.
type kernel struct {
	bulk func(p *pass)
	rows func(p *pass)
}

// pass is one call of Convert.
type pass struct {
	dst, src *Column
	to       Type
	base     int // rows that dst had before
	bad      func(row int, err *fault.Error)
	err      *fault.Error
}

// NewConverter makes the converter between two types, and refuses a pair that no value can cross, with code Unsupported.
// Whether every value can is what [Lossless] tells.
//
//   - Booleans and numbers become each other where the value fits: a Boolean is 0 or 1; a fraction does not become a whole
//     number, nor 1.005 a Decimal of scale 2, unless Options.Truncate. A whole number or decimal becomes the nearest float.
//     A float becomes the decimal that its shortest text shows.
//   - Date, Timestamp and TimestampTZ become each other; a Timestamp is taken as UTC. Time and Duration become each other.
//     Steps that the new unit does not have are lost only with Options.Truncate.
//   - Everything becomes a String and can come from one; XML and JSON are texts as well, and JSON is checked.
//   - Binary of 16 bytes and GUID become each other.
func NewConverter(from, to Type, o Options) (*Converter, error) {
	k, err := kernelFor(from, to, o)
	if err != nil {
		return nil, err
	}
	return &Converter{from: from, to: to, run: k}, nil
}

func refuse(from, to Type) *fault.Error {
	return fault.New(fault.Unsupported, "%s cannot become %s", from, to).Try("Map the column to another type.")
}

// From is the type that Convert reads.
func (v *Converter) From() Type { return v.from }

// To is the type that Convert makes.
func (v *Converter) To() Type { return v.to }

// Convert appends the converted rows of src to dst, which must have the converter's types. It allocates only to grow dst.
//
// With bad == nil the first value that does not fit is returned as a *fault.Error of code Conversion, its Row counted
// from 1 in src, and dst is left as it was. Otherwise bad is called for each such row, in order, row counted from 0 in
// src; the row becomes NULL in dst, so that dst gets as many rows as src has, and the caller removes the row from all
// columns ([Batch.Remove]); the result is nil then.
func (v *Converter) Convert(dst, src *Column, bad func(row int, err *fault.Error)) error {
	p := pass{dst: dst, src: src, to: v.to, base: dst.n, bad: bad}
	if v.run.bulk != nil {
		dst.extend(src)
		v.run.bulk(&p)
	} else {
		v.run.rows(&p)
	}
	if p.err != nil {
		dst.Truncate(p.base)
		return p.err
	}
	return nil
}

// fail notes that row does not fit and says whether to go on.
func (p *pass) fail(row int, why problem) bool {
	var buf [64]byte
	text := buf[:0]
	if !p.src.IsNull(row) {
		text = AppendText(text, p.src, row)
	}
	e := why.err(p.to, text)
	e.Row = int64(row) + 1
	if p.bad == nil {
		p.err = e
		return false
	}
	p.bad(row, e)
	return true
}

// extend appends src's NULLs and row count; the values follow from the kernel.
func (c *Column) extend(src *Column) {
	switch {
	case c.nulls == 0 && src.nulls == 0:
	case c.n == 0:
		c.valid = append(c.valid[:0], src.Validity()...)
	default:
		if c.nulls == 0 {
			c.materialize()
		}
		for i := range src.n {
			c.mark(!src.IsNull(i))
			c.n++
		}
		c.n -= src.n
	}
	c.n += src.n
	c.nulls += src.nulls
}

// materialize writes the validity bits of rows that are all valid so far.
func (c *Column) materialize() {
	c.valid = c.valid[:0]
	for range c.n / 8 {
		c.valid = append(c.valid, 0xff)
	}
	if r := c.n & 7; r != 0 {
		c.valid = append(c.valid, 1<<r-1)
	}
}

// setNull makes row i NULL; its value must be zero already.
func (c *Column) setNull(i int) {
	if c.IsNull(i) {
		return
	}
	if c.nulls == 0 {
		c.materialize()
	}
	c.valid[i>>3] &^= 1 << (i & 7)
	c.nulls++
}

// mapValues is the kernel that puts every value through f.
func mapValues[S, D any](in func(*Column) []S, out func(*Column) *[]D, f func(S) (D, problem)) kernel {
	return kernel{bulk: func(p *pass) {
		src, dst := in(p.src), out(p.dst)
		to := slices.Grow(*dst, len(src))[:len(*dst)+len(src)]
		for i, v := range src {
			w, why := f(v)
			if why != fine {
				var zero D
				w = zero
				if !p.src.IsNull(i) {
					if !p.fail(i, why) {
						break
					}
					p.dst.setNull(p.base + i)
				}
			}
			to[p.base+i] = w
		}
		*dst = to
	}}
}

func ints(c *Column) []int64        { return c.Ints }
func floats(c *Column) []float64    { return c.Floats }
func wides(c *Column) []Int128      { return c.Wide }
func toInts(c *Column) *[]int64     { return &c.Ints }
func toFloats(c *Column) *[]float64 { return &c.Floats }
func toWides(c *Column) *[]Int128   { return &c.Wide }

// parsed is the kernel that reads each value's text.
func parsed(parse parseFunc) kernel {
	return kernel{rows: func(p *pass) {
		for i := range p.src.n {
			if p.src.IsNull(i) {
				p.dst.AppendNull()
				continue
			}
			if why := parse(p.dst, p.src.Bytes(i)); why != fine {
				if !p.fail(i, why) {
					return
				}
				p.dst.AppendNull()
			}
		}
	}}
}

// printed is the kernel that writes each value's text; check, where there is one, judges the result.
func printed(text Appender, check func([]byte) problem) kernel {
	return kernel{rows: func(p *pass) {
		if check == nil && p.src.nulls == 0 {
			printAll(p, text)
			return
		}
		for i := range p.src.n {
			if p.src.IsNull(i) {
				p.dst.AppendNull()
				continue
			}
			mark := len(p.dst.Data)
			p.dst.Data = text(p.dst.Data, p.src, i)
			if check != nil {
				if why := check(p.dst.Data[mark:]); why != fine {
					p.dst.Data = p.dst.Data[:mark]
					if !p.fail(i, why) {
						return
					}
					p.dst.AppendNull()
					continue
				}
			}
			p.dst.EndBytes()
		}
	}}
}

// printAll writes the texts of a column without NULLs.
func printAll(p *pass, text Appender) {
	data, ends := p.dst.Data, p.dst.Offsets
	if len(ends) == 0 {
		ends = append(ends, 0)
	}
	for i := range p.src.n {
		data = text(data, p.src, i)
		ends = append(ends, int32(len(data)))
	}
	p.dst.Data, p.dst.Offsets = data, ends
	p.dst.EndValues(p.src.n)
}

// same is the kernel that copies values as they are; check, where there is one, judges each value in Data.
func same(storage Storage, check func([]byte) problem) kernel {
	switch storage {
	case InInts:
		return kernel{bulk: func(p *pass) {
			p.dst.Ints = append(p.dst.Ints, p.src.Ints...)
			p.copyZones()
		}}
	case InFloats:
		return kernel{bulk: func(p *pass) { p.dst.Floats = append(p.dst.Floats, p.src.Floats...) }}
	case InWide:
		return kernel{bulk: func(p *pass) { p.dst.Wide = append(p.dst.Wide, p.src.Wide...) }}
	}
	if check != nil {
		return kernel{rows: func(p *pass) { p.copyChecked(check) }}
	}
	return kernel{bulk: func(p *pass) { p.copyData() }}
}

func (p *pass) copyZones() {
	if p.to.Kind != TimestampTZ || len(p.src.Zones) == 0 {
		return
	}
	for len(p.dst.Zones) < p.base {
		p.dst.Zones = append(p.dst.Zones, 0)
	}
	p.dst.Zones = append(p.dst.Zones, p.src.Zones...)
}

func (p *pass) copyData() {
	if p.src.n == 0 {
		return
	}
	if len(p.dst.Offsets) == 0 {
		p.dst.Offsets = append(p.dst.Offsets, 0)
	}
	first := p.src.Offsets[0]
	shift := int32(len(p.dst.Data)) - first
	p.dst.Data = append(p.dst.Data, p.src.Data[first:p.src.Offsets[p.src.n]]...)
	for _, o := range p.src.Offsets[1 : p.src.n+1] {
		p.dst.Offsets = append(p.dst.Offsets, o+shift)
	}
}

func (p *pass) copyChecked(check func([]byte) problem) {
	for i := range p.src.n {
		switch v := p.src.Bytes(i); {
		case p.src.IsNull(i):
			p.dst.AppendNull()
		case check(v) == fine:
			p.dst.AppendBytes(v)
		case p.fail(i, check(v)):
			p.dst.AppendNull()
		default:
			return
		}
	}
}

// Remove drops the rows at the given indexes, counted from 0 and ascending, as a caller does with rows that could not be
// converted. It panics when an index is not a row.
func (b *Batch) Remove(rows []int) {
	if len(rows) == 0 {
		return
	}
	if n := b.Len(); rows[0] < 0 || rows[len(rows)-1] >= n || !slices.IsSorted(rows) {
		panic(fmt.Sprintf("batch: rows %v to remove from %d", rows, n))
	}
	for i := range b.Cols {
		b.Cols[i].remove(rows)
	}
}

func (c *Column) remove(rows []int) {
	var kept Column // takes c's buffers from the front; a write never overtakes the read
	kept.Type = c.Type
	kept.Ints, kept.Floats, kept.Wide = c.Ints[:0], c.Floats[:0], c.Wide[:0]
	kept.Data, kept.Zones = c.Data[:0], c.Zones[:0]
	offsets, valid := c.Offsets, c.valid
	storage, next := c.Type.Storage(), 0
	for i := range c.n {
		if next < len(rows) && rows[next] == i {
			for next < len(rows) && rows[next] == i {
				next++
			}
			continue
		}
		switch {
		case c.nulls > 0 && valid[i>>3]&(1<<(i&7)) == 0:
			kept.AppendNull()
		case storage == InFloats:
			kept.AppendFloat(c.Floats[i])
		case storage == InWide:
			kept.AppendWide(c.Wide[i])
		case storage == InData:
			kept.AppendBytes(c.Data[offsets[i]:offsets[i+1]])
		case i < len(c.Zones):
			kept.AppendZoned(c.Ints[i], c.Zones[i])
		default:
			kept.AppendInt(c.Ints[i])
		}
	}
	*c = kept
}
