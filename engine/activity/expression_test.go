package activity

import (
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

func testWalker(v1 bool) *walker {
	v := Values{
		WindowStart: time.Date(2026, 2, 28, 23, 15, 30, 123456700, time.UTC), WindowEnd: time.Date(2026, 3, 1, 0, 15, 30, 0, time.UTC),
		RunID: "run-1", Pipeline: "Nightly", Factory: "acme", TriggerName: "hourly", TriggerTime: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC),
		Now: time.Date(2026, 3, 4, 5, 6, 7, 80000000, time.UTC),
	}
	nested, _ := fromJSON(`{"inner":{"list":[1,2.5,"three",null]}}`)
	s := scope{values: &v, parameters: parameters{"name": "Orders", "n": int64(7), "big": 1.5, "yes": true, "deep": nested, "none": nil}, dataset: parameters{"p": "of dataset"}}
	return &walker{x: &expander{values: &v}, scope: s, v1: v1}
}

func TestExpressionsOfV2(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]any{
		"plain":                                                   "plain",
		"a@b.example":                                             "a@b.example",
		"@@literal":                                               "@literal",
		"x @@{kept}":                                              "x @{kept}",
		"@pipeline().parameters.name":                             "Orders",
		"@pipeline().PARAMETERS.Name":                             "Orders",
		"@pipeline()['parameters']['n']":                          int64(7),
		"@pipeline().parameters.yes":                              true,
		"@{pipeline().parameters.yes}":                            "True",
		"n=@{pipeline().parameters.n}, @{1.5}!":                   "n=7, 1.5!",
		"@{'}'}":                                                  "}",
		"@pipeline().parameters.deep.inner.list[2]":               "three",
		"@pipeline().parameters.deep.inner.list[0]":               int64(1),
		"@{pipeline().parameters.deep.inner}":                     `{"list":[1,2.5,"three",null]}`,
		"@pipeline().parameters.none?.a?.b":                       nil,
		"@pipeline().RunId":                                       "run-1",
		"@concat(pipeline().DataFactory,'/',pipeline().Pipeline)": "acme/Nightly",
		"@pipeline().TriggerName":                                 "hourly",
		"@trigger().startTime":                                    "2026-03-01T01:00:00.0000000Z",
		"@trigger().outputs.windowStartTime":                      "2026-02-28T23:15:30.1234567Z",
		"@dataset().p":                                            "of dataset",
		"@concat('it''s ', 1, ' ', true)":                         "it's 1 True",
		"@utcnow()":                                               "2026-03-04T05:06:07.0800000Z",
		"@utcNow('yyyyMMdd')":                                     "20260304",
		"@formatDateTime('2026-03-04T05:06:07+02:00')":            "2026-03-04T03:06:07.0000000Z",
		"@formatDateTime('2026-03-04', 'ddd d MMM yy')":           "Wed 4 Mar 26",
		"@addDays('2026-02-28', 1, 'yyyy-MM-dd')":                 "2026-03-01",
		"@addHours('2026-02-28T23:00:00Z', 2)":                    "2026-03-01T01:00:00.0000000Z",
		"@addToTime('2026-01-31', 1, 'Month', 'yyyy-MM-dd')":      "2026-02-28",
		"@subtractFromTime('2026-03-31', 1, 'month', 'd')":        "2/28/2026",
		"@startOfDay('2026-03-04T05:06:07Z')":                     "2026-03-04T00:00:00.0000000Z",
		"@startOfHour('2026-03-04T05:06:07Z', 's')":               "2026-03-04T05:00:00",
		"@startOfMonth('2026-03-04', 'yyyy-MM-dd')":               "2026-03-01",
		"@dayOfWeek('2026-03-04')":                                int64(3),
		"@dayOfMonth('2026-03-04')":                               int64(4),
		"@dayOfYear('2026-03-04')":                                int64(63),
		"@ticks('0001-01-01')":                                    int64(0),
		"@if(greater(2, 1), 'yes', div(1, 0))":                    "yes",
		"@if(less(2, 1), div(1, 0), 'no')":                        "no",
		"@and(true, not(false))":                                  true,
		"@or(equals(1, 2), equals('a', 'a'))":                     true,
		"@and(false, div(1,0))":                                   false,
		"@equals(1, 1.0)":                                         true,
		"@equals('1', 1)":                                         false,
		"@equals(null, pipeline().parameters.none)":               true,
		"@equals(createArray(1,2), createArray(1,2))":             true,
		"@lessOrEquals(1, 1)":                                     true,
		"@greaterOrEquals('b', 'a')":                              true,
		"@coalesce(null, pipeline().parameters.none, 'x')":        "x",
		"@add(2, 3)":                                              int64(5),
		"@sub(2, 0.5)":                                            1.5,
		"@mul(6, 7)":                                              int64(42),
		"@div(7, 2)":                                              int64(3),
		"@mod(-7, 2)":                                             int64(-1),
		"@div(7, 2.0)":                                            3.5,
		"@int('42')":                                              int64(42),
		"@int(4.9)":                                               int64(4),
		"@float('1.25')":                                          1.25,
		"@bool('TRUE')":                                           true,
		"@string(1)":                                              "1",
		"@toUpper('äb')":                                          "ÄB",
		"@toLower('ÄB')":                                          "äb",
		"@trim('  a ')":                                           "a",
		"@replace('aXbX', 'X', '-')":                              "a-b-",
		"@substring('größe', 2, 2)":                               "öß",
		"@substring('größe', 3)":                                  "ße",
		"@indexOf('größe', 'E')":                                  int64(4),
		"@lastIndexOf('abab', 'a')":                               int64(2),
		"@indexOf('a', 'z')":                                      int64(-1),
		"@startsWith('Orders', 'or')":                             true,
		"@endsWith('Orders', 'RS')":                               true,
		"@contains('Orders', 'rd')":                               true,
		"@contains(createArray(1, 'a'), 'a')":                     true,
		"@length('äöü')":                                          int64(3),
		"@length(split('a,b,c', ','))":                            int64(3),
		"@join(split('a,b', ','), ';')":                           "a;b",
		"@first(split('a,b', ','))":                               "a",
		"@last('xyz')":                                            "z",
		"@empty('')":                                              true,
		"@json('{\"a\":[1]}').a[0]":                               int64(1),
		"@base64('a')":                                            "YQ==",
		"@encodeUriComponent('a b/ä')":                            "a%20b%2F%C3%A4",
		"$$WindowStart":                                           "2026-02-28T23:15:30.1234567Z",
		"$$FILEPATH":                                              "$$FILEPATH",
		"$$column:a":                                              "$$column:a",
		"@{concat('a', '@{x}')}":                                  "a@{x}",
		"@concat(toUpper(substring(pipeline().parameters.name,0,1)), '{', 1)": "O{1",
	} {
		got, err := testWalker(false).fill(in)
		if err != nil || !equal(got, want) || asText(got) != asText(want) {
			t.Errorf("%s gives %#v, %v; want %#v", in, got, err, want)
		}
	}
}

