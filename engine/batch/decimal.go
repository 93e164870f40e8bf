package batch

import "strconv"

// AppendDecimal appends unscaled·10^-scale as plain digits with exactly scale digits after the point.
func AppendDecimal(dst []byte, unscaled int64, scale int) []byte {
	m := uint64(unscaled)
	if unscaled < 0 {
		dst = append(dst, '-')
		m = -m
	}
	if scale == 0 {
		return strconv.AppendUint(dst, m, 10)
	}
	if scale < len(pow10) {
		p := pow10[scale]
		dst = appendUint(dst, m/p)
		dst = append(dst, '.')
		return appendPadded(dst, m%p, scale)
	}
	dst = append(dst, '0', '.')
	for range scale - 19 {
		dst = append(dst, '0')
	}
	return appendPadded(dst, m, 19)
}

// AppendDecimalWide is [AppendDecimal] for 128 bits.
func AppendDecimalWide(dst []byte, unscaled Int128, scale int) []byte {
	if v, ok := unscaled.Int64(); ok {
		return AppendDecimal(dst, v, scale)
	}
	m, neg := unscaled.magnitude()
	if neg {
		dst = append(dst, '-')
	}
	var digits [39]byte
	high, low := m.div64(pow10[19])
	top, mid := high.div64(pow10[19])
	d := appendPadded(digits[:0], top.lo, 1)
	d = appendPadded(d, mid, 19)
	d = appendPadded(d, low, 19)
	for len(d) > 1 && d[0] == '0' {
		d = d[1:]
	}
	return appendPointed(dst, d, scale)
}

// appendPointed appends digits with the point set scale digits from the right.
func appendPointed(dst, digits []byte, scale int) []byte {
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[max(whole, 0):]...)
}

func appendUint(dst []byte, v uint64) []byte {
	if v < 10 {
		return append(dst, '0'+byte(v))
	}
	return strconv.AppendUint(dst, v, 10)
}

// pairs are the two digits of 0 to 99.
const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899"

// appendPadded appends v with leading zeros to width digits.
func appendPadded(dst []byte, v uint64, width int) []byte {
	for ; width > 19; width-- {
		dst = append(dst, '0')
	}
	n := len(dst)
	dst = append(dst, "0000000000000000000"[:width]...)
	i := n + width
	for i-n >= 2 && v > 0 {
		q := v / 100
		p := (v - q*100) * 2
		dst[i-1], dst[i-2] = pairs[p+1], pairs[p]
		v, i = q, i-2
	}
	if i > n && v > 0 {
		dst[i-1] = '0' + byte(v%10)
	}
	return dst
}

// parseDecimal64 reads an unscaled number of at most precision digits, precision ≤ 18.
func parseDecimal64(text []byte, precision, scale int) (int64, problem) {
	if v, ok := parseDecimalFast(text, precision, scale); ok {
		return v, fine
	}
	n, ok := scanNumber(text)
	if !ok {
		return 0, malformed
	}
	m, p := n.unscaled(scale)
	if p == tooBig || !m.less(pow10wide[precision]) {
		return 0, tooBig
	}
	v := int64(m.lo)
	if n.neg {
		v = -v
	}
	return v, p
}

// parseDecimalFast reads the plain case [-]digits[.digits] with at most scale digits after the point and 18 in all.
func parseDecimalFast(text []byte, precision, scale int) (int64, bool) {
	i, neg := 0, false
	if len(text) > 0 && text[0] == '-' {
		i, neg = 1, true
	}
	if len(text)-i > 19 || i == len(text) {
		return 0, false
	}
	var v uint64
	start := i
	for ; i < len(text); i++ {
		d := text[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
	}
	if i == start {
		return 0, false
	}
	if i < len(text) {
		if text[i] != '.' {
			return 0, false
		}
		i++
		start = i
		for ; i < len(text); i++ {
			d := text[i] - '0'
			if d > 9 {
				return 0, false
			}
			v = v*10 + uint64(d)
		}
		scale -= i - start
	}
	if scale < 0 || v >= pow10[precision] {
		return 0, false
	}
	over, v := mulSmall(v, scale)
	if over || v >= pow10[precision] {
		return 0, false
	}
	if neg {
		return -int64(v), true
	}
	return int64(v), true
}

func mulSmall(v uint64, k int) (over bool, _ uint64) {
	if k == 0 {
		return false, v
	}
	m, ok := u128{0, v}.mulPow10(k)
	return !ok || m.hi != 0, m.lo
}

// parseDecimal128 reads an unscaled number of at most precision digits, precision ≤ 38.
func parseDecimal128(text []byte, precision, scale int) (Int128, problem) {
	n, ok := scanNumber(text)
	if !ok {
		return Int128{}, malformed
	}
	m, p := n.unscaled(scale)
	if p == tooBig || !m.less(pow10wide[precision]) {
		return Int128{}, tooBig
	}
	v, _ := m.signed(n.neg)
	return v, p
}

// appendPlain appends text as plain digits, without exponent: for an unbounded type with the digits after the point that
// it has, else with exactly scale of them. "NaN", "Infinity" and "-Infinity" pass where the type is unbounded.
func appendPlain(dst, text []byte, precision, scale int) ([]byte, problem) {
	n, ok := scanNumber(text)
	if !ok {
		if s := notFinite(text); s != "" && precision == 0 {
			return append(dst, s...), fine
		}
		return dst, malformed
	}
	if n.exp > 100_000 || n.exp < -100_000 {
		return dst, tooBig
	}
	total := len(n.whole) + len(n.fraction)
	point := len(n.whole) + n.exp // the point stands after so many digits
	p := fine
	if precision == 0 {
		scale = max(total-point, 0)
	}
	first := 0
	for first < total && n.digit(first) == '0' {
		first++
	}
	if first == total { // zero, whatever its exponent
		first = max(first, point)
	}
	if precision > 0 && first < total && point-first > precision-scale {
		return dst, tooBig
	}
	mark := len(dst)
	if n.neg {
		dst = append(dst, '-')
	}
	zero := true
	at := func(i int) {
		c := byte('0')
		if i >= 0 && i < total {
			c = n.digit(i)
		}
		zero = zero && c == '0'
		dst = append(dst, c)
	}
	if first >= point {
		dst = append(dst, '0')
	}
	for i := first; i < point; i++ {
		at(i)
	}
	if scale > 0 {
		dst = append(dst, '.')
		for i := point; i < point+scale; i++ {
			at(i)
		}
	}
	for i := max(point+scale, 0); i < total; i++ {
		if n.digit(i) != '0' {
			p = tooFine
			break
		}
	}
	if zero && n.neg { // zero has no sign
		dst = append(dst[:mark], dst[mark+1:]...)
	}
	return dst, p
}

// notFinite gives the canonical name of a number that has no digits, "" where text is none.
func notFinite(text []byte) string {
	text = trimSpace(text)
	switch {
	case equalFold(text, "nan"):
		return "NaN"
	case equalFold(text, "infinity"), equalFold(text, "inf"), equalFold(text, "+infinity"), equalFold(text, "+inf"), string(text) == "∞":
		return "Infinity"
	case equalFold(text, "-infinity"), equalFold(text, "-inf"), string(text) == "-∞":
		return "-Infinity"
	}
	return ""
}

// equalFold compares with an ASCII lower-case text, case aside.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
