// Package feed asks an update feed which version of the program is the newest for this machine, and downloads it.
//
// A feed is a TUF repository (The Update Framework) of static files, below one address: metadata/*.json, signed and counted, and
// targets/*, the archives. Its root of trust is pinned in the program. What a feed offers is believed only after
// root, timestamp, snapshot and targets have been checked against that root and against what was seen before, so that
// replayed, frozen, mixed, cut and forged feeds are refused, whoever serves them.
package feed

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Channels that a release can be in.
const (
	Stable  = "stable"
	Preview = "preview" // whoever takes part in it gets stable releases too
)

// Codes of errors that only this package uses.
const (
	// Refused: the feed is forged, replayed, frozen, mixed or cut; nothing of it is believed.
	Refused = "FeedRefused"
	// Unavailable: this build has no pinned root, so that it can believe no feed.
	Unavailable = "UpdatesUnavailable"
)

// Release is one version for this system that a feed offers.
type Release struct {
	Version string // "1.3.0"
	Channel string // Stable or Preview
	Notes   string // short Markdown: what is new
	Name    string // of the target: "dmgateway_1.3.0_linux_amd64.tar.gz"
	Length  int64  // bytes
	SHA256  [32]byte
	// Published is the moment it was first offered to anybody.
	Published time.Time
	// MinVersion is the oldest version from which the step to this one can be made, "" = any.
	MinVersion string
}

// Options of a Client.
type Options struct {
	// URL below which metadata/ and targets/ lie: https, or http on this machine only.
	URL string
	// Dir keeps trusted metadata; it is made with mode 0700.
	Dir string
	// Root is the first trusted root.json; nil = the one pinned in this build.
	Root []byte
	// HTTP makes the connections. Nil = http.DefaultClient.
	HTTP *http.Client
	// OS and Arch of the archives wanted, in Go's names. "" = this program's.
	OS, Arch string
	// Now is the clock. Nil = time.Now.
	Now func() time.Time
}

// Client asks one feed. Its methods may be called from several goroutines; they take turns.
type Client struct{ o Options }

// Pinned reports whether this build has a root of trust. One that has none cannot be updated by a feed.
func Pinned() bool { return pinnedRoot != "" }

// New makes a client. It connects to nothing.
func New(o Options) (*Client, error) { return &Client{o: o}, nil }

// Latest is the newest release for this system that is newer than current, in the channel, and rolled out to node, a
// stable identity of this installation; nil where there is none. Errors are faults: Refused, fault.Unreachable,
// fault.NotFound where the address has no feed, fault.Cancelled, fault.DiskFull.
func (c *Client) Latest(ctx context.Context, channel, node, current string) (*Release, error) {
	return nil, errors.New("not built yet")
}

// Download fetches r into file, going on where a former, broken download into the same file ended, and checks length
// and hash. While it goes on the bytes are in file+".part"; file appears whole or not at all. progress, which can be nil,
// is called from this goroutine with bytes done and in all. What does not match is removed.
func (c *Client) Download(ctx context.Context, r *Release, file string, progress func(done, total int64)) error {
	return errors.New("not built yet")
}
