// Package feed asks an update feed which version of the program is the newest for this machine, and downloads it.
//
// A feed is a TUF repository (The Update Framework, https://theupdateframework.io) of static files below one address:
// metadata/*.json, signed and numbered, and targets/*, the archives, each with the hash of its bytes before its name. Its
// root of trust is pinned in the program. What a feed offers is believed only after root, timestamp, snapshot and targets
// have been checked against that root and against what was seen before, so that replayed, frozen, mixed, cut and forged
// feeds are refused, whoever serves them. dmgateway/packaging/feed makes and signs feeds.
package feed

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"dmgateway/engine/fault"
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
	// Root is the first trusted root.json.
	//
	// Default: the one pinned in this build.
	Root []byte
	// HTTP makes the connections. Its CheckRedirect is not used: redirects never lead out of HTTPS.
	//
	// Default: http.DefaultClient.
	HTTP *http.Client
	// OS and Arch of the archives wanted, in Go's names.
	//
	// Default: this program's.
	OS, Arch string
	// Now is the clock.
	//
	// Default: time.Now.
	Now func() time.Time
}

// Client asks one feed. Its methods may be called from several goroutines; Latest takes turns.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client
	// patience is how long a server may send nothing; askTime how long all questions of one Latest may take.
	patience, askTime time.Duration

	mu sync.Mutex // one Latest at a time reads and writes Dir
}

// pinnedRoot is the base64 of a root.json. Set by the linker: -ldflags '-X dmgateway/engine/update/feed.pinnedRoot=…'.
var pinnedRoot string

// Pinned reports whether this build has a root of trust. One that has none cannot be updated by a feed.
func Pinned() bool { return pinnedRoot != "" }

// New makes a client. It connects to nothing and writes nothing. Errors are faults: [Unavailable] where there is neither
// Options.Root nor a pinned one, fault.BadInput for an address that is none.
func New(o Options) (*Client, error) {
	if o.Root == nil {
		if !Pinned() {
			return nil, fault.New(Unavailable, "this build can believe no update feed: no root of trust was built into it").
				Try("Install a released build, or update by hand.")
		}
		root, err := base64.StdEncoding.DecodeString(pinnedRoot)
		if err != nil {
			return nil, fault.New(Unavailable, "the root of trust built into this program cannot be read").Because(err).
				Try("Install a released build, or update by hand.")
		}
		o.Root = root
	}
	if _, err := trustedmetadata.New(o.Root); err != nil {
		return nil, fault.New(Unavailable, "the root of trust of this program is none").Because(err).
			Try("Install a released build, or update by hand.")
	}
	base, err := address(o.URL)
	if err != nil {
		return nil, err
	}
	if o.OS == "" {
		o.OS = runtime.GOOS
	}
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := http.Client{}
	if o.HTTP != nil {
		h = *o.HTTP
	}
	h.CheckRedirect = staySafe
	h.Jar = nil
	h.Timeout = 0 // downloads take as long as bytes come
	return &Client{o: o, base: base, http: &h, patience: time.Minute, askTime: 5 * time.Minute}, nil
}

// address checks where a feed is said to be.
func address(text string) (*url.URL, error) {
	wrong := func(why string) error {
		return fault.New(fault.BadInput, "the address of the update feed %s", why).Try("Give an address such as https://updates.example.com/gateway.")
	}
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return nil, wrong("is no https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, wrong("holds a user, a password, a query or a fragment; a feed is public and needs none")
	case u.Scheme == "https" || u.Scheme == "http" && onThisMachine(u):
		u.Path = strings.TrimRight(u.Path, "/") + "/"
		u.RawPath = ""
		return u, nil
	}
	return nil, wrong("must begin with https://")
}

func onThisMachine(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
