package avro

import (
	"testing"

	"dmgateway/engine/batch"
)

// The table for the documents says what reading does, and what a column is written as is read back as the type that
// Types promises.
func TestTheTableOfTypesIsTrue(t *testing.T) {
	t.Parallel()
	schemas := map[string]string{
		"record":                            `{"type":"array","items":{"type":"record","name":"r","fields":[]}}`,
		"enum":                              `{"type":"enum","name":"e","symbols":["A"]}`,
		"array, map":                        `{"type":"map","values":"int"}`,
		"union":                             `["null","int","string"]`,
		"fixed(n)":                          `{"type":"fixed","name":"f","size":16}`,
		"decimal(p,s)":                      `{"type":"bytes","logicalType":"decimal","precision":38,"scale":10}`,
		"uuid":                              `{"type":"string","logicalType":"uuid"}`,
		"json":                              `{"type":"string","logicalType":"json"}`,
		"date":                              `{"type":"int","logicalType":"date"}`,
		"time-millis":                       `{"type":"int","logicalType":"time-millis"}`,
		"time-micros":                       `{"type":"long","logicalType":"time-micros"}`,
		"duration":                          `{"type":"fixed","name":"d","size":12,"logicalType":"duration"}`,
		"timestamp-millis, -micros, -nanos": `{"type":"long","logicalType":"timestamp-micros"}`,
		"local-timestamp-millis, -micros, -nanos": `{"type":"long","logicalType":"local-timestamp-micros"}`,
	}
	for _, row := range types.Reads {
		text, ok := schemas[row.Native]
		if !ok {
			text = `"` + row.Native + `"`
		}
		n, err := parseSchema([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", row.Native, err)
			continue
		}
		if got, _ := n.typ(); got != row.Interim {
			t.Errorf("%s becomes %s, not %s", row.Native, got, row.Interim)
		}
	}
	f := v2(t, `{}`)
	for _, k := range []batch.Type{{Kind: batch.Byte}, {Kind: batch.Decimal, Precision: 60, Scale: 3}, {Kind: batch.Time, Unit: batch.Tick}, {Kind: batch.Timestamp, Unit: batch.Nano}, {Kind: batch.JSON}} {
		kept, err := f.Types(batch.Schema{{Name: "c", Type: k}})
		if err != nil {
			t.Fatal(err)
		}
		text := types.Creates(batch.Field{Type: k})
		if text[0] != '{' {
			text = `"` + text + `"`
		}
		n, err := parseSchema([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := n.typ(); got != kept[0].Type {
			t.Errorf("%s is written as %s, which is read as %s, not %s", k, text, got, kept[0].Type)
		}
	}
}
