package batch

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// What the quick ways take, they take as the careful ones do.
func TestQuickParsersAgreeWithTheCarefulOnes(t *testing.T) {
	t.Parallel()
	types := []Type{
		{Kind: Byte},
		{Kind: Int16},
		{Kind: Int32},
		{Kind: Int64},
		{Kind: Double},
		{Kind: Single},
		{Kind: Decimal, Precision: 18, Scale: 4},
		{Kind: Decimal, Precision: 5, Scale: 0},
		{Kind: Decimal, Precision: 18, Scale: 18},
		{Kind: Date},
		{Kind: Timestamp, Unit: Micro},
		{Kind: Timestamp, Unit: Tick},
		{Kind: Timestamp, Unit: Nano},
		{Kind: Timestamp, Unit: Second},
		{Kind: TimestampTZ, Unit: Milli},
	}
	number := rapid.StringMatching(`-?[0-9]{0,20}(\.[0-9]{0,20})?`)
	moment := rapid.StringMatching(`[0-2][0-9]{3}[-/][01][0-9]-[0-3][0-9][ Tt][0-2][0-9]:[0-6][0-9][:.][0-6][0-9](\.[0-9]{0,10})?(Z|\+00|\+01:30)?`)
	odd := rapid.StringMatching(`[-+0-9.:/; eETZ]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		text := rapid.OneOf(number, moment, odd).Draw(t, "text")
		careful, quick := Column{Type: typ}, Column{Type: typ}
		parse, err := parserOf(typ, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ok := parse(&careful, []byte(text)) == fine
		// What lies behind the text must not matter.
		buf := append([]byte(text), rapid.SampledFrom([]string{"", "7", "999999999999", "\x00\xff\xff\xff\xff\xff\xff\xff\xff"}).Draw(t, "behind")...)
		p, err := NewParser(typ, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p(&quick, buf[:len(text)]); (err == nil) != ok {
			t.Fatalf("%s %q: %v, careful %v", typ, text, err, ok)
		}
		if err := EqualColumns(&quick, &careful); err != nil {
			t.Fatalf("%s %q: %v", typ, text, err)
		}
	})
}

func TestFloatsOfManyDigitsAreRoundedRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, scale := rapid.Uint64Range(1, 9_999_999_999_999_999_999).Draw(t, "v"), rapid.IntRange(0, 19).Draw(t, "scale")
		want, err := strconv.ParseFloat(fmt.Sprintf("%de-%d", v, scale), 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := quotient(v, scale); got != want {
			t.Fatalf("%d / 10^%d: %v, not %v", v, scale, got, want)
		}
	})
	// Half-way between two numbers: to the even one.
	for _, text := range []string{"9007199254740993", "9007199254740995", "18014398509481990", "18014398509481986.0", "0.5", "4503599627370496.5", "4503599627370497.5"} {
		want, _ := strconv.ParseFloat(text, 64)
		if got, ok := plainFloat([]byte(text)); !ok || got != want {
			t.Errorf("%s: %v, not %v", text, got, want)
		}
	}
	f := 1.0
	for range 400_000 {
		f = math.Float64frombits(math.Float64bits(f) + 0x1234567)
		if f > 1e9 {
			break
		}
		text := strconv.AppendFloat(nil, f, 'f', -1, 64)
		if got, ok := plainFloat(text); ok && got != f {
			t.Fatalf("%s: %v", text, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		typ  Type
		text string
	}{
		{Type{Kind: Int32}, "73422"},
		{Type{Kind: Int64}, "123456789012"},
		{Type{Kind: Double}, "123.45678901234567"},
		{Type{Kind: Decimal, Precision: 18, Scale: 4}, "123456.7891"},
		{Type{Kind: Date}, "2021-09-30"},
		{Type{Kind: Timestamp, Unit: Micro}, "2021-09-30 12:34:56.789012"},
		{Type{Kind: Boolean}, "True"},
	} {
		b.Run(c.typ.String(), func(b *testing.B) {
			parse, err := NewParser(c.typ, Options{})
			if err != nil {
				b.Fatal(err)
			}
			col, text := Column{Type: c.typ}, []byte(c.text)
			for i := 0; b.Loop(); i++ {
				if i&4095 == 0 {
					col.Reset()
				}
				if err := parse(&col, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
