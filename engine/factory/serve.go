package factory

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// Serve serves the factory over HTTPS on l, which it closes, until ctx ends; then it finishes what it was asked and
// returns nil. ready, which can be nil, is called once requests are answered. Serve is called once.
func (f *Factory) Serve(ctx context.Context, l net.Listener, ready func(wire.Ready)) error {
	defer l.Close()
	if err := f.prepare(l.Addr().String()); err != nil {
		return err
	}
	server := &http.Server{
		Handler: f.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: requestTime, WriteTimeout: 2 * requestTime, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(f.o.Log.Handler(), slog.LevelDebug),
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// AMQP over WebSocket needs HTTP/1.1, and a control channel gains nothing from a newer one.
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return f.serverCertificate(), nil
		},
	}
	stopped := make(chan struct{})
	cancelStop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // cut off what would not end
		}
	})
	if err := f.publish(); err != nil {
		return err
	}
	defer func() { _ = os.Remove(filepath.Join(f.o.Dir, addressFile)) }() // a stale one leads nowhere
	f.poke()
	if ready != nil {
		ready(f.Ready())
	}
	f.work.Go(func() { supervise.Contain(f.o.Log, "Server certificate", func() { f.renewLoop(ctx) }) })
	err := server.Serve(tls.NewListener(l, config))
	if !cancelStop() {
		<-stopped // requests are finished
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Ready is how the served factory is reached; its URL is empty before Serve unless Options gave one.
func (f *Factory) Ready() wire.Ready {
	u := f.address()
	return wire.Ready{URL: u, Portal: f.portalLink(u), Token: f.token, CA: f.authorityFile()}
}

// TokenFile is where the bearer token lies.
func (f *Factory) TokenFile() string { return filepath.Join(f.o.Dir, tokenFile) }

// DialBus connects to the built-in Service Bus inside this process, without a network; a factory with a namespace in
// Azure has none.
func (f *Factory) DialBus(context.Context) (net.Conn, error) {
	b, ok := f.broker.(*builtinBroker)
	if !ok {
		return nil, fault.New(fault.NotFound, "the factory has no built-in Service Bus")
	}
	return b.bus.Dial(), nil
}

// publish writes down, beside the token, where a client on this machine finds the factory while it serves.
func (f *Factory) publish() error {
	text, err := json.Marshal(wire.Ready{URL: f.address(), CA: f.authorityFile()})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(f.o.Dir, addressFile), text, 0o600)
}

func (f *Factory) authorityFile() string {
	if f.o.CertFile != "" {
		return f.o.CertFile
	}
	path := filepath.Join(f.o.Dir, caCertFile)
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// prepare settles address and certificate before the first request.
func (f *Factory) prepare(listen string) error {
	f.mu.Lock()
	if f.url == "" {
		f.url = "https://" + reachable(listen)
	}
	address := f.url
	f.mu.Unlock()
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Hostname() == "" || u.Port() == "" {
		return fault.New(fault.BadInput, "%q is no address of a factory", address).Try("Give https://HOST:PORT, as gateways reach it.")
	}
	return f.loadCertificate(listen, u.Host)
}

// reachable turns the address of a listener on all interfaces into one that can be dialled.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = hostName()
	}
	return net.JoinHostPort(host, port)
}

func (f *Factory) loadCertificate(addresses ...string) error {
	c, err := certificate(f.o.Dir, f.o.CertFile, f.o.KeyFile, hostsOf(addresses...), time.Now())
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.certificate = c
	f.mu.Unlock()
	return nil
}

func (f *Factory) serverCertificate() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.certificate
}

// renewLoop looks daily whether the certificate has to be renewed; a given one is read again.
func (f *Factory) renewLoop(ctx context.Context) {
	t := time.NewTicker(24 * time.Hour)
	defer t.Stop()
	u, err := url.Parse(f.address())
	if err != nil {
		return // prepare has parsed it before
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.background.Done():
			return
		case <-t.C:
			if err := f.loadCertificate(u.Host); err != nil {
				f.o.Log.Error("renew the server's certificate", logging.Key, logging.ServerCertificate, "error", err)
			}
		}
	}
}

// pin is the hash of the key that this server shows on its connections.
func (f *Factory) pin() ([32]byte, error) {
	c := f.serverCertificate()
	if c == nil {
		return [32]byte{}, fault.New(fault.Conflict, "registering works over HTTPS only").Try("Use the address in the gateway key.")
	}
	return pinOf(c)
}
