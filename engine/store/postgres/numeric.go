package postgres

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"dmgateway/engine/batch"
)

// PostgreSQL's binary numeric: number of groups, weight of the first group, sign and number of digits behind the point,
// each 16 bits, then the groups of four decimal digits.
const (
	numericHeader   = 8
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInf      = 0xD000
	numericNegInf   = 0xF000
)

var (
	errMalformed = errors.New("the server's value has an unexpected form")
	errNotFinite = errors.New("NaN and Infinity are no numbers of this type")
	errRange     = errors.New("the value is outside the range of its type")
	errInfinite  = errors.New("infinity is no date")
)

var pow10 = [...]uint64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// numericValue is a binary numeric's parts.
type numericValue struct {
	weight int // of the first group, in powers of 10,000
	sign   uint16
	scale  int    // digits behind the point that are shown
	groups []byte // two bytes each
}

func splitNumeric(v []byte) (n numericValue, err error) {
	if len(v) < numericHeader {
		return n, errMalformed
	}
	count := int(binary.BigEndian.Uint16(v))
	n.weight = int(int16(binary.BigEndian.Uint16(v[2:])))
	n.sign = binary.BigEndian.Uint16(v[4:])
	n.scale = int(binary.BigEndian.Uint16(v[6:]))
	n.groups = v[numericHeader:]
	if len(n.groups) != 2*count {
		return n, errMalformed
	}
	return n, nil
}

func (n *numericValue) group(i int) uint64 { return uint64(binary.BigEndian.Uint16(n.groups[2*i:])) }

// decodeNumeric64 is for decimals of up to 18 digits.
func decodeNumeric64(c *batch.Column, v []byte) error {
	n, err := splitNumeric(v)
	if err != nil {
		return err
	}
	if n.sign != 0 && n.sign != numericNegative {
		return errNotFinite
	}
	var sum uint64
	for i := range len(n.groups) / 2 {
		shift := c.Type.Scale + 4*(n.weight-i)
		g := n.group(i)
		switch {
		case shift >= 0 && shift < len(pow10):
			high, low := bits.Mul64(g, pow10[shift])
			var carry uint64
			sum, carry = bits.Add64(sum, low, 0)
			if high != 0 || carry != 0 {
				return errRange
			}
		case shift > -4 && shift < 0 && g%pow10[-shift] == 0:
			sum += g / pow10[-shift]
		case g != 0:
			return errRange
		}
	}
	if sum >= pow10[18] {
		return errRange
	}
	if n.sign == numericNegative {
		c.AppendInt(-int64(sum))
	} else {
		c.AppendInt(int64(sum))
	}
	return nil
}

// decodeNumeric128 is for decimals of 19 to 38 digits.
func decodeNumeric128(c *batch.Column, v []byte) error {
	n, err := splitNumeric(v)
	if err != nil {
		return err
	}
	if n.sign != 0 && n.sign != numericNegative {
		return errNotFinite
	}
	var high, low uint64
	shift := 4*n.weight + 4 + c.Type.Scale // power of ten of the sum
	for i := range len(n.groups) / 2 {
		shift -= 4
		g, factor := n.group(i), uint64(10_000)
		if shift <= -4 {
			if g != 0 {
				return errRange
			}
			continue
		}
		if shift < 0 {
			if g%pow10[-shift] != 0 {
				return errRange
			}
			g, factor = g/pow10[-shift], pow10[4+shift]
		}
		if !mulAdd(&high, &low, factor, g) {
			return errRange
		}
		if shift < 0 {
			shift = 0
		}
	}
	if len(n.groups) == 0 {
		shift = 0
	}
	for ; shift > 0; shift -= min(shift, 19) {
		if !mulAdd(&high, &low, pow10[min(shift, 19)], 0) {
			return errRange
		}
	}
	w := batch.Int128{Lo: low, Hi: int64(high)}
	if n.sign == numericNegative {
		lo, borrow := bits.Sub64(0, low, 0)
		hi, _ := bits.Sub64(0, high, borrow)
		w = batch.Int128{Lo: lo, Hi: int64(hi)}
	}
	c.AppendWide(w)
	return nil
}

// mulAdd replaces the 128-bit number by number·factor + add; false when it leaves 127 bits.
func mulAdd(high, low *uint64, factor, add uint64) bool {
	h1, l := bits.Mul64(*low, factor)
	h2, h := bits.Mul64(*high, factor)
	l, carry := bits.Add64(l, add, 0)
	h, carry2 := bits.Add64(h, h1, carry)
	*high, *low = h, l
	return h2 == 0 && carry2 == 0 && h>>63 == 0
}

// decodeNumericText is for decimals that are kept as text: unbounded ones and those of more than 38 digits.
func decodeNumericText(c *batch.Column, v []byte) error {
	n, err := splitNumeric(v)
	if err != nil {
		return err
	}
	switch n.sign {
	case numericNaN:
		c.AppendString("NaN")
		return nil
	case numericInf:
		c.AppendString("Infinity")
		return nil
	case numericNegInf:
		c.AppendString("-Infinity")
		return nil
	}
	if len(c.Offsets) == 0 {
		c.Offsets = append(c.Offsets, 0)
	}
	c.Data = n.appendText(c.Data)
	c.EndBytes()
	return nil
}

