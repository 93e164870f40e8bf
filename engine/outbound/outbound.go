// Package outbound is the one way by which the program opens HTTP and WebSocket connections to other machines: directly,
// or through the proxy that the operating system, the environment or the operator names.
//
// A proxy is asked with CONNECT for everything that speaks TLS, so that it sees a name and a port and nothing else. It
// signs in with Basic or NTLM (version 2), NTLM where a proxy offers both. Kerberos ("Negotiate") and Digest are not
// spoken. Proxies are reached over plain TCP ("http"), TLS ("https") or as SOCKS 5 ("socks5").
//
// Connections to this very machine, and to link-local addresses, never go through a proxy.
package outbound

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"weak"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Modes of [Settings].
const (
	System = "system" // as the environment or the operating system says
	Custom = "custom"
	None   = "none" // directly
)

// Settings say how connections leave. The zero value means System.
type Settings struct {
	Mode string
	// URL of a custom proxy, without user and password: "http://proxy.example:3128".
	URL string
	// User ("DOMAIN\user" for NTLM) and Password sign in at the proxy, also at the system's one.
	User     string
	Password secret.String
	// Bypass are hosts that are reached directly, see [ParseBypass]. In mode System they come on top of the system's.
	Bypass string
}

// Check tells what is wrong with settings, and gives them as they are stored.
func (s Settings) Check() (Settings, error) {
	s.Mode = strings.ToLower(strings.TrimSpace(s.Mode))
	switch s.Mode {
	case "":
		s.Mode = System
	case System, None:
	case Custom:
		u, err := ParseProxy(s.URL)
		if err != nil {
			return s, err
		}
		if u.User != nil {
			return s, fault.New(fault.BadInput, "the proxy's address must not contain a user or password").At("url").
				Try("Give the address as http://proxy.example:3128, and user and password apart from it.")
		}
		s.URL = u.String()
	default:
		return s, fault.New(fault.BadInput, "%q is no way to use a proxy", s.Mode).At("mode").Try("Choose system, custom or none.")
	}
	if s.Mode != Custom {
		s.URL = ""
	}
	s.User = strings.TrimSpace(s.User)
	if s.User == "" && !s.Password.Empty() {
		return s, fault.New(fault.BadInput, "a password for the proxy needs a user").At("user").Try("Give the user as well.")
	}
	if strings.ContainsFunc(s.User+s.Password.Reveal(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s, fault.New(fault.BadInput, "the proxy's user or password has a control character").At("user").Try("Type it again.")
	}
	b, err := ParseBypass(s.Bypass)
	if err != nil {
		return s, err
	}
	s.Bypass = b.String()
	return s, nil
}

// ParseProxy reads a proxy's address: "proxy.example:3128" or with http://, https:// or socks5:// before it.
func ParseProxy(text string) (*url.URL, error) {
	bad := func(why string) error {
		return fault.New(fault.BadInput, "the proxy's address cannot be used: %s", why).At("url").
			Try("Give it as http://proxy.example:3128; https:// and socks5:// are possible too.")
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, bad("it is missing")
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, bad("it is no address") // url's own words repeat it, and with it a password
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme == "socks" || u.Scheme == "socks5h" {
		u.Scheme = "socks5"
	}
	port, known := map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	switch {
	case !known:
		return nil, bad("a proxy is reached by http, https or socks5, not " + strconv.Quote(u.Scheme))
	case u.Hostname() == "":
		return nil, bad("it has no host")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, bad("there is more than host and port")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, bad("a port is a number from 1 to 65535")
		}
		port = p
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: net.JoinHostPort(u.Hostname(), port)}, nil
}

// Out opens connections. It may be used from several goroutines. A nil *Out stands for mode System.
type Out struct {
	dialer Dial
	system func(ctx context.Context, target *url.URL) ([]Route, error)

	mu         sync.Mutex
	settings   Settings
	bypass     Bypass
	custom     *url.URL
	changed    chan struct{}
	signs      map[string]string // how a proxy wants to be signed in at, by its address
	shared     map[string]*Transport
	transports []weak.Pointer[Transport]
}

// Dial opens a TCP connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options of tests.
type Options struct {
	// Dial opens the TCP connections to proxies and to what is reached directly. Nil is the ordinary way.
	Dial Dial
	// System stands for the environment and the operating system. Nil asks them.
	System func(ctx context.Context, target *url.URL) ([]Route, error)
}

// New makes a way out.
func New(s Settings, o Options) (*Out, error) {
	out := &Out{dialer: o.Dial, system: o.System, changed: make(chan struct{}), signs: map[string]string{}, shared: map[string]*Transport{}}
	if out.dialer == nil {
		out.dialer = (&net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second}).DialContext
	}
	if out.system == nil {
		out.system = newSystem().routes
	}
	return out, out.Set(s)
}

var fallback = sync.OnceValue(func() *Out {
	o, _ := New(Settings{}, Options{}) // nothing in empty settings can be wrong
	return o
})

func (o *Out) orSystem() *Out {
	if o == nil {
		return fallback()
	}
	return o
}

// Set changes the settings. New connections take the new way at once; idle ones are closed.
func (o *Out) Set(s Settings) error {
	s, err := s.Check()
	if err != nil {
		return err
	}
	var custom *url.URL
	if s.Mode == Custom {
		if custom, err = ParseProxy(s.URL); err != nil {
			return err
		}
	}
	bypass, err := ParseBypass(s.Bypass)
	if err != nil {
		return err
	}
	o.mu.Lock()
	o.settings, o.custom, o.bypass = s, custom, bypass
	clear(o.signs)
	close(o.changed)
	o.changed = make(chan struct{})
	live := o.live()
	o.transports = o.transports[:0]
	for _, t := range live {
		o.transports = append(o.transports, weak.Make(t))
	}
	o.mu.Unlock()
	for _, t := range live {
		t.renew()
	}
	return nil
}

// CloseIdle closes the connections that nobody uses at the moment, of all transports.
func (o *Out) CloseIdle() {
	o = o.orSystem()
	o.mu.Lock()
	live := o.live()
	o.mu.Unlock()
	for _, t := range live {
		t.CloseIdleConnections()
	}
}

// live are the transports that somebody still has. The caller holds mu.
func (o *Out) live() []*Transport {
	var live []*Transport
	for _, w := range o.transports {
		if t := w.Value(); t != nil {
			live = append(live, t)
		}
	}
	return live
}

// Settings are those in use, with the password.
func (o *Out) Settings() Settings {
	o = o.orSystem()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.settings
}

// Changed is closed when the settings change next: whoever keeps a connection makes it anew then.
func (o *Out) Changed() <-chan struct{} {
	o = o.orSystem()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Direct opens a TCP connection without a proxy.
func (o *Out) Direct(ctx context.Context, network, address string) (net.Conn, error) {
	return o.orSystem().dialer(ctx, network, address)
}

const dialTime = 10 * time.Second
