package view_test

import (
	"testing"
	"time"

	"dmgateway/app/view"
	"dmgateway/app/view/viewtest"
	"dmgateway/app/words"
	"dmgateway/engine"
)

func TestNumbersReadWell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{view.Count(0), "0"},
		{view.Count(999), "999"},
		{view.Count(1000), "1,000"},
		{view.Count(-1234567), "-1,234,567"},
		{view.Size(999), "999 B"},
		{view.Size(1000), "1.00 kB"},
		{view.Size(12_345), "12.3 kB"},
		{view.Size(999_499), "999 kB"},
		{view.Size(999_500), "1.00 MB"},
		{view.Size(412_000_000_000), "412 GB"},
		{view.Size(-1), "–"},
		{view.Rate(0, 0), ""},
		{view.Rate(3.25, 0), "3.2 rows/s"},
		{view.Rate(68_231, 8_930_000), "68,200 rows/s · 8.93 MB/s"},
		{view.Rate(0, 92e6), "92.0 MB/s"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTimesReadWell(t *testing.T) {
	t.Parallel()
	now := viewtest.Now
	for _, c := range []struct{ got, want string }{
		{view.Duration(0), "0 s"},
		{view.Duration(30 * time.Millisecond), "0.1 s"},
		{view.Duration(1940 * time.Millisecond), "1.9 s"},
		{view.Duration(3 * time.Second), "3 s"},
		{view.Duration(59_400 * time.Millisecond), "59 s"},
		{view.Duration(59_600 * time.Millisecond), "1 min"},
		{view.Duration(72 * time.Second), "1 min 12 s"},
		{view.Duration(59*time.Minute + 59*time.Second + 700*time.Millisecond), "1 h"},
		{view.Duration(2*time.Hour + 5*time.Minute), "2 h 5 min"},
		{view.Duration(76 * time.Hour), "3 d 4 h"},
		{view.Left(0), ""},
		{view.Left(2 * time.Second), "about 5 s left"},
		{view.Left(43 * time.Second), "about 45 s left"},
		{view.Left(100 * time.Second), "about 1 min 45 s left"},
		{view.Left(50 * time.Minute), "about 50 min left"},
		{view.Moment(time.Time{}, now), ""},
		{view.Moment(now.Add(-time.Hour), now), "10:30"},
		{view.Moment(now.Add(-24*time.Hour), now), "yesterday 11:30"},
		{view.Moment(now.Add(-72*time.Hour), now), "18 Nov 11:30"},
		{view.Moment(now.AddDate(-1, 0, 0), now), "21 Nov 2025"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestGermanNumbersAndTimes is not parallel: the language is the whole program's.
func TestGermanNumbersAndTimes(t *testing.T) {
	words.Use("de")
	t.Cleanup(func() { words.Use("en") })
	now := viewtest.Now
	for _, c := range []struct{ got, want string }{
		{view.Count(-1234567), "-1.234.567"},
		{view.Size(12_345), "12,3 kB"},
		{view.Size(1_230_000), "1,23 MB"},
		{view.Rate(68_231, 8_930_000), "68.200 Zeilen/s · 8,93 MB/s"},
		{view.Rate(3.25, 0), "3,2 Zeilen/s"},
		{view.Duration(1940 * time.Millisecond), "1,9 s"},
		{view.Duration(3 * time.Second), "3 s"},
		{view.Duration(76 * time.Hour), "3 Tg. 4 h"},
		{view.Left(100 * time.Second), "noch etwa 1 min 45 s"},
		{view.Moment(now.Add(-time.Hour), now), "10:30"},
		{view.Moment(now.Add(-24*time.Hour), now), "gestern 11:30"},
		{view.Moment(now.Add(-72*time.Hour), now), "18. Nov. 11:30"},
		{view.Moment(now.AddDate(-1, 0, 0), now), "21. Nov. 2025"},
		{
			view.QuitQuestion(view.Snapshot{Status: engine.Status{Jobs: engine.JobCounts{Running: 2}}}),
			"2 Aufträge laufen. Wenn Sie jetzt beenden, halten sie am nächsten Sicherungspunkt an und laufen weiter, sobald das Gateway wieder läuft.",
		},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "connect failed": "Connect failed.", "Done!": "Done!", "iSCSI went away": "iSCSI went away.", " a ": "A.", "état perdu": "État perdu.", "db1:5432 refused": "db1:5432 refused.",
	} {
		if got := view.Sentence(in); got != want {
			t.Errorf("Sentence(%q) is %q, want %q", in, got, want)
		}
	}
	if got := view.Shorten("a long sentence", 7); got != "a long…" {
		t.Errorf("Shorten gives %q", got)
	}
}
