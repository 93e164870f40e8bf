package network

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/secret"
	"dmgateway/engine/testserver"
)

const storeName = "Store Lake"

func TestNetworkThatWorksIsFoundToWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var told []string
	r := Run(t.Context(), w.o, func(c Check) { told = append(told, c.Name) })
	if !r.OK || r.Verdict() != "Everything that was tried works." {
		t.Errorf("%s", text(t, r))
	}
	for name, steps := range map[string][]string{
		factoryName: {"name", "tcp", "tls", "sign-in"}, amqpName: {"name", "tcp", "tls", roundTrip},
		webSocketName: {"name", "tcp", "tls", "websocket", roundTrip}, storeName: {"name", "tcp", "tls", roundTrip}, "Clock": {"clock"},
	} {
		var got []string
		for _, s := range r.check(t, name).Steps {
			if got = append(got, s.Name); s.State != OK {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if !slices.Equal(got, steps) {
			t.Errorf("%s has steps %v", name, got)
		}
	}
	if len(told) != len(r.Checks) {
		t.Errorf("told of %v", told)
	}
	want := []Need{
		{factoryHost, 8051, "HTTPS", "data factory", true},
		{namespace, 443, "WebSocket over TLS", "job queue; not needed where AMQP is allowed", false},
		{namespace, 5671, "AMQP over TLS", "job queue; not needed where WebSocket is allowed", false},
		{account, 443, "HTTPS", "store Lake", true},
	}
	if !slices.Equal(r.Needed, want) {
		t.Errorf("needed %+v", r.Needed)
	}
}

// saying is what is expected of a step.
type saying struct{ check, step, state, detail, remedy string }

func TestDoctorNamesTheCauseAndTheRemedy(t *testing.T) {
	t.Parallel()
	factoryAt, busAt := addresses[factoryHost]+":8051", addresses[namespace]+":443"
	inFactory := func(w *world) { // the built-in bus
		w.o.Queue.Connection = secret.New("Endpoint=sb://factory/;SharedAccessKeyName=gateway;SharedAccessKey=" + busKey)
	}
	answer := func(status int, header, value, body string) func(w *world) {
		return func(w *world) {
			w.lease = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set(header, value)
				rw.WriteHeader(status)
				_, _ = io.WriteString(rw, body)
			}
		}
	}
	proxy := func(answer string) func(w *world) {
		return func(w *world) {
			w.ports["192.0.2.99:3128"] = w.raw(func(c net.Conn) {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, answer)
			})
			w.way(outbound.Settings{Mode: outbound.Custom, URL: "192.0.2.99:3128"})
		}
	}
	for name, c := range map[string]struct {
		damage func(w *world)
		want   []saying
	}{
		"a name that DNS does not know": {func(w *world) { delete(w.names, factoryHost) }, []saying{
			{factoryName, "name", Failed, "does not know the name " + factoryHost, "misspellings"}, {factoryName, "sign-in", Skipped, "", ""},
		}},
		"DNS that does not answer": {func(w *world) {
			w.names[factoryHost] = func(ctx context.Context) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
		}, []saying{{factoryName, "name", Failed, "DNS does not answer", "port 53"}}},
		"DNS that points to this machine": {func(w *world) {
			w.names[factoryHost] = func(context.Context) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			w.ports["127.0.0.1:8051"] = w.at("127.0.0.1:1")
		}, []saying{{factoryName, "name", Warning, "this machine itself", "hosts file"}}},
		"a port that refuses": {func(w *world) { w.ports[factoryAt] = w.at("127.0.0.1:1") }, []saying{
			{factoryName, "tcp", Failed, "port 8051 refuses", "nothing listens"},
		}},
		"packets that are dropped": {func(w *world) { w.ports[factoryAt] = dropped }, []saying{
			{factoryName, "tcp", Failed, "the packets are dropped", "allow outbound connections"}, {"Clock", "clock", Skipped, "nobody has answered", ""},
		}},
		"TLS opened by an inspection device": {func(w *world) {
			w.ports[factoryAt] = w.at(w.serve(newAuthority(w.t, "Corp Security", "Inspection CA").issue(w.t, time.Now().Add(time.Hour), factoryHost), http.NotFoundHandler()))
		}, []saying{
			{factoryName, "tls", Failed, "issued by “Corp Security Inspection CA”", "exempt " + factoryHost}, {factoryName, "sign-in", Skipped, "token to nobody", ""},
		}},
		"TLS to Azure opened, authority not trusted": {func(w *world) {
			w.ports[busAt] = w.at(w.serve(newAuthority(w.t, "Corp Security", "Inspection CA").issue(w.t, time.Now().Add(time.Hour), namespace), http.NotFoundHandler()))
			w.ports[addresses[namespace]+":5671"] = dropped
		}, []saying{{webSocketName, "tls", Failed, "issuer is not trusted", "authority to be installed"}, {amqpName, "tcp", Failed, "dropped", ""}}},
		"TLS to Azure opened, authority trusted": {func(w *world) {
			corp := newAuthority(w.t, "Corp Security", "Inspection CA")
			w.o.Roots.AddCert(corp.cert)
			mux := http.NewServeMux()
			mux.Handle("/", w.upgrade)
			w.ports[busAt] = w.at(w.serve(corp.issue(w.t, time.Now().Add(time.Hour), namespace), mux))
		}, []saying{{webSocketName, "tls", Warning, "not Microsoft's", "can read the traffic"}, {webSocketName, roundTrip, OK, "", ""}}},
		"an expired certificate": {func(w *world) {
			w.ports[addresses[account]+":443"] = w.at(w.serve(w.authority.issue(w.t, time.Now().Add(-time.Hour), account), http.NotFoundHandler()))
		}, []saying{{storeName, "tls", Failed, "not valid at this machine's time", "date and time"}, {storeName, roundTrip, Skipped, "", ""}}},
		"a certificate of another name": {func(w *world) {
			w.ports[addresses[account]+":443"] = w.at(w.serve(w.authority.issue(w.t, time.Now().Add(time.Hour), "portal.hotel.test"), http.NotFoundHandler()))
		}, []saying{{storeName, "tls", Failed, "for another name. Seen was a certificate for “portal.hotel.test”", "sign-in page"}}},
		"plain HTTP on the port": {func(w *world) {
			w.ports[factoryAt] = w.raw(func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
				_ = c.Close()
			})
		}, []saying{{factoryName, "tls", Failed, "answers with plain HTTP", "port in the key"}}},
		"a page to sign in at": {answer(302, "Location", "http://portal.hotel.test/login", ""), []saying{
			{factoryName, "sign-in", Failed, "points elsewhere: to http://portal.hotel.test/login", "Open a browser"},
		}},
		"a proxy that wants a sign-in": {proxy("HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"), []saying{{factoryName, "proxy", Failed, "wants a user and password (it offers Basic)", "Set user and password"}}},
		"a proxy that forbids":         {proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), []saying{{factoryName, "proxy", Failed, "answered 403 Forbidden", "allow CONNECT to " + factoryHost + ":8051"}, {webSocketName, "proxy", Failed, "403", ""}, {amqpName, "tcp", Skipped, "through the proxy", ""}}},
		"a proxy that is down": {func(w *world) {
			w.ports["192.0.2.99:3128"] = w.at("127.0.0.1:1")
			w.way(outbound.Settings{Mode: outbound.Custom, URL: "192.0.2.99:3128"})
		}, []saying{{factoryName, "proxy", Failed, "cannot reach the proxy 192.0.2.99:3128", "address and port"}}},
		"a proxy that never answers": {func(w *world) {
			w.ports["192.0.2.99:3128"] = dropped
			w.way(outbound.Settings{Mode: outbound.Custom, URL: "192.0.2.99:3128"})
		}, []saying{{factoryName, "proxy", Failed, "cannot reach the proxy", "address and port"}}},
		"a proxy that reaches no one": {proxy("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), []saying{{factoryName, "proxy", Failed, "503", "could not reach " + factoryHost}}},
		"a clock 7 minutes behind":    {func(w *world) { w.o.Now = func() time.Time { return time.Now().Add(-7 * time.Minute) } }, []saying{{"Clock", "clock", Failed, "7m0s behind", "time service"}}},
		"a clock 3 minutes ahead":     {func(w *world) { w.o.Now = func() time.Time { return time.Now().Add(3 * time.Minute) } }, []saying{{"Clock", "clock", Warning, "ahead of", "time zone"}}},
		"bytes that come slowly":      {func(w *world) { w.lease = func(rw http.ResponseWriter, r *http.Request) { trickle(rw, r) } }, []saying{{factoryName, "sign-in", Failed, "answer does not come", "MTU"}}},
		"a reset in the TLS handshake": {func(w *world) {
			w.ports[factoryAt] = w.raw(func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() })
		}, []saying{{factoryName, "tls", Failed, "cut while TLS began", "filters by name"}}},
		"TLS that is never answered": {func(w *world) { w.ports[factoryAt] = w.raw(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) }, []saying{{factoryName, "tls", Failed, "TLS got no answer", "MTU"}}},
		"large packets lost":         {func(w *world) { w.ports[factoryAt] = swallow(w.ports[factoryAt], 3000) }, []saying{{factoryName, "tls", OK, "the factory's own key", ""}, {factoryName, "sign-in", Failed, "answer does not come", "MTU"}}},
		"a queue that is forbidden": {func(w *world) {
			w.o.Queue.Connection = secret.New("Endpoint=sb://" + namespace + "/;SharedAccessKeyName=gateway;SharedAccessKey=d3Jvbmc=")
		}, []saying{{webSocketName, roundTrip, Failed, "refuses this gateway", "register again"}, {amqpName, roundTrip, Failed, "refuses this gateway", ""}}},
		"a queue that is gone": {func(w *world) { w.o.Queue.Jobs = "another" }, []saying{{webSocketName, roundTrip, Failed, "", "register"}}},
		"WebSockets that are refused": {func(w *world) {
			inFactory(w)
			w.upgrade = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(403) })
		}, []saying{{webSocketName, "websocket", Failed, "WebSockets are refused: 403", "allow WebSockets"}, {factoryName, "sign-in", OK, "", ""}}},
		"a WebSocket that stays silent": {func(w *world) {
			inFactory(w)
			w.upgrade = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, []saying{{webSocketName, "websocket", Failed, "no answer", "holds it back"}}},
		"AMQP's port closed": {func(w *world) { w.ports[addresses[namespace]+":5671"] = dropped }, []saying{{amqpName, "tcp", Warning, "dropped", "the other way to the queue works"}, {webSocketName, roundTrip, OK, "", ""}}},
		"nobody registered":  {func(w *world) { w.o.Factory, w.o.Queue = nil, nil }, []saying{{factoryName, "sign-in", Warning, "not registered", "Register with a gateway key"}}},
		"a factory that fails": {func(w *world) {
			w.lease = func(rw http.ResponseWriter, _ *http.Request) { refuseNode(rw, 500, "Internal", "the disk is full") }
		}, []saying{{factoryName, "sign-in", Failed, "the disk is full", "factory's log"}}},
		"a load balancer without one": {answer(502, "Server", "nginx", "<html>"), []saying{{factoryName, "sign-in", Failed, "not there behind what answers (502 Bad Gateway) (nginx)", "Start the factory"}}},
		"another web server":          {answer(404, "Server", "Apache", "<html>"), []saying{{factoryName, "sign-in", Failed, "no data factory (404 Not Found) (Apache)", "/gateway/"}}},
		"a page instead of an answer": {answer(200, "Content-Type", "text/html", "<html>welcome"), []saying{{factoryName, "sign-in", Failed, "no data factory", "gateway key"}}},
		"a wrong token":               {func(w *world) { w.o.Factory.Token = secret.New("wrong") }, []saying{{factoryName, "sign-in", Failed, "does not accept this node", "register again"}}},
		"a factory that is gone": {func(w *world) { w.ports[factoryAt] = w.at("127.0.0.1:1"); inFactory(w) }, []saying{
			{factoryName, "tcp", Failed, "refuses", "runs"}, {webSocketName, "tcp", Failed, "refuses", ""}, {webSocketName, roundTrip, Skipped, "", ""},
		}},
		"IPv6 broken, IPv4 fine": {func(w *world) {
			w.names[factoryHost] = func(context.Context) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr(addresses[factoryHost])}, nil
			}
		}, []saying{{factoryName, "tcp", Warning, "its IPv6 addresses do not answer", "It works"}, {factoryName, "sign-in", OK, "", ""}}},
		"a store that refuses": {func(w *world) {
			w.o.Stores[0].RoundTrip = func(context.Context) error {
				return fault.New(fault.SignInFailed, "the account key is wrong").Try("Set the credential again.")
			}
		}, []saying{{storeName, roundTrip, Failed, "the account key is wrong", "Set the credential again."}}},
		"a store that hangs": {func(w *world) {
			w.o.Stores[0].RoundTrip = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		}, []saying{{storeName, roundTrip, Failed, "does not answer in time", "MTU"}}},
		"an endpoint that does not listen": {func(w *world) { w.o.Local = &Local{Address: "127.0.0.1:1"} }, []saying{
			{"Credentials endpoint (this machine)", "tcp", Failed, "refuses", "another program may have its port"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.damage(w)
			r := w.run()
			for _, s := range c.want {
				got := r.check(t, s.check).step(t, s.step)
				if got.State != s.state || !strings.Contains(got.Detail, s.detail) || !strings.Contains(got.Remedy, s.remedy) {
					t.Errorf("%s, %s: %s\n%s\n%s\nwant %+v", s.check, s.step, got.State, got.Detail, got.Remedy, s)
				}
			}
			worst := OK
			for _, c := range r.Checks {
				for _, s := range c.Steps {
					if (s.State == Failed || s.State == Warning) && (s.Remedy == "" || s.Detail == "") {
						t.Errorf("%s, %s says not what to do: %+v", c.Name, s.Name, s)
					}
					if s.State == Failed {
						worst = Failed
					}
				}
			}
			if r.OK != (worst != Failed) {
				t.Errorf("OK is %t", r.OK)
			}
			if limit := 15 * time.Second; r.Took > limit {
				t.Errorf("took %v", r.Took)
			}
			all := text(t, r) + html(t, r)
			for _, hidden := range []string{nodeToken, busKey} {
				if strings.Contains(all, hidden) {
					t.Error("a secret is in the report")
				}
			}
			if testing.Verbose() {
				t.Log("\n" + text(t, r))
			}
		})
	}
}

