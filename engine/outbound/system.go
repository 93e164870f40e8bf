package outbound

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	// systemLife is for how long an answer of the operating system counts. Asking costs a process or a call over D-Bus.
	systemLife = 30 * time.Second
	// systemPatience is how long the operating system may take: it may have to fetch a script first.
	systemPatience = 3 * time.Second
)

// system asks the environment, then the operating system.
type system struct {
	desktop func(ctx context.Context, target *url.URL) ([]Route, error)
	now     func() time.Time

	mu    sync.Mutex
	known map[string]knownRoutes
}

type knownRoutes struct {
	routes []Route
	err    error
	until  time.Time
}

func newSystem() *system {
	return &system{desktop: desktopRoutes, now: time.Now, known: map[string]knownRoutes{}}
}

// routes are read from the environment each time, and from the operating system every now and then.
func (s *system) routes(ctx context.Context, target *url.URL) ([]Route, error) {
	if env := httpproxy.FromEnvironment(); env.HTTPProxy != "" || env.HTTPSProxy != "" {
		p, err := env.ProxyFunc()(target)
		if err != nil {
			return nil, errors.New("HTTP_PROXY or HTTPS_PROXY is no address of a proxy") // its text may hold a password
		}
		return fromURL(p, "environment")
	}
	key := target.Scheme + "://" + withPort(target)
	s.mu.Lock()
	k, found := s.known[key]
	s.mu.Unlock()
	if found && s.now().Before(k.until) {
		return k.routes, k.err
	}
	timed, cancel := context.WithTimeout(ctx, systemPatience)
	defer cancel()
	k.routes, k.err = s.desktop(timed, &url.URL{Scheme: target.Scheme, Host: withPort(target)})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	k.until = s.now().Add(systemLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) > 1000 {
		clear(s.known)
	}
	s.known[key] = k
	return k.routes, k.err
}

func fromURL(p *url.URL, from string) ([]Route, error) {
	if p == nil {
		return []Route{{From: from}}, nil
	}
	p, err := ParseProxy(p.String())
	if err != nil {
		return nil, err
	}
	return []Route{{Proxy: p, From: from}}, nil
}

// manual is a proxy setting of an operating system that names proxies by scheme.
type manual struct {
	http, https, socks string // host:port or address, "" = none
	bypass             string
	from               string
}

func (m manual) routes(target *url.URL) ([]Route, error) {
	if b, err := ParseBypass(m.bypass); err == nil && b.Match(target.Hostname(), portOf(target)) {
		return []Route{{From: m.from}}, nil
	} else if err != nil {
		// One part that this program does not know must not undo the others.
		for _, part := range strings.FieldsFunc(m.bypass, func(r rune) bool { return strings.ContainsRune(";, ", r) }) {
			if b, err := ParseBypass(part); err == nil && b.Match(target.Hostname(), portOf(target)) {
				return []Route{{From: m.from}}, nil
			}
		}
	}
	text := m.https
	if target.Scheme == "http" {
		text = m.http
	}
	if text == "" && m.socks != "" {
		text = "socks5://" + m.socks
	}
	if text == "" {
		return []Route{{From: m.from}}, nil
	}
	p, err := ParseProxy(text)
	if err != nil {
		return nil, err
	}
	return []Route{{Proxy: p, From: m.from}}, nil
}

// scriptRoutes reads what a proxy script answers: "PROXY a:8080; SOCKS5 b:1080; DIRECT".
func scriptRoutes(answer, from string) ([]Route, error) {
	var list []Route
	for _, part := range strings.Split(answer, ";") {
		word, host, _ := strings.Cut(strings.TrimSpace(part), " ")
		var scheme string
		switch strings.ToUpper(word) {
		case "":
			continue
		case "DIRECT":
			list = append(list, Route{From: from})
			continue
		case "PROXY", "HTTP":
			scheme = "http"
		case "HTTPS":
			scheme = "https"
		case "SOCKS", "SOCKS5":
			scheme = "socks5"
		default:
			if host != "" {
				continue // SOCKS4 and the like
			}
			scheme, host = "http", word // as Windows answers: host:port alone
		}
		p, err := ParseProxy(scheme + "://" + strings.TrimSpace(host))
		if err != nil {
			return nil, err
		}
		list = append(list, Route{Proxy: p, From: from})
	}
	return list, nil
}
