package batch

import (
	"math"
	"strconv"
)

// digits gives a whole number's or decimal's precision and scale.
func digits(t Type) (precision, scale int) {
	switch t.Kind {
	case Boolean:
		return 1, 0
	case Byte:
		return 3, 0
	case Int16:
		return 5, 0
	case Int32:
		return 10, 0
	case Int64:
		return 19, 0
	}
	return t.Precision, t.Scale
}

func numberKernel(from, to Type, o Options) kernel {
	single := from.Kind == Single
	switch from.Storage() {
	case InInts:
		return fromInts(from, to, o)
	case InWide:
		return fromWide(from, to, o)
	case InFloats:
		switch to.Storage() {
		case InFloats:
			if to.Kind == Single && !single {
				return mapValues(floats, toFloats, lenient(o, toSingle))
			}
			return same(InFloats, nil)
		case InInts:
			return mapValues(floats, toInts, lenient(o, floatToInt(to, single)))
		case InWide:
			return mapValues(floats, toWides, lenient(o, func(f float64) (Int128, problem) {
				var buf [32]byte
				text, ok := floatDigits(buf[:0], f, single)
				if !ok {
					return Int128{}, tooBig
				}
				return parseDecimal128(text, to.Precision, to.Scale)
			}))
		}
		return printedDecimal(to, o)
	}
	return fromDecimalText(to, o)
}

// fromInts converts numbers that are an int64 with a scale.
func fromInts(from, to Type, o Options) kernel {
	_, scale := digits(from)
	switch to.Storage() {
	case InInts:
		return intsToInts(from, to, o)
	case InWide:
		up := to.Scale - scale
		if p, _ := digits(from); up >= 0 && up < len(pow10) && p+up <= to.Precision {
			return mapValues(ints, toWides, func(v int64) (Int128, problem) { return mulWide(v, pow10[up]), fine })
		}
		return mapValues(ints, toWides, lenient(o, func(v int64) (Int128, problem) {
			return rescaleWide(ToInt128(v), up, to.Precision)
		}))
	case InFloats:
		if to.Kind == Single {
			return mapValues(ints, toFloats, func(v int64) (float64, problem) { return decimalToSingle(ToInt128(v), scale), fine })
		}
		if scale == 0 {
			return mapValues(ints, toFloats, func(v int64) (float64, problem) { return float64(v), fine })
		}
		if scale < len(pow10float) {
			divisor := pow10float[scale]
			return mapValues(ints, toFloats, func(v int64) (float64, problem) {
				if v > -1<<53 && v < 1<<53 {
					return float64(v) / divisor, fine
				}
				return decimalToFloat(v, scale), fine
			})
		}
		return mapValues(ints, toFloats, func(v int64) (float64, problem) { return decimalToFloat(v, scale), fine })
	}
	return printedDecimal(to, o)
}

// intsToInts changes scale and range within 64 bits.
func intsToInts(from, to Type, o Options) kernel {
	fp, fs := digits(from)
	tp, ts := digits(to)
	if ts == fs {
		if Fits(from, to) {
			return same(InInts, nil)
		}
		low, high := limits(to, tp)
		return mapValues(ints, toInts, func(v int64) (int64, problem) {
			if v < low || v > high {
				return 0, tooBig
			}
			return v, fine
		})
	}
	low, high := limits(to, tp)
	if ts > fs {
		k := int64(pow10[ts-fs])
		if fp+ts-fs <= 18 && fp-fs <= tp-ts && to.Kind == Decimal {
			return mapValues(ints, toInts, func(v int64) (int64, problem) { return v * k, fine })
		}
		limit := high / k
		return mapValues(ints, toInts, func(v int64) (int64, problem) {
			if v > limit || v < -limit {
				return 0, tooBig
			}
			return v * k, fine
		})
	}
	k := int64(pow10[fs-ts])
	return mapValues(ints, toInts, lenient(o, func(v int64) (int64, problem) {
		q := v / k
		switch {
		case q < low || q > high:
			return 0, tooBig
		case q*k != v:
			return q, tooFine
		}
		return q, fine
	}))
}

// limits gives the smallest and largest number that a type in Ints can hold, unscaled.
func limits(t Type, precision int) (low, high int64) {
	if t.Kind == Decimal {
		return -int64(pow10[precision]) + 1, int64(pow10[precision]) - 1
	}
	return intRange(t)
}

func fromWide(from, to Type, o Options) kernel {
	switch to.Storage() {
	case InInts:
		tp, ts := digits(to)
		low, high := limits(to, tp)
		return mapValues(wides, toInts, lenient(o, func(v Int128) (int64, problem) {
			w, p := rescaleWide(v, ts-from.Scale, 38)
			n, ok := w.Int64()
			if p == tooBig || !ok || n < low || n > high {
				return 0, tooBig
			}
			return n, p
		}))
	case InWide:
		if to.Scale == from.Scale && to.Precision >= from.Precision {
			return same(InWide, nil)
		}
		return mapValues(wides, toWides, lenient(o, func(v Int128) (Int128, problem) {
			return rescaleWide(v, to.Scale-from.Scale, to.Precision)
		}))
	case InFloats:
		if to.Kind == Single {
			return mapValues(wides, toFloats, func(v Int128) (float64, problem) { return decimalToSingle(v, from.Scale), fine })
		}
		return mapValues(wides, toFloats, func(v Int128) (float64, problem) { return wideToFloat(v, from.Scale), fine })
	}
	return printedDecimal(to, o)
}

