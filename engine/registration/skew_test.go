package registration

import (
	"net/http"
	"testing"
	"time"
)

func TestSkewIsWhatNeitherTheWayNorTheSecondsExplain(t *testing.T) {
	date := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name        string
		asked, come time.Duration // after Date
		want        time.Duration
	}{
		{"the same second", 200 * time.Millisecond, 300 * time.Millisecond, 0},
		{"a slow answer", -20 * time.Second, 2 * time.Second, 0},
		{"ahead", 10 * time.Minute, 10*time.Minute + time.Second, 10*time.Minute - time.Second},
		{"behind", -10 * time.Minute, -10*time.Minute + time.Second, -10*time.Minute + time.Second},
	} {
		var s skew
		s.note(http.Header{"Date": {date.Format(http.TimeFormat)}}, date.Add(c.asked), date.Add(c.come))
		if got := time.Duration(s.ahead.Load()); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		s.note(http.Header{}, date, date)
		if got := time.Duration(s.ahead.Load()); got != c.want {
			t.Errorf("%s: an answer without Date changed it to %v", c.name, got)
		}
	}
}
