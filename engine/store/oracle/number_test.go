package oracle

import (
	"math/big"
	"strings"
	"testing"

	go_ora "github.com/sijms/go-ora/v2"
	"pgregory.net/rapid"

	"dmgateway/engine/batch"
)

func TestNumbersAreWrittenAsTheDriverReadsThemRightly(t *testing.T) {
	t.Parallel()
	tests := []struct{ plain, want string }{
		{"0", "0"},
		{"-0.00", "0"},
		{"1", "1e0"},
		{"-1", "-1e0"},
		{"10", "1e1"},
		{"100", "1e2"},
		{"123.4500", "1.2345e2"},
		{"0.001", "1e-3"},
		{"-0.0105", "-1.05e-2"},
		{"99999999999999.9999", "9.99999999999999999e13"},
		{strings.Repeat("9", 39), "9." + strings.Repeat("9", 38) + "e38"},
		{strings.Repeat("9", 40), "9." + strings.Repeat("9", 39) + "e39"},
		{"1" + strings.Repeat("0", 125), "1e125"},
		{"0." + strings.Repeat("0", 129) + "1", "1e-130"},
	}
	for _, tt := range tests {
		got, _, err := scientific([]byte(tt.plain))
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, error %v; want %q", tt.plain, got, err, tt.want)
		}
	}
}

func TestNumbersThatOracleCannotHoldAreRefused(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{
		"NaN", "Infinity", "-Infinity", "", "-", strings.Repeat("9", 41), "1" + strings.Repeat("0", 126), "0." + strings.Repeat("0", 130) + "1",
		strings.Repeat("9", 39) + ".9" + "9",
	} {
		if got, _, err := scientific([]byte(plain)); err == nil {
			t.Errorf("%q becomes %q", plain, got)
		}
	}
}

// TestDriverKeepsNumbers sends numbers through the driver's own encoding and back.
func TestDriverKeepsNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unscaled := rapid.StringMatching(`-?[1-9][0-9]{0,37}`).Draw(t, "unscaled")
		scale := rapid.IntRange(0, 60).Draw(t, "scale")
		want, _ := new(big.Rat).SetString(unscaled + "e-" + itoa(scale))
		plain := want.FloatString(scale)
		text, _, err := scientific([]byte(plain))
		if err != nil {
			return // 39 or 40 digits, where the place of the point decides
		}
		n, err := go_ora.NewNumberFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		back, err := n.String()
		if err != nil {
			t.Fatal(err)
		}
		got, ok := new(big.Rat).SetString(back)
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("%s, sent as %s, comes back as %s", plain, text, back)
		}
	})
}

func TestColumnsThatRoundRefuseNumbers(t *testing.T) {
	t.Parallel()
	minus2, three, ten := -2, 3, 10
	hundreds, _ := targetOf(column{name: "C", data: typeNumber, precision: &three, scale: &minus2}, batch.Type{Kind: batch.Int32}, true)
	short, _ := targetOf(column{name: "C", data: typeFloat, precision: &ten}, batch.Type{Kind: batch.Decimal}, true)
	if hundreds.typ != (batch.Type{Kind: batch.Decimal, Precision: 5}) {
		t.Errorf("NUMBER(3,-2) takes %v", hundreds.typ)
	}
	for _, tt := range []struct {
		target target
		text   string
		ok     bool
	}{{hundreds, "12300", true}, {hundreds, "0", true}, {hundreds, "12345", false}, {hundreds, "50", false}, {short, "1.234", true}, {short, "12.345", false}} {
		c := batch.Column{Type: tt.target.typ}
		if err := batch.ParseText(&c, []byte(tt.text)); err != nil {
			t.Fatal(err)
		}
		var e encoder
		if _, err := e.value(&tt.target, &c, 0, false); (err == nil) != tt.ok {
			t.Errorf("%s into %s: error %v", tt.text, tt.target.native(), err)
		}
	}
}
