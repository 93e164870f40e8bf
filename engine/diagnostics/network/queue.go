package network

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/go-amqp"
	"github.com/coder/websocket"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
	"dmgateway/engine/supervise"
)

const (
	amqpName      = "Queue (AMQP)"
	webSocketName = "Queue (WebSocket)"
	roundTrip     = "round trip"
	builtIn       = "factory" // host of the bus at the factory's own address
)

// endpointOf reads the host of a connection string, and whether TLS is off.
func endpointOf(connection string) (host string, plain bool) {
	for part := range strings.SplitSeq(connection, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "endpoint":
			if u, err := url.Parse(strings.TrimSpace(value)); err == nil {
				host = u.Host
			}
		case "usedevelopmentemulator":
			plain = strings.EqualFold(strings.TrimSpace(value), "true")
		}
	}
	return host, plain
}

// busAddress is host:port, with the given port where the host has none.
func busAddress(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// startQueue starts the checks of the ways to the queue that there are.
func (d *doctor) startQueue(start func(func(context.Context, *recorder))) {
	q := d.o.Queue
	if q == nil {
		return
	}
	host, plain := endpointOf(q.Connection.Reveal())
	switch {
	case q.InProcess:
		start(func(_ context.Context, r *recorder) {
			r.check.Name = "Queue"
			r.skip(roundTrip, "the queue is inside this program; no network is used")
		})
	case host == builtIn && d.o.Factory != nil:
		start(func(ctx context.Context, r *recorder) {
			address, prefix := split(d.o.Factory.Location)
			d.webSocket(ctx, r, address, "wss://"+address+prefix+protocol.PathBus, &d.o.Factory.Pin)
		})
	case plain:
		start(func(ctx context.Context, r *recorder) { d.amqp(ctx, r, busAddress(host, "5672"), true) })
	default:
		start(func(ctx context.Context, r *recorder) { d.amqp(ctx, r, busAddress(host, "5671"), false) })
		start(func(ctx context.Context, r *recorder) {
			address := busAddress(host, "443")
			d.webSocket(ctx, r, address, "wss://"+address+protocol.PathBus, nil)
		})
	}
}

func (d *doctor) amqp(ctx context.Context, r *recorder, address string, plain bool) {
	r.check.Name, r.check.Address = amqpName, address
	if d.o.Out.Proxied(ctx, address) {
		r.skip("tcp", "connections go through the proxy, which serves the WebSocket way")
		return
	}
	conn := d.reach(ctx, r, address, true)
	if conn != nil && !plain {
		conn = d.secure(r, conn, hostOf(address), nil)
	}
	if conn == nil {
		r.skip(roundTrip, "not reached")
		return
	}
	defer conn.Close()
	d.peek(r, func(context.Context) (net.Conn, error) { return conn, nil })
}

func (d *doctor) webSocket(ctx context.Context, r *recorder, address, target string, pin *[32]byte) {
	r.check.Name, r.check.Address = webSocketName, address
	conn := d.reach(ctx, r, address, false)
	if conn != nil {
		conn = d.secure(r, conn, hostOf(address), pin)
	}
	if conn == nil {
		r.skip(roundTrip, "not reached")
		return
	}
	defer conn.Close()
	var ws net.Conn
	r.step("websocket", askLimit, func(ctx context.Context) finding {
		var f finding
		ws, f = upgrade(ctx, conn, target)
		return f
	})
	if ws == nil {
		r.skip(roundTrip, "not reached")
		return
	}
	d.peek(r, func(context.Context) (net.Conn, error) { return ws, nil })
}

// upgrade turns the connection into a WebSocket.
func upgrade(ctx context.Context, conn net.Conn, target string) (net.Conn, finding) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	client := &http.Client{
		Transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	//nolint:bodyclose // the library takes the answer's body over
	ws, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"amqp"}})
	if err == nil {
		return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), ok("the way is open for AMQP")
	}
	switch {
	case ctx.Err() != nil || isTimeout(err):
		return nil, finding{Failed, "the request for a WebSocket got no answer", "A proxy or firewall holds it back: ask its administrator to allow WebSockets to this host."}
	case resp != nil && resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, finding{Failed, "the answer points elsewhere: to " + clean(resp.Header.Get("Location")), "This is what a network's sign-in page does. Open a browser on this machine and sign in, or ask for an exemption."}
	case resp != nil:
		return nil, finding{Failed, "WebSockets are refused: " + clean(resp.Status), "A proxy or firewall on the way does not let WebSockets through, or what answers is not the queue's service: ask the administrator to allow WebSockets to this host."}
	case isCut(err):
		return nil, finding{Failed, "the connection was cut instead of becoming a WebSocket", "A proxy or firewall on the way does not let WebSockets through: ask its administrator."}
	}
	return nil, finding{Failed, "the WebSocket did not come about: " + reason(err), "Ask the network's administrator to allow WebSockets to this host."}
}

