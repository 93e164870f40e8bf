package feed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"dmgateway/engine/fault"
)

// Latest is the newest release for this system that is newer than current, in the channel, and rolled out to node, a
// stable identity of this installation ("" takes part only in what is rolled out to all); nil where there is none.
// Errors are faults: [Refused], [Unavailable] where current is no release's version, fault.Unreachable, fault.NotFound
// where the address has no feed, fault.Cancelled, fault.DiskFull.
func (c *Client) Latest(ctx context.Context, channel, node, current string) (*Release, error) {
	if err := checkChannel(channel); err != nil {
		return nil, err
	}
	if !IsVersion(current) {
		return nil, fault.New(Unavailable, "this build has no version (it says %q), so that no release can be newer", current).
			Try("Install a released build, or update by hand.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	targets, err := c.targets(ctx)
	if err != nil {
		return nil, err
	}
	return wish{channel: channel, node: node, current: current, os: c.o.OS, arch: c.o.Arch, now: c.o.Now()}.choose(targets)
}

// targets asks the feed, and keeps what became trusted.
func (c *Client) targets(ctx context.Context) (map[string]*metadata.TargetFiles, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.askTime, errSlow)
	defer cancel()
	k := keeper{c.o.Dir}
	if err := os.MkdirAll(c.o.Dir, 0o700); err != nil {
		return nil, notKept(c.o.Dir, err)
	}
	k.dropUnreadable()
	f := &fetcher{c: c, ctx: ctx, kept: k.roots(), came: map[int64][]byte{}}
	u, err := c.refresh(f)
	if err != nil && len(f.kept) > 0 && rootVersion(u) < newest(f.kept) {
		// What was kept does not follow from the pinned root: the feed's own roots count.
		k.dropRoots()
		f.kept, f.failed = nil, nil
		u, err = c.refresh(f)
	}
	if kept := k.keepRoots(f.came, rootVersion(u)); err == nil {
		err = kept
	}
	if err != nil {
		return nil, c.explain(f, u, err)
	}
	return u.GetTopLevelTargets(), nil
}

// refresh runs TUF's client workflow. The updater is nil where not even the pinned root was taken.
func (c *Client) refresh(f *fetcher) (u *updater.Updater, err error) {
	defer func() { // the library is given what strangers sent
		if r := recover(); r != nil {
			err = fmt.Errorf("the metadata cannot be read: %v", r)
		}
	}()
	u, err = updater.New(&config.UpdaterConfig{
		MaxRootRotations: 256, RootMaxLength: 512 << 10, TimestampMaxLength: 16 << 10, SnapshotMaxLength: 2 << 20, TargetsMaxLength: 5 << 20,
		Fetcher: f, LocalTrustedRoot: c.o.Root, LocalMetadataDir: c.o.Dir, LocalTargetsDir: c.o.Dir,
		RemoteMetadataURL: c.base.JoinPath("metadata").String(), PrefixTargetsWithHash: true,
	})
	if err != nil {
		return nil, err
	}
	u.UnsafeSetRefTime(c.o.Now().UTC())
	return u, u.Refresh()
}

func rootVersion(u *updater.Updater) int64 {
	if u == nil {
		return 0
	}
	return u.GetTrustedMetadataSet().Root.Signed.Version
}

// keeper is the folder of trusted metadata. The TUF client keeps timestamp, snapshot and targets there by itself; the
// roots after the pinned one are kept here, because a feed need not have them for ever. Nothing in it is believed
// unless it follows from the pinned root.
type keeper struct{ dir string }

// dropUnreadable removes what a crash left half written; the TUF client would stop at it.
func (k keeper) dropUnreadable() {
	for role, read := range map[string]func([]byte) error{
		metadata.TIMESTAMP: func(b []byte) error { _, err := metadata.Timestamp().FromBytes(b); return err },
		metadata.SNAPSHOT:  func(b []byte) error { _, err := metadata.Snapshot().FromBytes(b); return err },
		metadata.TARGETS:   func(b []byte) error { _, err := metadata.Targets().FromBytes(b); return err },
	} {
		file := filepath.Join(k.dir, role+".json")
		if text, err := os.ReadFile(file); err == nil && read(text) != nil {
			_ = os.Remove(file) // where that fails, so does the check that follows, and says why
		}
	}
	left, _ := filepath.Glob(filepath.Join(k.dir, "tuf_tmp*"))
	for _, file := range left {
		_ = os.Remove(file)
	}
}

func (k keeper) rootFile(version int64) string {
	return filepath.Join(k.dir, fmt.Sprintf("%d.root.json", version))
}

func (k keeper) roots() map[int64][]byte {
	kept := map[int64][]byte{}
	files, _ := filepath.Glob(filepath.Join(k.dir, "*.root.json"))
	for _, file := range files {
		var version int64
		if _, err := fmt.Sscanf(filepath.Base(file), "%d.root.json", &version); err != nil {
			continue
		}
		if text, err := os.ReadFile(file); err == nil {
			kept[version] = text
		}
	}
	return kept
}

// keepRoots writes the roots up to the newest trusted one.
func (k keeper) keepRoots(came map[int64][]byte, trusted int64) error {
	for version, text := range came {
		if version > trusted {
			continue
		}
		file := k.rootFile(version)
		err := os.WriteFile(file+".new", text, 0o600)
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k keeper) dropRoots() {
	files, _ := filepath.Glob(filepath.Join(k.dir, "*.root.json"))
	for _, file := range files {
		_ = os.Remove(file)
	}
}

func newest(roots map[int64][]byte) int64 {
	var n int64
	for version := range roots {
		n = max(n, version)
	}
	return n
}
