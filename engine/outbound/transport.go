package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"weak"
)

// Transport sends HTTP requests over the way out. When the settings change, requests that run end as they began and every
// new one takes the new way.
type Transport struct {
	out  *Out
	make func() *http.Transport
	now  *atomic.Pointer[http.Transport]
}

// Transport makes one with connections of its own. tune, which can be nil, changes limits, times and TLSClientConfig
// before it is used, and may wrap DialContext; Proxy and DialTLSContext are not its business.
func (o *Out) Transport(tune func(*http.Transport)) *Transport {
	o = o.orSystem()
	t := &Transport{out: o, make: func() *http.Transport { return o.newTransport(tune) }, now: new(atomic.Pointer[http.Transport])}
	t.now.Store(t.make())
	// [Out.CloseIdle] does not see a Transport that nobody has any more.
	runtime.AddCleanup(t, func(now *atomic.Pointer[http.Transport]) { now.Load().CloseIdleConnections() }, t.now)
	o.mu.Lock()
	defer o.mu.Unlock()
	live := o.transports[:0]
	for _, w := range o.transports {
		if w.Value() != nil {
			live = append(live, w)
		}
	}
	o.transports = append(live, weak.Make(t))
	return t
}

// Shared is the one Transport of a name: whoever asks with the same name shares its connections. tune counts for the
// first who asks.
func (o *Out) Shared(name string, tune func(*http.Transport)) *Transport {
	o = o.orSystem()
	o.mu.Lock()
	t := o.shared[name]
	o.mu.Unlock()
	if t != nil {
		return t
	}
	made := o.Transport(tune)
	o.mu.Lock()
	defer o.mu.Unlock()
	if t = o.shared[name]; t == nil {
		t = made
		o.shared[name] = t
	}
	return t
}

// RoundTrip sends one request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	used := t.now.Load()
	answer, err := used.RoundTrip(r)
	if t.now.Load() != used {
		used.CloseIdleConnections() // the way changed after renew had closed what was idle
	}
	return answer, err
}

// CloseIdleConnections closes what nobody uses at the moment.
func (t *Transport) CloseIdleConnections() { t.now.Load().CloseIdleConnections() }

func (t *Transport) renew() { t.now.Swap(t.make()).CloseIdleConnections() }

// tunnel marks the context of a connection that will speak TLS.
type tunnel struct{}

func (o *Out) newTransport(tune func(*http.Transport)) *http.Transport {
	t := &http.Transport{
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, ExpectContinueTimeout: time.Second,
		MaxIdleConns: 100, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 256 << 10,
		DialContext: o.dialPlain, Proxy: o.plainProxy,
	}
	if tune != nil {
		tune(t)
	}
	dial := t.DialContext
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(context.WithValue(ctx, tunnel{}, true), network, address)
		if err != nil {
			return nil, err
		}
		return handshake(ctx, conn, address, t.TLSClientConfig, t.TLSHandshakeTimeout)
	}
	return t
}

// handshake speaks TLS over conn, which it closes on an error.
func handshake(ctx context.Context, conn net.Conn, address string, c *tls.Config, limit time.Duration) (net.Conn, error) {
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		c = c.Clone()
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(address)
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	t := tls.Client(conn, c)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return t, nil
}

// plainProxy is the proxy of requests without TLS that can be asked in its own words; all others go by CONNECT.
func (o *Out) plainProxy(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "http" {
		return nil, nil //nolint:nilnil // http.Transport's way to say that there is no proxy
	}
	routes, err := o.Routes(r.Context(), r.URL)
	if err != nil || !o.plainly(routes[0].Proxy) {
		return nil, err
	}
	p := *routes[0].Proxy
	if s := o.Settings(); p.User == nil && s.User != "" {
		p.User = url.UserPassword(s.User, s.Password.Reveal())
	}
	return &p, nil
}

// plainly reports whether a request without TLS can be handed to a proxy as it is. NTLM signs in a connection, not a
// request, so it needs CONNECT.
func (o *Out) plainly(proxy *url.URL) bool {
	if proxy == nil || proxy.Scheme != "http" {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signs[proxy.Host] != ntlm && !strings.Contains(o.settings.User, `\`)
}

// dialPlain dials for requests without TLS: the proxy itself where plainProxy named one, else the target over the way
// out. For TLS it dials the target over the way out.
func (o *Out) dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	if ctx.Value(tunnel{}) == nil {
		routes, err := o.Routes(ctx, &url.URL{Scheme: "http", Host: address})
		if err != nil {
			return nil, err
		}
		if p := routes[0].Proxy; p == nil || o.plainly(p) {
			return o.dialer(ctx, network, address)
		}
	}
	return o.DialContext(ctx, network, address)
}
