package update

import (
	"strconv"
	"testing"
	"testing/fstest"
	"time"
)

func TestAnUpdateIsScheduledForTheNextTimeOfDay(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	late := Jitter(spread, "node", "1.1.0").Truncate(time.Second)
	for _, test := range []struct{ now, at, want string }{
		{"2026-05-01T01:00:00+02:00", "03:00", "2026-05-01T03:00:00+02:00"},
		{"2026-05-01T12:00:00+02:00", "03:00", "2026-05-02T03:00:00+02:00"},
		{"2026-05-01T02:59:59+02:00", "03:00", "2026-05-01T03:00:00+02:00"},
		{"2026-12-31T23:59:00+01:00", "23:30", "2027-01-01T23:30:00+01:00"},
		{"2026-03-28T12:00:00+01:00", "03:00", "2026-03-29T03:00:00+02:00"}, // the night of summer time
		{"2026-05-01T12:00:00+02:00", "nonsense", "2026-05-02T03:00:00+02:00"},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339, test.want)
		if err != nil {
			t.Fatal(err)
		}
		got := At(now.In(berlin), test.at, "node", "1.1.0")
		if first := got.Add(-late); !first.Equal(want) || !got.After(now) {
			t.Errorf("%s at %s: %s", test.now, test.at, got)
		}
	}
}

func TestGatewaysChooseDifferentMoments(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for i := range 1000 {
		j := Jitter(spread, strconv.Itoa(i), "1.1.0")
		if j < 0 || j >= spread {
			t.Fatalf("%s", j)
		}
		seen[j.Truncate(time.Minute)] = true
		if j != Jitter(spread, strconv.Itoa(i), "1.1.0") {
			t.Fatal("it changes")
		}
	}
	if len(seen) < 29 {
		t.Errorf("only %d minutes of 30", len(seen))
	}
}

func TestTheHighestMigrationIsTheSchema(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"m/00001_a.sql": {}, "m/00012_b.sql": {}, "m/README": {}}
	if got := SchemaIn(files); got != 12 {
		t.Errorf("got %d", got)
	}
}
