package channel

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/secret"
	"dmgateway/engine/testserver"
)

const namespace = "plant.servicebus.test"

// webSocketBus serves the house's bus by WebSocket with a certificate of the test.
func (h *house) webSocketBus() (address string, trust *tls.Config) {
	h.t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/$servicebus/websocket", h.broker.WebSocketHandler())
	server := httptest.NewTLSServer(mux)
	h.t.Cleanup(server.Close)
	trust = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	return server.Listener.Addr().String(), trust
}

// way is a way out of which each connection is made by dial.
func way(t *testing.T, s outbound.Settings, dial outbound.Dial) *outbound.Out {
	t.Helper()
	out, err := outbound.New(s, outbound.Options{Dial: dial, System: func(context.Context, *url.URL) ([]outbound.Route, error) { return nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A firewall that drops packets to AMQP's port, or lets them in and nothing back, must not keep the gateway from the
// WebSocket for longer than a few seconds.
func TestWebSocketIsTakenWhereAMQPsPortIsSilent(t *testing.T) {
	t.Parallel()
	for name, amqp := range map[string]outbound.Dial{
		"dropped": func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		},
		"taken and silent": func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			t.Cleanup(func() { _ = there.Close() })
			go func() { _, _ = there.Read(make([]byte, 1<<16)) }()
			return here, nil
		},
		"refused": func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
		},
		"not TLS": func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				_, _ = there.Read(make([]byte, 1<<16))
				_, _ = there.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
				_ = there.Close()
			}()
			return here, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, g := newHouse(t), newGateway()
			address, trust := h.webSocketBus()
			out := way(t, outbound.Settings{}, func(ctx context.Context, network, to string) (net.Conn, error) {
				if to == namespace+":443" {
					return (&net.Dialer{}).DialContext(ctx, network, address)
				}
				if to != namespace+":5671" {
					t.Errorf("connects to %s", to)
				}
				return amqp(ctx, network, to)
			})
			o := h.options(g)
			o.Dial, o.Out, o.Connection = nil, out, secret.New(connectionString(namespace, "gateway"))
			c, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			c.busTLS = trust
			start(t, c)
			h.putJob("r1")
			g.until(t, "taken", func() bool { return len(g.taken) == 1 })
			if got := c.routes(t.Context()); !slices.Equal(got, []route{routeWebSocket, routeAMQP}) {
				t.Errorf("next time %v", got)
			}
		})
	}
}

// The Service Bus is reached through squid under a name that only squid knows.
func TestServiceBusIsReachedThroughAProxyByWebSocketFirst(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	address, trust := h.webSocketBus()
	_, port, _ := net.SplitHostPort(address)
	squid := testserver.StartSquid(t, testserver.SquidOptions{Hosts: map[string]string{namespace: "127.0.0.1"}, Users: map[string]string{"anna": "s3cret"}})
	var direct []string
	out := way(t, outbound.Settings{Mode: outbound.Custom, URL: squid.Address, User: "anna", Password: secret.New("s3cret")},
		func(ctx context.Context, network, to string) (net.Conn, error) {
			if to != squid.Address {
				direct = append(direct, to)
			}
			return (&net.Dialer{}).DialContext(ctx, network, to)
		})
	o := h.options(g)
	o.Dial, o.Out, o.Connection = nil, out, secret.New(connectionString(namespace+":"+port, "gateway"))
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.busTLS = trust
	stop := start(t, c)
	h.putJob("r1")
	g.until(t, "taken", func() bool { return len(g.taken) == 1 })
	stop()
	if len(direct) > 0 {
		t.Errorf("went around the proxy to %v", direct)
	}
	squid.Logged(t, "CONNECT "+namespace+":"+port)
}

func TestNewProxySettingsReconnectAtOnce(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	address, trust := h.webSocketBus()
	_, port, _ := net.SplitHostPort(address)
	hosts := map[string]string{namespace: "127.0.0.1"}
	one, two := testserver.StartSquid(t, testserver.SquidOptions{Hosts: hosts}), testserver.StartSquid(t, testserver.SquidOptions{Hosts: hosts})
	out := way(t, outbound.Settings{Mode: outbound.Custom, URL: one.Address}, nil)
	o := h.options(g)
	o.Dial, o.Out, o.Connection = nil, out, secret.New(connectionString(namespace+":"+port, "gateway"))
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.busTLS = trust
	start(t, c)
	g.until(t, "connected", g.connected)
	if err := out.Set(outbound.Settings{Mode: outbound.Custom, URL: two.Address}); err != nil {
		t.Fatal(err)
	}
	one.Logged(t, "CONNECT") // the tunnel's line comes when it ends
	h.putJob("r1")
	g.until(t, "taken over the new way", func() bool { return len(g.taken) == 1 && g.connected() })
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Contains(g.links, Disconnected) {
		t.Errorf("links %v", g.links)
	}
	if strings.Contains(two.Log(t), "denied") {
		t.Error(two.Log(t))
	}
}

// A way that does not work is left as soon as another one is set, however long the pause would still last.
func TestNewProxySettingsEndThePauseBetweenAttempts(t *testing.T) {
	t.Parallel()
	h, g := newHouse(t), newGateway()
	address, trust := h.webSocketBus()
	_, port, _ := net.SplitHostPort(address)
	squid := testserver.StartSquid(t, testserver.SquidOptions{Hosts: map[string]string{namespace: "127.0.0.1"}})
	out := way(t, outbound.Settings{Mode: outbound.Custom, URL: "127.0.0.1:1"}, nil)
	o := h.options(g)
	o.Dial, o.Out, o.Connection = nil, out, secret.New(connectionString(namespace+":"+port, "gateway"))
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.busTLS = trust
	start(t, c)
	g.until(t, "disconnected", func() bool { return slices.Contains(g.links, Disconnected) })
	g.mu.Lock()
	if f := fault.As(g.linkErr); !strings.Contains(f.Error(), "proxy") || !strings.Contains(f.Hint, "proxy") {
		t.Errorf("the reason: %v %s", f, f.Hint)
	}
	g.mu.Unlock()
	if err := out.Set(outbound.Settings{Mode: outbound.Custom, URL: squid.Address}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	g.until(t, "connected", g.connected)
	t.Logf("after %v", time.Since(began))
}
