package batch

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawInt128(t *rapid.T, name string) Int128 {
	hi := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 2)).Draw(t, name+" hi")
	lo := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 100)).Draw(t, name+" lo")
	return Int128{Lo: lo, Hi: hi}
}

func power(k int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil) }

func TestInt128AgreesWithBig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawInt128(t, "a"), drawInt128(t, "b")
		x, y := a.Big(), b.Big()
		if back, ok := Int128FromBig(x); !ok || back != a {
			t.Fatalf("%v came back as %v", a, back)
		}
		if a.Cmp(b) != x.Cmp(y) || a.Sign() != x.Sign() {
			t.Fatalf("%s against %s: Cmp %d, Sign %d", x, y, a.Cmp(b), a.Sign())
		}
		k := rapid.IntRange(0, 45).Draw(t, "k")
		product := new(big.Int).Mul(x, power(k))
		m, ok := a.MulPow10(k)
		if fits := product.BitLen() < 128 || product.Sign() < 0 && new(big.Int).Not(product).BitLen() < 128; ok != fits || ok && m.Big().Cmp(product) != 0 {
			t.Fatalf("%s·10^%d: %s, %v", x, k, m.Big(), ok)
		}
		quo, rem := new(big.Int).QuoRem(x, power(k), new(big.Int))
		if q, exact := a.QuoPow10(k); q.Big().Cmp(quo) != 0 || exact != (rem.Sign() == 0) {
			t.Fatalf("%s/10^%d: %s, %v", x, k, q.Big(), exact)
		}
		p := rapid.IntRange(1, 38).Draw(t, "precision")
		if a.Fits(p) != (new(big.Int).Abs(x).Cmp(power(p)) < 0) {
			t.Fatalf("%s in %d digits: %v", x, p, a.Fits(p))
		}
	})
}

func TestMulWideAgreesWithBig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, k := rapid.Int64().Draw(t, "v"), rapid.IntRange(0, 19).Draw(t, "k")
		want := new(big.Int).Mul(big.NewInt(v), power(k))
		if got := mulWide(v, pow10[k]).Big(); got.Cmp(want) != 0 {
			t.Fatalf("%d·10^%d = %s", v, k, got)
		}
	})
}

// plain gives the number's exact text with scale digits after the point.
func plain(unscaled *big.Int, scale int) string {
	digits := new(big.Int).Abs(unscaled).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	text := digits[:len(digits)-scale]
	if scale > 0 {
		text += "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		text = "-" + text
	}
	return text
}

func TestDecimalTextAgreesWithBig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := drawInt128(t, "v")
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		want := plain(v.Big(), scale)
		if got := string(AppendDecimalWide(nil, v, scale)); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
		if n, ok := v.Int64(); ok {
			if got := string(AppendDecimal(nil, n, scale)); got != want {
				t.Fatalf("%s, not %s", got, want)
			}
		}
	})
}

// Any number, written in any way, becomes exactly the decimal that big.Rat says, or is refused for the right reason.
func TestParseDecimalAgreesWithBig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[-+]?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})([eE][-+]?[0-9]{1,2})?`).Draw(t, "text")
		precision := rapid.IntRange(1, 60).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number to big", text)
		}
		r.Mul(r, new(big.Rat).SetInt(power(scale)))
		whole := new(big.Int).Quo(r.Num(), r.Denom())
		var want problem
		switch {
		case new(big.Int).Abs(whole).Cmp(power(precision)) >= 0:
			want = tooBig
		case !r.IsInt():
			want = tooFine
		}
		c := Column{Type: Type{Kind: Decimal, Precision: precision, Scale: scale}}
		got := parseDecimal(&c, []byte(text))
		if got != want {
			t.Fatalf("%q as %s: problem %d, not %d", text, c.Type, got, want)
		}
		if got == fine {
			if s := string(AppendText(nil, &c, 0)); s != plain(whole, scale) {
				t.Fatalf("%q as %s: %s, not %s", text, c.Type, s, plain(whole, scale))
			}
		}
	})
}

// An unbounded decimal keeps its digits after the point.
func TestUnboundedDecimalAgreesWithBig(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?`).Draw(t, "text")
		want, _ := new(big.Rat).SetString(text)
		c := Column{Type: Type{Kind: Decimal}}
		if p := parseDecimal(&c, []byte(text)); p != fine {
			t.Fatalf("%q: problem %d", text, p)
		}
		got, ok := new(big.Rat).SetString(c.Text(0))
		if !ok || got.Cmp(want) != 0 || strings.ContainsAny(c.Text(0), "eE+") {
			t.Fatalf("%q became %q", text, c.Text(0))
		}
	})
}

func TestDecimalToFloatIsTheNearest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := drawInt128(t, "v")
		scale := rapid.IntRange(0, 38).Draw(t, "scale")
		want, _ := new(big.Rat).SetFrac(v.Big(), power(scale)).Float64()
		if got := wideToFloat(v, scale); got != want {
			t.Fatalf("%s: %g, not %g", plain(v.Big(), scale), got, want)
		}
	})
}
