package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Answer is what was seen on the way through a proxy.
type Answer struct {
	// Route is the way that was taken or tried last.
	Route Route
	// Offers are the ways to sign in that the proxy named, in its order: "Basic", "NTLM", "Negotiate".
	Offers []string
	// Used is the one that was used, "" for none.
	Used string
	// Status is the proxy's last answer, "200 Connection established"; "" where there was none. Code is its number.
	Status string
	Code   int
	// Location is where an answer that redirects points to.
	Location string
}

// limits of what a proxy may take and say before the tunnel stands.
const (
	connectTime = 20 * time.Second
	maxAnswer   = 64 << 10
)

// DialContext opens a TCP connection to address over the way out: directly, or as a tunnel through a proxy. Errors carry
// codes: Unreachable for a proxy that does not answer, SignInFailed for one that wants another user or password,
// Forbidden for one that does not let the connection through.
func (o *Out) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, _, err := o.Tunnel(ctx, network, address)
	return conn, err
}

// Tunnel is DialContext that also tells what was seen.
func (o *Out) Tunnel(ctx context.Context, network, address string) (net.Conn, Answer, error) {
	o = o.orSystem()
	var a Answer
	routes, err := o.Routes(ctx, &url.URL{Scheme: "https", Host: address})
	if err != nil {
		return nil, a, err
	}
	var first error
	for _, r := range routes {
		a = Answer{Route: r}
		var conn net.Conn
		if r.Proxy == nil {
			conn, err = o.dialer(ctx, network, address)
		} else {
			conn, err = o.through(ctx, r.Proxy, address, &a)
		}
		if err == nil {
			return conn, a, nil
		}
		if first == nil {
			first = err
		}
		if r.Proxy != nil && fault.Code(err) != fault.Unreachable || ctx.Err() != nil {
			break // it answered, or nobody waits any more
		}
	}
	return nil, a, first
}

// through opens a tunnel.
func (o *Out) through(ctx context.Context, p *url.URL, address string, a *Answer) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	user, password := o.credentials(p)
	if p.Scheme == "socks5" {
		return o.socks(ctx, p, address, user, password)
	}
	o.mu.Lock()
	scheme := o.signs[p.Host]
	o.mu.Unlock()
	t := &tunneling{out: o, proxy: p, target: address, user: user, password: password, answer: a}
	conn, err := t.open(ctx, scheme)
	if err == nil {
		o.mu.Lock()
		o.signs[p.Host] = a.Used
		o.mu.Unlock()
	}
	return conn, err
}

func (o *Out) credentials(p *url.URL) (user string, password secret.String) {
	if p.User != nil {
		text, _ := p.User.Password()
		return p.User.Username(), secret.New(text)
	}
	s := o.Settings()
	return s.User, s.Password
}

// dialProxy connects to the proxy itself.
func (o *Out) dialProxy(ctx context.Context, p *url.URL) (net.Conn, error) {
	conn, err := o.dialer(ctx, "tcp", p.Host)
	if err == nil && p.Scheme == "https" {
		conn, err = handshake(ctx, conn, p.Host, &tls.Config{MinVersion: tls.VersionTLS12}, 0)
	}
	if err != nil {
		return nil, unreachable(p, err)
	}
	return conn, nil
}

func unreachable(p *url.URL, err error) error {
	return fault.New(fault.Unreachable, "cannot reach the proxy %s", p.Host).At(p.Host).Because(err).AsTransient().
		Try("Check the proxy's address and port in the settings, and that the proxy runs.")
}

func (o *Out) socks(ctx context.Context, p *url.URL, address, user string, password secret.String) (net.Conn, error) {
	var auth *proxy.Auth
	if user != "" {
		auth = &proxy.Auth{User: user, Password: password.Reveal()}
	}
	d, err := proxy.SOCKS5("tcp", p.Host, auth, socksDialer{o, p})
	if err != nil {
		return nil, unreachable(p, err)
	}
	conn, err := d.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	if err != nil {
		switch {
		case ctx.Err() != nil:
			err = unreachable(p, context.Cause(ctx))
		case fault.Code(err) == fault.Internal:
			err = fault.New(fault.Forbidden, "the proxy %s does not let connections through to %s", p.Host, address).At(p.Host).Because(err).
				Try("Ask the proxy's administrator to allow %s; if it wants a user, give user and password in the settings.", address)
		}
		return nil, err
	}
	return conn, nil
}

