package engine_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"dmgateway/engine/batch"
	formats "dmgateway/engine/format/all"
	stores "dmgateway/engine/store/all"
)

var update = flag.Bool("update", false, "write the generated documents anew")

// interims are the types for which the document says what each store creates.
var interims = []batch.Type{
	{Kind: batch.Boolean},
	{Kind: batch.Byte},
	{Kind: batch.Int16},
	{Kind: batch.Int32},
	{Kind: batch.Int64},
	{Kind: batch.Single},
	{Kind: batch.Double},
	{Kind: batch.Decimal, Precision: 18, Scale: 4},
	{Kind: batch.Decimal, Precision: 38, Scale: 10},
	{Kind: batch.Decimal, Precision: 60, Scale: 20},
	{Kind: batch.Decimal},
	{Kind: batch.Date},
	{Kind: batch.Time, Unit: batch.Micro},
	{Kind: batch.Time, Unit: batch.Tick},
	{Kind: batch.Duration, Unit: batch.Micro},
	{Kind: batch.Timestamp, Unit: batch.Milli},
	{Kind: batch.Timestamp, Unit: batch.Micro},
	{Kind: batch.Timestamp, Unit: batch.Tick},
	{Kind: batch.Timestamp, Unit: batch.Nano},
	{Kind: batch.TimestampTZ, Unit: batch.Micro},
	{Kind: batch.TimestampTZ, Unit: batch.Tick},
	{Kind: batch.String, Length: 20},
	{Kind: batch.String},
	{Kind: batch.JSON},
	{Kind: batch.XML},
	{Kind: batch.Binary, Length: 20},
	{Kind: batch.Binary},
	{Kind: batch.GUID},
}

// TestTypesDocumentIsCurrent makes TYPES.md from the tables that the stores and formats themselves use.
func TestTypesDocumentIsCurrent(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Types\n\nWhat the types of each store and format become on the way (the interim types of package batch), and what a store\n" +
		"creates for a column that it does not have yet. Made from the program's own tables: `go test ./engine -run TypesDocument -update`.\n" +
		"A value that does not fit the sink's type is refused with row and column; `dmgcmd schema` says beforehand which columns that can happen to.\n")
	for _, d := range stores.Stores().All() {
		if d.Files != nil {
			continue
		}
		if d.Types == nil {
			t.Errorf("store %s has no table of types", d.Name)
			continue
		}
		describe(&b, d.Title, d.Types)
	}
	for _, d := range formats.Formats().All() {
		if d.Types == nil {
			t.Errorf("format %s has no table of types", d.Name)
			continue
		}
		describe(&b, d.Title, d.Types)
	}
	const path = "TYPES.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(path)
	if err != nil || string(was) != b.String() {
		t.Errorf("%s is not what the tables say (%v): run the test with -update and read what changed", path, err)
	}
}

func describe(b *strings.Builder, title string, table *batch.TypeTable) {
	fmt.Fprintf(b, "\n## %s\n\n| native | interim | |\n| --- | --- | --- |\n", title)
	for _, r := range table.Reads {
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(r.Native), r.Interim, cell(r.Note))
	}
	if table.Creates == nil {
		return
	}
	b.WriteString("\n| interim | created |\n| --- | --- |\n")
	for _, typ := range interims {
		fmt.Fprintf(b, "| %s | %s |\n", typ, cell(table.Creates(batch.Field{Name: "c", Type: typ, Nullable: true})))
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