// peek looks at the jobs' queue, which takes nothing from it: sign-in, right to listen, and the way there and back.
func (d *doctor) peek(r *recorder, dial func(context.Context) (net.Conn, error)) {
	r.step(roundTrip, askLimit, func(ctx context.Context) finding {
		var once sync.Once
		client, err := azservicebus.NewClientFromConnectionString(d.o.Queue.Connection.Reveal(), &azservicebus.ClientOptions{
			ApplicationID: "dmgateway", RetryOptions: azservicebus.RetryOptions{MaxRetries: -1},
			NewWebSocketConn: func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (conn net.Conn, err error) {
				err = errors.New("the connection was lost")
				once.Do(func() { conn, err = dial(ctx) })
				return conn, err
			},
		})
		if err != nil { // its words could repeat the connection string
			return finding{Failed, "the queue's connection string cannot be used", "Register the gateway again."}
		}
		defer func() {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = client.Close(closing)
		}()
		receiver, err := client.NewReceiverForQueue(d.o.Queue.Jobs, nil)
		if err == nil {
			_, err = receiver.PeekMessages(ctx, 1, nil)
		}
		return judgeQueue(ctx, err)
	})
}

func judgeQueue(ctx context.Context, err error) finding {
	var bus *azservicebus.Error
	var link *amqp.LinkError
	var remote *amqp.Error
	unauthorised, missing := false, false
	switch {
	case err == nil:
		return ok("signed in and looked at the queue")
	case errors.As(err, &bus):
		unauthorised, missing = bus.Code == azservicebus.CodeUnauthorizedAccess, bus.Code == azservicebus.CodeNotFound
	case errors.As(err, &remote), errors.As(err, &link):
		if remote == nil && link != nil {
			remote = link.RemoteErr
		}
		unauthorised = remote != nil && remote.Condition == amqp.ErrCondUnauthorizedAccess
		missing = remote != nil && remote.Condition == amqp.ErrCondNotFound
	}
	switch {
	case unauthorised:
		return finding{Failed, "the queue refuses this gateway", "The gateway's key was recreated, or the queue's access key changed: register again with the gateway's present key. A wrong clock has the same effect."}
	case missing:
		return finding{Failed, "the gateway's queue does not exist", "The gateway was removed from the factory: register with the key of another one."}
	case ctx.Err() != nil || isTimeout(err):
		return finding{Failed, "the queue's service does not answer over the open connection", "A proxy or firewall lets the connection through and holds back what it carries, or loses large packets: ask its administrator."}
	}
	return finding{Failed, "the conversation with the queue broke off: " + reason(err), "A proxy or firewall may cut it: ask its administrator; if the factory was just restarted, check again."}
}

