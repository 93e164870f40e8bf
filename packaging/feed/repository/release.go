package repository

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"dmgateway/engine/update/feed"
)

// Terms under which a version is offered.
type Terms struct {
	Channel string // feed.Stable or feed.Preview
	Percent int    // of all nodes
	// Since is when the percentage begins. Zero = now.
	Since      time.Time
	Notes      string // short Markdown
	MinVersion string // from which the step can be made; "" = any
}

// Add puts archives of one version into the feed. An archive that is there already keeps its bytes and its first moment,
// and gets new terms; other bytes under the same version are refused.
func (r *Repository) Add(archives []Archive, terms Terms) error {
	signers, err := r.signers(Targets, Snapshot, Timestamp)
	if err != nil {
		return err
	}
	if len(archives) == 0 {
		return errors.New("there is no archive to add")
	}
	now := r.o.Now().UTC().Truncate(time.Second)
	if terms.Since.IsZero() {
		terms.Since = now
	}
	for _, a := range archives {
		if a.Version != archives[0].Version {
			return fmt.Errorf("the archives are of several versions (%s, %s): say which with -version", archives[0].Version, a.Version)
		}
		c := feed.Custom{
			Format: feed.CustomFormat, Version: a.Version, OS: a.OS, Arch: a.Arch, Channel: terms.Channel, Published: now,
			Rollout: feed.Rollout{Percent: terms.Percent, Since: terms.Since.UTC().Truncate(time.Second)},
			Notes:   strings.TrimSpace(terms.Notes), MinVersion: terms.MinVersion,
		}
		if err := r.put(a, c); err != nil {
			return err
		}
	}
	return r.publish(signers)
}

func (r *Repository) put(a Archive, c feed.Custom) error {
	t, err := a.check()
	if err != nil {
		return err
	}
	for name, old := range r.targets.Signed.Targets {
		was, err := custom(old)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if was.Version != c.Version || was.OS != c.OS || was.Arch != c.Arch {
			continue
		}
		if name != a.Name || !old.Equal(*t) {
			return fmt.Errorf("%s %s for %s/%s is in the feed already, with other bytes: programs may have it; give the new build a new version", name, c.Version, c.OS, c.Arch)
		}
		c.Published = was.Published
	}
	if err := r.copyIn(a, t); err != nil {
		return err
	}
	return r.set(a.Name, t, c)
}

func custom(t *metadata.TargetFiles) (feed.Custom, error) {
	if t.Custom == nil {
		return feed.Custom{}, errors.New("nothing is said of it")
	}
	return feed.ParseCustom(*t.Custom)
}

func (r *Repository) set(name string, t *metadata.TargetFiles, c feed.Custom) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	raw := json.RawMessage(text)
	r.targets.Signed.Targets[name] = &metadata.TargetFiles{Length: t.Length, Hashes: t.Hashes, Custom: &raw, Path: name}
	return nil
}

// copyIn copies an archive to where programs look for it.
func (r *Repository) copyIn(a Archive, t *metadata.TargetFiles) error {
	file := filepath.Join(r.o.Out, filepath.FromSlash(feed.TargetPath(a.Name, [32]byte(t.Hashes["sha256"]))))
	from, err := os.Open(a.File)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Chmod(0o644), to.Sync(), to.Close()); err == nil {
		err = os.Rename(to.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to.Name()))
	}
	return nil
}

// Rollout changes to how many nodes a version is offered. Since zero = now.
func (r *Repository) Rollout(version string, percent int, since time.Time) error {
	if since.IsZero() {
		since = r.o.Now()
	}
	return r.change(version, func(name string, t *metadata.TargetFiles, c feed.Custom) error {
		c.Rollout = feed.Rollout{Percent: percent, Since: since.UTC().Truncate(time.Second)}
		return r.set(name, t, c)
	})
}

// Withdraw takes a version out of the feed. Its archives stay, for those who are downloading them; nobody is offered them
// any more. Who has the version keeps it.
func (r *Repository) Withdraw(version string) error {
	return r.change(version, func(name string, _ *metadata.TargetFiles, _ feed.Custom) error {
		delete(r.targets.Signed.Targets, name)
		return nil
	})
}

func (r *Repository) change(version string, do func(name string, t *metadata.TargetFiles, c feed.Custom) error) error {
	signers, err := r.signers(Targets, Snapshot, Timestamp)
	if err != nil {
		return err
	}
	found := false
	for _, e := range r.Entries() {
		if e.Custom.Version != version {
			continue
		}
		found = true
		if err := do(e.Name, r.targets.Signed.Targets[e.Name], e.Custom); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("version %q is not in the feed", version)
	}
	return r.publish(signers)
}

// Entry is an archive in the feed.
type Entry struct {
	Name   string
	Length int64
	Custom feed.Custom
}

// Entries are the archives in the feed, newest version first.
func (r *Repository) Entries() []Entry {
	var out []Entry
	for _, name := range slices.Sorted(maps.Keys(r.targets.Signed.Targets)) {
		t := r.targets.Signed.Targets[name]
		if c, err := custom(t); err == nil {
			out = append(out, Entry{Name: name, Length: t.Length, Custom: c})
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		switch {
		case feed.Newer(a.Custom.Version, b.Custom.Version):
			return -1
		case feed.Newer(b.Custom.Version, a.Custom.Version):
			return 1
		}
		return 0
	})
	return out
}

// State is what the newest metadata says of itself.
type State struct {
	Root, Targets, Snapshot, Timestamp int64     // versions
	Expires                            time.Time // of the timestamp
}

// State of the feed.
func (r *Repository) State() State {
	return State{
		Root: r.root.Signed.Version, Targets: r.targets.Signed.Version, Snapshot: r.snapshot.Signed.Version,
		Timestamp: r.timestamp.Signed.Version, Expires: r.timestamp.Signed.Expires,
	}
}
