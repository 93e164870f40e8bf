package endpoint

import (
	"net"
	"strings"
)

// hostOf is a host without port, brackets, zone and final dot, in lower case.
func hostOf(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	text = strings.Trim(text, "[]")
	if strings.Contains(text, ":") { // only an IPv6 address has a zone
		text, _, _ = strings.Cut(text, "%")
	}
	return strings.ToLower(strings.TrimSuffix(text, "."))
}

// names are the names and addresses under which it may be asked: what the machine is called and has, and what the
// operator added.
func (s *Server) names() map[string]bool {
	s.mu.Lock()
	c, canonical := s.config, s.canonical
	s.mu.Unlock()
	names := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	if host := hostOf(s.o.Host); host != "" {
		names[host] = true
	}
	if canonical != "" {
		names[canonical] = true
	}
	for _, n := range c.Names {
		names[hostOf(n)] = true
	}
	if c.Address != Any {
		if ip := net.ParseIP(c.Address); ip != nil {
			names[ip.String()] = true
		}
		return names
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			names[n.IP.String()] = true
		}
	}
	return names
}

// knows reports whether a request's Host is one of the endpoint's own. A page of somebody else's, whose name was pointed
// at this machine, is not let in so.
func (s *Server) knows(host string) bool {
	host = hostOf(host)
	if ip := net.ParseIP(host); ip != nil {
		host = ip.String()
	}
	if host == "" {
		return false
	}
	if s.names()[host] {
		return true
	}
	s.mu.Lock()
	c := s.certificate
	s.mu.Unlock()
	return c != nil && c.Leaf.VerifyHostname(host) == nil
}

// url is the address that others use: the first name that the operator gave, or the machine's.
func (s *Server) url(address string) string {
	s.mu.Lock()
	c, host := s.config, s.o.Host
	s.mu.Unlock()
	switch {
	case len(c.Names) > 0:
		host = hostOf(c.Names[0])
	case c.Address == Localhost:
		host = Localhost
	case c.Address != Any:
		host = c.Address
	}
	return "https://" + net.JoinHostPort(host, port(address))
}

// ParseAddress reads a bind address: Localhost, Any or an IP address, which it gives in its usual form.
func ParseAddress(text string) (string, bool) {
	switch strings.ToLower(text) {
	case Localhost:
		return Localhost, true
	case Any, "*", "0.0.0.0", "::":
		return Any, true
	}
	ip := net.ParseIP(strings.Trim(text, "[]"))
	if ip == nil {
		return "", false
	}
	return ip.String(), true
}

// IsHostName reports whether a text can be the name or address of a machine.
func IsHostName(text string) bool {
	if net.ParseIP(text) != nil {
		return true
	}
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
				return false
			}
		}
	}
	return true
}
