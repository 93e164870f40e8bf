package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
	"dmgateway/engine/testserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	farHost = "far.test:443" // only proxies know it
	farURL  = "https://" + farHost + "/"
)

// far is an HTTPS server that is reached under a name which only proxies know.
func far(t *testing.T) (s *httptest.Server, targets map[string]string) {
	t.Helper()
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello from afar") }))
	t.Cleanup(s.Close)
	return s, map[string]string{farHost: s.Listener.Addr().String(), "far.test:80": ""}
}

func newOut(t *testing.T, s Settings) *Out {
	t.Helper()
	o, err := New(s, Options{System: func(context.Context, *url.URL) ([]Route, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func get(t *testing.T, o *Out, address string) (string, error) {
	t.Helper()
	tr := o.Transport(func(t *http.Transport) { t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} })
	defer tr.CloseIdleConnections()
	return fetch(t, tr, address)
}

func fetch(t *testing.T, tr http.RoundTripper, address string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		return string(body), errors.New(resp.Status)
	}
	return string(body), err
}

func TestProxySignsInAsTheProxyWants(t *testing.T) {
	t.Parallel()
	_, targets := far(t)
	both := func(c *proxyConn, r *http.Request) (int, []string) {
		if strings.HasPrefix(r.Header.Get("Proxy-Authorization"), "Basic") {
			t.Error("the password went over the wire although NTLM was offered")
		}
		return wantNTLM("CORP", "anna", "s3cret", `Proxy-Authenticate: Basic realm="x"`)(c, r)
	}
	closing := func(c *proxyConn, r *http.Request) (int, []string) {
		if r.Header.Get("Proxy-Authorization") == "" {
			return 407, []string{"Proxy-Authenticate: Negotiate", "Proxy-Authenticate: NTLM", "Connection: close"}
		}
		return wantNTLM("CORP", "anna", "s3cret")(c, r)
	}
	for name, c := range map[string]struct {
		auth           func(*proxyConn, *http.Request) (int, []string)
		user, password string
		code, says     string // of the failure
	}{
		"nothing wanted":                   {nil, "", "", "", ""},
		"nothing wanted, user given":       {nil, "anna", "s3cret", "", ""},
		"Basic":                            {wantBasic("anna", "s3:cret"), "anna", "s3:cret", "", ""},
		"NTLM":                             {wantNTLM("CORP", "anna", "s3cret"), `CORP\anna`, "s3cret", "", ""},
		"NTLM without a domain":            {wantNTLM("", "anna", "pä$$wörd €"), `anna`, "pä$$wörd €", "", ""},
		"NTLM is taken where both are":     {both, `CORP\anna`, "s3cret", "", ""},
		"NTLM after a closed connection":   {closing, `CORP\anna`, "s3cret", "", ""},
		"Basic, wrong password":            {wantBasic("anna", "s3cret"), "anna", "guess", fault.SignInFailed, `refused the user "anna" (Basic)`},
		"NTLM, wrong password":             {wantNTLM("CORP", "anna", "s3cret"), `CORP\anna`, "guess", fault.SignInFailed, `(NTLM)`},
		"NTLM, wrong domain":               {wantNTLM("CORP", "anna", "s3cret"), `OTHER\anna`, "s3cret", fault.SignInFailed, `(NTLM)`},
		"nobody given":                     {wantBasic("anna", "s3cret"), "", "", fault.SignInFailed, "wants a user and password (it offers Basic)"},
		"a sign-in that is not spoken":     {refuse(407, "Proxy-Authenticate: Negotiate", `Proxy-Authenticate: Digest realm="a", nonce="b, c", qop="auth"`), "anna", "x", fault.SignInFailed, "it offers Negotiate, Digest"},
		"a 407 that offers nothing":        {refuse(407), "anna", "x", fault.SignInFailed, "wants a sign-in"},
		"the target is forbidden":          {refuse(403), "", "", fault.Forbidden, "403 Forbidden"},
		"the proxy cannot reach it":        {refuse(502), "", "", fault.Unreachable, "502 Bad Gateway"},
		"a page to sign in at":             {refuse(302, "Location: http://portal.test/"), "", "", fault.Forbidden, "302"},
		"NTLM with a challenge of garbage": {refuse(407, "Proxy-Authenticate: NTLM AAAA"), "anna", "x", fault.Unreachable, "does not answer as a proxy should"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, &fakeProxy{targets: targets, auth: c.auth})
			o := newOut(t, Settings{Mode: Custom, URL: p.address, User: c.user, Password: secret.New(c.password)})
			for range 2 { // the second time it knows how
				got, err := get(t, o, farURL)
				if c.code == "" {
					if err != nil || got != "hello from afar" {
						t.Fatalf("%q, %v", got, err)
					}
					continue
				}
				if fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || fault.As(err).Hint == "" {
					t.Fatalf("%s: %v", fault.Code(err), err)
				}
				if c.password != "" && len(c.password) > 1 && strings.Contains(err.Error()+fault.As(err).Hint, c.password) {
					t.Errorf("the password is in the error: %v", err)
				}
			}
		})
	}
}

