package sqlstore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

func TestConnectionStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":                          {},
		" ; ;":                      {},
		"Host=db1; Port = 5432 ;":   {"Host": "db1", "Port": "5432"},
		"HOST=a;user   id=b":        {"host": "a", "UserId": "b"},
		`Password='a;b''c"d';X=1`:   {"Password": `a;b'c"d`, "X": "1"},
		`Password="a;b""c'd" ;X=""`: {"Password": `a;b"c'd`, "X": ""},
		"a==b=c":                    {"a=b": "c"},
		"Key=value=with=equals":     {"Key": "value=with=equals"},
		"Password= spaces are cut ;Next=' kept '": {"Password": "spaces are cut", "Next": " kept "},
	} {
		c, err := ParseConnectionString(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for key, value := range want {
			if got, _ := c.Take(key); got != value {
				t.Errorf("%q: %s is %q, want %q", text, key, got, value)
			}
		}
		if left := c.Unread(); len(left) > 0 {
			t.Errorf("%q: nobody took %q", text, left)
		}
	}
}

func TestWrongConnectionStringsHideValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Host": "key=value", "Host=a;geheimes-passwort": "key=value", "=geheim": "without a key", "Host=a;host=geheim": `"host" is there twice`,
		"Password='geheim": "not closed", "Password='geheim'x": "doubled", "a=1;geheim;b=2": "key=value",
	} {
		_, err := ParseConnectionString(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want an error about %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "geheimes") {
			t.Errorf("%q: the error shows the secret: %v", text, err)
		}
	}
}

func TestTakeKnowsSynonymsAndLeavesContradictions(t *testing.T) {
	t.Parallel()
	c, err := ParseConnectionString("Server=a;Host=b;Other=c")
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := c.Take("Host", "Server"); v != "b" || !ok {
		t.Errorf("the host is %q", v)
	}
	if left := c.Unread(); !slices.Equal(left, []string{"Other", "Server"}) {
		t.Errorf("unread are %q", left)
	}
	if _, ok := c.Take("nowhere"); ok {
		t.Error("a key that is not there is found")
	}
}

func FuzzParseConnectionString(f *testing.F) {
	for _, s := range []string{"Host=a;Password='b;''c'", `a="b""c";d=`, "==;=", "a==b==c=d", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConnectionString(text)
		if err != nil {
			return
		}
		// What was read can be written again and means the same.
		var b strings.Builder
		for _, key := range c.Unread() {
			value := c.pairs[normal(key)].value
			fmt.Fprintf(&b, "%s='%s';", strings.ReplaceAll(key, "=", "=="), strings.ReplaceAll(value, "'", "''"))
		}
		again, err := ParseConnectionString(b.String())
		if err != nil {
			t.Fatalf("%q is read, but written as %q it is not: %v", text, b.String(), err)
		}
		if !slices.Equal(c.Unread(), again.Unread()) {
			t.Fatalf("%q has the keys %q, written again %q", text, c.Unread(), again.Unread())
		}
	})
}