type socksDialer struct {
	o *Out
	p *url.URL
}

func (d socksDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d socksDialer) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return d.o.dialProxy(ctx, d.p)
}

// tunneling is one attempt to get a tunnel.
type tunneling struct {
	out           *Out
	proxy         *url.URL
	target, user  string
	password      secret.String
	answer        *Answer
	conn          net.Conn
	read          *bufio.Reader
	limit         *limited
	reuse, signed bool
}

// open asks for the tunnel, signing in as scheme says, and once more as the proxy wants it.
func (t *tunneling) open(ctx context.Context, scheme string) (net.Conn, error) {
	stop := func() bool { return true }
	defer func() { stop() }()
	for try := range 3 {
		if t.conn == nil {
			conn, err := t.out.dialProxy(ctx, t.proxy)
			if err != nil {
				return nil, err
			}
			t.conn = conn
			t.limit = &limited{conn: conn}
			t.read = bufio.NewReader(t.limit)
			stop()
			stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		}
		err := t.ask(ctx, scheme)
		if err != nil {
			t.drop()
			if try == 0 && scheme != "" && ctx.Err() == nil {
				scheme = "" // the proxy may have changed its mind since
				continue
			}
			return nil, err
		}
		if t.answer.Code/100 == 2 {
			if !stop() {
				t.drop()
				return nil, unreachable(t.proxy, context.Cause(ctx))
			}
			t.limit.off = true
			return &tunnelConn{t.conn, t.read}, nil
		}
		next := t.choose(scheme)
		if next == "" {
			break
		}
		scheme = next
		if !t.reuse || t.signed {
			t.drop()
		}
	}
	t.drop()
	return nil, t.refused()
}

func (t *tunneling) drop() {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}

// choose gives how to sign in next, "" for not at all.
func (t *tunneling) choose(used string) string {
	if t.answer.Code != http.StatusProxyAuthRequired || t.user == "" || used != "" && t.offered(used) {
		return "" // the user and password were seen already
	}
	for _, s := range []string{ntlm, basic} {
		if t.offered(s) {
			return s
		}
	}
	return ""
}

func (t *tunneling) offered(scheme string) bool {
	return slices.ContainsFunc(t.answer.Offers, func(s string) bool { return strings.EqualFold(s, scheme) })
}

// ask sends CONNECT and reads the answer; with NTLM that takes two requests.
func (t *tunneling) ask(ctx context.Context, scheme string) error {
	t.answer.Used = ""
	t.signed = scheme != "" && t.user != ""
	if !t.signed {
		_, err := t.request(ctx, "")
		return err
	}
	t.answer.Used = scheme
	if scheme == basic {
		_, err := t.request(ctx, basicAuthorization(t.user, t.password))
		return err
	}
	first, err := ntlmNegotiate()
	if err != nil {
		return err
	}
	challenge, err := t.request(ctx, first)
	if err != nil || t.answer.Code != http.StatusProxyAuthRequired || challenge == nil {
		return err
	}
	if !t.reuse {
		return t.broken(errors.New("it closes the connection in the middle of signing in by NTLM"))
	}
	second, err := ntlmAuthenticate(challenge, t.user, t.password)
	if err != nil {
		return t.broken(err)
	}
	_, err = t.request(ctx, second)
	return err
}

func (t *tunneling) broken(err error) error {
	return fault.New(fault.Unreachable, "the proxy %s does not answer as a proxy should", t.proxy.Host).At(t.proxy.Host).Because(err).
		Try("Check the proxy's address and port in the settings.")
}

