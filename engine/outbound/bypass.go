package outbound

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"dmgateway/engine/fault"
)

// Bypass is a list of hosts that are reached directly.
type Bypass []rule

type rule struct {
	text   string
	local  bool         // names without a dot
	net    netip.Prefix // addresses
	suffix string       // ".example": everything below it
	exact  string
	port   string // "" = every one
}

// ParseBypass reads a list whose parts are divided by semicolons, commas or spaces:
//
//	db.example       that host (with ":8443" only that port)
//	*.example        everything below example; .example too
//	10.0.0.0/8       addresses of a network; 10.1.* too, and single addresses
//	<local>          names without a dot
//	*                everything
//
// Case does not matter.
func ParseBypass(text string) (Bypass, error) {
	var list Bypass
	for _, part := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }) {
		r, ok := parseRule(part)
		if !ok {
			return nil, fault.New(fault.BadInput, "%q is no host to reach directly", part).At("bypass").
				Try("Give names (db.example), everything below a name (*.example), networks (10.0.0.0/8) or <local>, with ; between.")
		}
		list = append(list, r)
	}
	return list, nil
}

func parseRule(text string) (rule, bool) {
	r := rule{text: text}
	if text == "<local>" {
		r.local = true
		return r, true
	}
	if text == "*" {
		r.suffix = ""
		r.exact = "*"
		return r, true
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		r.net = p.Masked()
		return r, true
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		r.net = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return r, true
	}
	if p, ok := octets(text); ok {
		r.net = p
		return r, true
	}
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return r, false
		}
		host, r.port = strings.Trim(h, "[]"), port
		if a, err := netip.ParseAddr(host); err == nil {
			r.net = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
			return r, true
		}
	}
	host = strings.TrimSuffix(host, ".")
	if rest, found := strings.CutPrefix(host, "*"); found {
		host = "." + strings.TrimPrefix(rest, ".")
	}
	if strings.HasPrefix(host, ".") {
		r.suffix = host
		host = host[1:]
	} else {
		r.exact = host
	}
	return r, host != "" && !strings.ContainsAny(host, "*/:<>[]@%?#\\\"'")
}

// octets reads "10.*" and "10.1.*", as Windows writes networks.
func octets(text string) (p netip.Prefix, ok bool) {
	rest, found := strings.CutSuffix(text, ".*")
	if !found {
		return p, false
	}
	parts := strings.Split(rest, ".")
	if len(parts) > 3 {
		return p, false
	}
	var a [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return p, false
		}
		a[i] = byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(a), 8*len(parts)), true
}

// String is the list as ParseBypass reads it.
func (b Bypass) String() string {
	parts := make([]string, len(b))
	for i, r := range b {
		parts[i] = r.text
	}
	return strings.Join(parts, ";")
}

// Match reports whether host:port is to be reached directly. A name is compared as a name: it is not looked up.
func (b Bypass) Match(host, port string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	addr, err := netip.ParseAddr(host)
	isAddr := err == nil
	for _, r := range b {
		if r.port != "" && r.port != port {
			continue
		}
		switch {
		case r.exact == "*":
			return true
		case r.local:
			if !isAddr && !strings.Contains(host, ".") {
				return true
			}
		case r.net.IsValid():
			if isAddr && r.net.Contains(addr.Unmap().WithZone("")) {
				return true
			}
		case r.suffix != "":
			if !isAddr && strings.HasSuffix(host, r.suffix) {
				return true
			}
		case !isAddr && host == r.exact:
			return true
		}
	}
	return false
}

// Loopback reports whether host is this very machine.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