// checkStore goes as far as signing in to a store in the cloud.
func (d *doctor) checkStore(ctx context.Context, r *recorder, s Store) {
	r.check.Name = "Store " + s.Name
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" {
		r.skip("name", "the store's address cannot be read")
		return
	}
	port := map[string]string{"http": "80"}[u.Scheme]
	if port == "" {
		port = "443"
	}
	address := busAddress(u.Host, port)
	r.check.Address = address
	var conn net.Conn
	if u.Scheme == "http" && d.o.Out.ProxiedURL(ctx, u) {
		r.skip("tcp", "requests without TLS are handed to the proxy")
	} else {
		conn = d.reach(ctx, r, address, false)
		if conn != nil && u.Scheme == "https" {
			conn = d.secure(r, conn, u.Hostname(), nil)
		}
		if conn == nil {
			r.skip(roundTrip, "not reached")
			return
		}
		_ = conn.Close()
	}
	if s.RoundTrip == nil {
		r.skip(roundTrip, s.Why)
		return
	}
	r.step(roundTrip, proxyLimit, func(ctx context.Context) finding {
		done := make(chan error, 1)
		go func() { done <- supervise.Guard(func() error { return s.RoundTrip(ctx) }) }()
		select {
		case err = <-done:
		case <-ctx.Done():
			err = ctx.Err()
		}
		switch f := fault.As(err); {
		case err == nil:
			return ok("signed in")
		case errors.Is(err, context.DeadlineExceeded):
			return finding{Failed, "the store does not answer in time", "Check the store's state, and ask the network's administrator about inspection and MTU."}
		default:
			return finding{Failed, clean(f.Error()), f.Hint}
		}
	})
}

// checkLocal looks whether the gateway's own HTTPS endpoint listens.
func (d *doctor) checkLocal(ctx context.Context, r *recorder) {
	r.check.Name = "Credentials endpoint (this machine)"
	l := d.o.Local
	if l == nil || l.Address == "" {
		why := "it is not used"
		if l != nil && l.Why != "" {
			why = l.Why
		}
		r.skip("tcp", why)
		return
	}
	r.check.Address = l.Address
	conn := d.reach(ctx, r, l.Address, true)
	if conn == nil {
		last := &r.check.Steps[len(r.check.Steps)-1]
		last.Remedy = "The endpoint should listen on this machine: look at its state in the settings; another program may have its port."
		return
	}
	_ = conn.Close()
}

// needed lists what a firewall has to let out.
func needed(ctx context.Context, o Options) []Need {
	var list []Need
	add := func(address, protocol, purpose string, required bool) {
		if host, port, err := net.SplitHostPort(address); err == nil && !outbound.Loopback(host) {
			for i := range list {
				if list[i].Host == host && list[i].Port == number(port) && list[i].Protocol == protocol {
					if !strings.Contains(list[i].For, purpose) {
						list[i].For += ", " + purpose
					}
					list[i].Required = list[i].Required || required
					return
				}
			}
			list = append(list, Need{host, number(port), protocol, purpose, required})
		}
	}
	proxied := func(address string) {
		routes, err := o.Out.Routes(ctx, &url.URL{Scheme: "https", Host: address})
		if err == nil && routes[0].Proxy != nil {
			add(routes[0].Proxy.Host, "HTTP proxy", "the proxy, which then needs what follows", true)
		}
	}
	if f := o.Factory; f != nil {
		address, _ := split(f.Location)
		proxied(address)
		add(address, "HTTPS", "data factory", true)
		if q := o.Queue; q != nil && !q.InProcess {
			if host, plain := endpointOf(q.Connection.Reveal()); host == builtIn {
				add(address, "WebSocket over TLS", "job queue", true)
			} else if !plain {
				proxied(busAddress(host, "443"))
				add(busAddress(host, "443"), "WebSocket over TLS", "job queue; not needed where AMQP is allowed", o.Out.Proxied(ctx, busAddress(host, "443")))
				if !o.Out.Proxied(ctx, busAddress(host, "443")) {
					add(busAddress(host, "5671"), "AMQP over TLS", "job queue; not needed where WebSocket is allowed", false)
				}
			}
		}
	}
	for _, s := range o.Stores {
		if u, err := url.Parse(s.URL); err == nil && u.Host != "" {
			port, name := "443", "HTTPS"
			if u.Scheme == "http" {
				port, name = "80", "HTTP"
			}
			proxied(busAddress(u.Host, port))
			add(busAddress(u.Host, port), name, "store "+s.Name, true)
		}
	}
	return list
}

func number(port string) int {
	n := 0
	for _, c := range port {
		if c < '0' || c > '9' || n > 65535 {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}
