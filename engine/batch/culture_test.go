package batch

import (
	"strings"
	"testing"

	"dmgateway/engine/fault"
)

// shown writes a value, given as canonical text, with options.
func shown(t testing.TB, typ Type, o Options, canonical string) string {
	t.Helper()
	c := Column{Type: typ}
	if err := ParseText(&c, []byte(canonical)); err != nil {
		t.Fatal(err)
	}
	text, err := NewAppender(typ, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text(nil, &c, 0))
}

// understood reads text with options and gives its canonical text, or the error's code.
func understood(t testing.TB, typ Type, o Options, text string) string {
	t.Helper()
	parse, err := NewParser(typ, o)
	if err != nil {
		t.Fatal(err)
	}
	c := Column{Type: typ}
	if err := parse(&c, []byte(text)); err != nil {
		if c.Len() != 0 {
			t.Errorf("%q is refused and appended", text)
		}
		return fault.Code(err)
	}
	return string(AppendText(nil, &c, 0))
}

var (
	stamp  = Type{Kind: Timestamp, Unit: Tick}
	money  = Type{Kind: Decimal, Precision: 18, Scale: 4}
	double = Type{Kind: Double}
	length = Type{Kind: Duration, Unit: Tick}
)

func TestDatesOfACultureAreWrittenAndRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ culture, format, value, text string }{
		{"de-DE", "D", "2016-03-07 00:00:00", "Montag, 7. März 2016"},
		{"de-DE", "d. MMM yyyy", "2016-03-07 00:00:00", "7. März 2016"},
		{"de", "g", "2016-03-07 13:05:00", "07.03.2016 13:05"},
		{"en-GB", "d", "2016-03-07 00:00:00", "07/03/2016"},
		{"en-gb", "f", "2016-03-07 13:05:00", "Monday, 7 March 2016 13:05"},
		{"fr-FR", "ddd d MMM yyyy", "2016-02-29 00:00:00", "lun. 29 févr. 2016"},
		{"ru-RU", "d MMMM yyyy", "2016-03-07 00:00:00", "7 марта 2016"},
		{"ru-RU", "MMMM yyyy", "2016-03-01 00:00:00", "март 2016"},
		{"pl-PL", "dd MMMM yyyy", "2016-10-05 00:00:00", "05 października 2016"},
		{"ja-JP", "D", "2016-12-07 00:00:00", "2016年12月7日水曜日"},
		{"zh-CN", "D", "2016-11-07 00:00:00", "2016年11月7日星期一"},
		{"ko-KR", "T", "2016-11-07 15:04:05", "오후 3:04:05"},
		{"es-MX", "t", "2016-11-07 03:04:00", "3:04 a.m."},
		{"nl_NL", "d", "2016-11-07 00:00:00", "07-11-2016"},
		{"", "D", "2016-03-07 00:00:00", "Monday, March 7, 2016"},
		{"invariant", "D", "2016-03-07 00:00:00", "Monday, 07 March 2016"},
	} {
		o := Options{Culture: test.culture, Format: test.format}
		if got := shown(t, stamp, o, test.value); got != test.text {
			t.Errorf("%s %s: %q, want %q", test.culture, test.format, got, test.text)
		}
		if test.culture == "ru-RU" || !strings.ContainsAny(test.format, "tT") {
			if got := understood(t, stamp, o, test.text); got != test.value {
				t.Errorf("%s %s: %q is understood as %s, want %s", test.culture, test.format, test.text, got, test.value)
			}
		}
	}
	for _, test := range []struct{ culture, format, text, value string }{
		{"de-DE", "d MMM yyyy", "7 AUG 2016", "2016-08-07 00:00:00"}, // without the point, in capitals
		{"en-GB", "d MMM yyyy", "7 Sep 2016", "2016-09-07 00:00:00"},
		{"en-GB", "d MMM yyyy", "7 Sept 2016", "2016-09-07 00:00:00"},
		{"ru-RU", "d MMMM yyyy", "7 МАРТА 2016", "2016-03-07 00:00:00"},
		{"zh-CN", "MMMM yyyy", "十二月 2016", "2016-12-01 00:00:00"},
		{"de-DE", "d MMM yyyy", "7 Okto 2016", fault.Conversion},
		{"fr-FR", "d MMMM yyyy", "31 février 2016", fault.Conversion},
	} {
		if got := understood(t, stamp, Options{Culture: test.culture, Format: test.format}, test.text); got != test.value {
			t.Errorf("%s %s: %q is understood as %s, want %s", test.culture, test.format, test.text, got, test.value)
		}
	}
}

func TestNumbersOfACultureAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		culture string
		typ     Type
		text    string
		value   string
	}{
		{"de-DE", money, "1.234,56", "1234.5600"},
		{"de-DE", money, "-1.234.567,5", "-1234567.5000"},
		{"de-DE", money, "1234,56", "1234.5600"},
		{"de-DE", money, "1.5", fault.Conversion}, // half of what was meant would be ten times as much
		{"de-DE", money, "1.2345,6", fault.Conversion},
		{"de-DE", money, "1,5.6", fault.Conversion},
		{"de-DE", double, "1,5e3", "1500"},
		{"de-DE", double, "NaN", "NaN"},
		{"de-DE", Type{Kind: Int32}, "1.234", "1234"},
		{"de-DE", Type{Kind: Int32}, "12.34", fault.Conversion},
		{"fr-FR", money, "1 234,5", "1234.5000"},
		{"fr-FR", money, "1\u202f234,5", "1234.5000"},
		{"fr-FR", money, "1\u00a0234\u00a0567,5", "1234567.5000"},
		{"de-CH", money, "1'234.5", "1234.5000"},
		{"sv-SE", money, "\u22121 234,5", "-1234.5000"},
		{"en-IN", money, "12,34,567.5", "1234567.5000"},
		{"en-US", money, "1,234.5", "1234.5000"},
		{"en-US", money, "1,23.5", fault.Conversion},
		{"en-US", money, ",5", fault.Conversion},
		{"", money, "1,234.5", fault.Conversion},
		{"de-DE", money, "", fault.Conversion},
		{"de-DE", money, ",", fault.Conversion},
		{"de-DE", money, "-", fault.Conversion},
	} {
		if got := understood(t, test.typ, Options{Culture: test.culture}, test.text); got != test.value {
			t.Errorf("%s: %q is understood as %s, want %s", test.culture, test.text, got, test.value)
		}
	}
	for _, test := range []struct {
		culture string
		typ     Type
		value   string
		text    string
	}{
		{"de-DE", money, "-1234.5600", "-1234,5600"},
		{"de-DE", double, "1e+300", "1e+300"},
		{"de-DE", double, "1.5e+300", "1,5e+300"},
		{"de-DE", Type{Kind: Int64}, "1234", "1234"},
		{"en-GB", money, "1.5", "1.5000"},
	} {
		if got := shown(t, test.typ, Options{Culture: test.culture}, test.value); got != test.text {
			t.Errorf("%s: %s is written as %q, want %q", test.culture, test.value, got, test.text)
		}
	}
}

func TestBooleansAsNumbers(t *testing.T) {
	t.Parallel()
	if got := shown(t, Type{Kind: Boolean}, Options{BooleanAsNumber: true}, "true"); got != "1" {
		t.Error(got)
	}
}