func TestExpressionsOfV1(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                           "plain",
		"@pipeline().RunId and @{x} stay": "@pipeline().RunId and @{x} stay",
		"$$WindowEnd":                     "2026-03-01T00:15:30Z",
		"$$Text.Format('{0:yyyy-MM-dd}', WindowStart)":                                   "2026-02-28",
		"$$ text.format ( '{0:HH:mm}' , sliceend )":                                      "00:15",
		`$$Text.Format('a >= \'{0:s}\'', SliceStart)`:                                    "a >= '2026-02-28T23:15:30'",
		"$$Text.Format('a >= ''{0:u}''', SliceStart)":                                    "a >= '2026-02-28 23:15:30Z'",
		"$$Text.Format('{{{0}}}', 1)":                                                    "{1}",
		"$$Text.Format('{0:D3}|{0,5}|{0,-5}|{1}', 7,8)":                                  "007|    7|7    |8",
		"$$Text.Format('{0:00}', -7)":                                                    "-07",
		"$$Text.Format('{0:yyyyMM}', Date.AddMonths(Date.AddDays(WindowEnd, 30), -1))":   "202602",
		"$$Text.Format('{0:yyyy-MM-dd}', Date.AddQuarters(WindowStart, 1))":              "2026-05-28",
		"$$Text.Format('{0:yyyy-MM-dd}', Date.AddYears(DateTime.From('2024-02-29'), 1))": "2025-02-28",
		"$$Text.Format('{0:yyyy-MM-dd}', Date.AddWeeks(WindowStart, 1))":                 "2026-03-07",
		"$$Text.Format('{0:o}', Date.EndOfDay(WindowStart))":                             "2026-02-28T23:59:59.9999999Z",
		"$$Text.Format('{0:o}', Date.EndOfMonth(DateTime.From('2026-12-05')))":           "2026-12-31T23:59:59.9999999Z",
		"$$Text.Format('{0:s}', Date.StartOfDay(WindowStart))":                           "2026-02-28T00:00:00",
		"$$Text.Format('{0:s}', Time.StartOfHour(WindowStart))":                          "2026-02-28T23:00:00",
		"$$Text.Format('{0:s}', Time.AddHours(WindowStart, 1))":                          "2026-03-01T00:15:30",
		"$$Text.Format('{0:s}', Time.AddMinutes(WindowStart, -15))":                      "2026-02-28T23:00:30",
		"$$Date.Day(WindowStart)":                                                        "28",
		"$$Date.DayOfWeek(WindowStart)":                                                  "Saturday",
		"$$Date.DayOfYear(WindowStart)":                                                  "59",
		"$$Date.DaysInMonth('2024-02-01')":                                               "29",
		"$$DateTime.Ticks('1970-01-01')":                                                 "621355968000000000",
		"$$DateTime.From('2026-01-02T03:04:05')":                                         "2026-01-02T03:04:05Z",
	} {
		got, err := testWalker(true).fill(in)
		if err != nil || got != want {
			t.Errorf("%s gives %#v, %v; want %q", in, got, err, want)
		}
	}
}

