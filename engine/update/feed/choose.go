package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"dmgateway/engine/fault"
)

// TakesPart reports whether node is among the first percent of all nodes for a version. A node that is in stays in when
// the percentage grows, and each version has other first nodes. A node without an identity takes part when all do.
func TakesPart(node, version string, percent int) bool {
	if percent >= 100 {
		return true
	}
	if node == "" {
		return false
	}
	h := sha256.Sum256([]byte(node + "\n" + version))
	return binary.BigEndian.Uint64(h[:8])%100 < uint64(max(percent, 0))
}

// wish is who asks for what.
type wish struct {
	channel, node, current, os, arch string
	now                              time.Time
}

// choose picks the newest release of the targets that fits, nil where none does.
func (w wish) choose(targets map[string]*metadata.TargetFiles) (*Release, error) {
	var best *Release
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		t := targets[name]
		if t == nil || t.Custom == nil {
			continue // not an archive of the program
		}
		c, err := ParseCustom(*t.Custom)
		if errors.Is(err, errOtherFormat) {
			continue
		}
		if err != nil {
			return nil, refused(fmt.Errorf("what it says of %s cannot be read: %w", name, err))
		}
		if c.Published.After(w.now.Add(clockSlack)) {
			return nil, clockIsBehind(w.now, c.Published)
		}
		if !w.fits(c) || best != nil && !Newer(c.Version, best.Version) {
			continue
		}
		hash := t.Hashes["sha256"]
		if !TargetName(name) || len(hash) != sha256.Size || t.Length <= 0 {
			return nil, refused(fmt.Errorf("%s has no plain name, no SHA-256 hash or no length", name))
		}
		best = &Release{
			Version: c.Version, Channel: c.Channel, Notes: c.Notes, Name: name, Length: t.Length, SHA256: [32]byte(hash),
			Published: c.Published, MinVersion: c.MinVersion,
		}
	}
	return best, nil
}

func (w wish) fits(c Custom) bool {
	return c.OS == w.os && c.Arch == w.arch &&
		(c.Channel == Stable || c.Channel == w.channel) &&
		Newer(c.Version, w.current) && !Newer(c.MinVersion, w.current) &&
		!c.Rollout.Since.After(w.now) && TakesPart(w.node, c.Version, c.Rollout.Percent)
}

func checkChannel(channel string) error {
	if channel == Stable || channel == Preview {
		return nil
	}
	return fault.New(fault.BadInput, "there is no update channel %q", channel).Try("Choose %s or %s.", Stable, Preview)
}
