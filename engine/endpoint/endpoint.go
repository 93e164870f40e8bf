// Package endpoint serves the page and the JSON interface at which credentials of data stores are set, over HTTPS on the
// gateway's own machine. It gives nothing to anybody without a pairing code or a token of the factory. See README.md.
package endpoint

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// Gateway is what the endpoint asks the engine for. Its methods may be called from several goroutines. None of their
// answers and errors holds a secret.
type Gateway interface {
	// Who says whom the gateway serves; false while it is not registered.
	Who() (Who, bool)
	// Targets are the linked services of this gateway at the factory.
	Targets(ctx context.Context) ([]Target, error)
	// Test connects with a linked service as the request changes it and calls report after each stage.
	Test(ctx context.Context, r Request, report func(Stage)) error
	// Set seals the credential and puts it into the linked service at the factory.
	Set(ctx context.Context, r Request) (Outcome, error)
	// Once reports whether it is called with this ID for the first time; it may forget the ID after until.
	Once(ctx context.Context, id string, until time.Time) (bool, error)
}

// Who is the gateway's registration.
type Who struct {
	Factory, Gateway                   string // GUIDs
	FactoryName, GatewayName, NodeName string
	SigningKey                         ed25519.PublicKey // the factory's
}

// Target is a linked service at the factory.
type Target struct {
	Name string `json:"name"`
	Type string `json:"type"` // "SqlServer"
	// Kinds are the authentication types that can be chosen, the present one first where it is known.
	Kinds []definition.Kind `json:"kinds"`
	// Set says that a credential is sealed in it, Readable that this gateway's certificate opens it.
	Set      bool `json:"set"`
	Readable bool `json:"readable"`
	// Place is where the linked service leads to, for people: "db1, shop"; "" where that is not known.
	Place string `json:"place,omitempty"`
	// Nodes are the gateway's nodes, this one first. A credential is sealed for this one, and for others that are asked for.
	Nodes []Node `json:"nodes"`
}

// Node is a node of the gateway with the certificate that credentials are sealed for.
type Node struct {
	Name       string `json:"name"`
	Thumbprint string `json:"thumbprint"` // SHA-1 in upper-case hex, as Windows and Azure show it
	This       bool   `json:"this,omitempty"`
}

// Request sets or tests a credential.
type Request struct {
	LinkedService string            `json:"-"`
	Kind          string            `json:"kind"`
	Values        map[string]string `json:"values"` // by field
	// AlsoFor are the thumbprints of other nodes' certificates that the credential is to be sealed for as well.
	AlsoFor []string `json:"alsoFor,omitempty"`
}

// Stage is one step of testing a connection.
type Stage struct {
	Name   string        `json:"name"`
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"took"` // nanoseconds
	Error  string        `json:"error,omitempty"`
	Remedy string        `json:"remedy,omitempty"`
}

// Outcome is what came of setting a credential.
type Outcome struct {
	LinkedService string   `json:"linkedService"`
	SealedFor     []string `json:"sealedFor"` // names of nodes
}

// States of the endpoint.
const (
	On     = "On"
	Off    = "Off"
	Failed = "Failed"
)

// Status describes the endpoint.
type Status struct {
	State   string `json:"state"` // On, Off, Failed
	Reason  string `json:"reason,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	URL     string `json:"url"` // as it is reached, from other machines where it is open to them
	Address string `json:"address,omitempty"`
	// Thumbprint (SHA-256, hex) and NotAfter are those of the TLS certificate that it shows, Own whether it made it itself.
	Thumbprint string    `json:"thumbprint,omitempty"`
	NotAfter   time.Time `json:"notAfter,omitzero"`
	Own        bool      `json:"own,omitempty"`
}

// Code lets one browser or script in.
type Code struct {
	Code    string    `json:"code"` // to be typed: "7KQ4-M2XD"
	URL     string    `json:"url"`  // of the page where it is typed
	Expires time.Time `json:"expires"`
}

// Bind addresses beside an IP address.
const (
	Localhost = "localhost" // this machine only
	Any       = "any"       // every address of the machine
)

// Config says where it listens.
type Config struct {
	On      bool
	Address string   // Localhost, Any or an IP address
	Port    int      // 0 takes a free one, for tests
	Names   []string // further names under which it may be asked
}

// Options of a server. All but Changed and Now have to be given.
type Options struct {
	Gateway Gateway
	Vault   Vault
	Host    string // name of the machine
	Log     *slog.Logger
	// Changed is called after each change of the status, from any goroutine; it must not call Apply or Close.
	Changed func()
	// Now is the time.
	//
	// Default: time.Now.
	Now func() time.Time
}

// Vault is where the endpoint's certificate is kept. Get of an absent name gives nil without an error.
type Vault interface {
	Get(name string) ([]byte, error)
	Put(name string, value []byte) error
	Delete(name string) error
}

// Server is the endpoint. It serves from Apply on, and its methods may be called from several goroutines.
type Server struct {
	o        Options
	pairing  *pairing
	sessions *sessions
	testing  chan struct{} // one place for each connection that is being tested

	background context.Context
	end        context.CancelFunc
	work       sync.WaitGroup
	turn       sync.Mutex // Apply, Close and what tends it: one after the other

	mu          sync.Mutex // protects what follows
	config      Config
	status      Status
	certificate *tls.Certificate
	http        *http.Server
	served      chan struct{} // closed when all of http's listeners have ended
	canonical   string        // the machine's name in DNS, "" while not known
}

