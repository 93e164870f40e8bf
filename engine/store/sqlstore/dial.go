package sqlstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// Stages runs the stages of a connection test one after the other, each only where those before it went well.
type Stages struct {
	report  func(store.Stage)
	explain func(error) error
	err     error
}

// NewStages begins a connection test. report is called after each stage; explain gives an error of the network its code
// and remedy.
func NewStages(report func(store.Stage), explain func(error) error) *Stages {
	return &Stages{report: report, explain: explain}
}

// Do runs a stage, which gives a detail for people and explains its own errors.
func (s *Stages) Do(name string, do func() (detail string, err error)) {
	if s.err != nil {
		return
	}
	start := time.Now()
	detail, err := do()
	s.report(store.Stage{Name: name, Detail: detail, Took: time.Since(start), Err: err})
	s.err = err
}

// Name runs the stage that finds a host's addresses.
func (s *Stages) Name(ctx context.Context, host string) {
	s.Do("name", func() (string, error) {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return "", s.explain(err)
		}
		return host + " is " + strings.Join(addresses, ", "), nil
	})
}

// TCP runs the stage that connects, and hangs up.
func (s *Stages) TCP(ctx context.Context, timeout time.Duration, network, address string) {
	s.Do("tcp", func() (string, error) {
		c, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, address)
		if err != nil {
			return "", s.explain(err)
		}
		defer c.Close()
		return "connected to " + c.RemoteAddr().String(), nil
	})
}

// Err is why the last stage failed, nil where none did.
func (s *Stages) Err() error { return s.err }

// Trust is what a client wants to know of the server's certificate.
type Trust int

// The levels of trust.
const (
	TrustAny  Trust = iota // nothing: that protects from listeners, not from impostors
	TrustCA                // that an authority has signed it
	TrustFull              // and that it is for the host's name
)

// ClientTLS is the configuration for a host. root is the file of the only authorities that count, "" for the system's; it
// must lie in a folder that the operator allowed.
func ClientTLS(env store.Env, host, root string, trust Trust) (*tls.Config, error) {
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if root != "" {
		pool, err := roots(env, root)
		if err != nil {
			return nil, err
		}
		c.RootCAs = pool
	}
	if trust == TrustFull {
		return c, nil
	}
	c.InsecureSkipVerify = true // replaced by the check below, or not asked for
	if trust == TrustCA {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			options := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
			for _, cert := range state.PeerCertificates[1:] {
				options.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(options)
			return err
		}
	}
	return c, nil
}

func roots(env store.Env, path string) (*x509.CertPool, error) {
	if err := env.Allowed(path, false); err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read the root certificate").At(path).Because(err).
			Try("Correct the path in the connection string.")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.BadData, "the root certificate is no PEM certificate").At(path).
			Try("Give a file with -----BEGIN CERTIFICATE-----.")
	}
	return pool, nil
}
