package channel

import (
	"context"
	"crypto/tls"
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
	"dmgateway/engine/protocol"
	"dmgateway/engine/secret"
)

const (
	probeTime   = 4 * time.Second  // to find AMQP's port open
	connectTime = 20 * time.Second // for a connection with everything on it
	closeTime   = 5 * time.Second
	// builtIn is the host that stands for the Service Bus inside the factory.
	builtIn = "factory"
)

// route is a way to the Service Bus.
type route int

const (
	routeUnknown   route = iota
	routeInProcess       // a pipe
	routeFactory         // WebSocket at the factory's own address
	routeAMQP            // TCP, 5671 with TLS; without TLS on loopback alone
	routeWebSocket       // WebSocket on 443
)

func (r route) String() string {
	return [...]string{"unknown", "inside this program", "WebSocket at the factory", "AMQP", "AMQP over WebSocket"}[r]
}

// busAddress is what a connection string says about where to go.
type busAddress struct {
	host     string // with its port, where it has one
	plain    bool   // no TLS: UseDevelopmentEmulator
	original secret.String
}

// parseConnection reads a Service Bus connection string. Without TLS only loopback is accepted: the client would send
// its token in the clear to any host.
func parseConnection(text secret.String) (busAddress, error) {
	b := busAddress{original: text}
	var endpoint string
	for part := range strings.SplitSeq(text.Reveal(), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "endpoint":
			endpoint = strings.TrimSpace(value)
		case "usedevelopmentemulator":
			b.plain = strings.EqualFold(strings.TrimSpace(value), "true")
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "sb" || u.Host == "" {
		return b, fault.New(fault.BadData, "the queue's connection string has no endpoint such as sb://name.servicebus.windows.net/").
			Try("Register the gateway again.")
	}
	b.host = u.Host
	if b.plain && !loopback(u.Hostname()) && b.host != builtIn {
		return b, fault.New(fault.Forbidden, "the queue's connection string asks for a connection without TLS to %s", b.host).At(b.host).
			Try("Only a Service Bus on this very machine may be used without TLS; remove UseDevelopmentEmulator at the factory.")
	}
	return b, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// connection is one client with the links that the gateway needs.
type connection struct {
	client   *azservicebus.Client
	receiver *azservicebus.Receiver
	sender   *azservicebus.Sender
	route    route
}

func (conn *connection) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = conn.client.Close(ctx) // the connection is often gone already
}

// connect tries the ways that there are, the one that worked last first.
func (c *Channel) connect(ctx context.Context) (*connection, error) {
	var first error
	for _, r := range c.routes(ctx) {
		conn, err := c.open(ctx, r)
		if err == nil {
			c.mu.Lock()
			c.route = r
			c.mu.Unlock()
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if fault.Code(err) != fault.Unreachable {
			break // somebody answered: another way leads to the same answer
		}
	}
	return nil, first
}

// routes are the ways to try, in order. Where a proxy leads to the Service Bus, AMQP's own port, which proxies do not
// serve, comes last.
func (c *Channel) routes(ctx context.Context) []route {
	proxied := c.o.Dial == nil && c.bus.host != builtIn && !c.bus.plain && c.o.Out.Proxied(ctx, c.bus.host)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.o.Dial != nil:
		return []route{routeInProcess}
	case c.bus.host == builtIn:
		return []route{routeFactory}
	case c.bus.plain:
		return []route{routeAMQP}
	case proxied, c.route == routeWebSocket:
		return []route{routeWebSocket, routeAMQP}
	}
	return []route{routeAMQP, routeWebSocket}
}

// open makes a client and uses it once: a wrong key or queue shows only then.
func (c *Channel) open(ctx context.Context, r route) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	o := &azservicebus.ClientOptions{
		ApplicationID: "dmgateway",
		RetryOptions:  azservicebus.RetryOptions{MaxRetries: -1}, // Run tries again, with its own pauses
	}
	var way dialError
	switch r {
	case routeInProcess:
		o.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) { return c.o.Dial(ctx) }
	case routeFactory:
		address, client := "wss://"+c.o.Address+protocol.PathBus, c.webSocketClient(c.o.TLS)
		o.NewWebSocketConn = func(ctx context.Context, _ azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return way.keep(dialWebSocket(ctx, address, client))
		}
	case routeWebSocket:
		o.NewWebSocketConn = func(ctx context.Context, args azservicebus.NewWebSocketConnArgs) (net.Conn, error) {
			return way.keep(dialWebSocket(ctx, args.Host, c.webSocketClient(c.busTLS)))
		}
	case routeAMQP:
		if err := c.probe(ctx); err != nil {
			return nil, err
		}
	}
	client, err := azservicebus.NewClientFromConnectionString(c.bus.original.Reveal(), o)
	if err != nil {
		// The client's own words could repeat the connection string.
		return nil, fault.New(fault.BadData, "the queue's connection string cannot be used").Try("Register the gateway again.")
	}
	conn := &connection{client: client, route: r}
	if err := conn.links(ctx, c.o.Jobs, c.o.Status); err != nil {
		conn.close()
		if dialed := way.get(); dialed != nil {
			err = dialed
		}
		return nil, explain(err, c.place(r))
	}
	return conn, nil
}