func TestExpressionsThatFail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"@":                                "ends too early",
		"@foo()":                           `the function "foo" is not supported`,
		"@foo":                             "neither a function nor a value",
		"@activity('x').output":            `the function "activity" is not supported`,
		"@{item().a}":                      `the function "item" is not supported`,
		"@linkedService().x":               "linkedService() means nothing here",
		"@pipeline().nothing":              `there is no "nothing"`,
		"@pipeline().parameters.x.y":       `there is no "x"`,
		"@pipeline().parameters.n.y":       "has no properties",
		"@pipeline().parameters.name[9]":   "no element 9",
		"@concat('a'":                      ", or ) is missing",
		"@concat('a":                       "no closing quote",
		"@concat('a') b":                   "is not expected here",
		"a @{concat('x')":                  "} is missing",
		"@div(1, 0)":                       "division by zero",
		"@add(9223372036854775807, 1)":     "too large",
		"@substring('abc', 2, 5)":          "outside the text",
		"@int('x')":                        "no whole number",
		"@formatDateTime('soon')":          "is no date and time",
		"@addDays('2026-01-01', 99999999)": "too large",
		"@addDays('2026-01-01', 3999999)":  "outside the years",
		"@greater(1, 'a')":                 "two numbers or two texts",
		"@toUpper(1)":                      "no text",
		"@concat()":                        "takes",
		"@if(1, 2, 3)":                     "neither true nor false",
		"@-":                               "no number",
		"@1..2":                            "no number",
		"$$Nothing":                        `the variable "Nothing" is not supported`,
		"$$Text.Format('{1}', 1)":          "asks for value",
		"$$Text.Format('{0', 1)":           "without }",
		"$$Text.Format('}', 1)":            "without {",
		"$$Text.Format('{0:X}', 1)":        "number format",
		"$$Text.Format(1)":                 "must be a text",
		"$$Date.AddDays(WindowStart)":      "takes 2 arguments",
		"$$Date.AddDays('x', 1)":           "is no date",
		"$$Other.Function(1)":              `the function "Other.Function" is not supported`,
		"@" + strings.Repeat("not(", 200) + "true" + strings.Repeat(")", 200): "nested deeper",
	} {
		got, err := testWalker(false).fill(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s gives %#v, %v; want %q", in, got, err, want)
		}
	}
}

func TestTextsDoNotGrowWithoutEnd(t *testing.T) {
	t.Parallel()
	e := "@" + strings.Repeat("replace(", 12) + "'aaaaaaaaaa'" + strings.Repeat(",'a','aaaaaaaaaa')", 12)
	if v, err := testWalker(false).fill(e); err == nil {
		t.Errorf("a text of %d bytes was made", len(asText(v)))
	}
}

