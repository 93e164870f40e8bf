// Package repository makes and signs update feeds: TUF repositories of static files, with numbered metadata and archives
// that have their hash in their name, so that a feed can be copied to any web server file by file and is right at every
// moment in between, when metadata/timestamp.json comes last. dmgateway/engine/update/feed reads them.
package repository

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// far is when root, targets and snapshot expire, counted from their signing: only the timestamp is meant to run out.
const far = 20 * 365 * 24 * time.Hour

// Options of a repository.
type Options struct {
	Keys Keys
	Out  string // folder of the feed: metadata/ and targets/
	// Valid is how long a timestamp is valid: how long a feed may go without a signature, and how long somebody who
	// holds an old one back can do so unnoticed.
	//
	// Default: 14 days.
	Valid time.Duration
	// Now is the clock.
	//
	// Default: time.Now.
	Now func() time.Time
	// Say is told what was done that the person should know. Default: nobody.
	Say func(format string, args ...any)
}

// Repository is a feed whose metadata was verified from the root in the keys' folder.
type Repository struct {
	o         Options
	root      *metadata.Metadata[metadata.RootType]
	targets   *metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
}

func (o *Options) defaults() {
	if o.Valid == 0 {
		o.Valid = 14 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
}

// Exists reports whether there is a feed in a folder.
func Exists(out string) bool {
	_, err := os.Stat(filepath.Join(out, "metadata"))
	return !errors.Is(err, fs.ErrNotExist)
}

// Create makes an empty feed in a folder that has none, and all keys, in a folder that has none.
func Create(o Options) (*Repository, error) {
	o.defaults()
	if Exists(o.Out) {
		return nil, fmt.Errorf("there is a feed in %s already", o.Out)
	}
	if _, err := os.Stat(o.Keys.anchor()); err == nil || slices.ContainsFunc(Roles(), o.Keys.has) {
		return nil, fmt.Errorf("there are keys in %s, but no feed in %s: bring the feed back, since programs refuse one that counts from 1 again; or name an empty folder for new keys", o.Keys.Dir, o.Out)
	}
	if err := apart(o.Keys.Dir, o.Out); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(o.Keys.Dir, 0o700), os.MkdirAll(filepath.Join(o.Out, "metadata"), 0o755), os.MkdirAll(filepath.Join(o.Out, "targets"), 0o755)); err != nil {
		return nil, err
	}
	r := &Repository{
		o: o, root: metadata.Root(o.until(far)), targets: metadata.Targets(o.until(far)), snapshot: metadata.Snapshot(o.until(far)),
		timestamp: metadata.Timestamp(o.until(o.Valid)),
	}
	r.targets.Signed.Version, r.snapshot.Signed.Version, r.timestamp.Signed.Version = 0, 0, 0
	signers := map[string]signature.Signer{}
	for _, role := range Roles() {
		s, err := o.Keys.create(role, o.Keys.file(role))
		if err != nil {
			return nil, err
		}
		key, _, err := public(s)
		if err != nil {
			return nil, err
		}
		if err := r.root.Signed.AddKey(key, role); err != nil {
			return nil, err
		}
		signers[role] = s
	}
	o.Say("NEW KEYS were made in %s. Programs believe this feed only when they were built with this root; keep copies of root.key where no network reaches.", o.Keys.Dir)
	if err := r.saveRoot(signers[Root]); err != nil {
		return nil, err
	}
	return r, r.publish(signers)
}

// apart refuses keys that would be served with the feed.
func apart(keys, out string) error {
	k, err := filepath.Abs(keys)
	if err != nil {
		return err
	}
	f, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(f, k); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("the keys in %s would be served with the feed: keep them elsewhere", keys)
	}
	return nil
}

// Open reads a feed and verifies all of its metadata from the keys' root on, so that nothing is signed that
// somebody else has put there. That it has expired does not matter.
func Open(o Options) (*Repository, error) {
	o.defaults()
	if err := apart(o.Keys.Dir, o.Out); err != nil {
		return nil, err
	}
	anchor, err := o.Keys.RootJSON()
	if err != nil {
		return nil, err
	}
	trusted, err := trustedmetadata.New(anchor)
	if err != nil {
		return nil, err // RootJSON has checked it
	}
	trusted.RefTime = time.Time{} // nothing has expired
	r := &Repository{o: o}
	for {
		next, err := os.ReadFile(r.numbered(Root, trusted.Root.Signed.Version+1))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		if _, err := trusted.UpdateRoot(next); err != nil {
			return nil, fmt.Errorf("root %d of the feed: %w", trusted.Root.Signed.Version+1, err)
		}
		if err := write(o.Keys.anchor(), next, 0o644); err != nil {
			return nil, err
		}
	}
	r.root = trusted.Root
	if err := r.load(trusted); err != nil {
		return nil, fmt.Errorf("the feed in %s is not as it was signed: %w", o.Out, err)
	}
	return r, nil
}

