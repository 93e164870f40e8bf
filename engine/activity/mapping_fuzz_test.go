package activity_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
)

func TestMappingsInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ translator, want string }{
		{`{"columnMappings":"a: b, c : d "}`, "a>b c>d"},
		{`{"columnMappings":{"c":"d","a":"b"}}`, "a>b c>d"},
		{`{"schemaMapping":{"$.id":"key","$['name']":"title","plain":"p"}}`, "id>key name>title plain>p"},
		{`{"mappings":[{"source":{"name":"a","path":"$.a"},"sink":{"name":"b","path":"$['b']"}}]}`, "a>b"},
		{`{"columnMappings":"a: b","schemaMapping":{"a":"b"}}`, "exclude each other"},
		{`{"columnMappings":"a b"}`, "no pair"},
		{`{"columnMappings":"a: b, c: b"}`, "twice"},
		{`{"schemaMapping":{"$.a[0].b":"x"}}`, "only JSON has"},
	} {
		job, err := activity.Parse([]byte(strings.Replace(tables, "TRANSLATOR", test.translator, 1)), stores(), formats())
		if err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", test.translator, err)
			}
			continue
		}
		var got []string
		for _, m := range job.Mapping {
			got = append(got, m.Source+">"+m.Sink)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s gives %q", test.translator, got)
		}
	}
}

// FuzzTranslators reads mappings in every spelling: each is taken or refused with a reason, and what is taken names a
// source and a sink for every column, each sink once.
func FuzzTranslators(f *testing.F) {
	f.Add(`"a: b, c: d"`, `$['x'][0]`, `$.rows`)
	f.Add(`{"a":"b","c.d":"$.e.f"}`, `['a']`, ``)
	f.Add(`":,::"`, `$`, `$`)
	f.Add(`[]`, `$['`, `x`)
	f.Fuzz(func(t *testing.T, mapping, path, collection string) {
		if !json.Valid([]byte(mapping)) {
			mapping = quoted(mapping)
		}
		for _, text := range []string{
			`{"type":"TabularTranslator","columnMappings":` + mapping + `}`,
			`{"type":"TabularTranslator","schemaMapping":` + mapping + `,"collectionReference":` + quoted(collection) + `}`,
			`{"type":"TabularTranslator","mappings":[{"source":{"path":` + quoted(path) + `},"sink":{"name":"x"}}],"collectionReference":` + quoted(collection) + `}`,
		} {
			job, err := activity.Parse([]byte(strings.Replace(tables, "TRANSLATOR", text, 1)), stores(), formats())
			if err != nil {
				if fault.Code(err) == fault.Internal {
					t.Fatalf("%s: %v", text, err)
				}
				continue
			}
			seen := map[string]bool{}
			for _, m := range job.Mapping {
				if m.Source == "" || m.Sink == "" || seen[m.Sink] {
					t.Fatalf("%s gives %+v", text, job.Mapping)
				}
				seen[m.Sink] = true
			}
		}
	})
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(text)
}

const tables = `{"linkedServices":[{"name":"Shop","properties":{"type":"PostgreSql","typeProperties":{"connectionString":"Host=db"}}}],
"datasets":[{"name":"T","properties":{"type":"PostgreSqlTable","linkedServiceName":"Shop","typeProperties":{"table":"t"}}}],
"activity":{"name":"Load","type":"Copy","inputs":[{"name":"T"}],"outputs":[{"name":"T"}],
"typeProperties":{"source":{"type":"PostgreSqlSource"},"sink":{"type":"PostgreSqlSink"},"translator":TRANSLATOR}}}`