// request sends one CONNECT. The challenge is that of NTLM, nil where there is none.
func (t *tunneling) request(ctx context.Context, authorization string) (challenge []byte, err error) {
	text := "CONNECT " + t.target + " HTTP/1.1\r\nHost: " + t.target + "\r\nUser-Agent: dmgateway\r\nProxy-Connection: Keep-Alive\r\n"
	if authorization != "" {
		text += "Proxy-Authorization: " + authorization + "\r\n"
	}
	t.limit.left = maxAnswer
	if _, err := io.WriteString(t.conn, text+"\r\n"); err != nil {
		return nil, unreachable(t.proxy, t.late(ctx, err))
	}
	resp, err := http.ReadResponse(t.read, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // closing it would close nothing; the connection is drop's
	if err != nil {
		err = t.late(ctx, err)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || ctx.Err() != nil || errors.As(err, new(net.Error)) {
			return nil, unreachable(t.proxy, err)
		}
		return nil, t.broken(err)
	}
	a := t.answer
	a.Code, a.Status, a.Location = resp.StatusCode, printable(resp.Status), printable(resp.Header.Get("Location"))
	t.reuse = false
	if resp.StatusCode/100 == 2 {
		return nil, nil // what follows is the tunnel's
	}
	t.reuse = !resp.Close && resp.Header.Get("Proxy-Connection") != "close" && t.skipBody(resp)
	if resp.StatusCode != http.StatusProxyAuthRequired {
		return nil, nil
	}
	offers, challenge := offers(resp.Header.Values("Proxy-Authenticate"))
	if len(offers) > 0 && (len(a.Offers) == 0 || challenge == nil) {
		a.Offers = offers
	}
	return challenge, nil
}

// skipBody reads the page that comes with a refusal, so that the connection can be used again.
func (t *tunneling) skipBody(resp *http.Response) bool {
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	return err == nil && n < maxAnswer && (resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0)
}

func (t *tunneling) late(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("it did not answer in time: %w", context.Cause(ctx))
	}
	return err
}

// refused is the proxy's refusal as an error.
func (t *tunneling) refused() error {
	a, p := t.answer, t.proxy.Host
	e := fault.New(fault.Forbidden, "the proxy %s does not let connections through to %s: it answered %s", p, t.target, a.Status).At(p)
	switch {
	case a.Code != http.StatusProxyAuthRequired:
		if a.Code >= 500 {
			e.Code, e.Transient = fault.Unreachable, true
			return e.Try("The proxy itself could not reach %s, or is out of order: ask its administrator.", t.target)
		}
		if a.Code >= 300 && a.Code < 400 {
			return e.Try("It points to a page at which a person has to sign in: open a browser, sign in there, or ask for an exemption of %s.", t.target)
		}
		return e.Try("Ask the proxy's administrator to allow CONNECT to %s.", t.target)
	}
	e.Code = fault.SignInFailed
	offers := strings.Join(a.Offers, ", ")
	switch {
	case !t.offered(basic) && !t.offered(ntlm):
		e.Message = fmt.Sprintf("the proxy %s wants a sign-in that this gateway does not have: it offers %s", p, offers)
		return e.Try("This gateway signs in by Basic or NTLM. Ask the proxy's administrator for one of them, or for an exemption of %s.", t.target)
	case t.user == "":
		e.Message = fmt.Sprintf("the proxy %s wants a user and password (it offers %s)", p, offers)
		return e.Try("Set user and password of the proxy in the settings.")
	}
	e.Message = fmt.Sprintf("the proxy %s refused the user %q (%s)", p, t.user, a.Used)
	return e.Try("Check user and password of the proxy in the settings; for NTLM the user is written DOMAIN\\user.")
}

// printable shortens what a stranger said and leaves out what could disturb a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// limited bounds what is read before the tunnel stands.
type limited struct {
	conn net.Conn
	left int
	off  bool
}

func (l *limited) Read(p []byte) (int, error) {
	if l.off {
		return l.conn.Read(p)
	}
	if l.left <= 0 {
		return 0, errors.New("the answer is too long")
	}
	n, err := l.conn.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// tunnelConn reads what arrived together with the proxy's answer first.
type tunnelConn struct {
	net.Conn
	read *bufio.Reader
}

func (c *tunnelConn) Read(p []byte) (int, error) {
	if c.read.Buffered() > 0 {
		return c.read.Read(p)
	}
	return c.Conn.Read(p)
}
