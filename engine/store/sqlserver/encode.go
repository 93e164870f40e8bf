package sqlserver

import (
	"math"
	"time"
	"unsafe"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// arena holds a row's values until the driver has copied them. It belongs to one writer.
type arena struct{ buf []byte }

func (a *arena) reset() { a.buf = a.buf[:0] }

// since is what was appended after start, as bytes that the next append cannot touch.
func (a *arena) since(start int) []byte { return a.buf[start:len(a.buf):len(a.buf)] }

// text is since as a string that shares the bytes.
func (a *arena) text(start int) string {
	b := a.since(start)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// encode gives one value, which is not NULL, in a form that the driver's bulk copy takes for the column. The error says
// what is wrong with the value.
type encode func(a *arena, c *batch.Column, row int) (any, *fault.Error)

// target is how a column is written: the type that writers take, and what puts it into the driver's form.
type target struct {
	typ    batch.Type
	encode encode
}

// targetOf decides how values that are wanted as the type go into the column.
func targetOf(c column, want batch.Type) target {
	typ := c.interim()
	switch typ.Kind {
	case batch.Boolean:
		return target{typ, encodeBool}
	case batch.Byte, batch.Int16, batch.Int32, batch.Int64:
		return target{typ, encodeInt}
	case batch.Single, batch.Double:
		return target{typ, encodeFloat}
	case batch.Decimal:
		if c.typ == "money" || c.typ == "smallmoney" {
			return target{typ, moneyEncoder(c.typ)}
		}
		return target{typ, encodeDecimal}
	case batch.Date:
		return target{typ, encodeDate}
	case batch.Time:
		return target{typ, clockEncoder(typ.Unit, c.scale)}
	case batch.Timestamp:
		return target{typ, timestampEncoder(c, typ.Unit)}
	case batch.TimestampTZ:
		return target{typ, zonedEncoder(typ.Unit, c.scale)}
	case batch.GUID:
		return target{typ, encodeGUID}
	case batch.Binary:
		return target{typ, binaryEncoder(c.length)}
	case batch.XML:
		return target{typ, encodeXML}
	}
	switch c.typ {
	case "char", "varchar", "text":
		return target{typ, pageEncoder(c)}
	}
	if c.cast() && want.Kind == batch.String && typ.Kind == batch.String {
		typ.Length = 0
	}
	return target{typ, unicodeEncoder(c)}
}

func encodeBool(_ *arena, c *batch.Column, row int) (any, *fault.Error) { return c.Ints[row] != 0, nil }

func encodeInt(_ *arena, c *batch.Column, row int) (any, *fault.Error) { return c.Ints[row], nil }

func encodeFloat(_ *arena, c *batch.Column, row int) (any, *fault.Error) {
	f := c.Floats[row]
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fault.New(fault.Conversion, "SQL Server has no NaN and no infinities").Try("Replace the value by NULL or a number.")
	}
	return f, nil
}

func encodeDecimal(a *arena, c *batch.Column, row int) (any, *fault.Error) {
	start := len(a.buf)
	if c.Type.Storage() == batch.InInts {
		a.buf = batch.AppendDecimal(a.buf, c.Ints[row], c.Type.Scale)
	} else {
		a.buf = batch.AppendDecimalWide(a.buf, c.Wide[row], c.Type.Scale)
	}
	return a.text(start), nil
}

// moneyEncoder checks the range, which is smaller than that of the decimals with as many digits.
func moneyEncoder(typ string) encode {
	limit := int64(math.MaxInt64)
	if typ == "smallmoney" {
		limit = math.MaxInt32
	}
	return func(a *arena, c *batch.Column, row int) (any, *fault.Error) {
		var v int64
		ok := true
		if c.Type.Storage() == batch.InInts {
			v = c.Ints[row]
		} else {
			v, ok = c.Wide[row].Int64()
		}
		if !ok || v > limit || v < -limit-1 {
			return nil, outside(typ, "the largest amount is "+string(batch.AppendDecimal(nil, limit, 4)))
		}
		start := len(a.buf)
		a.buf = batch.AppendDecimal(a.buf, v, 4)
		return a.text(start), nil
	}
}

func outside(typ, why string) *fault.Error {
	return fault.New(fault.Conversion, "the value is outside the range of %s: %s", typ, why).Try("Correct the value, or give the column a type with a larger range.")
}

// Days from 1970-01-01 to the ends of what types hold.
var (
	day1     = batch.Day(1, 1, 1)
	day1753  = batch.Day(1753, 1, 1)
	day1900  = batch.Day(1900, 1, 1)
	day2079  = batch.Day(2079, 6, 6)
	day9999  = batch.Day(9999, 12, 31)
	yearText = "it holds the years 1 to 9999"
)

func encodeDate(_ *arena, c *batch.Column, row int) (any, *fault.Error) {
	day := c.Ints[row]
	if day < day1 || day > day9999 {
		return nil, outside("date", yearText)
	}
	return time.Unix(day*secondsPerDay, 0).UTC(), nil
}

// split takes an instant apart.
func split(v int64, u batch.Unit) (day, sec int64, nanos int) {
	per := u.PerSecond()
	all := floorDiv(v, per)
	day = floorDiv(all, secondsPerDay)
	return day, all - day*secondsPerDay, int((v - all*per) * (1_000_000_000 / per))
}

// step is the number of nanoseconds between two values that a column with so many digits can tell apart.
func step(digits int) int {
	n := 1_000_000_000
	for range digits {
		n /= 10
	}
	return n
}

func tooFine(c string) *fault.Error {
	return fault.New(fault.Conversion, "the value has more digits behind the second than %s keeps", c).
		Try("Give the column more digits, or allow data truncation and cut them before.")
}

func timestampEncoder(c column, u batch.Unit) encode {
	low, high, finest, name := day1, day9999, 1, c.native()
	why := yearText
	switch c.typ {
	case "datetime":
		low, why = day1753, "it holds 1753-01-01 to 9999-12-31 23:59:59.997"
	case "smalldatetime":
		low, high, why = day1900, day2079, "it holds 1900-01-01 to 2079-06-06"
	default:
		finest = step(c.scale)
	}
	return func(_ *arena, col *batch.Column, row int) (any, *fault.Error) {
		day, sec, nanos := split(col.Ints[row], u)
		switch {
		case day < low || day > high:
			return nil, outside(name, why)
		case nanos%finest != 0:
			return nil, tooFine(name)
		case c.typ == "smalldatetime" && (sec%60 != 0 || nanos != 0):
			return nil, fault.New(fault.Conversion, "smalldatetime keeps whole minutes only").Try("Give the column the type datetime2(0).")
		case c.typ == "datetime" && day == day9999 && sec == secondsPerDay-1 && nanos > 998_000_000:
			return nil, outside(name, why) // it would be rounded up into the year 10000
		}
		return time.Unix(day*secondsPerDay+sec, int64(nanos)).UTC(), nil
	}
}

func clockEncoder(u batch.Unit, scale int) encode {
	finest, name := step(scale), column{typ: "time", scale: scale}.native()
	return func(_ *arena, c *batch.Column, row int) (any, *fault.Error) {
		day, sec, nanos := split(c.Ints[row], u)
		switch {
		case day != 0:
			return nil, outside(name, "it holds 00:00:00 to 23:59:59.9999999")
		case nanos%finest != 0:
			return nil, tooFine(name)
		}
		return time.Unix(sec, int64(nanos)).UTC(), nil
	}
}

// maxOffset is the largest offset of a datetimeoffset, 14 hours, in minutes.
const maxOffset = 14 * 60

func zonedEncoder(u batch.Unit, scale int) encode {
	finest, name := step(scale), column{typ: "datetimeoffset", scale: scale}.native()
	zones := map[int16]*time.Location{0: time.UTC}
	for m := -maxOffset; m <= maxOffset; m += 15 {
		if m != 0 {
			zones[int16(m)] = time.FixedZone("", m*60)
		}
	}
	return func(_ *arena, c *batch.Column, row int) (any, *fault.Error) {
		day, sec, nanos := split(c.Ints[row], u)
		offset := c.Zone(row)
		local := floorDiv(day*secondsPerDay+sec+int64(offset)*60, secondsPerDay)
		switch {
		case day < day1 || day > day9999 || local < day1 || local > day9999:
			return nil, outside(name, yearText)
		case nanos%finest != 0:
			return nil, tooFine(name)
		case offset > maxOffset || offset < -maxOffset:
			return nil, outside(name, "offsets reach from -14:00 to +14:00")
		}
		zone := zones[offset]
		if zone == nil {
			zone = time.FixedZone("", int(offset)*60)
		}
		return time.Unix(day*secondsPerDay+sec, int64(nanos)).In(zone), nil
	}
}

func encodeGUID(a *arena, c *batch.Column, row int) (any, *fault.Error) {
	id := c.Bytes(row)
	if len(id) != 16 {
		return nil, fault.New(fault.Conversion, "the value is no GUID of 16 bytes").Try("Correct the value.")
	}
	start := len(a.buf)
	a.buf = append(a.buf, id[3], id[2], id[1], id[0], id[5], id[4], id[7], id[6], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15])
	return a.since(start), nil
}

func binaryEncoder(limit int) encode {
	return func(a *arena, c *batch.Column, row int) (any, *fault.Error) {
		v := c.Bytes(row)
		if limit > 0 && len(v) > limit {
			return nil, tooLong(len(v), limit, "bytes")
		}
		if len(v) == 0 {
			return empty, nil
		}
		start := len(a.buf)
		a.buf = append(a.buf, v...)
		return a.since(start), nil
	}
}

func tooLong(n, limit int, what string) *fault.Error {
	return fault.New(fault.Conversion, "the value has %d %s, the column takes %d", n, what, limit).Try("Give the column a greater length.")
}
