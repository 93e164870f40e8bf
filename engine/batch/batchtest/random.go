// Package batchtest makes batches of random values for tests, and reads and writes batches as text.
package batchtest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"dmgateway/engine/batch"
)

// AllTypes is one type of every kind, and of every storage, unit and width where kinds have several.
func AllTypes() []batch.Type {
	types := []batch.Type{
		{Kind: batch.Boolean},
		{Kind: batch.Byte},
		{Kind: batch.Int16},
		{Kind: batch.Int32},
		{Kind: batch.Int64},
		{Kind: batch.Single},
		{Kind: batch.Double},
		{Kind: batch.Decimal, Precision: 9, Scale: 2},
		{Kind: batch.Decimal, Precision: 18, Scale: 4},
		{Kind: batch.Decimal, Precision: 38, Scale: 10},
		{Kind: batch.Decimal, Precision: 60, Scale: 20},
		{Kind: batch.Decimal},
		{Kind: batch.Date},
		{Kind: batch.String},
		{Kind: batch.String, Length: 20},
		{Kind: batch.JSON},
		{Kind: batch.XML},
		{Kind: batch.Binary},
		{Kind: batch.GUID},
	}
	for _, u := range []batch.Unit{batch.Second, batch.Milli, batch.Micro, batch.Tick, batch.Nano} {
		types = append(types, batch.Type{Kind: batch.Time, Unit: u}, batch.Type{Kind: batch.Duration, Unit: u},
			batch.Type{Kind: batch.Timestamp, Unit: u}, batch.Type{Kind: batch.TimestampTZ, Unit: u})
	}
	return types
}

// Schema names columns of the given types c0, c1, ….
func Schema(types ...batch.Type) batch.Schema {
	s := make(batch.Schema, len(types))
	for i, t := range types {
		s[i] = batch.Field{Name: fmt.Sprintf("c%d", i), Type: t, Nullable: true}
	}
	return s
}

// Fill appends rows of random values to b until it has n. About one value in nulls is NULL; 0 means none. The values
// include the limits of each type, empty texts and texts with quotes, delimiters, line breaks and Unicode.
func Fill(b *batch.Batch, r *rand.Rand, n, nulls int) {
	for i := range b.Cols {
		c := &b.Cols[i]
		for c.Len() < n {
			if nulls > 0 && r.IntN(nulls) == 0 {
				c.AppendNull()
				continue
			}
			Append(c, r)
		}
	}
}

// Random makes a batch of n random rows.
func Random(s batch.Schema, seed uint64, n, nulls int) *batch.Batch {
	b := batch.New(s, max(n, 1))
	Fill(b, rand.New(rand.NewPCG(seed, 1)), n, nulls)
	return b
}

// Append appends one random value that is not NULL.
func Append(c *batch.Column, r *rand.Rand) {
	switch t := c.Type; t.Kind {
	case batch.Boolean:
		c.AppendInt(r.Int64N(2))
	case batch.Byte:
		c.AppendInt(r.Int64N(256))
	case batch.Int16:
		c.AppendInt(whole(r, math.MinInt16, math.MaxInt16))
	case batch.Int32:
		c.AppendInt(whole(r, math.MinInt32, math.MaxInt32))
	case batch.Int64:
		c.AppendInt(whole(r, math.MinInt64, math.MaxInt64))
	case batch.Single:
		c.AppendFloat(float64(float32(floating(r, 1e30))))
	case batch.Double:
		c.AppendFloat(floating(r, 1e300))
	case batch.Decimal:
		appendDecimal(c, r)
	case batch.Date:
		c.AppendInt(whole(r, batch.MinDay, batch.MaxDay))
	case batch.Time:
		c.AppendInt(whole(r, 0, 86400*t.Unit.PerSecond()-1))
	case batch.Duration:
		limit := 10000 * 86400 * t.Unit.PerSecond()
		c.AppendInt(whole(r, -limit, limit))
	case batch.Timestamp:
		c.AppendInt(instant(r, t.Unit))
	case batch.TimestampTZ:
		if r.IntN(3) == 0 {
			c.AppendZoned(instant(r, t.Unit), int16(r.IntN(2*14*60)-14*60))
		} else {
			c.AppendInt(instant(r, t.Unit))
		}
	case batch.JSON:
		c.AppendString([]string{`{}`, `[]`, `null`, `"x"`, `{"a": [1, 2.50, "ü"], "b": null}`, `12`}[r.IntN(6)])
	case batch.XML:
		c.AppendString([]string{`<a/>`, `<a b="c">d &amp; e</a>`, "<a>\n<b/>\n</a>"}[r.IntN(3)])
	case batch.Binary:
		limit := 20
		if c.Type.Length > 0 {
			limit = c.Type.Length + 1
		}
		c.AppendBytes(random(r, r.IntN(limit)))
	case batch.GUID:
		c.AppendBytes(random(r, 16))
	default:
		c.AppendString(text(r, t.Length))
	}
}

