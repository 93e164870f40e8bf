package postgres

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/batch"
)

// TestNumericsComeBack encodes numbers in the three ways in which columns keep them, and decodes them again.
func TestNumericsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		precision := rapid.IntRange(1, 60).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		digits := rapid.StringMatching(`[0-9]{1,60}`).Draw(t, "digits")
		text := plain(digits[:min(len(digits), precision)], scale, rapid.Bool().Draw(t, "negative"))

		typ := batch.Type{Kind: batch.Decimal, Precision: precision, Scale: scale}
		from, to := batch.Column{Type: typ}, batch.Column{Type: typ}
		if err := batch.ParseText(&from, []byte(text)); err != nil {
			t.Fatalf("%s as %s: %v", text, typ, err)
		}
		dst, bad := numericEncoder(typ)([]byte("before"), &from, 0)
		if bad != nil {
			t.Fatalf("encode %s: %v", text, bad)
		}
		var err error
		switch typ.Storage() {
		case batch.InInts:
			err = decodeNumeric64(&to, dst[10:])
		case batch.InWide:
			err = decodeNumeric128(&to, dst[10:])
		default:
			err = decodeNumericText(&to, dst[10:])
		}
		if err != nil {
			t.Fatalf("decode %s: %v", text, err)
		}
		if want, got := batch.AppendText(nil, &from, 0), batch.AppendText(nil, &to, 0); string(want) != string(got) {
			t.Fatalf("%s as %s comes back as %s", want, typ, got)
		}
	})
}

// plain writes digits with scale of them behind the point, and "-" unless the number is 0.
func plain(digits string, scale int, negative bool) string {
	for len(digits) <= scale {
		digits = "0" + digits
	}
	v, _ := new(big.Int).SetString(digits, 10)
	text := digits
	if scale > 0 {
		text = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if whole, rest, found := strings.Cut(text, "."); true {
		whole = strings.TrimLeft(whole, "0")
		if whole == "" {
			whole = "0"
		}
		text = whole
		if found {
			text += "." + rest
		}
	}
	if negative && v.Sign() != 0 {
		text = "-" + text
	}
	return text
}

func FuzzNumericText(f *testing.F) {
	for _, s := range []string{"0", "-0.00", "1", "10000", "0.0001", "123456789.987654321", "NaN", "-Infinity", "", ".", "-", "1.2.3", "99999999999999999999999999999999999999999999.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dst, err := appendNumericText(nil, []byte(text))
		if err != nil {
			return
		}
		c := batch.Column{Type: batch.Type{Kind: batch.Decimal}}
		if err := decodeNumericText(&c, dst); err != nil {
			t.Fatalf("%q is encoded, but cannot be decoded: %v", text, err)
		}
		want, got := new(big.Rat), new(big.Rat)
		if _, ok := want.SetString(text); !ok {
			return // NaN and the infinities
		}
		if _, ok := got.SetString(c.Text(0)); !ok || want.Cmp(got) != 0 {
			t.Fatalf("%q comes back as %q", text, c.Text(0))
		}
	})
}

func FuzzDecodeNumeric(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0, 2, 0, 4, 0x40, 0, 0, 5, 0, 1, 0x27, 0x0f})
	f.Add([]byte{0, 0, 0xff, 0xff, 0xc0, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, v []byte) {
		if len(v) > 3 { // a weight that the server has
			v[2] = 0
		}
		for _, d := range []decode{decodeNumeric64, decodeNumeric128, decodeNumericText} {
			_ = d(&batch.Column{Type: batch.Type{Kind: batch.Decimal, Precision: 18, Scale: 4}}, v) // must not panic
		}
	})
}