func refuse(status int, headers ...string) func(*proxyConn, *http.Request) (int, []string) {
	return func(*proxyConn, *http.Request) (int, []string) { return status, headers }
}

func TestWorkingSignInIsRememberedSoThatItCostsOneRoundTrip(t *testing.T) {
	t.Parallel()
	_, targets := far(t)
	p := newProxy(t, &fakeProxy{targets: targets, auth: wantBasic("anna", "s3cret")})
	o := newOut(t, Settings{Mode: Custom, URL: p.address, User: "anna", Password: secret.New("s3cret")})
	for range 2 {
		if _, err := get(t, o, farURL); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.asked()); n != 3 {
		t.Errorf("%d requests, want 2 for the first connection and 1 for the second", n)
	}
	p.auth = wantNTLM("", "anna", "s3cret") // the proxy changes its mind
	if _, err := get(t, o, farURL); err != nil {
		t.Errorf("after the proxy wants NTLM: %v", err)
	}
}

func TestSquidLetsThroughWhoSignsInAndNobodyElse(t *testing.T) {
	t.Parallel()
	server, _ := far(t)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	address := "https://far.test:" + port + "/"
	users := map[string]string{"anna": "s3:cret pä"}
	hosts := map[string]string{"far.test": "127.0.0.1"}
	for name, c := range map[string]struct {
		squid          testserver.SquidOptions
		user, password string
		code           string
	}{
		"open":            {testserver.SquidOptions{Hosts: hosts}, "", "", ""},
		"Basic":           {testserver.SquidOptions{Hosts: hosts, Users: users}, "anna", "s3:cret pä", ""},
		"wrong password":  {testserver.SquidOptions{Hosts: hosts, Users: users}, "anna", "no", fault.SignInFailed},
		"nobody":          {testserver.SquidOptions{Hosts: hosts, Users: users}, "", "", fault.SignInFailed},
		"NTLM":            {testserver.SquidOptions{Hosts: hosts, NTLM: true}, `CORP\anna`, "s3cret", ""},
		"denied":          {testserver.SquidOptions{Hosts: hosts, Deny: []string{"far.test"}}, "", "", fault.Forbidden},
		"unknown to it":   {testserver.SquidOptions{}, "", "", fault.Unreachable},
		"NTLM over Basic": {testserver.SquidOptions{Hosts: hosts, NTLM: true, Users: users}, `CORP\anna`, "whatever", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.StartSquid(t, c.squid)
			o := newOut(t, Settings{Mode: Custom, URL: "http://" + s.Address, User: c.user, Password: secret.New(c.password)})
			got, err := get(t, o, address)
			if c.code != "" {
				if fault.Code(err) != c.code {
					t.Fatalf("%s: %v", fault.Code(err), err)
				}
				return
			}
			if err != nil || got != "hello from afar" {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

func TestPlainRequestsGoThroughTheProxyInItsOwnWords(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	hosts := map[string]string{"far.test": "127.0.0.1"}
	t.Run("squid with Basic", func(t *testing.T) {
		t.Parallel()
		s := testserver.StartSquid(t, testserver.SquidOptions{Hosts: hosts, Users: map[string]string{"anna": "s3cret"}})
		o := newOut(t, Settings{Mode: Custom, URL: s.Address, User: "anna", Password: secret.New("s3cret")})
		if got, err := get(t, o, "http://far.test:"+port+"/"); err != nil || got != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		s.Logged(t, "GET http://far.test")
	})
	t.Run("NTLM by CONNECT", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, &fakeProxy{targets: map[string]string{"far.test:" + port: server.Listener.Addr().String()}, auth: wantNTLM("CORP", "anna", "s3cret")})
		o := newOut(t, Settings{Mode: Custom, URL: p.address, User: `CORP\anna`, Password: secret.New("s3cret")})
		if got, err := get(t, o, "http://far.test:"+port+"/"); err != nil || got != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

func TestNewSettingsCountForTheNextRequestAndRunningOnesEndAsTheyBegan(t *testing.T) {
	t.Parallel()
	_, targets := far(t)
	one, two := newProxy(t, &fakeProxy{targets: targets}), newProxy(t, &fakeProxy{targets: targets})
	o := newOut(t, Settings{Mode: Custom, URL: one.address})
	tr := o.Transport(func(t *http.Transport) { t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} })
	defer tr.CloseIdleConnections()
	changed := o.Changed()
	if _, err := fetch(t, tr, farURL); err != nil {
		t.Fatal(err)
	}
	if err := o.Set(Settings{Mode: Custom, URL: two.address}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if _, err := fetch(t, tr, farURL); err != nil {
		t.Fatal(err)
	}
	if len(one.asked()) != 1 || len(two.asked()) != 1 {
		t.Errorf("asked %v and %v", one.asked(), two.asked())
	}
	if err := o.Set(Settings{Mode: "sideways"}); fault.Code(err) != fault.BadInput {
		t.Errorf("wrong settings: %v", err)
	}
	if o.Settings().URL != "http://"+two.address {
		t.Error("wrong settings changed the ones in use")
	}
}

func TestSharedConnectionsAreShared(t *testing.T) {
	t.Parallel()
	o := newOut(t, Settings{})
	one, again, other := o.Shared("a", nil), o.Shared("a", nil), o.Shared("b", nil)
	if one != again || one == other {
		t.Error("one transport a name")
	}
}

func TestThisMachineIsNeverReachedThroughAProxy(t *testing.T) {
	t.Parallel()
	server, _ := far(t)
	o := newOut(t, Settings{Mode: Custom, URL: "http://192.0.2.1:1"})
	if _, err := get(t, o, server.URL); err != nil {
		t.Error(err)
	}
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "a.localhost": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true, "127.0.0.1.example": false, "10.0.0.1": false, "localhost.example": false} {
		if Loopback(host) != want {
			t.Errorf("Loopback(%s) is %t", host, !want)
		}
	}
}

func TestHostileProxiesEndInAnError(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing":          "",
		"no HTTP":          "SSH-2.0-OpenSSH_9.2\r\n",
		"endless header":   "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 1<<20),
		"endless headers":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: a\r\n", 100000),
		"endless body":     "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n" + strings.Repeat("a", 1<<20),
		"negative length":  "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: -4\r\n\r\n",
		"status of words":  "HTTP/1.1 abc OK\r\n\r\n",
		"cut in the head":  "HTTP/1.1 200 Conn",
		"escape in status": "HTTP/1.1 403 \x1b[31mred\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					buf := make([]byte, 4096)
					_, _ = c.Read(buf)
					_, _ = io.WriteString(c, answer)
					_ = c.Close()
				}
			}()
			t.Cleanup(func() { _ = l.Close(); <-done })
			o := newOut(t, Settings{Mode: Custom, URL: l.Addr().String(), User: "anna", Password: secret.New("hunter2hunter2")})
			_, err = o.DialContext(t.Context(), "tcp", farHost)
			if err == nil || fault.Code(err) == fault.Internal {
				t.Fatalf("%v", err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.ContainsRune(err.Error(), 0x1b) {
				t.Errorf("%q", err)
			}
		})
	}
}

func TestProxyThatNeverAnswersIsGivenUpWithTheContext(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := newOut(t, Settings{Mode: Custom, URL: l.Addr().String()})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = o.DialContext(ctx, "tcp", farHost)
	if fault.Code(err) != fault.Unreachable || !strings.Contains(err.Error(), "in time") {
		t.Error(err)
	}
}

func TestNextProxyIsTriedWhereTheFirstIsDown(t *testing.T) {
	t.Parallel()
	_, targets := far(t)
	p := newProxy(t, &fakeProxy{targets: targets})
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = down.Close()
	o, err := New(Settings{}, Options{System: func(context.Context, *url.URL) ([]Route, error) {
		return scriptRoutes("PROXY "+down.Addr().String()+"; PROXY "+p.address+"; DIRECT", "Windows")
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, o, farURL); err != nil {
		t.Error(err)
	}
	if !slices.Equal(p.asked(), []string{"CONNECT " + farHost}) {
		t.Errorf("asked %v", p.asked())
	}
}