func (n *numericValue) appendText(dst []byte) []byte {
	count := len(n.groups) / 2
	digits := func(i int) uint64 {
		if i < 0 || i >= count {
			return 0
		}
		return n.group(i)
	}
	if n.sign == numericNegative {
		dst = append(dst, '-')
	}
	if n.weight < 0 {
		dst = append(dst, '0')
	}
	for i := 0; i <= n.weight; i++ {
		dst = appendGroup(dst, digits(i), i > 0)
	}
	if n.scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + n.scale
	for i := n.weight + 1; len(dst) < end; i++ {
		dst = appendGroup(dst, digits(i), true)
	}
	return dst[:end]
}

func appendGroup(dst []byte, g uint64, padded bool) []byte {
	for _, p := range [...]uint64{1000, 100, 10, 1} {
		if padded || g >= p || p == 1 {
			dst = append(dst, byte('0'+g/p%10))
		}
	}
	return dst
}

// appendNumeric64 appends the binary numeric for unscaled·10^-scale, without the length in front.
func appendNumeric64(dst []byte, unscaled int64, scale int) []byte {
	sign, v := uint16(0), uint64(unscaled)
	if unscaled < 0 {
		sign, v = numericNegative, -v
	}
	var groups [12]uint16 // from the last group to the first
	count := 0
	put := func(g uint64) {
		groups[count] = uint16(g)
		count++
	}
	whole, part := v/pow10[scale], v%pow10[scale]
	fraction := (scale + 3) / 4
	if rest := scale % 4; rest != 0 && fraction > 0 {
		put(part % pow10[rest] * pow10[4-rest])
		part /= pow10[rest]
	}
	for count < fraction {
		put(part % 10_000)
		part /= 10_000
	}
	for ; whole > 0; whole /= 10_000 {
		put(whole % 10_000)
	}
	first, last := count, 0 // groups[last:first] are the ones that count
	for first > 0 && groups[first-1] == 0 {
		first--
	}
	for last < first && groups[last] == 0 {
		last++
	}
	if first == 0 {
		sign, fraction = 0, -1 // so that the weight is 0
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(first-last))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(first-fraction-1)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	dst = binary.BigEndian.AppendUint16(dst, uint16(scale))
	for i := first - 1; i >= last; i-- {
		dst = binary.BigEndian.AppendUint16(dst, groups[i])
	}
	return dst
}

// appendNumericText appends the binary numeric for plain decimal text, without the length in front.
func appendNumericText(dst, text []byte) ([]byte, error) {
	sign := uint16(0)
	switch string(text) {
	case "NaN":
		return appendSpecial(dst, numericNaN), nil
	case "Infinity":
		return appendSpecial(dst, numericInf), nil
	case "-Infinity":
		return appendSpecial(dst, numericNegInf), nil
	}
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = numericNegative
		}
		text = text[1:]
	}
	point := len(text)
	for i, b := range text {
		switch {
		case b == '.' && point == len(text):
			point = i
		case b < '0' || b > '9':
			return dst, errMalformed
		}
	}
	whole, part := text[:point], text[min(point+1, len(text)):]
	if len(whole)+len(part) == 0 {
		return dst, errMalformed
	}
	return appendGroups(dst, whole, part, sign)
}

func appendSpecial(dst []byte, sign uint16) []byte {
	return append(dst, 0, 0, 0, 0, byte(sign>>8), byte(sign), 0, 0)
}

// appendGroups writes the digits before and behind the point.
func appendGroups(dst, whole, part []byte, sign uint16) ([]byte, error) {
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	if len(part) > 0x3fff || len(whole) > 131_072 {
		return dst, errRange
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(sign>>8), byte(sign), byte(len(part)>>8), byte(len(part)))
	weight := (len(whole)+3)/4 - 1
	count, used := 0, 0 // groups written; those up to the last that is not 0
	put := func(g int) {
		if count == 0 && g == 0 {
			weight--
			return
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(g))
		count++
		if g != 0 {
			used = count
		}
	}
	for len(whole) > 0 {
		n := (len(whole)-1)%4 + 1
		put(number(whole[:n], n))
		whole = whole[n:]
	}
	for len(part) > 0 {
		n := min(4, len(part))
		put(number(part[:n], 4))
		part = part[n:]
	}
	dst = dst[:start+numericHeader+2*used]
	if used == 0 {
		weight = 0
		dst[start+4], dst[start+5] = 0, 0
	}
	binary.BigEndian.PutUint16(dst[start:], uint16(used))
	binary.BigEndian.PutUint16(dst[start+2:], uint16(int16(weight)))
	return dst, nil
}

// number reads digits as if they were width of them, zeros behind.
func number(digits []byte, width int) int {
	v := 0
	for i := range width {
		v *= 10
		if i < len(digits) {
			v += int(digits[i] - '0')
		}
	}
	return v
}