func TestTimeSpanFormats(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ                 Type
		culture             string
		format, value, text string
	}{
		{length, "", `dd\.hh\:mm`, "1.02:03:00", "01.02:03"},
		{length, "", `hh\:mm\:ss`, "02:03:04", "02:03:04"},
		{length, "", `h\:mm\:ss\.fff`, "02:03:04.5", "2:03:04.500"},
		{length, "", `h'h 'm'm'`, "02:03:00", "2h 3m"},
		{length, "", `%d`, "5.00:00:00", "5"},
		{length, "", `g`, "1.02:03:04.5", "1:2:03:04.5"},
		{length, "", `g`, "02:03:04", "2:03:04"},
		{length, "fr-FR", `g`, "02:03:04.25", "2:03:04,25"},
		{length, "", `G`, "-1.02:03:04.5", "-1:02:03:04.5000000"},
		{length, "", `c`, "-1.02:03:04.5", "-1.02:03:04.5"},
		{length, "", `hh\:mm\:ss\.FFFFFFF`, "02:03:04", "02:03:04"},
		{Type{Kind: Time, Unit: Micro}, "", `hh\:mm`, "23:59:00", "23:59"},
	} {
		o := Options{Culture: test.culture, Format: test.format}
		if got := shown(t, test.typ, o, test.value); got != test.text {
			t.Errorf("%s of %s: %q, want %q", test.format, test.value, got, test.text)
		}
		if got := understood(t, test.typ, o, test.text); got != test.value {
			t.Errorf("%s: %q is understood as %s, want %s", test.format, test.text, got, test.value)
		}
	}
	for _, wrong := range []string{`hh:mm`, `dd.hh`, `hhh`, `%%`, `'x`, `hh\`, `q`} {
		if _, err := NewParser(length, Options{Format: wrong}); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
			t.Errorf("the format %q: %v", wrong, err)
		}
	}
	for _, text := range []string{"", "-", "25:00", "10:60", "10:00x", "1000000000:00", "10"} {
		if got := understood(t, length, Options{Format: `h\:mm`}, text); got != fault.Conversion {
			t.Errorf("%q is understood as %s", text, got)
		}
	}
}

// everyFormat are the standard formats that show a whole day or moment.
var everyFormat = []string{"d", "D", "f", "F", "g", "G", "dd MMM yyyy HH:mm:ss", "dddd d MMMM yyyy hh:mm:ss tt"}

func TestEveryCultureUnderstandsWhatItWrites(t *testing.T) {
	t.Parallel()
	for _, name := range append(cultureNames(), "en-us", "invariant", "") {
		for _, format := range everyFormat {
			for _, value := range []string{"2016-01-31 00:00:00", "2003-02-01 15:04:00", "1999-11-07 11:59:00", "2024-06-15 12:00:00", "2049-09-30 23:01:00"} {
				o := Options{Culture: name, Format: format}
				text := shown(t, stamp, o, value)
				want := value
				if len(format) == 1 && strings.ToLower(format) == "d" {
					want = value[:10] + " 00:00:00"
				}
				if got := understood(t, stamp, o, text); got != want {
					t.Errorf("%s %s: %q is understood as %s, want %s", name, format, text, got, want)
				}
			}
		}
		for _, value := range []string{"-1234567.8900", "0.0001", "0.0000"} {
			o := Options{Culture: name}
			if got := understood(t, money, o, shown(t, money, o, value)); got != value {
				t.Errorf("%s: %s becomes %s", name, value, got)
			}
		}
	}
}

func FuzzCultures(f *testing.F) {
	f.Add("de-DE", "D", "Montag, 7. März 2016")
	f.Add("ja-JP", "D", "2016年12月7日水曜日")
	f.Add("fr-FR", `d\.hh\:mm`, "1 234,5")
	f.Add("", "%d", "-")
	f.Add("sr-Latn-RS", "'", "\xff")
	kinds := []Type{stamp, {Kind: Date}, {Kind: TimestampTZ, Unit: Nano}, {Kind: Time, Unit: Second}, length, money, double, {Kind: Int16}, {Kind: Decimal}}
	f.Fuzz(func(t *testing.T, culture, format, text string) {
		for _, typ := range kinds {
			o := Options{Culture: culture, Format: format}
			parse, err := NewParser(typ, o)
			if err != nil {
				if fault.Code(err) == fault.Internal {
					t.Fatal(err)
				}
				continue
			}
			c := Column{Type: typ}
			if parse(&c, []byte(text)) != nil {
				if c.Len() != 0 {
					t.Fatal("refused and appended")
				}
				continue
			}
			if c.Len() != 1 {
				t.Fatalf("%d values", c.Len())
			}
			show, err := NewAppender(typ, o)
			if err != nil {
				t.Fatal(err)
			}
			show(nil, &c, 0)
		}
	})
}
