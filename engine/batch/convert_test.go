package batch_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/fault"
)

// types is AllTypes and more widths, so that pairs cross every storage.
func types() []batch.Type {
	return append(batchtest.AllTypes(),
		batch.Type{Kind: batch.Decimal, Precision: 4}, batch.Type{Kind: batch.Decimal, Precision: 18},
		batch.Type{Kind: batch.Decimal, Precision: 20}, batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 38},
		batch.Type{Kind: batch.Decimal, Precision: 50}, batch.Type{Kind: batch.Binary, Length: 10},
	)
}

func eachPair(t *testing.T, f func(t *testing.T, from, to batch.Type)) {
	for _, from := range types() {
		t.Run(from.String(), func(t *testing.T) {
			t.Parallel()
			for _, to := range types() {
				f(t, from, to)
			}
		})
	}
}

func TestLosslessTellsWhatConvertersDo(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to batch.Type) {
		ok, why := batch.Lossless(from, to)
		if ok != (why == "") {
			t.Errorf("%s to %s: %v, %q", from, to, ok, why)
		}
		conv, err := batch.NewConverter(from, to, batch.Options{})
		if err != nil {
			if fault.Code(err) != fault.Unsupported || ok || !strings.Contains(why, "cannot become") {
				t.Errorf("%s to %s: refused with %v, but lossless is %v, %q", from, to, err, ok, why)
			}
			return
		}
		if strings.Contains(why, "cannot become") {
			t.Errorf("%s to %s: has a converter, but %q", from, to, why)
		}
		if !ok {
			return
		}
		in := batchtest.Random(batchtest.Schema(from), 1, 2000, 5).Cols[0]
		out := batch.Column{Type: to}
		if err := conv.Convert(&out, &in, nil); err != nil {
			t.Errorf("%s to %s is lossless, but %v", from, to, err)
			return
		}
		back, err := batch.NewConverter(to, from, batch.Options{})
		if err != nil {
			t.Errorf("%s to %s is lossless, but there is no way back: %v", from, to, err)
			return
		}
		again := batch.Column{Type: from}
		if err := back.Convert(&again, &out, nil); err != nil {
			t.Errorf("%s to %s and back: %v", from, to, err)
			return
		}
		if from.Kind == batch.Decimal && from.Precision == 0 || to.Kind == batch.JSON || to.Kind == batch.XML {
			return // digits after the point of an unbounded decimal are not its value
		}
		for i, v := range in.Floats {
			in.Floats[i] = v + 0 // a decimal has no negative zero
			again.Floats[i] += 0
		}
		if err := batch.EqualColumns(&again, &in); err != nil {
			t.Errorf("%s to %s and back: %v", from, to, err)
		}
	})
}

func TestFitsMeansTheSameValues(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to batch.Type) {
		if !batch.Fits(from, to) {
			if from == to {
				t.Errorf("%s does not fit itself", from)
			}
			return
		}
		conv, err := batch.NewConverter(from, to, batch.Options{})
		if err != nil {
			t.Errorf("%s fits %s, but %v", from, to, err)
			return
		}
		in := batchtest.Random(batchtest.Schema(from), 2, 500, 5).Cols[0]
		out := batch.Column{Type: to}
		if err := conv.Convert(&out, &in, nil); err != nil {
			t.Errorf("%s fits %s, but %v", from, to, err)
			return
		}
		in.Type = to
		if err := batch.EqualColumns(&in, &out); err != nil {
			t.Errorf("%s fits %s, but conversion gives %v", from, to, err)
		}
	})
}

// exact gives a number's value, nil for what is not finite.
func exact(c *batch.Column, i int) *big.Rat {
	if c.Type.Kind == batch.Boolean {
		return new(big.Rat).SetInt64(c.Ints[i])
	}
	r, _ := new(big.Rat).SetString(string(batch.AppendText(nil, c, i)))
	return r
}

func isNumber(t batch.Type) bool { return t.Kind <= batch.Decimal }

