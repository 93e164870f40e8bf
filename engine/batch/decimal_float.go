package batch

import (
	"math"
	"strconv"
	"unsafe"
)

var pow10float = [23]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// decimalToFloat is the float64 nearest to v·10^-scale.
func decimalToFloat(v int64, scale int) float64 {
	if v > -1<<53 && v < 1<<53 && scale < len(pow10float) {
		return float64(v) / pow10float[scale] // both exact, so the quotient is rounded once
	}
	var buf [64]byte
	return mustFloat(AppendDecimal(buf[:0], v, scale))
}

func wideToFloat(v Int128, scale int) float64 {
	if n, ok := v.Int64(); ok {
		return decimalToFloat(n, scale)
	}
	var buf [64]byte
	return mustFloat(AppendDecimalWide(buf[:0], v, scale))
}

// mustFloat parses plain decimal digits; out of range gives ±Inf.
func mustFloat(text []byte) float64 {
	f, _ := strconv.ParseFloat(viewString(text), 64)
	return f
}

func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// floatToDecimal64 gives f·10^scale when f, as the shortest text that means it, has no more digits than that.
func floatToDecimal64(f float64, single bool, precision, scale int) (int64, problem) {
	if !single && scale < len(pow10float) {
		r := math.RoundToEven(f * pow10float[scale])
		// Numbers of up to 15 digits have each their own float64, so r is the shortest text's number.
		if r > -1e15 && r < 1e15 && r/pow10float[scale] == f {
			v := int64(r)
			if v > -int64(pow10[precision]) && v < int64(pow10[precision]) {
				return v, fine
			}
			return 0, tooBig
		}
	}
	var buf [32]byte
	text, ok := floatDigits(buf[:0], f, single)
	if !ok {
		return 0, tooBig
	}
	return parseDecimal64(text, precision, scale)
}

// floatDigits appends the shortest text of f; false where f is not finite.
func floatDigits(dst []byte, f float64, single bool) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, false
	}
	size := 64
	if single {
		size = 32
	}
	return strconv.AppendFloat(dst, f, 'e', -1, size), true
}