// Limits of what a caller may hold up.
const (
	headerTime  = 10 * time.Second
	readTime    = 30 * time.Second
	testTime    = 60 * time.Second
	writeTime   = testTime + 30*time.Second
	idleTime    = 60 * time.Second
	headerBytes = 32 << 10
	maxBody     = 1 << 20
	maxTesting  = 2
	retryEvery  = 15 * time.Second
)

// New makes a server that does not serve yet. A certificate in the vault that cannot be read is no error here: it shows
// in the status once it is needed.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	s := &Server{o: o, pairing: newPairing(), sessions: newSessions(), testing: make(chan struct{}, maxTesting), status: Status{State: Off}}
	s.background, s.end = context.WithCancel(context.Background())
	return s
}

// Tend looks after the server until ctx ends: it tries again where it failed, and renews its certificate. pulse, which can
// be nil, is told of each look.
func (s *Server) Tend(ctx context.Context, pulse *supervise.Pulse) error {
	s.findName(ctx)
	supervise.Every(ctx, pulse, retryEvery, func(context.Context) { s.tend() })
	return ctx.Err()
}

// findName asks DNS for the machine's whole name, under which others may know it.
func (s *Server) findName(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if name, err := net.DefaultResolver.LookupCNAME(ctx, s.o.Host); err == nil {
		s.mu.Lock()
		s.canonical = hostOf(name)
		s.mu.Unlock()
	}
}

func (s *Server) tend() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	c, state, certificate := s.config, s.status.State, s.certificate
	s.mu.Unlock()
	switch {
	case !c.On:
	case state == Failed:
		s.open(c)
	case certificate != nil && s.renewable(certificate):
		s.reload()
	}
}

// Status says how it is.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Pair makes a code with which one browser or script may come in, and forgets the codes before it.
func (s *Server) Pair() (Code, error) {
	status := s.Status()
	if status.State != On {
		return Code{}, notOn(status)
	}
	code, expires, err := s.pairing.make(s.o.Now())
	if err != nil {
		return Code{}, err
	}
	return Code{Code: code, URL: status.URL, Expires: expires}, nil
}

// Apply takes a configuration, at once. Whatever fails is in the status; it is tried again later.
func (s *Server) Apply(c Config) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	was := s.config
	running := s.status.State == On
	s.config = c
	s.mu.Unlock()
	if running && c.On && was.Address == c.Address && was.Port == c.Port {
		s.change(func(st *Status) { st.URL = s.url(st.Address) })
		return
	}
	s.shut()
	if !c.On {
		s.sessions.clear()
		s.pairing.forget()
		s.change(func(st *Status) { *st = Status{State: Off} })
		return
	}
	s.open(c)
}

// open listens and serves; the caller holds turn.
func (s *Server) open(c Config) {
	own, err := s.load()
	if err == nil {
		var listeners []net.Listener
		if listeners, err = listen(c); err == nil {
			s.serve(listeners)
			at := listeners[0].Addr().String()
			s.change(func(st *Status) { *st = s.describe(own, Status{State: On, Address: at, URL: s.url(at)}) })
			s.o.Log.Info("the credentials endpoint is on", logging.Key, logging.EndpointOn, "address", at)
			return
		}
	}
	f := explain(err, c)
	s.change(func(st *Status) { *st = s.describe(own, Status{State: Failed, Reason: f.Error(), Remedy: f.Hint}) })
}

func (s *Server) change(edit func(*Status)) {
	s.mu.Lock()
	before := s.status
	s.mu.Unlock()
	after := before
	edit(&after)
	if after == before {
		return
	}
	s.mu.Lock()
	s.status = after
	s.mu.Unlock()
	if after.State == Failed {
		s.o.Log.Warn("the credentials endpoint does not work", logging.Key, logging.EndpointFailed, "reason", after.Reason)
	}
	s.o.Changed()
}

func (s *Server) serve(listeners []net.Listener) {
	limits := newCounter()
	h := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return s.background },
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: 32},
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.certificate, nil
		}},
	}
	served := make(chan struct{})
	var running sync.WaitGroup
	for _, l := range listeners {
		running.Go(func() {
			_ = supervise.Guard(func() error { return h.ServeTLS(limits.limit(l), "", "") }) // ends when shut closes it
		})
	}
	s.work.Go(func() { running.Wait(); close(served) })
	s.mu.Lock()
	s.http, s.served = h, served
	s.mu.Unlock()
}

// shut ends every connection; the caller holds turn.
func (s *Server) shut() {
	s.mu.Lock()
	h, served := s.http, s.served
	s.http, s.served = nil, nil
	s.mu.Unlock()
	if h == nil {
		return
	}
	_ = h.Close() // the listeners are gone either way
	<-served
}

// Close ends everything.
func (s *Server) Close() {
	s.end()
	s.turn.Lock()
	s.shut()
	s.turn.Unlock()
	s.work.Wait()
}

// port is the one that it listens on.
func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	if p == "" {
		p = strconv.Itoa(0)
	}
	return p
}
