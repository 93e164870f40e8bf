package outbound

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"dmgateway/engine/fault"
)

// Route is one way to a target.
type Route struct {
	// Proxy is nil for the direct way. It can carry a user and password of the system's settings.
	Proxy *url.URL
	// From is where that is said: "setting", "environment", "GNOME", "KDE", "Windows", "macOS", "" = nowhere.
	From string
}

// Address is the proxy's address as people may see it, "" for the direct way.
func (r Route) Address() string {
	if r.Proxy == nil {
		return ""
	}
	return r.Proxy.Scheme + "://" + r.Proxy.Host
}

// Routes are the ways to a target such as https://factory.example:8051, in the order in which they are tried; there is at
// least one.
func (o *Out) Routes(ctx context.Context, target *url.URL) ([]Route, error) {
	o = o.orSystem()
	o.mu.Lock()
	s, custom, bypass := o.settings, o.custom, o.bypass
	o.mu.Unlock()
	host, port := target.Hostname(), portOf(target)
	switch {
	case Loopback(host), linkLocal(host):
		return []Route{{}}, nil
	case s.Mode == None || bypass.Match(host, port):
		return []Route{{From: "setting"}}, nil
	case s.Mode == Custom:
		return []Route{{Proxy: custom, From: "setting"}}, nil
	}
	routes, err := o.system(ctx, target)
	if err != nil {
		return nil, fault.New(fault.BadInput, "the system's proxy settings cannot be used").Because(err).
			Try("Correct them, or set the proxy in the gateway's own settings.")
	}
	if len(routes) == 0 {
		routes = []Route{{}}
	}
	return routes, nil
}

// Proxied reports whether host:port is reached through a proxy.
func (o *Out) Proxied(ctx context.Context, address string) bool {
	return o.ProxiedURL(ctx, &url.URL{Scheme: "https", Host: address})
}

// ProxiedURL reports whether an address is reached through a proxy.
func (o *Out) ProxiedURL(ctx context.Context, u *url.URL) bool {
	routes, err := o.Routes(ctx, u)
	return err != nil || routes[0].Proxy != nil
}

// linkLocal reports whether host is an address on the cable: there a virtual machine finds its own identity.
func linkLocal(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLinkLocalUnicast()
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "ws":
		return "80"
	}
	return "443"
}

func withPort(u *url.URL) string { return net.JoinHostPort(u.Hostname(), portOf(u)) }
