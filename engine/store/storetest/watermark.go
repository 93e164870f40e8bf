package storetest

import (
	"slices"
	"testing"

	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// testWatermark reads a table in two windows of a column, each by a source that knows nothing of the other, as two runs
// do: together they are all rows once, and the rows with NULL come with the first.
func testWatermark(t *testing.T, s Store) {
	for _, c := range []struct {
		name               string
		typ                batch.Type
		first, mid, second string
	}{
		{"number", batch.Type{Kind: batch.Int64}, "-5", "2", "4000000000"},
		{"timestamp", batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, "2026-01-31 23:59:59.5", "2026-02-01 00:00:00", "2026-11-23 10:00:00.000001"},
		{"date", batch.Type{Kind: batch.Date}, "1999-12-31", "2024-02-29", "2024-03-01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := "marks_" + c.name
			s.load(t, table, batch.Schema{
				{Name: "id", Type: batch.Type{Kind: batch.Int32}, Nullable: true},
				{Name: "v", Type: c.typ, Nullable: true},
			}, [][]string{{"1", c.first}, {"2", c.mid}, {"3", Null}, {"4", c.second}})
			w, ok := s.source(t, table).(store.Watermarker)
			if !ok {
				t.Skip("the store has no watermarks")
			}
			highest, ok, err := w.Highest(t.Context(), "v")
			if err != nil || !ok || !same(c.typ, highest, c.second) {
				t.Fatalf("the highest value is %q (%t, %v), want %q", highest, ok, err, c.second)
			}
			for _, window := range []struct {
				after, upto string
				want        []string
			}{{"", c.mid, []string{"1", "2", "3"}}, {c.mid, highest, []string{"4"}}, {highest, highest, nil}} {
				if got := s.between(t, table, window.after, window.upto); !slices.Equal(got, window.want) {
					t.Errorf("after %q up to %q there are the rows %v, want %v", window.after, window.upto, got, window.want)
				}
			}
		})
	}
}

// between gives the IDs of the rows of one window of column v, sorted.
func (s Store) between(t *testing.T, table, after, upto string) (ids []string) {
	t.Helper()
	src := s.source(t, table)
	src.(store.Watermarker).Between("v", after, upto)
	schema, err := src.Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range readPart(t, src, store.Partition{ID: "all"}, schema) {
		ids = append(ids, row[0])
	}
	slices.Sort(ids)
	return ids
}
