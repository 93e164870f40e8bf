package endpoint

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"dmgateway/engine/fault"
)

// listen takes the port on every address that is meant. On this machine alone both loopback addresses are taken, so that
// "localhost" leads nobody to another program.
func listen(c Config) ([]net.Listener, error) {
	if c.Address != Localhost {
		host := c.Address
		if host == Any {
			host = ""
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(c.Port)))
		return []net.Listener{l}, err
	}
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	second, err := net.Listen("tcp6", net.JoinHostPort("::1", port(first.Addr().String())))
	switch {
	case err == nil:
		return []net.Listener{first, second}, nil
	case errors.Is(err, syscall.EADDRINUSE):
		_ = first.Close()
		return nil, err
	}
	return []net.Listener{first}, nil // no IPv6 here
}

func explain(err error, c Config) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	f := fault.New(fault.Conflict, "the credentials endpoint cannot listen on port %d", c.Port).Because(err)
	switch {
	case errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "Only one usage of each socket address"):
		return f.Try("Another program, perhaps another gateway on this machine, has the port: give this gateway another one in Settings, or by `dmgcmd settings endpointport N`.")
	case errors.Is(err, syscall.EACCES):
		return f.Try("The system reserves this port: choose one above 1024 in Settings, or by `dmgcmd settings endpointport N`.")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return f.Try("This machine does not have the address %s (any more): change it in Settings, or by `dmgcmd settings endpointaddress localhost`.", c.Address)
	}
	return f.Try("Choose another port or address in Settings, or turn the endpoint off.")
}

func notOn(s Status) error {
	if s.State == Failed {
		return fault.New(fault.Conflict, "%s", s.Reason).Try("%s", s.Remedy)
	}
	return fault.New(fault.Conflict, "the credentials endpoint is off").Try("Turn it on in Settings, or by `dmgcmd settings endpoint true`, while the gateway runs.")
}

// Most connections at once, altogether and from one address.
const (
	maxConnections = 128
	maxFromOne     = 32
)

// counter keeps connections within bounds, so that one caller cannot take all of them. What is too much is closed.
type counter struct {
	mu   sync.Mutex
	all  int
	from map[string]int
}

func newCounter() *counter { return &counter{from: map[string]int{}} }

func (c *counter) limit(l net.Listener) net.Listener { return &limited{l, c} }

type limited struct {
	net.Listener
	c *counter
}

// Accept gives the next connection that is within bounds.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := callerOf(conn.RemoteAddr().String())
		if l.c.enter(who) {
			return &counted{Conn: conn, leave: func() { l.c.leave(who) }}, nil
		}
		_ = conn.Close()
	}
}

func (c *counter) enter(who string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= maxConnections || c.from[who] >= maxFromOne {
		return false
	}
	c.all++
	c.from[who]++
	return true
}

func (c *counter) leave(who string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.from[who]--; c.from[who] <= 0 {
		delete(c.from, who)
	}
}

type counted struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close ends the connection and makes room.
func (c *counted) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// callerOf is who is counted as one: an IPv4 address, or the network of an IPv6 address, of which everybody has many.
func callerOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	host, _, _ = strings.Cut(host, "%")
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil || ip.IsLoopback() {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
