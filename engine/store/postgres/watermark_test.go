package postgres

import (
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestAWindowReadsOnlyWhatCameSince(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE events (id int PRIMARY KEY, at timestamptz, amount numeric, "O'Brien" date);
		INSERT INTO events SELECT i, timestamptz '2026-03-01 10:00+02' + i * interval '1 s', i * 1.5, date '2026-01-01' + i FROM generate_series(1, 100) i;
		INSERT INTO events VALUES (101, 'infinity', 'NaN', 'infinity'), (102, NULL, NULL, NULL)`)
	for _, c := range []struct{ column, first, second string }{
		{"id", "102", "202"},
		{"at", "2026-03-01 08:01:40+00", "2026-03-01 08:03:20+00"},
		{"amount", "150.0", "300.0"},
		{"O'Brien", "2026-04-11", "2026-07-20"},
	} {
		t.Run(c.column, func(t *testing.T) {
			sqlScript(t, d.dsn, `DELETE FROM events WHERE id > 102`)
			for _, source := range []struct{ dataset, activity string }{
				{`{"tableName": "events"}`, `{}`},
				{`{}`, `{"query": "SELECT id, at, amount, \"O'Brien\" FROM events -- all"}`},
			} {
				sqlScript(t, d.dsn, `DELETE FROM events WHERE id > 102`)
				src, schema := d.source(t, source.dataset, source.activity)
				w := src.(store.Watermarker)
				high, ok, err := w.Highest(t.Context(), strings.ToUpper(c.column))
				if err != nil || !ok || high != c.first {
					t.Fatalf("the highest is %q, %v, %v; want %q", high, ok, err, c.first)
				}
				w.Between(c.column, "", high)
				parts, err := src.(store.Partitioner).Partitions(t.Context(), 3)
				if err != nil {
					t.Fatal(err)
				}
				first := readAll(t, src, parts, schema[:1])
				sqlScript(t, d.dsn, `INSERT INTO events SELECT i + 102, timestamptz '2026-03-01 10:00+02' + (i + 100) * interval '1 s', (i + 100) * 1.5,
					date '2026-01-01' + (i + 100) FROM generate_series(1, 100) i`)
				src, schema = d.source(t, source.dataset, source.activity)
				w = src.(store.Watermarker)
				if high, _, err = w.Highest(t.Context(), c.column); err != nil || high != c.second {
					t.Fatalf("the highest is then %q, %v; want %q", high, err, c.second)
				}
				w.Between(c.column, c.first, high)
				second := readAll(t, src, []store.Partition{{ID: "all"}}, schema[:1])
				want := 101 // all but the infinite one
				if c.column == "id" {
					want = 102
				}
				if len(first) != want || len(second) != 100 || slices.Contains(second, "100") {
					t.Errorf("%d rows at first and %d then, want %d and 100", len(first), len(second), want)
				}
			}
		})
	}
}

func TestWatermarksOfNothing(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE empty (id int, name text)`)
	src, _ := d.source(t, `{"tableName": "empty"}`, `{}`)
	w := src.(store.Watermarker)
	if high, ok, err := w.Highest(t.Context(), "id"); high != "" || ok || err != nil {
		t.Errorf("the highest of nothing is %q, %v, %v", high, ok, err)
	}
	for column, code := range map[string]string{"name": fault.BadInput, "nowhere": fault.NotFound} {
		if _, _, err := w.Highest(t.Context(), column); fault.Code(err) != code || fault.As(err).Hint == "" {
			t.Errorf("%s: %v, want code %s and a hint", column, err, code)
		}
	}
}

func TestOnlyLargeTablesWithAKeyAreDividedByThemselves(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, `CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1);
		CREATE TABLE large (id int PRIMARY KEY, x text); ALTER TABLE large ALTER x SET STORAGE PLAIN;
		INSERT INTO large SELECT i, repeat('x', 4000) FROM generate_series(1, 8500) i;
		CREATE TABLE keyless AS SELECT * FROM large; ALTER TABLE keyless ALTER x SET STORAGE PLAIN; CREATE VIEW seen AS SELECT * FROM large`)
	for _, c := range []struct {
		dataset, activity string
		want              int
	}{
		{`{"tableName": "small"}`, `{}`, 1},
		{`{"tableName": "large"}`, `{}`, 2},
		{`{"tableName": "large"}`, `{"partitionOption": "None"}`, 1},
		{`{"tableName": "keyless"}`, `{}`, 1},
		{`{"tableName": "seen"}`, `{}`, 1},
		{`{}`, `{"query": "SELECT * FROM large"}`, 1},
	} {
		src, _ := d.source(t, c.dataset, c.activity)
		got, err := src.(store.Adviser).Advise(t.Context(), 4)
		if err != nil || got != c.want {
			t.Errorf("%s %s: %d parts, %v; want %d", c.dataset, c.activity, got, err, c.want)
		}
		if _, err := src.(store.Partitioner).Partitions(t.Context(), got); err != nil || src.(store.Explainer).Explain() == "" {
			t.Errorf("%s %s: nothing explains the parts, %v", c.dataset, c.activity, err)
		}
	}
}