// dialError remembers why a WebSocket did not come about: the client passes only the words of an error on.
type dialError struct {
	mu  sync.Mutex
	err error
}

func (d *dialError) keep(conn net.Conn, err error) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
	return conn, err
}

func (d *dialError) get() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (conn *connection) links(ctx context.Context, jobs, status string) error {
	var err error
	if conn.receiver, err = conn.client.NewReceiverForQueue(jobs, nil); err != nil {
		return err
	}
	if conn.sender, err = conn.client.NewSender(status, nil); err != nil {
		return err
	}
	_, err = conn.receiver.PeekMessages(ctx, 1, nil)
	return err
}

// place names what could not be reached, for people.
func (c *Channel) place(r route) string {
	if r == routeFactory || r == routeInProcess {
		return c.o.Address
	}
	return c.bus.host
}

// webSocketClient makes a WebSocket's first request over the way out. A connection on which that fails is not kept.
func (c *Channel) webSocketClient(t *tls.Config) *http.Client {
	return &http.Client{Transport: c.o.Out.Transport(func(h *http.Transport) { h.TLSClientConfig, h.DisableKeepAlives = t, true })}
}

// dialWebSocket opens AMQP over WebSocket. ctx bounds only the dialling: a connection bound to it would die with the
// operation that happened to make it.
func dialWebSocket(ctx context.Context, address string, client *http.Client) (net.Conn, error) {
	//nolint:bodyclose // the library takes the answer's body over
	ws, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"amqp"}})
	if err != nil {
		return nil, err
	}
	return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil
}

// probe finds out quickly whether AMQP's port is open: a firewall may drop packets silently, or take the connection and
// let nothing through.
func (c *Channel) probe(ctx context.Context) error {
	address := c.bus.host
	if _, _, err := net.SplitHostPort(address); err != nil {
		port := "5671"
		if c.bus.plain {
			port = "5672"
		}
		address = net.JoinHostPort(address, port)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := c.o.Out.Direct(ctx, "tcp", address)
	if err != nil {
		return explain(err, address)
	}
	defer conn.Close()
	if c.bus.plain {
		return nil
	}
	host, _, _ := net.SplitHostPort(address)
	return explain(tls.Client(conn, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx), address)
}

// explain gives an error of the Service Bus its code and remedy; nil stays nil.
func explain(err error, place string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	switch codeOf(err) {
	case azservicebus.CodeUnauthorizedAccess:
		return fault.New(fault.SignInFailed, "the queue at %s refused this gateway", place).At(place).Because(err).
			Try("If the gateway's key was recreated, register again with the new one.")
	case azservicebus.CodeNotFound:
		return fault.New(fault.NotFound, "the gateway's queue at %s does not exist", place).At(place).Because(err).
			Try("If the gateway was removed from the factory, register with the key of another one.")
	}
	e := fault.New(fault.Unreachable, "cannot reach the queue at %s", place).At(place).Because(err).AsTransient()
	if way, ok := errors.AsType[*fault.Error](err); ok && way.Hint != "" {
		return e.Try("%s", way.Hint) // the way out knows better
	}
	return e.Try("Check that outbound connections to %s are allowed; it is tried again by itself.", place)
}

// codeOf is the client's code of an error; what it passes on as AMQP said it is translated.
func codeOf(err error) azservicebus.Code {
	var se *azservicebus.Error
	if errors.As(err, &se) {
		return se.Code
	}
	var ae *amqp.Error
	var le *amqp.LinkError
	if !errors.As(err, &ae) && errors.As(err, &le) {
		ae = le.RemoteErr
	}
	if ae == nil {
		return ""
	}
	return map[amqp.ErrCond]azservicebus.Code{
		amqp.ErrCondUnauthorizedAccess: azservicebus.CodeUnauthorizedAccess, amqp.ErrCondNotFound: azservicebus.CodeNotFound,
	}[ae.Condition]
}