func TestDateFormats(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 15, 6, 7, 123456789, time.UTC)
	for format, want := range map[string]string{
		"yyyy-MM-dd HH:mm:ss.fffffff": "2026-03-04 15:06:07.1234567", "y yy yyy yyyyy": "26 26 2026 02026",
		"d dd ddd dddd": "4 04 Wed Wednesday", "M MM MMM MMMM": "3 03 Mar March", "h hh H HH tt t": "3 03 15 15 PM P",
		"f ff F FF": "1 12 1 12", "z zz zzz K": "+0 +00 +00:00 Z", "'at' yyyy \"o'clock\"": "at 2026 o'clock", `\d\\d`: `d\4`,
		"%d": "4", "o": "2026-03-04T15:06:07.1234567Z", "r": "Wed, 04 Mar 2026 15:06:07 GMT", "G": "3/4/2026 3:06:07 PM", "": "3/4/2026 3:06:07 PM",
		"D": "Wednesday, March 4, 2026", "m": "March 4", "Y": "March 2026", "größe_dd": "größe_04", "/yyyy/MM/": "/2026/03/",
	} {
		if got, err := formatDate(at, format); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", format, got, err, want)
		}
	}
	for _, bad := range []string{"x", "'open", `\`} {
		if got, err := formatDate(at, bad); err == nil {
			t.Errorf("%q gives %q", bad, got)
		}
	}
}

func TestParametersAreChecked(t *testing.T) {
	t.Parallel()
	declared := `{"s":{"type":"String"},"i":{"type":"Int","defaultValue":1},"b":{"type":"Bool","defaultValue":false},"a":{"type":"Array","defaultValue":[1]},"o":{"type":"Object","defaultValue":{"x":1}},"f":{"type":"Float","defaultValue":1.5}}`
	d, err := readTree([]byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	p, err := arguments(map[string]any{"S": int64(5), "I": "42", "b": "true", "a": `["x"]`}, d)
	if err != nil || asText(p["s"]) != "5" || p["i"] != int64(42) || p["b"] != true || asText(p["a"]) != `["x"]` || p["f"] != 1.5 {
		t.Errorf("got %v, %v", p, err)
	}
	for want, given := range map[string]map[string]any{
		`"s" has no value`: {}, `no parameter "x"`: {"s": "", "x": 1}, `parameter "i"`: {"s": "", "i": "many"}, `parameter "a"`: {"s": "", "a": "{}"}, `parameter "b"`: {"s": "", "b": "maybe"},
	} {
		if _, err := arguments(given, d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v", given, err)
		}
	}
}

func TestExpandLeavesWhatIsNoExpression(t *testing.T) {
	t.Parallel()
	const in = `{"linkedServices":[{"name":"L","properties":{"type":"X","typeProperties":{"password":"@secret","text":"a@{b}"}}}],"datasets":[{"name":"D","properties":{"linkedServiceName":"L","typeProperties":{"folderPath":"a@{b}/@c","n":12345678901234567890.123}}},{"name":"Unused","properties":{"linkedServiceName":{"referenceName":"L"},"typeProperties":{"x":"@broken("}}}],"activity":{"name":"A","type":"Copy","inputs":[{"name":"d"}],"outputs":[{"name":"d"}],"typeProperties":{"source":{"query":"select '@x' <&>"}}}}`
	out, err := Expand([]byte(in), Values{})
	if err != nil || string(out) != in {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestExpandRefusesParametersThatNobodyDeclared(t *testing.T) {
	t.Parallel()
	bundle := []byte(`{"parameters":{"a":{"type":"String","defaultValue":""}},"linkedServices":[],"datasets":[],"activity":{"name":"A"}}`)
	_, err := Expand(bundle, Values{Parameters: map[string]any{"b": "x"}})
	if fault.Code(err) != fault.BadInput || props.Problems(err)[0].Target != "$.parameters" {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{``, `[]`, `{"a":`, `{} {}`, strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)} {
		if _, err := Expand([]byte(bad), Values{}); fault.Code(err) != fault.BadInput {
			t.Errorf("%.20q gives %v", bad, err)
		}
	}
}

func TestValuesSet(t *testing.T) {
	t.Parallel()
	var v Values
	for name, text := range map[string]string{"windowstart": "2026-01-01", "SliceEnd": "2026-01-02T00:00:00Z", "RunId": "r", "Table": "t"} {
		if err := v.Set(name, text); err != nil {
			t.Error(err)
		}
	}
	if v.WindowStart.Day() != 1 || v.WindowEnd.Day() != 2 || v.RunID != "r" || v.Parameters["Table"] != "t" {
		t.Errorf("got %+v", v)
	}
	if err := v.Set("WindowStart", "tomorrow"); fault.Code(err) != fault.BadInput {
		t.Errorf("got %v", err)
	}
}

// FuzzExpression looks for texts that bring the evaluator down, and for results that are no JSON.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		"@concat('a', pipeline().parameters.n)", "a @{utcnow('yyyy')} b", "$$Text.Format('{0:yyyy-MM-dd}', Date.AddDays(WindowStart, -1))", "@@x", "@json('[1,{}]')[1]?.a",
		"@formatDateTime('2026-01-01', '\\\\ ff zz')", "@add(1, mul(2.5, -3))", "@substring('äöü', 1, 1)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, v1 := range []bool{false, true} {
			w := testWalker(v1)
			v := w.text(s, "$.x")
			if _, err := readTree(writeTree(&object{members: []member{{"v", v}}})); err != nil && len(w.x.problems) == 0 {
				t.Errorf("%q gives %#v, which is no JSON: %v", s, v, err)
			}
		}
	})
}