// A conversion between numbers, where it does not fail, keeps the value; where it fails, the value does not fit.
func TestNumbersKeepTheirValue(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to batch.Type) {
		if !isNumber(from) || !isNumber(to) || to.Kind == batch.Single || to.Kind == batch.Double {
			return
		}
		conv, err := batch.NewConverter(from, to, batch.Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := batchtest.Random(batchtest.Schema(from), 3, 1000, 8).Cols[0]
		out := batch.Column{Type: to}
		var bad []int
		if err := conv.Convert(&out, &in, func(row int, err *fault.Error) {
			bad = append(bad, row)
			if err.Row != int64(row)+1 || err.Value == "" || err.Code != fault.Conversion {
				t.Fatalf("%s to %s: %v has row %d", from, to, err, err.Row)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if out.Len() != in.Len() || !slices.IsSorted(bad) {
			t.Fatalf("%s to %s: %d rows of %d, bad %v", from, to, out.Len(), in.Len(), bad)
		}
		for i := range in.Len() {
			failed := slices.Contains(bad, i)
			if out.IsNull(i) != (in.IsNull(i) || failed) {
				t.Fatalf("%s to %s, row %d: NULL %v, was NULL %v, failed %v", from, to, i, out.IsNull(i), in.IsNull(i), failed)
			}
			if in.IsNull(i) {
				continue
			}
			want := exact(&in, i)
			if failed {
				if want != nil && holds(to, want) {
					t.Fatalf("%s to %s refuses %s", from, to, want.FloatString(5))
				}
				continue
			}
			if from.Storage() == batch.InFloats && to.Kind != batch.Decimal { // all the digits, not the shortest text's
				want = new(big.Rat).SetFloat64(in.Floats[i])
			}
			if got := exact(&out, i); want == nil != (got == nil) || want != nil && got.Cmp(want) != 0 {
				t.Fatalf("%s to %s: %v became %v", from, to, want, got)
			}
		}
	})
}

// holds reports whether a number is a value of the type.
func holds(t batch.Type, v *big.Rat) bool {
	c := batch.Column{Type: t}
	text := v.FloatString(60)
	if v.IsInt() {
		text = v.Num().String()
	}
	return batch.ParseText(&c, []byte(text)) == nil
}

func TestConvertAppendsAndLeavesNothingAfterAnError(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, from, to batch.Type) {
		conv, err := batch.NewConverter(from, to, batch.Options{})
		if err != nil {
			return
		}
		ignore := func(int, *fault.Error) {}
		a, b := batchtest.Random(batchtest.Schema(from), 4, 100, 5).Cols[0], batchtest.Random(batchtest.Schema(from), 5, 77, 5).Cols[0]
		both := batch.Column{Type: to}
		first, second := batch.Column{Type: to}, batch.Column{Type: to}
		for _, step := range []struct{ dst, src *batch.Column }{{&both, &a}, {&both, &b}, {&first, &a}, {&second, &b}} {
			if err := conv.Convert(step.dst, step.src, ignore); err != nil {
				t.Fatal(err)
			}
		}
		if both.Len() != first.Len()+second.Len() || both.Nulls() != first.Nulls()+second.Nulls() {
			t.Fatalf("%s to %s: %d rows, %d NULLs", from, to, both.Len(), both.Nulls())
		}
		for i := range b.Len() {
			x, y := &both, &second
			if x.IsNull(100+i) != y.IsNull(i) || !y.IsNull(i) && string(batch.AppendText(nil, x, 100+i)) != string(batch.AppendText(nil, y, i)) {
				t.Fatalf("%s to %s: row %d differs when appended", from, to, i)
			}
		}
		before := first.Len()
		if err := conv.Convert(&first, &b, nil); err != nil {
			if first.Len() != before {
				t.Fatalf("%s to %s: %d rows after an error", from, to, first.Len())
			}
			again := batch.Column{Type: to}
			if err := conv.Convert(&again, &a, ignore); err != nil {
				t.Fatal(err)
			}
			if err := batch.EqualColumns(&first, &again); err != nil {
				t.Fatalf("%s to %s after an error: %v", from, to, err)
			}
		}
	})
}

