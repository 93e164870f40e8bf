package network

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/bus"
	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/protocol"
	"dmgateway/engine/report"
	"dmgateway/engine/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	factoryHost = "factory.corp.test"
	namespace   = "plant.servicebus.windows.net"
	account     = "plant.blob.core.windows.net"
	nodeToken   = "token-that-nobody-may-see"
	busKey      = "a2V5LXRoYXQtbm9ib2R5LW1heS1zZWU="
)

var addresses = map[string]string{factoryHost: "192.0.2.10", namespace: "192.0.2.20", account: "192.0.2.30"}

// world is a network in which everything works until a test breaks something.
type world struct {
	t         *testing.T
	authority *authority
	broker    *bus.Broker
	pin       [32]byte
	o         Options

	mu      sync.Mutex
	names   map[string]func(ctx context.Context) ([]netip.Addr, error)
	ports   map[string]func(ctx context.Context) (net.Conn, error) // by address:port
	lease   http.HandlerFunc
	upgrade http.Handler
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, organization, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{organization}, CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) issue(t *testing.T, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve serves HTTPS on loopback.
func (w *world) serve(c tls.Certificate, h http.Handler) (address string) {
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	w.t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

func (w *world) at(address string) func(ctx context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", address) }
}

// raw is a server that does what a test says with each connection.
func (w *world) raw(do func(net.Conn)) func(ctx context.Context) (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			work.Go(func() { do(c) })
		}
	})
	w.t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		work.Wait()
	})
	return w.at(l.Addr().String())
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, authority: newAuthority(t, "Microsoft Corporation", "Test Issuing CA"), names: map[string]func(context.Context) ([]netip.Addr, error){}, ports: map[string]func(context.Context) (net.Conn, error){}}
	b, err := bus.Open(filepath.Join(t.TempDir(), "bus.db"), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.broker = b
	t.Cleanup(func() { _ = b.Close() })
	err = errors.Join(b.SetQueue(t.Context(), "jobs", bus.QueueOptions{}),
		b.SetRule(t.Context(), bus.Rule{Name: "gateway", Key: secret.New(busKey), Grants: []bus.Grant{{Queue: "jobs", Rights: bus.Listen}}}))
	if err != nil {
		t.Fatal(err)
	}
	w.upgrade = b.WebSocketHandler()
	w.lease = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+nodeToken {
			refuseNode(rw, http.StatusUnauthorized, fault.NotRegistered, "the node is not known")
			return
		}
		_ = json.NewEncoder(rw).Encode(protocol.LeaseResponse{Answers: []string{}})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /gateway/v1/lease", func(rw http.ResponseWriter, r *http.Request) { w.lease(rw, r) })
	mux.HandleFunc(protocol.PathBus, func(rw http.ResponseWriter, r *http.Request) { w.upgrade.ServeHTTP(rw, r) })
	cert := newAuthority(t, "Data factory", "Factory's own authority").issue(t, time.Now().Add(time.Hour), factoryHost)
	leaf, _ := x509.ParseCertificate(cert.Certificate[0])
	w.pin = protocol.SPKIHash(leaf)
	factory := w.serve(cert, mux)
	azure := w.authority.issue(t, time.Now().Add(time.Hour), namespace, account)
	web := w.serve(azure, mux)

	for host, a := range addresses {
		w.names[host] = func(context.Context) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(a)}, nil }
	}
	w.ports[addresses[factoryHost]+":8051"] = w.at(factory)
	w.ports[addresses[namespace]+":443"] = w.at(web)
	w.ports[addresses[account]+":443"] = w.at(web)
	w.ports[addresses[namespace]+":5671"] = w.amqps(azure)

	roots := x509.NewCertPool()
	roots.AddCert(w.authority.cert)
	w.o = Options{
		Factory: &Factory{Location: factoryHost + ":8051", Pin: w.pin, Node: "n", Token: secret.New(nodeToken)},
		Queue:   &Queue{Connection: secret.New("Endpoint=sb://" + namespace + "/;SharedAccessKeyName=gateway;SharedAccessKey=" + busKey), Jobs: "jobs"},
		Stores:  []Store{{Name: "Lake", URL: "https://" + account, RoundTrip: func(context.Context) error { return nil }}},
		Lookup:  w.lookup, Roots: roots,
	}
	w.way(outbound.Settings{Mode: outbound.None})
	return w
}

func refuseNode(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(protocol.ErrorBody{Error: report.Error{Code: code, Message: message}})
}

// amqps serves the bus by AMQP over TLS.
func (w *world) amqps(c tls.Certificate) func(ctx context.Context) (net.Conn, error) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}})
	if err != nil {
		w.t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = w.broker.Serve(l) }()
	w.t.Cleanup(func() { _ = w.broker.Close(); <-served })
	return w.at(l.Addr().String())
}

// way sets the way out; addresses of the world are dialled by its ports.
func (w *world) way(s outbound.Settings) {
	out, err := outbound.New(s, outbound.Options{Dial: w.dial, System: func(context.Context, *url.URL) ([]outbound.Route, error) { return nil, nil }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.o.Out = out
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	port := w.ports[address]
	w.mu.Unlock()
	if port != nil {
		return port(ctx)
	}
	if host, _, _ := net.SplitHostPort(address); outbound.Loopback(host) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return dropped(ctx)
}

func (w *world) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if ask := w.names[host]; ask != nil {
		return ask(ctx)
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// dropped is a connection whose packets nobody answers.
func dropped(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
}

func (w *world) run() Report {
	w.t.Helper()
	return Run(w.t.Context(), w.o, nil)
}

func (r Report) check(t *testing.T, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return Check{}
}

func (c Check) step(t *testing.T, name string) Step {
	t.Helper()
	for _, s := range c.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s has no step %q: %+v", c.Name, name, c.Steps)
	return Step{}
}