// trickle answers a byte now and then.
func trickle(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w)
	for range 1000 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(100 * time.Millisecond): // as slow networks do
			_, _ = io.WriteString(w, " ")
			_ = flush.Flush()
		}
	}
}

// swallow loses everything that is written after n bytes.
func swallow(dial func(context.Context) (net.Conn, error), n int) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &hole{Conn: c, n: n}, nil
	}
}

type hole struct {
	net.Conn
	n int
}

func (h *hole) Write(p []byte) (int, error) {
	if h.n -= len(p); h.n < 0 {
		return len(p), nil
	}
	return h.Conn.Write(p)
}

func text(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func html(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEverythingIsGivenUpInTimeWhateverHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Limit = 300 * time.Millisecond
	for host := range w.names {
		w.names[host] = func(ctx context.Context) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
	}
	if r := w.run(); r.OK || r.Took > 10*time.Second {
		t.Errorf("%t after %v", r.OK, r.Took)
	}
}

func TestCancellingEndsTheCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ports[addresses[factoryHost]+":8051"] = dropped
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Run(ctx, w.o, nil); r.OK || len(r.Checks) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestSquidIsSeenOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	squid := testserver.StartSquid(t, testserver.SquidOptions{Hosts: map[string]string{factoryHost: "127.0.0.1"}, Users: map[string]string{"anna": "s3cret-of-anna"}})
	conn, err := w.dial(t.Context(), "tcp", addresses[factoryHost]+":8051")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(conn.RemoteAddr().String())
	_ = conn.Close()
	w.o.Factory.Location = factoryHost + ":" + port
	w.o.Queue.Connection = secret.New("Endpoint=sb://factory/;SharedAccessKeyName=gateway;SharedAccessKey=" + busKey)
	w.o.Stores = nil
	w.way(outbound.Settings{Mode: outbound.Custom, URL: squid.Address, User: "anna", Password: secret.New("s3cret-of-anna")})
	r := w.run()
	if !r.OK {
		t.Errorf("%s", text(t, r))
	}
	if s := r.check(t, factoryName).step(t, "proxy"); !strings.Contains(s.Detail, "signed in by Basic") || !strings.Contains(s.Detail, "200 Connection established") {
		t.Errorf("%+v", s)
	}
	if strings.Contains(text(t, r)+html(t, r), "s3cret-of-anna") {
		t.Error("the proxy's password is in the report")
	}
	if !strings.Contains(text(t, r), "HTTP proxy") && !outbound.Loopback("127.0.0.1") {
		t.Error("the proxy is not in the firewall's list")
	}
}