// rescaleWide multiplies by 10^up, or divides for up < 0, and checks the precision.
func rescaleWide(v Int128, up, precision int) (Int128, problem) {
	p := fine
	if up < 0 {
		var exact bool
		if v, exact = v.QuoPow10(-up); !exact {
			p = tooFine
		}
	} else if up > 0 {
		var ok bool
		if v, ok = v.MulPow10(up); !ok {
			return Int128{}, tooBig
		}
	}
	if !v.Fits(precision) {
		return Int128{}, tooBig
	}
	return v, p
}

// decimalToSingle rounds once, from the decimal digits to 32 bits.
func decimalToSingle(v Int128, scale int) float64 {
	var buf [64]byte
	f, _ := strconv.ParseFloat(viewString(AppendDecimalWide(buf[:0], v, scale)), 32)
	return f
}

// toSingle narrows a double. Rounding to 24 bits is what a Single is; a double that is a Single's shortest text passes,
// and so does every value whose rounding keeps it finite, where truncation is allowed.
func toSingle(f float64) (float64, problem) {
	s := float64(float32(f))
	switch {
	case s == f || f != f:
		return s, fine
	case math.IsInf(s, 0):
		return 0, tooBig
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], s, 'e', -1, 32)
	if g, _ := strconv.ParseFloat(viewString(text), 64); g == f {
		return s, fine
	}
	return s, tooFine
}

// floatToInt makes whole numbers and decimals of up to 18 digits.
func floatToInt(to Type, single bool) func(float64) (int64, problem) {
	if to.Kind == Decimal {
		return func(f float64) (int64, problem) { return floatToDecimal64(f, single, to.Precision, to.Scale) }
	}
	low, high := intRange(to)
	return func(f float64) (int64, problem) {
		if !(f > -9.3e18 && f < 9223372036854775808.0) || f < -9223372036854775808.0 {
			return 0, tooBig
		}
		v := int64(f)
		switch {
		case v < low || v > high:
			return 0, tooBig
		case float64(v) != f:
			return v, tooFine
		}
		return v, fine
	}
}

// printedDecimal converts to a decimal that is kept as text.
func printedDecimal(to Type, o Options) kernel {
	return kernel{rows: func(p *pass) {
		var buf [64]byte
		for i := range p.src.n {
			if p.src.IsNull(i) {
				p.dst.AppendNull()
				continue
			}
			p.appendPlain(i, numberText(buf[:0], p.src, i), to, o)
			if p.err != nil {
				return
			}
		}
	}}
}

// numberText is AppendText with booleans as digits.
func numberText(dst []byte, c *Column, i int) []byte {
	if c.Type.Kind == Boolean {
		return append(dst, '0'+byte(c.Ints[i]))
	}
	return AppendText(dst, c, i)
}

func (p *pass) appendPlain(i int, text []byte, to Type, o Options) {
	mark := len(p.dst.Data)
	data, why := appendPlain(p.dst.Data, text, to.Precision, to.Scale)
	if why == fine || why == tooFine && o.Truncate {
		p.dst.Data = data
		p.dst.EndBytes()
		return
	}
	p.dst.Data = p.dst.Data[:mark]
	if why == malformed {
		why = tooBig // NaN and Infinity
	}
	if p.fail(i, why) {
		p.dst.AppendNull()
	}
}

// fromDecimalText reads decimals that are kept as text.
func fromDecimalText(to Type, o Options) kernel {
	if to.Kind == Decimal && to.Storage() == InData {
		return kernel{rows: func(p *pass) {
			for i := range p.src.n {
				if p.src.IsNull(i) {
					p.dst.AppendNull()
					continue
				}
				p.appendPlain(i, p.src.Bytes(i), to, o)
				if p.err != nil {
					return
				}
			}
		}}
	}
	parse, _ := parserOf(Type{Kind: to.Kind, Precision: to.Precision, Scale: to.Scale}, Options{})
	if to.Storage() == InInts && to.Kind != Decimal { // "3.00" is a whole number, though no whole number's text
		low, high := intRange(to)
		parse = func(c *Column, text []byte) problem {
			n, ok := scanNumber(text)
			if !ok {
				return tooBig
			}
			m, why := n.unscaled(0)
			w, fits := m.signed(n.neg)
			v, small := w.Int64()
			if why == tooBig || !fits || !small || v < low || v > high {
				return tooBig
			}
			if why == tooFine && !o.Truncate {
				return tooFine
			}
			c.AppendInt(v)
			return fine
		}
	} else if to.Kind == Decimal {
		parse = decimalParser(to, o)
	}
	return parsed(parse)
}

// decimalParser reads a Decimal of up to 38 digits, cutting digits off where allowed.
func decimalParser(to Type, o Options) parseFunc {
	return func(c *Column, text []byte) problem {
		v, why := parseDecimal128(text, to.Precision, to.Scale)
		if why == tooFine && o.Truncate {
			why = fine
		}
		switch {
		case why == malformed:
			return tooBig
		case why != fine:
			return why
		case to.Storage() == InWide:
			c.AppendWide(v)
		default:
			c.AppendInt(int64(v.Lo))
		}
		return fine
	}
}
