package feed_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/update/feed"
	"dmgateway/packaging/feed/repository"
)

func TestAGoodFeedOffersItsNewestReleaseForThisSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	w.clock.pass(time.Hour)
	w.add("1.10.0", func(o *repository.Terms) { o.MinVersion = "0.9.0" })
	w.clock.pass(time.Hour)
	w.add("1.9.0")
	r := w.release(w.client(w.o.Out))
	if r.Version != "1.10.0" || r.Channel != feed.Stable || r.Notes != "What is new in 1.10.0" || r.MinVersion != "0.9.0" {
		t.Errorf("got %+v", r)
	}
	if r.Name != "dmgateway_1.10.0_linux_amd64.tar.gz" || !r.Published.Equal(time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("got %s of %s", r.Name, r.Published)
	}
	info, err := os.Stat(w.file(feed.TargetPath(r.Name, r.SHA256)))
	w.must(err)
	if info.Size() != r.Length {
		t.Errorf("its length is %d, and %d is said", info.Size(), r.Length)
	}
}

func TestAFeedThatStaysAsItIsIsBelievedAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	for range 3 {
		if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
			t.Fatalf("got %q", got)
		}
		w.clock.pass(time.Hour)
	}
	w.clock.pass(10 * 24 * time.Hour)
	w.must(w.repo().Renew())
	w.clock.pass(10 * 24 * time.Hour)
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Fatalf("after it was signed anew: got %q", got)
	}
}

func TestAnOlderOrEqualVersionIsNeverOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	c := w.client(w.o.Out)
	for current, want := range map[string]string{
		"1.0.9": "1.1.0", "v1.0.9": "1.1.0", "1.1.0-rc.1": "1.1.0", "1.0.9-5-gabc1234-dirty": "1.1.0",
		"1.1.0": "", "v1.1.0": "", "1.1.0-3-gabc1234": "", "1.1.0-dirty": "", "1.2.0": "", "2.0.0-rc.1": "",
	} {
		r, err := c.Latest(t.Context(), feed.Stable, "node", current)
		w.must(err)
		got := ""
		if r != nil {
			got = r.Version
		}
		if got != want {
			t.Errorf("from %s: got %q, want %q", current, got, want)
		}
	}
	_, err := c.Latest(t.Context(), feed.Stable, "node", "dev")
	checkFault(t, err, feed.Unavailable, "dev")
}

func TestPreviewSeesStableToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	preview := func(o *repository.Terms) { o.Channel = feed.Preview }
	w.add("1.1.0")
	w.add("1.2.0-rc.1", preview)
	c := w.client(w.o.Out)
	check := func(channel, want string) {
		t.Helper()
		r, err := c.Latest(t.Context(), channel, "node", "1.0.0")
		w.must(err)
		if r == nil || r.Version != want {
			t.Errorf("%s: got %+v, want %s", channel, r, want)
		}
	}
	check(feed.Stable, "1.1.0")
	check(feed.Preview, "1.2.0-rc.1")
	w.add("1.2.0")
	check(feed.Stable, "1.2.0")
	check(feed.Preview, "1.2.0")
	_, err := c.Latest(t.Context(), "nightly", "node", "1.0.0")
	checkFault(t, err, "BadInput", "nightly", "preview")
}

func TestArchivesOfOtherSystemsAreNotOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	w.must(w.repo().Add(w.archives("1.2.0", "windows"), repository.Terms{Channel: feed.Stable, Percent: 100}))
	if got := w.latest(w.client(w.o.Out)); got != "1.1.0" {
		t.Errorf("linux: got %q", got)
	}
	if got := w.latest(w.client(w.o.Out, func(o *feed.Options) { o.OS = "windows" })); got != "1.2.0" {
		t.Errorf("windows: got %q", got)
	}
	if got := w.latest(w.client(w.o.Out, func(o *feed.Options) { o.Arch = "arm64" })); got != "" {
		t.Errorf("linux on arm64: got %q", got)
	}
}

