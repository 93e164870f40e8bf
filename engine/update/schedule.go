package update

import (
	"hash/fnv"
	"time"
)

// How often the feed is asked.
const (
	FirstLook = 5 * time.Minute // after the start
	LookEvery = 6 * time.Hour
	LookAgain = time.Hour // after an error
	// spread is within which gateways choose different moments.
	spread = 30 * time.Minute
)

// Jitter is a part of at most the given time that is always the same for the same words, and different for others: by the
// gateway's own name it spreads many gateways over that time.
func Jitter(most time.Duration, words ...string) time.Duration {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write([]byte(w + "\x00")) // it never fails
	}
	return time.Duration(h.Sum64() % uint64(most))
}

// At is the next moment after now at which a version is to be installed: at the time of day "15:04" where now is, plus a
// jitter of up to half an hour by node and version.
func At(now time.Time, timeOfDay, node, version string) time.Time {
	t, err := time.Parse("15:04", timeOfDay)
	if err != nil {
		t = time.Date(0, 1, 1, 3, 0, 0, 0, time.UTC) // it was checked when it was set
	}
	late := Jitter(spread, node, version)
	at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location()).Add(late)
	if yesterday := time.Date(now.Year(), now.Month(), now.Day()-1, t.Hour(), t.Minute(), 0, 0, now.Location()).Add(late); yesterday.After(now) {
		return yesterday
	}
	if !at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()+1, t.Hour(), t.Minute(), 0, 0, now.Location()).Add(late)
	}
	return at.Truncate(time.Second)
}