func TestReportHasNothingThatDisturbsTerminalOrBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lease = func(rw http.ResponseWriter, _ *http.Request) {
		refuseNode(rw, 500, "Internal", "\x1b[31m<script>alert(1)</script>")
	}
	evil := newAuthority(t, "\x1b]0;x\a<b>", "CA").issue(t, time.Now().Add(time.Hour), account)
	w.ports[addresses[account]+":443"] = w.at(w.serve(evil, http.NotFoundHandler()))
	r := w.run()
	if s := text(t, r); strings.ContainsRune(s, 0x1b) || strings.ContainsRune(s, 7) {
		t.Errorf("%q", s)
	}
	if s := html(t, r); strings.Contains(s, "<script>") || strings.Contains(s, "<b>") {
		t.Error("markup of a stranger is in the page")
	}
}

func TestReportIsReadBackFromJSONAsItWas(t *testing.T) {
	t.Parallel()
	r := newWorld(t).run()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(data, &back); err != nil || text(t, back) != text(t, r) {
		t.Errorf("%v\n%s", err, text(t, back))
	}
}

func TestErrorsAreToldApartOnEverySystem(t *testing.T) {
	t.Parallel()
	if !isTimeout(context.DeadlineExceeded) || isTimeout(io.EOF) || !isCut(io.EOF) || isRefused(errors.New("refused")) {
		t.Error("errors are mistaken for others")
	}
	var header tls.RecordHeaderError
	copy(header.RecordHeader[:], "HTTP/")
	if f := handshakeFailed(t.Context(), header); !strings.Contains(f.detail, "plain HTTP") {
		t.Errorf("%+v", f)
	}
}

func TestADefectInOneCheckIsThatChecksFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.o.Stores[0].RoundTrip = func(context.Context) error { panic("in a store") }
	lookup := w.o.Lookup
	w.o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		if host == namespace {
			panic("in a look-up")
		}
		return lookup(ctx, host)
	}
	r := Run(t.Context(), w.o, nil)
	for _, name := range []string{storeName, amqpName, webSocketName} {
		if c := r.check(t, name); c.State() != Failed || !strings.Contains(fmt.Sprint(c.Steps), "panic: in a") {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := r.check(t, factoryName); c.State() != OK {
		t.Errorf("%+v", c)
	}
}