func TestConversions(t *testing.T) {
	t.Parallel()
	ty := func(k batch.Kind, n ...int) batch.Type {
		t := batch.Type{Kind: k}
		switch k {
		case batch.Decimal:
			t.Precision, t.Scale = n[0], n[1]
		case batch.Time, batch.Duration, batch.Timestamp, batch.TimestampTZ:
			t.Unit = batch.Unit(n[0])
		case batch.String, batch.Binary:
			if len(n) > 0 {
				t.Length = n[0]
			}
		}
		return t
	}
	us, tick, sec, nano := int(batch.Micro), int(batch.Tick), int(batch.Second), int(batch.Nano)
	for _, c := range []struct {
		from, to batch.Type
		in       string
		strict   string // "" = refused
		truncate string
	}{
		{ty(batch.Decimal, 10, 3), ty(batch.Int32), "12.000", "12", "12"},
		{ty(batch.Decimal, 10, 3), ty(batch.Int32), "-12.999", "", "-12"},
		{ty(batch.Decimal, 30, 3), ty(batch.Int16), "99999.000", "", ""},
		{ty(batch.Decimal, 0, 0), ty(batch.Int64), "3.00", "3", "3"},
		{ty(batch.Decimal, 0, 0), ty(batch.Int64), "3.01", "", "3"},
		{ty(batch.Decimal, 0, 0), ty(batch.Decimal, 10, 2), "NaN", "", ""},
		{ty(batch.Decimal, 0, 0), ty(batch.Double), "NaN", "NaN", "NaN"},
		{ty(batch.Double), ty(batch.Int32), "2.5", "", "2"},
		{ty(batch.Double), ty(batch.Int64), "9.3e18", "", ""},
		{ty(batch.Double), ty(batch.Decimal, 10, 2), "0.1", "0.10", "0.10"},
		{ty(batch.Double), ty(batch.Decimal, 10, 2), "0.125", "", "0.12"},
		{ty(batch.Double), ty(batch.Decimal, 38, 20), "0.1", "0.10000000000000000000", "0.10000000000000000000"},
		{ty(batch.Double), ty(batch.Decimal, 0, 0), "1e20", "100000000000000000000", "100000000000000000000"},
		{ty(batch.Double), ty(batch.Single), "0.1", "0.1", "0.1"},
		{ty(batch.Double), ty(batch.Single), "0.123456789", "", "0.12345679"},
		{ty(batch.Double), ty(batch.Single), "1e300", "", ""},
		{ty(batch.Single), ty(batch.Decimal, 10, 4), "0.1", "0.1000", "0.1000"},
		{ty(batch.Int32), ty(batch.Boolean), "1", "True", "True"},
		{ty(batch.Int32), ty(batch.Boolean), "2", "", ""},
		{ty(batch.Boolean), ty(batch.Decimal, 0, 0), "True", "1", "1"},
		{ty(batch.Int64), ty(batch.Double), "9007199254740993", "9.007199254740992e+15", "9.007199254740992e+15"},
		{ty(batch.Date), ty(batch.Timestamp, us), "2024-02-29", "2024-02-29 00:00:00", "2024-02-29 00:00:00"},
		{ty(batch.Date), ty(batch.Timestamp, nano), "9999-12-31", "", ""},
		{ty(batch.Timestamp, us), ty(batch.Date), "2024-02-29 12:00:00", "", "2024-02-29"},
		{ty(batch.Timestamp, us), ty(batch.Timestamp, sec), "1969-12-31 23:59:59.5", "", "1969-12-31 23:59:59"},
		{ty(batch.Timestamp, tick), ty(batch.Timestamp, us), "2024-02-29 12:00:00.1234567", "", "2024-02-29 12:00:00.123456"},
		{ty(batch.Timestamp, us), ty(batch.TimestampTZ, us), "2024-02-29 12:00:00", "2024-02-29 12:00:00+00", "2024-02-29 12:00:00+00"},
		{ty(batch.TimestampTZ, us), ty(batch.Timestamp, us), "2024-02-29 12:00:00+00", "2024-02-29 12:00:00", "2024-02-29 12:00:00"},
		{ty(batch.TimestampTZ, us), ty(batch.Timestamp, us), "2024-02-29 12:00:00+02", "", "2024-02-29 10:00:00"},
		{ty(batch.TimestampTZ, us), ty(batch.TimestampTZ, nano), "2024-02-29 12:00:00+02", "2024-02-29 12:00:00+02", "2024-02-29 12:00:00+02"},
		{ty(batch.TimestampTZ, us), ty(batch.Date), "2024-02-29 00:00:00+02", "", "2024-02-29"},
		{ty(batch.Duration, us), ty(batch.Time, us), "23:59:59.5", "23:59:59.5", "23:59:59.5"},
		{ty(batch.Duration, us), ty(batch.Time, us), "1.00:00:00", "", ""},
		{ty(batch.String), ty(batch.Int32), "12.5", "", "12"},
		{ty(batch.String), ty(batch.Int32), "twelve", "", ""},
		{ty(batch.String), ty(batch.Decimal, 5, 2), "1.239", "", "1.23"},
		{ty(batch.String), ty(batch.Date), "2024-02-29 12:00:00", "", "2024-02-29"},
		{ty(batch.String), ty(batch.Timestamp, us), "2024-02-29 12:00:00.1234567", "", "2024-02-29 12:00:00.123456"},
		{ty(batch.String), ty(batch.String, 3), "abcd", "", ""},
		{ty(batch.String), ty(batch.JSON), `{"a":`, "", ""},
		{ty(batch.Int32), ty(batch.String, 3), "1234", "", ""},
		{ty(batch.Binary), ty(batch.GUID), `\x00`, "", ""},
		{ty(batch.GUID), ty(batch.Binary), "6f9619ff-8b86-d011-b42d-00cf4fc964ff", `\x6f9619ff8b86d011b42d00cf4fc964ff`, `\x6f9619ff8b86d011b42d00cf4fc964ff`},
	} {
		for _, o := range []batch.Options{{}, {Truncate: true}} {
			want := c.strict
			if o.Truncate {
				want = c.truncate
			}
			name := fmt.Sprintf("%s to %s, truncate %v: %q", c.from, c.to, o.Truncate, c.in)
			in, out := batch.Column{Type: c.from}, batch.Column{Type: c.to}
			if err := batch.ParseText(&in, []byte(c.in)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			conv, err := batch.NewConverter(c.from, c.to, o)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			err = conv.Convert(&out, &in, nil)
			if want == "" {
				if fault.Code(err) != fault.Conversion {
					t.Errorf("%s: %v, %d rows", name, err, out.Len())
				}
				continue
			}
			if err != nil || string(batch.AppendText(nil, &out, 0)) != want {
				t.Errorf("%s: %v, %q, not %q", name, err, batchtest.Show(&out), want)
			}
		}
	}
}

func TestDateFormats(t *testing.T) {
	t.Parallel()
	us := batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}
	tz := batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}
	date := batch.Type{Kind: batch.Date}
	for _, c := range []struct {
		typ             batch.Type
		culture, format string
		canonical, text string
	}{
		{us, "", "dd/MM/yyyy HH:mm:ss", "2024-02-05 13:04:09", "05/02/2024 13:04:09"},
		{us, "en-US", "M/d/yy h:mm tt", "2024-02-05 13:04:00", "2/5/24 1:04 PM"},
		{us, "", "yyyy-MM-ddTHH:mm:ss.fffffff", "2024-02-05 13:04:09.123456", "2024-02-05T13:04:09.1234560"},
		{us, "", "yyyyMMddHHmmss.FFF", "2024-02-05 13:04:09", "20240205130409"},
		{us, "", "yyyyMMddHHmmss.FFF", "2024-02-05 13:04:09.5", "20240205130409.5"},
		{us, "", "dddd, dd MMMM yyyy 'at' HH\\hmm", "2024-02-05 13:04:00", "Monday, 05 February 2024 at 13h04"},
		{us, "", "ddd MMM d yyyy hh.mm.ss t", "2024-02-05 00:04:09", "Mon Feb 5 2024 12.04.09 A"},
		{us, "en-us", "G", "2024-02-05 13:04:09", "2/5/2024 1:04:09 PM"},
		{us, "invariant", "G", "2024-02-05 13:04:09", "02/05/2024 13:04:09"},
		{us, "", "s", "2024-02-05 13:04:09", "2024-02-05T13:04:09"},
		{us, "", "R", "2024-02-05 13:04:09", "Mon, 05 Feb 2024 13:04:09 GMT"},
		{us, "", "o", "2024-02-05 13:04:09.5", "2024-02-05T13:04:09.5000000"},
		{tz, "", "o", "2024-02-05 13:04:09.5-03:30", "2024-02-05T13:04:09.5000000-03:30"},
		{tz, "", "yyyy-MM-dd HH:mm:ss zzz", "2024-02-05 13:04:09+02", "2024-02-05 13:04:09 +02:00"},
		{tz, "", "yyyy-MM-dd HH:mm z", "2024-02-05 13:04:00-05", "2024-02-05 13:04 -5"},
		{date, "", "dd.MM.yyyy", "2024-02-05", "05.02.2024"},
		{date, "", "D", "2024-02-05", "Monday, February 5, 2024"},
		{date, "", "%d MMM yyyy", "2024-02-05", "5 Feb 2024"},
		{date, "", "yyyy", "0044-01-01", "0044"},
	} {
		name := fmt.Sprintf("%s %q %q", c.typ, c.culture, c.format)
		o := batch.Options{Culture: c.culture, Format: c.format}
		toText, err1 := batch.NewConverter(c.typ, batch.Type{Kind: batch.String}, o)
		toTyped, err2 := batch.NewConverter(batch.Type{Kind: batch.String}, c.typ, o)
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", name, err1, err2)
			continue
		}
		value, text, back := batch.Column{Type: c.typ}, batch.Column{Type: batch.Type{Kind: batch.String}}, batch.Column{Type: c.typ}
		if err := batch.ParseText(&value, []byte(c.canonical)); err != nil {
			t.Fatal(err)
		}
		if err := toText.Convert(&text, &value, nil); err != nil || text.Text(0) != c.text {
			t.Errorf("%s: %v, %q, not %q", name, err, text.Data, c.text)
			continue
		}
		if err := toTyped.Convert(&back, &text, nil); err != nil {
			t.Errorf("%s: %q: %v", name, c.text, err)
			continue
		}
		if err := batch.EqualColumns(&back, &value); err != nil {
			t.Errorf("%s: %q came back: %v", name, c.text, err)
		}
	}
}

