package engine

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/outbound"
	"dmgateway/engine/secret"
)

// vaultProxy is where the vault keeps the proxy settings as a whole, password included.
const vaultProxy = "proxy"

// storedProxy is outbound.Settings as the vault keeps them.
type storedProxy struct {
	Mode     string `json:"mode"`
	URL      string `json:"url,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Bypass   string `json:"bypass,omitempty"`
}

// loadProxy makes the way out as the vault says.
func loadProxy(v *credential.Vault) (*outbound.Out, error) {
	var s storedProxy
	data, err := v.Get(vaultProxy)
	if err != nil {
		return nil, err
	}
	if data != nil {
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, fault.New(fault.BadData, "read the proxy settings from the vault").Because(err).Try("Set the proxy again.")
		}
	}
	return outbound.New(outbound.Settings{Mode: s.Mode, URL: s.URL, User: s.User, Password: secret.New(s.Password), Bypass: s.Bypass}, outbound.Options{})
}

// outbound is the way out of the data directory for what runs without an engine. Without a vault, or with one that cannot
// be opened, it is as the system says.
func (o BundleOptions) outbound() *outbound.Out {
	data, err := resolveData(o.Data)
	if err != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(data, "vault.json")); err != nil {
		return nil
	}
	var out *outbound.Out
	vault, err := credential.OpenVault(data, nil)
	if err == nil {
		out, err = loadProxy(vault)
	}
	if err != nil && o.Log != nil {
		o.Log.Warn("the gateway's proxy settings cannot be read; using the system's", logging.Key, logging.ProxyUnread, "error", err)
	}
	return out
}

// settingsOf checks what a person gave. A nil password keeps the one that is stored, for the same user.
func (e *Engine) settingsOf(s ProxySettings) (outbound.Settings, error) {
	password := secret.String{}
	if s.Password != nil {
		password = secret.New(*s.Password)
	} else if before := e.out.Settings(); strings.TrimSpace(s.User) == before.User {
		password = before.Password
	}
	return outbound.Settings{Mode: s.Mode, URL: s.URL, User: s.User, Password: password, Bypass: s.Bypass}.Check()
}

// Proxy tells what is set and what follows from it.
func (e *Engine) Proxy(ctx context.Context) (ProxyStatus, error) {
	s := e.out.Settings()
	status := ProxyStatus{Mode: s.Mode, URL: s.URL, User: s.User, HasPassword: !s.Password.Empty(), Bypass: s.Bypass, Target: e.factoryAddress()}
	if status.Target == "" {
		return status, nil
	}
	routes, err := e.out.Routes(ctx, &url.URL{Scheme: "https", Host: status.Target})
	if err != nil {
		return status, err
	}
	status.Used, status.From = routes[0].Address(), routes[0].From
	return status, nil
}

// SetProxy stores and applies. New connections take the new way at once, and the queue is connected anew.
func (e *Engine) SetProxy(_ context.Context, s ProxySettings) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	next, err := e.settingsOf(s)
	if err != nil {
		return err
	}
	data, err := json.Marshal(storedProxy{Mode: next.Mode, URL: next.URL, User: next.User, Password: next.Password.Reveal(), Bypass: next.Bypass})
	if err != nil {
		return err
	}
	if err := e.vault.Put(vaultProxy, data); err != nil {
		return err
	}
	e.log.Info("proxy settings changed", logging.Key, logging.ProxyChanged, "mode", next.Mode, "url", next.URL, "user", next.User, "bypass", next.Bypass)
	return e.out.Set(next)
}

// proxyTestTime bounds a test of the proxy.
const proxyTestTime = 15 * time.Second

// TestProxy asks the proxy for a tunnel to the factory, or to a well-known host where the gateway has none yet, and tells
// what it offers and answers. s are other settings than those in use, nil = those in use.
func (e *Engine) TestProxy(ctx context.Context, s *ProxySettings) (ProxyReport, error) {
	out := e.out
	if s != nil {
		settings, err := e.settingsOf(*s)
		if err != nil {
			return ProxyReport{}, err
		}
		if out, err = outbound.New(settings, outbound.Options{}); err != nil {
			return ProxyReport{}, err
		}
	}
	target := e.factoryAddress()
	if target == "" {
		target = "login.microsoftonline.com:443"
	}
	ctx, cancel := context.WithTimeout(ctx, proxyTestTime)
	defer cancel()
	began := time.Now()
	conn, seen, err := out.Tunnel(ctx, "tcp", target)
	r := ProxyReport{
		Proxy: seen.Route.Address(), Target: target, Offers: seen.Offers, Used: seen.Used, Answer: seen.Status,
		Took: time.Since(began), OK: err == nil,
	}
	if err == nil {
		_ = conn.Close()
		switch {
		case r.Proxy == "":
			r.Answer = "connected directly"
		case r.Answer == "":
			r.Answer = "connected"
		}
		return r, nil
	}
	f := fault.As(err)
	if f.Code == fault.Internal {
		f = fault.New(fault.Unreachable, "cannot connect to %s", target).Because(err).
			Try("Check that outbound connections to %s are allowed, by firewall and proxy.", target)
	}
	r.Problem, r.Remedy = f.Error(), f.Hint
	return r, nil
}

// factoryAddress is host:port of the factory, "" while the gateway is not registered.
func (e *Engine) factoryAddress() string {
	e.mu.Lock()
	id := e.identity
	e.mu.Unlock()
	if id == nil {
		return ""
	}
	host, _, _ := strings.Cut(e.located(id).Location, "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	return host
}
