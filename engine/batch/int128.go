package batch

import (
	"math/big"
	"math/bits"
)

// pow10 holds the powers of ten that fit a uint64.
var pow10 = [20]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// u128 is the magnitude of an [Int128].
type u128 struct{ hi, lo uint64 }

// pow10wide holds the powers of ten that fit 128 bits.
var pow10wide = func() (t [39]u128) {
	t[0] = u128{0, 1}
	for i := 1; i < len(t); i++ {
		t[i], _ = t[i-1].mul64(10)
	}
	return t
}()

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a u128) isZero() bool { return a.hi|a.lo == 0 }

// mul64 is a·m, and false where that needs more than 128 bits.
func (a u128) mul64(m uint64) (u128, bool) {
	over, hi := bits.Mul64(a.hi, m)
	carry, lo := bits.Mul64(a.lo, m)
	hi, c := bits.Add64(hi, carry, 0)
	return u128{hi, lo}, over == 0 && c == 0
}

func (a u128) add64(b uint64) (u128, bool) {
	lo, c := bits.Add64(a.lo, b, 0)
	hi, c := bits.Add64(a.hi, 0, c)
	return u128{hi, lo}, c == 0
}

// div64 is quotient and remainder of a/d.
func (a u128) div64(d uint64) (u128, uint64) {
	if a.hi == 0 {
		return u128{0, a.lo / d}, a.lo % d
	}
	hi, r := a.hi/d, a.hi%d
	lo, r := bits.Div64(r, a.lo, d)
	return u128{hi, lo}, r
}

// mulPow10 is a·10^k, and false where that needs more than 128 bits.
func (a u128) mulPow10(k int) (u128, bool) {
	if a.isZero() {
		return a, true
	}
	if k > 38 {
		return u128{}, false
	}
	for k > 19 {
		var ok bool
		if a, ok = a.mul64(pow10[19]); !ok {
			return a, false
		}
		k -= 19
	}
	return a.mul64(pow10[k])
}

// quoPow10 is a/10^k rounded towards zero, and whether nothing was cut off.
func (a u128) quoPow10(k int) (u128, bool) {
	if k > 38 {
		return u128{}, a.isZero()
	}
	exact := true
	for k > 19 {
		var r uint64
		a, r = a.div64(pow10[19])
		exact = exact && r == 0
		k -= 19
	}
	a, r := a.div64(pow10[k])
	return a, exact && r == 0
}

// signed gives a or -a as an Int128; false where it does not fit.
func (a u128) signed(neg bool) (Int128, bool) {
	v := Int128{Lo: a.lo, Hi: int64(a.hi)}
	if neg {
		v = v.Neg()
		return v, a.hi < 1<<63 || a.hi == 1<<63 && a.lo == 0
	}
	return v, a.hi < 1<<63
}

// ToInt128 widens a 64-bit number.
func ToInt128(v int64) Int128 { return Int128{Lo: uint64(v), Hi: v >> 63} }

// mulWide is v·m, which always fits.
func mulWide(v int64, m uint64) Int128 {
	hi, lo := bits.Mul64(uint64(v), m)
	if v < 0 {
		hi -= m
	}
	return Int128{Lo: lo, Hi: int64(hi)}
}

// Int64 gives the number, and whether it fits 64 bits.
func (a Int128) Int64() (int64, bool) {
	v := int64(a.Lo)
	return v, a.Hi == v>>63
}

// Neg is -a.
func (a Int128) Neg() Int128 {
	lo, b := bits.Sub64(0, a.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(a.Hi), b)
	return Int128{Lo: lo, Hi: int64(hi)}
}

// Sign is -1, 0 or 1.
func (a Int128) Sign() int {
	switch {
	case a.Hi < 0:
		return -1
	case a.Hi == 0 && a.Lo == 0:
		return 0
	}
	return 1
}

// Cmp is -1, 0 or 1 for a < b, a = b, a > b.
func (a Int128) Cmp(b Int128) int {
	switch {
	case a == b:
		return 0
	case a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	}
	return 1
}

func (a Int128) magnitude() (m u128, neg bool) {
	if a.Hi < 0 {
		a = a.Neg()
		return u128{uint64(a.Hi), a.Lo}, true
	}
	return u128{uint64(a.Hi), a.Lo}, false
}

// Fits reports whether the number has at most precision decimal digits, precision 1 to 38.
func (a Int128) Fits(precision int) bool {
	m, _ := a.magnitude()
	return m.less(pow10wide[precision])
}

// MulPow10 is a·10^k for k ≥ 0, and false where that does not fit.
func (a Int128) MulPow10(k int) (Int128, bool) {
	m, neg := a.magnitude()
	m, ok := m.mulPow10(k)
	if !ok {
		return Int128{}, false
	}
	return m.signed(neg)
}

// QuoPow10 is a/10^k rounded towards zero for k ≥ 0, and whether nothing was cut off.
func (a Int128) QuoPow10(k int) (Int128, bool) {
	m, neg := a.magnitude()
	m, exact := m.quoPow10(k)
	v, _ := m.signed(neg)
	return v, exact
}

// Big is the number as a new big.Int.
func (a Int128) Big() *big.Int {
	m, neg := a.magnitude()
	b := new(big.Int).SetUint64(m.hi)
	b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(m.lo))
	if neg {
		b.Neg(b)
	}
	return b
}

// Int128FromBig takes a big.Int, and is false where it does not fit.
func Int128FromBig(b *big.Int) (Int128, bool) {
	if b.BitLen() > 128 {
		return Int128{}, false
	}
	var m u128
	abs := new(big.Int).Abs(b)
	m.lo = new(big.Int).And(abs, new(big.Int).SetUint64(1<<64-1)).Uint64()
	m.hi = abs.Rsh(abs, 64).Uint64()
	return m.signed(b.Sign() < 0)
}
