package batch

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCivilAgreesWithTime(t *testing.T) {
	t.Parallel()
	epoch := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := int64(MinDay) - 1000; day <= MaxDay+1000; day += 13 {
		want := epoch.AddDate(0, 0, int(day))
		y, m, d := Civil(day)
		if y != want.Year() || m != int(want.Month()) || d != want.Day() {
			t.Fatalf("day %d is %d-%d-%d, not %s", day, y, m, d, want)
		}
		if back := Day(y, m, d); back != day {
			t.Fatalf("%d-%d-%d is day %d, not %d", y, m, d, back, day)
		}
	}
}

func TestDayIsCivilsInverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Int64Range(-2_000_000_000, 2_000_000_000).Draw(t, "day")
		if y, m, d := Civil(day); Day(y, m, d) != day || !validDate(y, m, d) {
			t.Fatalf("%d-%d-%d is day %d", y, m, d, Day(y, m, d))
		}
	})
}

func TestLimitsOfTheCalendar(t *testing.T) {
	t.Parallel()
	if Day(1, 1, 1) != MinDay || Day(9999, 12, 31) != MaxDay {
		t.Errorf("%d, %d", Day(1, 1, 1), Day(9999, 12, 31))
	}
}
