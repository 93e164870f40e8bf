package batch

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Eight bytes of text as one number: the first is the lowest.
const (
	zeros8 = 0x3030303030303030 // "00000000"
	highs8 = 0x8080808080808080
	over9s = 0x4646464646464646 // lifts everything above '9' to the high bit
)

// digits8 reads eight digits.
func digits8(w uint64) (v uint64, ok bool) {
	if ((w+over9s)|(w-zeros8))&highs8 != 0 {
		return 0, false
	}
	// Pairs, then pairs of pairs: three multiplications for eight digits.
	const mask = 0x000000ff000000ff
	w -= zeros8
	w = w*10 + w>>8
	w = ((w&mask)*(100+1_000_000<<32) + (w>>16&mask)*(1+10_000<<32)) >> 32
	return uint64(uint32(w)), true
}

// upTo8 reads one to eight digits. It looks at the bytes behind text where its array has them.
func upTo8(text []byte) (v uint64, ok bool) {
	var w uint64
	if cap(text) >= 8 {
		w = binary.LittleEndian.Uint64(text[:8])
	} else {
		var b [8]byte
		copy(b[:], text)
		w = binary.LittleEndian.Uint64(b[:])
	}
	s := uint(64 - 8*len(text))
	return digits8(w<<s | zeros8>>(64-s))
}

// plainDigits reads one to nineteen digits and nothing else.
func plainDigits(text []byte) (v uint64, ok bool) {
	n := len(text)
	switch {
	case n == 0:
		return 0, false
	case n <= 8:
		return upTo8(text)
	case n <= 16:
		a, ok1 := upTo8(text[:n-8])
		b, ok2 := digits8(binary.LittleEndian.Uint64(text[n-8:]))
		return a*1e8 + b, ok1 && ok2
	case n <= 19:
		a, ok1 := upTo8(text[:n-16])
		b, ok2 := digits8(binary.LittleEndian.Uint64(text[n-16:]))
		c, ok3 := digits8(binary.LittleEndian.Uint64(text[n-8:]))
		return a*1e16 + b*1e8 + c, ok1 && ok2 && ok3
	}
	return 0, false
}

// plainInt reads [-]digits, of which there are 18 at most.
func plainInt(text []byte) (int64, bool) {
	if len(text) > 1 && text[0] == '-' {
		v, ok := plainDigits(text[1:])
		return -int64(v), ok && len(text) <= 19
	}
	v, ok := plainDigits(text)
	return int64(v), ok && len(text) <= 18
}

// plainFixed reads [-]digits.digits with exactly scale digits behind the point, 18 in all at most.
func plainFixed(text []byte, scale int) (int64, bool) {
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		text = text[1:]
	}
	point := len(text) - 1 - scale
	if scale == 0 || point <= 0 || len(text) > 19 || text[point] != '.' {
		return 0, false
	}
	a, ok1 := plainDigits(text[:point])
	b, ok2 := plainDigits(text[point+1:])
	v := int64(a*pow10[scale] + b)
	if neg {
		v = -v
	}
	return v, ok1 && ok2
}

// plainFloat reads [-]digits[.digits] with 19 digits in all at most, rounded to the nearest number as strconv does.
func plainFloat(text []byte) (float64, bool) {
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		text = text[1:]
	}
	if len(text) < 2 || len(text) > 20 {
		return 0, false
	}
	whole := text
	for i, c := range text {
		if c == '.' {
			whole = text[:i]
			break
		}
	}
	v, ok := plainDigits(whole)
	scale := 0
	if len(whole) < len(text) {
		fraction := text[len(whole)+1:]
		f, ok2 := plainDigits(fraction)
		scale = len(fraction)
		ok = ok && ok2
		v = v*pow10[min(scale, 19)] + f
	}
	if !ok || v == 0 {
		return 0, false
	}
	f := quotient(v, scale)
	if neg {
		f = -f
	}
	return f, true
}

// quotient is v / 10^scale, scale ≤ 19, correctly rounded: exact numbers are divided as they are, longer ones by one
// division of 128 bits whose rest decides a tie.
func quotient(v uint64, scale int) float64 {
	if v < 1<<53 {
		return float64(v) / pow10float[scale]
	}
	d := pow10[scale]
	ld, lv := bits.LeadingZeros64(d), bits.LeadingZeros64(v)
	n, d := v<<lv, d<<ld
	exp, low := ld-lv, uint64(0)
	if n >= d {
		n, low, exp = n>>1, n<<63, exp+1
	}
	q, rest := bits.Div64(n, low, d) // has its highest bit set
	m, cut := q>>11, q&(1<<11-1)
	if cut > 1<<10 || cut == 1<<10 && (rest != 0 || m&1 != 0) {
		m++
	}
	return float64(m) * math.Float64frombits(uint64(exp-53+1023)<<52)
}

// plainClock reads yyyy-MM-dd HH:mm or yyyy-MM-ddTHH:mm at the beginning of text, which has 16 bytes or more.
func plainClock(text []byte) (year, month, day, hour, minute int, ok bool) {
	a := binary.LittleEndian.Uint64(text) ^ ('-'^'0')<<32 ^ ('-'^'0')<<56
	b := binary.LittleEndian.Uint64(text[8:]) ^ (':'^'0')<<40
	if text[10] == ' ' {
		b ^= (' ' ^ '0') << 16
	} else {
		b ^= ('T' ^ '0') << 16
	}
	// The separators are now zeros where they are right, and must be nothing else.
	if ((a+over9s)|(a-zeros8)|(b+over9s)|(b-zeros8))&highs8 != 0 {
		return 0, 0, 0, 0, 0, false
	}
	a, b = a-zeros8, b-zeros8
	if a&(0xff<<32|0xff<<56)|b&(0xff<<16|0xff<<40) != 0 {
		return 0, 0, 0, 0, 0, false
	}
	a, b = a*10+a>>8, b*10+b>>8 // every byte with the one behind it as two digits
	return int(a&0xff*100 + a>>16&0xff), int(a >> 40 & 0xff), int(b & 0xff), int(b >> 24 & 0xff), int(b >> 48 & 0xff), true
}