func TestAReleaseThatNeedsALaterOneIsReachedInSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.5.0")
	w.add("2.0.0", func(o *repository.Terms) { o.MinVersion = "1.5.0" })
	c := w.client(w.o.Out)
	for current, want := range map[string]string{"1.0.0": "1.5.0", "1.5.0": "2.0.0"} {
		r, err := c.Latest(t.Context(), feed.Stable, "node", current)
		w.must(err)
		if r == nil || r.Version != want {
			t.Errorf("from %s: got %+v, want %s", current, r, want)
		}
	}
}

func TestRolloutReachesItsShareAndThenEverybody(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.3.0", "1.4.0"} {
		was := map[string]bool{}
		for _, percent := range []int{0, 1, 10, 50, 99, 100} {
			in := 0
			for i := range 10_000 {
				node := fmt.Sprintf("node-%d", i)
				takes := feed.TakesPart(node, version, percent)
				if was[node] && !takes {
					t.Fatalf("%s was in before %d %%, and is out", node, percent)
				}
				if was[node] = takes; takes {
					in++
				}
			}
			if want := percent * 100; in < want-150 || in > want+150 || percent%100 == 0 && in != want {
				t.Errorf("%s: %d of 10000 nodes are in at %d %%", version, in, percent)
			}
		}
	}
}

func TestRolloutBeginsWithOtherNodesForEachVersion(t *testing.T) {
	t.Parallel()
	both := 0
	for i := range 10_000 {
		node := fmt.Sprintf("node-%d", i)
		if feed.TakesPart(node, "1.3.0", 10) && feed.TakesPart(node, "1.4.0", 10) {
			both++
		}
	}
	if both > 200 {
		t.Errorf("%d of 10000 nodes are among the first of both versions", both)
	}
}

func TestANodeGetsTheNewestVersionThatReachedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add("1.1.0")
	w.add("1.2.0", func(o *repository.Terms) { o.Percent = 0 })
	c := w.client(w.o.Out)
	if got := w.latest(c); got != "1.1.0" {
		t.Errorf("at 0 %%: got %q", got)
	}
	w.must(w.repo().Rollout("1.2.0", 100, w.clock.Now().Add(time.Hour)))
	if got := w.latest(c); got != "1.1.0" {
		t.Errorf("before it begins: got %q", got)
	}
	w.clock.pass(2 * time.Hour)
	if got := w.latest(c); got != "1.2.0" {
		t.Errorf("after it began: got %q", got)
	}
	w.must(w.repo().Withdraw("1.2.0"))
	if got := w.latest(c); got != "1.1.0" {
		t.Errorf("withdrawn: got %q", got)
	}
}

func TestAMachineWithoutIdentityWaitsForEverybody(t *testing.T) {
	t.Parallel()
	if feed.TakesPart("", "1.3.0", 99) || !feed.TakesPart("", "1.3.0", 100) {
		t.Error("it takes part before all do, or not even then")
	}
}

func TestVersionsAreComparedAsReleasesAre(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"1.0.0", "0.1.0", "1.0.0-rc.1", "10.20.30"} {
		if !feed.IsRelease(v) {
			t.Errorf("%s is a release", v)
		}
	}
	for _, v := range []string{"", "v1.0.0", "1.0", "1", "1.0.0+b", "1.0.0-dirty", "1.0.0-3-gabc1234", "dev", "01.0.0", strings.Repeat("1", 70) + ".0.0"} {
		if feed.IsRelease(v) {
			t.Errorf("%q is no release", v)
		}
	}
	if feed.Newer("dev", "1.0.0") || feed.Newer("1.0.0", "dev") || feed.Newer("1.0.0", "1.0.0") || !feed.Newer("1.0.1", "1.0.0") {
		t.Error("compared wrongly")
	}
}
