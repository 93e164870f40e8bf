package props_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

func parse(t *testing.T, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// said are the problems as "code path: message".
func said(err error) []string {
	var list []string
	for _, p := range props.Problems(err) {
		list = append(list, fmt.Sprintf("%s %s: %s", p.Code, p.Target, p.Message))
	}
	return list
}

func wantSaid(t *testing.T, err error, want ...string) {
	t.Helper()
	if got := said(err); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestGettersWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"Text":"a","NUMBER":7,"digits":" 8 ","yes":true,"no":"False","when":"2026-01-02T03:04:05+01:00","span":"1.02:03:04.5","days":"2",
		"choice":"optimal","null":null,"list":["a","b"],"child":{"X":1},"children":[{},{"a":2}],"plain":"p","secure":{"type":"securestring","value":"q"},"raw":[1, 2]}`)
	for what, pair := range map[string][2]any{
		"text": {o.String("TEXT"), "a"}, "text of number": {o.String("number"), "7"}, "missing": {o.String("nothing"), ""}, "null": {o.String("null"), ""},
		"int": {o.Int("Number", 0), int64(7)}, "int of text": {o.Int("digits", 0), int64(8)}, "default int": {o.Int("nothing", 3), int64(3)},
		"int in": {o.IntIn("number", 0, 1, 9), int64(7)}, "bool": {o.Bool("Yes", false), true}, "bool of text": {o.Bool("no", true), false}, "default bool": {o.Bool("null", true), true},
		"time": {o.Time("when"), time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}, "duration": {o.Duration("span", 0), 26*time.Hour + 3*time.Minute + 4500*time.Millisecond},
		"days": {o.Duration("days", 0), 48 * time.Hour}, "enum": {o.Enum("choice", "", "Optimal", "Fastest"), "Optimal"}, "default enum": {o.Enum("nothing", "x", "y"), "x"},
		"strings": {strings.Join(o.Strings("LIST"), ""), "ab"}, "object": {o.Object("Child").Int("x", 0), int64(1)}, "objects": {o.Objects("children")[1].Int("A", 0), int64(2)},
		"secret": {o.Secret("plain").Reveal(), "p"}, "secure string": {o.Secret("secure").Reveal(), "q"}, "raw": {string(o.Raw("raw")), "[1, 2]"},
		"required": {o.Required("text"), "a"}, "path": {o.Object("child").Path(), "$.child"}, "at": {o.At("number"), "$.NUMBER"}, "has": {o.Has("TEXT"), true}, "has null": {o.Has("null"), false},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}

func TestEveryProblemHasItsPath(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"Number":"x","In":99,"Bool":"perhaps","Time":"soon","Span":"long","Choice":"c","Text":{"type":"Expression"},"Array":[1],"Child":7,"Children":[{"a":1},5],"Strings":"s",
		"Vault":{"type":"AzureKeyVaultSecret","store":{}},"Refused":1,"Empty":"","Deep":{"Un-Read":1,"list":[{"Also":2}]},"Unread":null}`)
	o.Int("number", 0)
	o.IntIn("in", 0, 1, 9)
	o.Bool("bool", false)
	o.Time("time")
	o.Duration("span", 0)
	o.Enum("choice", "", "a", "b")
	o.String("text")
	o.String("array")
	o.Object("child")
	o.Objects("children")[0].Int("a", 0)
	o.Strings("strings")
	o.Secret("vault")
	o.Refuse("refused", "use something else")
	o.Refuse("absent", "not said")
	o.Required("empty")
	o.Required("empty") // said once
	o.Required("missing")
	o.Object("deep").Objects("list")
	o.Problem(fault.Conflict, "number", "they contradict each other")
	wantSaid(t, o.Err(),
		`BadInput $.Number: a whole number is needed, not "x"`, `BadInput $.In: 99 is outside 1 to 9`, `BadInput $.Bool: true or false is needed, not "perhaps"`,
		`BadInput $.Time: "soon" is no date and time such as 2026-01-31T00:00:00Z`, `BadInput $.Span: "long" is no time span such as 00:30:00 or 1.00:00:00`,
		`Unsupported $.Choice: "c" is not supported; known: a, b`, `BadInput $.Text: a text is needed, not an object or expression`, `BadInput $.Array: a text is needed, not an array`,
		`BadInput $.Child: a JSON object is needed here`, `BadInput $.Children[1]: a JSON object is needed here`, `BadInput $.Strings: an array of texts is needed`,
		`Unsupported $.Vault.type: secrets of type "AzureKeyVaultSecret" are not supported`, `Unsupported $.Refused: use something else`,
		`BadInput $.Empty: the property is missing`, `BadInput $.missing: the property is missing`, `Conflict $.Number: they contradict each other`,
		`Unsupported $.Deep.Un-Read: the property is not supported`, `Unsupported $.Deep.list[0].Also: the property is not supported`, `Unsupported $.Unread: the property is not supported`)
}

func TestWhatCountsAsRead(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"a":1,"b":{"c":1},"d":{"e":1},"f":1,"g":{"h":1}}`)
	o.Ignore("A", "nothing")
	o.Object("b")
	o.Peek("f")
	o.Object("D").IgnoreAll()
	o.Raw("g")
	if string(o.Peek("F")) != "1" || o.Peek("nothing") != nil {
		t.Error("Peek does not give the property")
	}
	wantSaid(t, o.Err(), `Unsupported $.b.c: the property is not supported`, `Unsupported $.f: the property is not supported`)
	// The same object for every caller: what one has read counts for all.
	o.Object("B").Int("c", 0)
	o.Int("f", 0)
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"Units":4,"deep":{"More":true}}`)
	o.Warn("units", "has no effect in %s", "this place")
	o.Warn("absent", "has no effect")
	o.Object("deep").Warn("more", "is not needed")
	if got := o.Warnings(); !reflect.DeepEqual(got, []string{"$.Units: has no effect in this place", "$.deep.More: is not needed"}) {
		t.Errorf("got %q", got)
	}
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}

