package text_test

import (
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/batch/batchtest"
	"dmgateway/engine/format/formattest"
	"dmgateway/engine/format/text"
)

func TestRoundTripWithEverySettings(t *testing.T) {
	t.Parallel()
	schema := batchtest.Schema(batchtest.AllTypes()...)
	for name, f := range map[string][2]string{
		"v2 defaults":         {`{}`, ``},
		"v2 header":           {`{"firstRowAsHeader": true}`, ``},
		"v2 quoteAll":         {`{}`, `{"quoteAllText": true}`},
		"v2 RFC 4180":         {`{"escapeChar": "\"", "rowDelimiter": "\n"}`, ``},
		"v2 long delimiters":  {`{"columnDelimiter": "||", "rowDelimiter": "~\n"}`, ``},
		"v2 tab and NULL":     {`{"columnDelimiter": "\t", "nullValue": "NULL"}`, ``},
		"v2 digit delimiters": {`{"columnDelimiter": "1", "rowDelimiter": "5", "quoteChar": "0", "nullValue": "77"}`, ``},
		"v2 UTF-16":           {`{"encodingName": "UTF-16"}`, ``},
		"v2 UTF-16BE":         {`{"encodingName": "UTF-16BE"}`, ``},
		"v2 GB18030":          {`{"encodingName": "GB18030"}`, ``},
		"v2 space":            {`{"columnDelimiter": " "}`, ``},
		"v2 non-ASCII":        {`{"columnDelimiter": "¦"}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := formattest.V2(t, text.Definition(), f[0], f[1])
			a, b := batchtest.Random(schema, 1, 500, 5), batchtest.Random(schema, 2, 300, 5)
			file := formattest.Write(t, f, schema, a, b)
			want := batch.New(schema, 1000)
			if err := formattest.Add(want, a); err != nil {
				t.Fatal(err)
			}
			if err := formattest.Add(want, b); err != nil {
				t.Fatal(err)
			}
			found, err := f.Schema(t.Context(), formattest.Input("f", file))
			if err != nil {
				t.Fatal(err)
			}
			read := schema
			if found[0].Name == "Prop_0" {
				for i := range read {
					read = append(batch.Schema(nil), read...)
					read[i].Name = found[i].Name
				}
			}
			got := formattest.Read(t, f, formattest.Input("f", file), read)
			if err := batch.Equal(got, want); err != nil {
				t.Fatal(err)
			}
		})
	}
}
