package parquet

import (
	"fmt"
	"os"
	"testing"

	"dmgateway/engine/format/formattest"
)

// DuckDB wrote the file with its newest encodings: delta, byte stream split, RLE booleans, dictionaries.
func TestAFileOfDuckDB(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/duckdb-V2-zstd.parquet")
	if err != nil {
		t.Fatal(err)
	}
	in, f := formattest.Input("f", data), v2(t, `{}`)
	s, err := f.Schema(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	rows := formattest.Rows(formattest.Read(t, f, in, s))
	if len(rows) != 250 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		text := fmt.Sprintf("text %d", i%13)
		if i%5 == 0 {
			text = "<null>"
		}
		for name, want := range map[string]string{
			"id": fmt.Sprint(i), "b": map[bool]string{true: "True", false: "False"}[i%7 == 0], "t": text, "big": fmt.Sprint(i * 1000003),
			"d18": fmt.Sprintf("%d.%04d", i*125/100, i*125%100*100), "d38": fmt.Sprintf("%d.%010d", i*125/100, i*125%100*100_000_000),
			"tm": fmt.Sprintf("00:00:00.%06d", i), "u": "00000000-0000-0000-0000-0000000000ff", "bin": fmt.Sprintf(`\xaa%02x`, 65+i%20),
			"ub": fmt.Sprint(i % 255), "ul": fmt.Sprint(i), "iv": fmt.Sprintf("P0M%dDT0.000S", i), "js": `{"a":1}`, "en": fmt.Sprintf("e%d", i%3),
		} {
			got := row[s.Index(name)]
			if name == "tm" && i == 0 {
				want = "00:00:00"
			}
			for name == "tm" && i > 0 && want[len(want)-1] == '0' {
				want = want[:len(want)-1]
			}
			if got != want {
				t.Errorf("row %d, %s: %s, not %s", i, name, got, want)
			}
		}
	}
}