func TestNilObjectIsEmpty(t *testing.T) {
	t.Parallel()
	var o *props.Object
	if o.String("a") != "" || o.Int("a", 2) != 2 || !o.Bool("a", true) || o.Object("a") != nil || o.Objects("a") != nil || o.Strings("a") != nil || o.Has("a") ||
		!o.Secret("a").Empty() || !o.Time("a").IsZero() || o.Duration("a", 3) != 3 || o.Enum("a", "x", "y") != "x" || o.Required("a") != "" || o.IntIn("a", 4, 5, 6) != 4 ||
		o.Raw("a") != nil || o.Peek("a") != nil || o.Names() != nil || o.Path() != "" || o.At("a") != "$.a" || o.Warnings() != nil {
		t.Error("a getter of the nil object finds something")
	}
	o.Ignore("a")
	o.IgnoreAll()
	o.Warn("a", "b")
	o.Refuse("a", "b")
	o.Problem(fault.BadInput, "a", "b")
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "JSON cannot be read", "[]": "a JSON object is needed", `"x"`: "a JSON object is needed", `{"a":1`: "JSON cannot be read", `{"a":1,"A":2}`: "there twice",
		strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70): "deeper than 64", `{"a":"` + strings.Repeat("x", 17<<20) + `"}`: "larger than the limit",
	} {
		if _, err := props.Parse([]byte(text), "$.x"); fault.Code(err) != fault.BadInput || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q gives %v; want %q", text, err, want)
		}
	}
}

func TestSecretsAreNotInProblems(t *testing.T) {
	t.Parallel()
	o := parse(t, `{"password":{"type":"SecureString","value":"hunter2","more":1},"key":"hunter2"}`)
	o.Secret("password")
	if s := fmt.Sprintf("%v %+v %v", o.Secret("key"), o.Secret("key"), o.Err()); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

func TestProblemsOfOtherErrors(t *testing.T) {
	t.Parallel()
	one := fault.New(fault.BadInput, "one").At("$.a")
	two := fault.New(fault.Unsupported, "two").At("$.b")
	if err := props.Join(nil); err != nil {
		t.Error(err)
	}
	if got := props.Problems(fmt.Errorf("around: %w", props.Join([]*fault.Error{one, two}))); len(got) != 2 || got[0] != one || got[1] != two {
		t.Errorf("got %v", got)
	}
	err := props.Join([]*fault.Error{one, two})
	if fault.Code(err) != fault.BadInput || !fault.Is(err, fault.BadInput) || !strings.Contains(err.Error(), "one ($.a); and 1 more") || !strings.Contains(err.Error(), "two ($.b)") {
		t.Errorf("got %v", err)
	}
	if got := props.Problems(json.Unmarshal([]byte("x"), new(int))); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestParseTimeSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"00:00:00": 0, "01:02": time.Hour + 2*time.Minute, "01:02:03": time.Hour + 2*time.Minute + 3*time.Second, "0.12:00:00": 12 * time.Hour,
		"-1.00:00:00": -24 * time.Hour, "7": 7 * 24 * time.Hour, " 00:00:01.25 ": 1250 * time.Millisecond, "00:00:00.0000001": 100 * time.Nanosecond,
	} {
		if got, err := props.ParseTimeSpan(text); err != nil || got != want {
			t.Errorf("%q gives %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "x", "1:2:3:4", "24:00:00", "00:60:00", "00:00:60", "-x", "1.x:00:00", "--1", "00:00:-1", "00:00:NaN", "200000", "99999999999"} {
		if got, err := props.ParseTimeSpan(bad); err == nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

// FuzzObject asks every getter of every property of any JSON.
func FuzzObject(f *testing.F) {
	f.Add(`{"a":1,"B":"x","c":{"type":"SecureString","value":"s"},"d":[{"e":null}],"f":["g"],"h":true,"i":"1.00:00:00","j":"2026-01-01"}`)
	f.Add(`{"a":{"a":{"a":[[[]]]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := props.Parse([]byte(text), "$")
		if err != nil {
			if len(props.Problems(err)) == 0 {
				t.Errorf("the error %v has no path", err)
			}
			return
		}
		visit(o, 0)
		for _, p := range props.Problems(o.Err()) {
			if !strings.HasPrefix(p.Target, "$") {
				t.Errorf("the problem %v has the path %q", p, p.Target)
			}
		}
	})
}

func visit(o *props.Object, depth int) {
	for i, name := range o.Names() {
		switch i % 3 {
		case 0:
			o.String(name)
			o.Required(name)
			o.Int(name, 0)
			o.IntIn(name, 0, 0, 9)
			o.Bool(name, false)
			o.Enum(name, "", "a")
			o.Duration(name, 0)
			o.Time(name)
			o.Secret(name)
			o.Strings(name)
		case 1:
			o.Raw(name)
			o.Warn(name, "w")
			o.Refuse(name, "r")
		}
		if depth < 3 {
			visit(o.Object(name), depth+1)
			for _, c := range o.Objects(name) {
				visit(c, depth+1)
			}
		}
	}
}