func TestSplitName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"orders": {"orders"}, "public.Orders": {"public", "Orders"}, `"my schema"."a.b"`: {"my schema", "a.b"}, "[dbo].[a]]b]": {"dbo", "a]b"},
		`"a""b"`: {`a"b`}, " padded ": {"padded"}, "a.b.c": {"a", "b", "c"},
	} {
		if got, err := SplitName(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %q, error %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", `"a`, `"a"b`, `""`, "a..b"} {
		if got, err := SplitName(text); err == nil {
			t.Errorf("%s is %q, want an error", text, got)
		}
	}
}

func FuzzSplitName(f *testing.F) {
	for _, s := range []string{"a.b", `"a.""b".c`, "[x]]y].z", "..", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := SplitName(text)
		if err != nil {
			return
		}
		quoted := make([]string, len(parts))
		for i, p := range parts {
			quoted[i] = Quote(p)
		}
		again, err := SplitName(strings.Join(quoted, "."))
		if err != nil || !slices.Equal(parts, again) {
			t.Fatalf("%q is %q, quoted and split again %q, error %v", text, parts, again, err)
		}
	})
}

func object(t *testing.T, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDecodeTable(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]Table{
		`{}`: {}, `{"tableName": "a"}`: {"", "a"}, `{"TableName": "s.a"}`: {"s", "a"}, `{"schema": "S", "table": "a.b"}`: {"S", "a.b"},
		`{"table": "a"}`: {"", "a"}, `{"schema": "s", "table": "a", "tableName": "s.a"}`: {"s", "a"},
	} {
		o := object(t, json)
		if got := DecodeTable(o); got != want || o.Err() != nil {
			t.Errorf("%s is %+v, error %v; want %+v", json, got, o.Err(), want)
		}
	}
	for _, json := range []string{`{"tableName": "a.b.c"}`, `{"schema": "s"}`, `{"tableName": "a", "table": "b"}`, `{"tableName": "\"a"}`} {
		o := object(t, json)
		if DecodeTable(o); fault.Code(o.Err()) != fault.BadInput {
			t.Errorf("%s gives %v", json, o.Err())
		}
	}
	if got := (Table{"a", `b"c`}).Quoted(); got != `"a"."b""c"` {
		t.Errorf("quoted it is %s", got)
	}
}

func TestDecodeSink(t *testing.T) {
	t.Parallel()
	o := object(t, `{"preCopyScript": "x", "tableOption": "AUTOCREATE", "writeBehavior": "upsert", "upsertSettings": {"useTempDB": false, "interimSchemaName": "i", "keys": ["a", "b"]},
		"writeBatchSize": "10000", "writeBatchTimeout": "00:30:00", "sinkRetryCount": 2, "disableMetricsCollection": false}`)
	got := DecodeSink(o)
	want := SinkOptions{PreCopyScript: "x", AutoCreate: true, Upsert: true, Keys: []string{"a", "b"}, InterimSchema: "i", BatchSize: 10000, BatchTimeout: 30 * 60e9}
	if !reflect.DeepEqual(got, want) || o.Err() != nil {
		t.Errorf("the options are %+v, error %v", got, o.Err())
	}
	for json, path := range map[string]string{
		`{"writeBehavior": "upsert"}`:                                  "$.upsertSettings",
		`{"upsertSettings": {"keys": ["a"]}}`:                          "$.upsertSettings",
		`{"writeBehavior": "StoredProcedure"}`:                         "$.writeBehavior",
		`{"tableOption": "drop"}`:                                      "$.tableOption",
		`{"writeBatchSize": -1}`:                                       "$.writeBatchSize",
		`{"writeBatchTimeout": "soon"}`:                                "$.writeBatchTimeout",
		`{"sqlWriterTableType": "x"}`:                                  "$.sqlWriterTableType",
		`{"writeBehavior": "upsert", "upsertSettings": {"keys": [1]}}`: "$.upsertSettings.keys",
	} {
		o := object(t, json)
		DecodeSink(o)
		if err := o.Err(); err == nil || fault.As(err).Target != path {
			t.Errorf("%s gives %v, want an error at %s", json, err, path)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	table := batch.Schema{{Name: "id"}, {Name: "Name"}, {Name: "name"}, {Name: "Total"}}
	if got, err := Match(batch.Schema{{Name: "TOTAL"}, {Name: "name"}, {Name: "id"}}, table, "t"); err != nil || !slices.Equal(got, []int{3, 2, 0}) {
		t.Errorf("the columns are %v, error %v", got, err)
	}
	for name, want := range map[string]batch.Schema{
		"unknown": {{Name: "x"}}, "two that differ in case": {{Name: "NAME"}}, "one column twice": {{Name: "total"}, {Name: "Total"}}, "none": {},
	} {
		if _, err := Match(want, table, "t"); err == nil || fault.As(err).Target != "t" {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
