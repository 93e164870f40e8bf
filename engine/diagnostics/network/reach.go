package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
)

// reach connects to host:port, over the way out or, where direct is wanted, past any proxy. It is nil where a step
// failed.
func (d *doctor) reach(ctx context.Context, r *recorder, address string, direct bool) net.Conn {
	if !direct {
		routes, err := d.o.Out.Routes(ctx, &url.URL{Scheme: "https", Host: address})
		if err != nil {
			r.step("proxy", proxyLimit, func(context.Context) finding { return ofFault(err) })
			return nil
		}
		if routes[0].Proxy != nil {
			return d.throughProxy(r, address)
		}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		r.step("name", nameLimit, func(context.Context) finding {
			return finding{Failed, fmt.Sprintf("%q is no address", address), "Register the gateway again."}
		})
		return nil
	}
	var addrs []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{a}
	} else if !r.step("name", nameLimit, func(ctx context.Context) finding {
		var f finding
		addrs, f = d.lookup(ctx, host)
		return f
	}) {
		return nil
	}
	var conn net.Conn
	r.step("tcp", tcpLimit, func(ctx context.Context) finding {
		var f finding
		conn, f = d.connect(ctx, addrs, port)
		return f
	})
	return conn
}

func (d *doctor) throughProxy(r *recorder, address string) net.Conn {
	r.skip("name", "the proxy looks the name up")
	var conn net.Conn
	r.step("proxy", proxyLimit, func(ctx context.Context) finding {
		c, seen, err := d.o.Out.Tunnel(ctx, "tcp", address)
		if err != nil {
			f := ofFault(err)
			if len(seen.Offers) > 0 {
				f.detail += " (it offers " + strings.Join(seen.Offers, ", ") + ")"
			}
			return f
		}
		conn = c
		text := seen.Route.Address()
		if seen.Route.From != "" {
			text += " (" + seen.Route.From + ")"
		}
		if seen.Status != "" {
			text += " answered " + seen.Status
		}
		if seen.Used != "" {
			text += ", signed in by " + seen.Used
		}
		return ok(text)
	})
	return conn
}

// ofFault is an error of the way out as a finding.
func ofFault(err error) finding {
	f := fault.As(err)
	if f.Hint == "" {
		f.Hint = "Check the proxy in the settings."
	}
	return finding{Failed, f.Error(), f.Hint}
}

func (d *doctor) lookup(ctx context.Context, host string) ([]netip.Addr, finding) {
	ask := d.o.Lookup
	if ask == nil {
		ask = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := ask(ctx, host)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return nil, finding{Failed, "this machine's DNS does not know the name " + host, "Check the name for misspellings; if it is right, ask the network's administrator why DNS does not resolve it (an internal name needs the company's DNS or VPN)."}
		}
		if ctx.Err() != nil || dns != nil && dns.IsTimeout {
			return nil, finding{Failed, "this machine's DNS does not answer", "Check the DNS servers in this machine's network settings and that UDP and TCP port 53 to them are open."}
		}
		return nil, finding{Failed, "DNS failed: " + reason(err), "Check the DNS servers in this machine's network settings."}
	}
	if len(addrs) == 0 {
		return nil, finding{Failed, host + " has no address", "Ask the network's administrator why DNS gives no address for the name."}
	}
	var texts []string
	for i, a := range addrs {
		addrs[i] = a.Unmap()
		texts = append(texts, addrs[i].String())
	}
	f := ok(host + " is " + shortened(texts, 4))
	for _, a := range addrs {
		if (a.IsUnspecified() || a.IsLoopback()) && !outbound.Loopback(host) {
			return addrs, finding{Warning, f.detail + ", which is this machine itself", "DNS or the hosts file points the name to this machine, as blocking filters do. Ask the network's administrator, or correct the hosts file."}
		}
	}
	return addrs, f
}

func shortened(list []string, most int) string {
	if len(list) > most {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}

// grace is how long the other addresses may take once one has answered.
const grace = 300 * time.Millisecond

// connect tries all addresses at once and takes the first that answers.
func (d *doctor) connect(ctx context.Context, addrs []netip.Addr, port string) (net.Conn, finding) {
	type attempt struct {
		addr netip.Addr
		conn net.Conn
		err  error
	}
	const most = 8
	addrs = addrs[:min(len(addrs), most)]
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan attempt, len(addrs))
	for _, a := range addrs {
		go func() {
			r := attempt{addr: a}
			defer func() { results <- r }()
			defer fault.Recover(&r.err)
			r.conn, r.err = d.o.Out.Direct(ctx, "tcp", net.JoinHostPort(a.String(), port))
		}()
	}
	var conn net.Conn
	var used netip.Addr
	var first error
	silent := map[netip.Addr]bool{}
	for _, a := range addrs {
		silent[a] = true
	}
	var late <-chan time.Time
	left := len(addrs)
wait:
	for left > 0 {
		select {
		case a := <-results:
			left--
			switch {
			case a.err != nil:
				if first == nil {
					first = a.err
				}
			case conn == nil:
				delete(silent, a.addr)
				conn, used, late = a.conn, a.addr, time.After(grace)
			default:
				delete(silent, a.addr)
				_ = a.conn.Close()
			}
		case <-late:
			break wait
		}
	}
	cancel()
	for range left { // whoever comes too late
		if a := <-results; a.conn != nil {
			_ = a.conn.Close()
		}
	}
	if conn == nil {
		return nil, notConnected(first, port, len(addrs))
	}
	return conn, partly(used, addrs, silent, port)
}

// partly tells when only a family of addresses works.
func partly(used netip.Addr, addrs []netip.Addr, silent map[netip.Addr]bool, port string) finding {
	f := ok("connected to " + net.JoinHostPort(used.String(), port))
	broken := map[bool]int{}
	all := map[bool]int{}
	for _, a := range addrs {
		all[a.Is6()]++
		if silent[a] {
			broken[a.Is6()]++
		}
	}
	for six, name := range map[bool]string{true: "IPv6", false: "IPv4"} {
		if all[six] > 0 && broken[six] == all[six] {
			return finding{Warning, f.detail + "; its " + name + " addresses do not answer", "It works, but connecting can take longer. Ask the network's administrator to repair " + name + " or to take those addresses out of DNS."}
		}
	}
	return f
}

func notConnected(err error, port string, tried int) finding {
	some := ""
	if tried > 1 {
		some = fmt.Sprintf(" (%d addresses tried)", tried)
	}
	switch {
	case isRefused(err):
		return finding{Failed, "port " + port + " refuses connections" + some, "The machine is there but nothing listens on the port, or a firewall rejects it: check host and port, that the service runs, and ask the firewall's administrator to allow port " + port + " outbound."}
	case isUnroutable(err):
		return finding{Failed, "there is no route to the address" + some, "Check this machine's network connection, VPN and default gateway."}
	case isTimeout(err):
		return finding{Failed, "nothing answers on port " + port + some + ": the packets are dropped on the way", "This is what a firewall does that does not allow the port. Ask its administrator to allow outbound connections to this host on port " + port + "."}
	}
	return finding{Failed, "connecting failed: " + reason(err), "Check this machine's network connection, and ask the firewall's administrator about port " + port + "."}
}
