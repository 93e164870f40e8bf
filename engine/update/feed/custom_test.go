package feed_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/update/feed"
)

const goodCustom = `{"format":1,"version":"1.3.0","os":"linux","arch":"amd64","channel":"stable","rollout":{"percent":20,"since":"2026-11-02T09:00:00Z"},` +
	`"published":"2026-11-01T09:00:00Z","notes":"**new**","minVersion":"1.0.0"}`

func TestWhatIsSaidOfAnArchiveIsRead(t *testing.T) {
	t.Parallel()
	got, err := feed.ParseCustom([]byte(goodCustom))
	if err != nil {
		t.Fatal(err)
	}
	want := feed.Custom{
		Format: 1, Version: "1.3.0", OS: "linux", Arch: "amd64", Channel: feed.Stable, Notes: "**new**", MinVersion: "1.0.0",
		Rollout:   feed.Rollout{Percent: 20, Since: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)},
		Published: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC),
	}
	if got != want {
		t.Errorf("got %+v", got)
	}
	if more, err := feed.ParseCustom([]byte(strings.Replace(goodCustom, "{", `{"later":[1],`, 1))); err != nil || more != want {
		t.Errorf("with a member that a later program knows: %+v, %v", more, err)
	}
}

func TestWhatIsWronglySaidOfAnArchiveIsNotTaken(t *testing.T) {
	t.Parallel()
	for _, change := range [][2]string{
		{`"format":1`, `"format":0`},
		{`"format":1`, `"format":2`},
		{`"format":1`, `"format":"1"`},
		{"1.3.0", "v1.3.0"},
		{"1.3.0", "1.3"},
		{"1.3.0", "../1.3.0"},
		{"1.3.0", "1.3.0-dirty"},
		{"linux", ""},
		{"linux", "Linux"},
		{"amd64", "amd64/x"},
		{"stable", "nightly"},
		{"stable", ""},
		{"20,", "101,"},
		{"20,", "-1,"},
		{"20,", "1.5,"},
		{"2026-11-02T09:00:00Z", "soon"},
		{`"2026-11-01T09:00:00Z"`, "null"},
		{"**new**", strings.Repeat("n", feed.MaxNotes+1)},
		{"1.0.0", "one"},
		{"}", ""},
		{goodCustom, ""},
		{goodCustom, "null"},
		{goodCustom, "[]"},
	} {
		text := strings.Replace(goodCustom, change[0], change[1], 1)
		if text == goodCustom {
			t.Fatalf("%q is not in it", change[0])
		}
		if got, err := feed.ParseCustom([]byte(text)); err == nil {
			t.Errorf("%s → %.40s: got %+v", change[0], change[1], got)
		}
	}
}

// FuzzCustom feeds the parser of what a feed says of an archive: what it takes is right, and stays the same when it is
// written and read again.
func FuzzCustom(f *testing.F) {
	f.Add([]byte(goodCustom))
	f.Add([]byte(`{"format":2,"future":true}`))
	f.Add([]byte(`{"format":1,"version":"1.0.0-rc.1","os":"windows","arch":"arm64","channel":"preview","rollout":{"percent":100,"since":"2026-11-02T09:00:00+01:00"},"published":"0001-01-02T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := feed.ParseCustom(text)
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Fatalf("taken, and wrong: %v", err)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("cannot be written: %v", err)
		}
		back, err := feed.ParseCustom(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		for _, at := range []*time.Time{&c.Published, &c.Rollout.Since, &back.Published, &back.Rollout.Since} {
			*at = at.UTC()
		}
		if !reflect.DeepEqual(c, back) {
			t.Fatalf("%+v became %+v", c, back)
		}
		if feed.Newer(c.Version, c.Version) || !feed.IsVersion(c.Version) {
			t.Fatalf("version %q cannot be compared", c.Version)
		}
	})
}