// whole prefers the limits and small numbers.
func whole(r *rand.Rand, low, high int64) int64 {
	switch r.IntN(8) {
	case 0:
		return low
	case 1:
		return high
	case 2:
		return max(low, min(high, r.Int64N(20)-10))
	}
	if span := uint64(high) - uint64(low); span != math.MaxUint64 {
		return int64(uint64(low) + r.Uint64N(span+1))
	}
	return int64(r.Uint64())
}

func floating(r *rand.Rand, limit float64) float64 {
	switch r.IntN(8) {
	case 0:
		return float64(r.IntN(2000)) / 8
	case 1:
		return r.NormFloat64() * limit
	case 2:
		return math.NaN()
	case 3:
		return math.Inf(1 - 2*r.IntN(2))
	case 4:
		return math.Copysign(0, -1)
	}
	return r.NormFloat64() * math.Pow(10, float64(r.IntN(40)-20))
}

func appendDecimal(c *batch.Column, r *rand.Rand) {
	digits := c.Type.Precision
	if digits == 0 {
		digits = 1 + r.IntN(50)
	}
	text := make([]byte, 0, 80)
	if r.IntN(2) == 0 {
		text = append(text, '-')
	}
	scale := c.Type.Scale
	if c.Type.Precision == 0 {
		scale = r.IntN(digits)
	}
	short := r.IntN(digits + 1) // so many leading zeros
	for i := range digits {
		if i == digits-scale {
			if i == 0 {
				text = append(text, '0')
			}
			text = append(text, '.')
		}
		if i < short {
			text = append(text, '0')
		} else {
			text = append(text, '0'+byte(r.IntN(10)))
		}
	}
	if err := batch.ParseText(c, text); err != nil {
		panic(fmt.Sprintf("batchtest: %s as %s: %v", text, c.Type, err))
	}
}

func instant(r *rand.Rand, u batch.Unit) int64 {
	if u == batch.Nano {
		return whole(r, -9e18, 9e18)
	}
	day := 86400 * u.PerSecond()
	return whole(r, (batch.MinDay+1)*day, (batch.MaxDay-1)*day-1)
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

var texts = []string{
	"", "a", "plain text", "comma, semicolon; tab\t pipe|", `a "quoted" word`, `"`, `""`, `\`, `\N`, "NULL", "two\nlines", "cr\r\nlf",
	"\r", "\n", " spaces ", "Zürich", "日本語", "😀 emoji", "back\\slash\\", "'single'", "ends with quote\"", "null", "\\", "\ufeffbom",
}

func text(r *rand.Rand, length int) string {
	s := texts[r.IntN(len(texts))]
	if length == 0 && r.IntN(4) == 0 {
		for range r.IntN(12) {
			s += texts[r.IntN(len(texts))]
		}
	}
	if runes := []rune(s); length > 0 && len(runes) > length {
		s = string(runes[:length])
	}
	return s
}

// Show is a column's values as text, for messages.
func Show(c *batch.Column) []string {
	out := make([]string, c.Len())
	for i := range out {
		out[i] = "NULL"
		if !c.IsNull(i) {
			out[i] = string(batch.AppendText(nil, c, i))
		}
	}
	return out
}