func (r *Repository) load(trusted *trustedmetadata.TrustedMetadata) error {
	text, err := os.ReadFile(r.timestampFile())
	if err != nil {
		return err
	}
	if r.timestamp, err = trusted.UpdateTimestamp(text); err != nil {
		return err
	}
	meta := r.timestamp.Signed.Meta["snapshot.json"]
	if meta == nil {
		return errors.New("the timestamp names no snapshot")
	}
	if text, err = os.ReadFile(r.numbered(Snapshot, meta.Version)); err != nil {
		return err
	}
	if r.snapshot, err = trusted.UpdateSnapshot(text, false); err != nil {
		return err
	}
	if meta = r.snapshot.Signed.Meta["targets.json"]; meta == nil {
		return errors.New("the snapshot names no targets")
	}
	if text, err = os.ReadFile(r.numbered(Targets, meta.Version)); err != nil {
		return err
	}
	r.targets, err = trusted.UpdateTargets(text)
	return err
}

func (r *Repository) timestampFile() string {
	return filepath.Join(r.o.Out, "metadata", "timestamp.json")
}

func (r *Repository) numbered(role string, version int64) string {
	return filepath.Join(r.o.Out, "metadata", fmt.Sprintf("%d.%s.json", version, role))
}

func (o *Options) until(d time.Duration) time.Time { return o.Now().Add(d).UTC().Truncate(time.Second) }

// RootJSON is the newest root, for builds to pin.
func (r *Repository) RootJSON() ([]byte, error) { return r.o.Keys.RootJSON() }

// Renew signs the timestamp anew: the feed is as fresh as on its first day.
func (r *Repository) Renew() error {
	s, err := r.signers(Timestamp)
	if err != nil {
		return err
	}
	return r.publishTimestamp(s[Timestamp])
}

// signers reads keys, and checks that the root knows them.
func (r *Repository) signers(roles ...string) (map[string]signature.Signer, error) {
	out := map[string]signature.Signer{}
	for _, role := range roles {
		s, err := r.o.Keys.signer(role)
		if err != nil {
			return nil, err
		}
		_, id, err := public(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(r.root.Signed.Roles[role].KeyIDs, id) {
			return nil, fmt.Errorf("%s is not the key that root %d names for %s", r.o.Keys.file(role), r.root.Signed.Version, role)
		}
		out[role] = s
	}
	return out, nil
}

// publish signs targets, snapshot and timestamp with higher numbers and writes them in the order in which a feed stays right.
func (r *Repository) publish(signers map[string]signature.Signer) error {
	r.targets.Signed.Version++
	r.targets.Signed.Expires = r.o.until(far)
	meta, err := sign(r, r.targets, Targets, r.targets.Signed.Version, signers[Targets])
	if err != nil {
		return err
	}
	r.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{"targets.json": meta}
	r.snapshot.Signed.Version++
	r.snapshot.Signed.Expires = r.o.until(far)
	if meta, err = sign(r, r.snapshot, Snapshot, r.snapshot.Signed.Version, signers[Snapshot]); err != nil {
		return err
	}
	r.timestamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": meta}
	return r.publishTimestamp(signers[Timestamp])
}

func (r *Repository) publishTimestamp(s signature.Signer) error {
	r.timestamp.Signed.Version++
	r.timestamp.Signed.Expires = r.o.until(r.o.Valid)
	_, err := sign(r, r.timestamp, Timestamp, r.timestamp.Signed.Version, s)
	return err
}

// sign signs a role's metadata, writes it and says how the next role names it.
func sign[T metadata.Roles](r *Repository, m *metadata.Metadata[T], role string, version int64, signers ...signature.Signer) (*metadata.MetaFiles, error) {
	m.ClearSignatures()
	for _, s := range signers {
		if _, err := m.Sign(s); err != nil {
			return nil, err
		}
	}
	text, err := m.ToBytes(false)
	if err != nil {
		return nil, err
	}
	if limit := limits[role]; len(text) > limit {
		return nil, fmt.Errorf("the metadata of %s is %d bytes long and programs read %d: withdraw old versions, or shorten notes", role, len(text), limit)
	}
	file := r.numbered(role, version)
	if role == Timestamp {
		file = r.timestampFile()
	}
	hash := sha256.Sum256(text)
	return &metadata.MetaFiles{Version: version, Length: int64(len(text)), Hashes: metadata.Hashes{"sha256": hash[:]}}, write(file, text, 0o644)
}

// limits are how many bytes of each role programs read at most.
var limits = map[string]int{Root: 512 << 10, Targets: 5 << 20, Snapshot: 2 << 20, Timestamp: 16 << 10}

// write replaces a file as a whole.
func write(file string, text []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
