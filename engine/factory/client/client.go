// Package client drives a factory over its REST interface: what the command line and the window do with one.
//
// Every error is a *fault.Error with the code, target and hint that the factory gave, or with code Unreachable where it
// could not be asked.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
)

const (
	maxAnswer = 64 << 20
	// A factory of this sort is in no subscription and no resource group; any will do.
	scope     = "/subscriptions/00000000-0000-0000-0000-000000000000"
	providers = "/resourceGroups/default/providers/Microsoft.DataFactory/factories/"
)

// Client talks to one factory. It may be used from several goroutines.
type Client struct {
	url, token string
	http       *http.Client

	mu   sync.Mutex
	name string // the factory's, asked for once
}

// New makes a client of the factory at address (https://HOST:PORT). caFile is the PEM file of the authority that signed
// the factory's certificate, "" = the system's. It connects when it is first used, through the proxy that the environment
// names.
func New(address, token, caFile string) (*Client, error) { return NewVia(nil, address, token, caFile) }

// NewVia is as [New], with a way out of its own; nil is as the environment says.
func NewVia(out *outbound.Out, address, token, caFile string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" {
		return nil, fault.New(fault.BadInput, "%q is no address of a factory", address).Try("Give https://HOST:PORT.")
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		if t.RootCAs, err = authorities(caFile); err != nil {
			return nil, err
		}
	}
	var way http.RoundTripper = &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: t, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	if out != nil {
		way = out.Transport(func(h *http.Transport) { h.TLSClientConfig = t })
	}
	return &Client{url: strings.TrimSuffix(address, "/"), token: token, http: &http.Client{
		Timeout: 2 * time.Minute, Transport: way,
		// A factory does not redirect; whoever does would be handed the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Local makes a client of the factory that serves from the folder dir on this machine; code NotRunning where none does.
func Local(dir string) (*Client, error) {
	data, err := os.ReadFile(filepath.Join(dir, wire.AddressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotRunning, "no factory runs in %s", dir).At(dir).
			Try("Start one with `dmgcmd factory serve`, or name another with --factory and --token.")
	}
	var ready wire.Ready
	if err == nil {
		err = json.Unmarshal(data, &ready)
	}
	var token []byte
	if err == nil {
		token, err = os.ReadFile(filepath.Join(dir, wire.TokenFile))
	}
	if err != nil {
		return nil, fault.New(fault.BadData, "read how to reach the factory").At(dir).Because(err)
	}
	return New(ready.URL, strings.TrimSpace(string(token)), ready.CA)
}

func authorities(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read the certificate authority of the factory").At(file).Because(err).
			Try("Give the file that the factory names as \"ca\" when it starts.")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fault.New(fault.BadInput, "the file has no PEM certificate").At(file)
	}
	return pool, nil
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Info describes the factory.
func (c *Client) Info(ctx context.Context) (wire.FactoryInfo, error) {
	var list wire.List[wire.FactoryInfo]
	if err := c.call(ctx, http.MethodGet, scope+"/providers/Microsoft.DataFactory/factories", nil, nil, &list); err != nil {
		return wire.FactoryInfo{}, err
	}
	if len(list.Value) != 1 {
		return wire.FactoryInfo{}, fault.New(fault.BadData, "the answer has %d factories instead of one", len(list.Value)).At(c.url).
			Try("Check that a factory answers at this address.")
	}
	return list.Value[0], nil
}

// path is the path of something below the factory, each segment escaped.
func (c *Client) path(ctx context.Context, segments ...string) (string, error) {
	c.mu.Lock()
	name := c.name
	c.mu.Unlock()
	if name == "" {
		info, err := c.Info(ctx)
		if err != nil {
			return "", err
		}
		name = info.Name
		c.mu.Lock()
		c.name = name
		c.mu.Unlock()
	}
	p := scope + providers + url.PathEscape(name)
	for _, s := range segments {
		p += "/" + url.PathEscape(s)
	}
	return p, nil
}

// do calls something below the factory. in and out can be nil.
func (c *Client) do(ctx context.Context, method string, header http.Header, in, out any, segments ...string) error {
	p, err := c.path(ctx, segments...)
	if err != nil {
		return err
	}
	return c.call(ctx, method, p, header, in, out)
}

func (c *Client) call(ctx context.Context, method, path string, header http.Header, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("marshal request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path+"?api-version="+wire.APIVersion, body)
	if err != nil {
		return fault.New(fault.BadInput, "the address %q cannot be used", c.url).Because(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return c.refused(resp.StatusCode, data)
	}
	if out == nil || len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fault.New(fault.BadData, "the answer of %s cannot be read", c.url).At(c.url).Because(err).Try("Check that a factory answers at this address.")
	}
	return nil
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.New(fault.Cancelled, "asking the factory was cut off").At(c.url).Because(context.Cause(ctx))
	}
	e := fault.New(fault.Unreachable, "cannot reach the factory at %s", c.url).At(c.url).Because(err).AsTransient()
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &authority):
		e.Transient = false
		return e.Try("Name the factory's certificate authority with --ca FILE or DMG_FACTORY_CA; the factory prints it when it starts.")
	case errors.As(err, &host):
		e.Transient = false
		return e.Try("Use one of the names in the factory's certificate, or start the factory with the address that you use.")
	}
	return e.Try("Check that the factory runs and that the address is right.")
}

func (c *Client) refused(status int, data []byte) error {
	var body protocol.ErrorBody
	if json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		return fault.New(fault.Unreachable, "%s answered HTTP %d %s", c.url, status, strings.ToLower(http.StatusText(status))).At(c.url).
			Try("Check that a factory answers at this address.")
	}
	e := fault.New(body.Error.Code, "%s", body.Error.Message).At(body.Error.Target).Try("%s", body.Error.Hint)
	if status == http.StatusUnauthorized {
		e.Hint = "Give the factory's token with --token or DMG_FACTORY_TOKEN; it is in the file \"token\" of the factory's folder, and in its ready file."
	}
	e.Transient = status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	return e
}