func TestDateFormatsRefuse(t *testing.T) {
	t.Parallel()
	us := batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}
	for _, o := range []batch.Options{{Culture: "tlh"}, {Format: "yyyy 'open"}, {Format: "q"}, {Format: "ffffffff"}, {Format: "\\"}} {
		if _, err := batch.NewParser(us, o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if _, err := batch.NewParser(batch.Type{Kind: batch.Duration}, batch.Options{Format: "hh:mm"}); fault.Code(err) != fault.BadInput {
		t.Error(err)
	}
	parse, err := batch.NewParser(us, batch.Options{Format: "dd/MM/yyyy HH:mm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "31/02/2024 10:00", "5/02/2024 10:00", "05/02/2024 24:00", "05/02/2024 10:00 ", "05/02/2024 10:000", "05-02-2024 10:00"} {
		c := batch.Column{Type: us}
		if err := parse(&c, []byte(text)); (err == nil) != (text == "05/02/2024 10:00 ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRemoveDropsRows(t *testing.T) {
	t.Parallel()
	schema := batchtest.Schema(types()...)
	all := batchtest.Random(schema, 6, 50, 4)
	for _, rows := range [][]int{{}, {0}, {49}, {0, 1, 2, 7, 8, 9, 48, 49}, {3, 3}} {
		b := batchtest.Random(schema, 6, 50, 4)
		b.Remove(rows)
		next := 0
		for i := range all.Len() {
			if slices.Contains(rows, i) {
				continue
			}
			for j := range all.Cols {
				x, y := &all.Cols[j], &b.Cols[j]
				if x.IsNull(i) != y.IsNull(next) || !x.IsNull(i) && string(batch.AppendText(nil, x, i)) != string(batch.AppendText(nil, y, next)) {
					t.Fatalf("without %v: row %d, column %s differs", rows, i, x.Type)
				}
			}
			next++
		}
		if b.Len() != next {
			t.Fatalf("without %v: %d rows, not %d", rows, b.Len(), next)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("removing a row that is not there does not panic")
		}
	}()
	all.Remove([]int{50})
}

func FuzzParseText(f *testing.F) {
	for i, s := range []string{"1", "-1.5e3", "2024-02-29 12:00:00.5+02", "1/2/2024 1:02 pm", "-1.02:03:04", `\x00`, "NaN", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "0044-03-15 BC", "True"} {
		f.Add(uint8(i), []byte(s))
	}
	all := types()
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		typ := all[int(which)%len(all)]
		c := batch.Column{Type: typ}
		if err := batch.ParseText(&c, text); err != nil {
			if c.Len() != 0 || len(c.Data) != 0 {
				t.Fatalf("%s: %q: %v, but a value was appended", typ, text, err)
			}
			return
		}
		canonical := batch.AppendText(nil, &c, 0)
		again := batch.Column{Type: typ}
		if err := batch.ParseText(&again, canonical); err != nil {
			t.Fatalf("%s: %q became %q: %v", typ, text, canonical, err)
		}
		if err := batch.EqualColumns(&again, &c); err != nil {
			t.Fatalf("%s: %q became %q: %v", typ, text, canonical, err)
		}
	})
}
