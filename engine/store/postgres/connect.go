package postgres

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// cancelPatience is how long a cancelled statement may take to end before its connection is cut.
const cancelPatience = 5 * time.Second

// readBuffer is how much is taken from the network at once.
const readBuffer = 64 << 10

// address is host:port for messages and for dialling.
func (s *server) address() string { return net.JoinHostPort(s.host, fmt.Sprint(s.port)) }

// isSocket reports whether the host is the folder of a Unix socket.
func (s *server) isSocket() bool { return strings.HasPrefix(s.host, "/") }

// config is everything the driver needs. Nothing is taken from the environment or from files of the account.
func (s *server) config(env store.Env) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig("host=localhost port=5432 user=x password=x dbname=x sslmode=disable passfile=''")
	if err != nil {
		return nil, fault.New(fault.Internal, "prepare the connection").Because(err)
	}
	cfg.Host, cfg.Port, cfg.Database, cfg.User, cfg.Password = s.host, s.port, s.database, s.user, s.password.Reveal()
	cfg.ConnectTimeout = s.connectTimeout
	dialer := &net.Dialer{Timeout: s.connectTimeout}
	cfg.DialFunc = dialer.DialContext
	cfg.RuntimeParams = map[string]string{"application_name": "Data Management Gateway", "client_encoding": "UTF8"}
	for name, value := range s.session {
		cfg.RuntimeParams[name] = value
	}
	cfg.ValidateConnect, cfg.AfterConnect = nil, nil
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, readBuffer), w)
	}
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: cancelPatience}
	}
	secure, err := s.tlsConfig(env)
	if err != nil {
		return nil, err
	}
	plain := &pgconn.FallbackConfig{Host: s.host, Port: s.port}
	cfg.TLSConfig, cfg.Fallbacks = secure, nil
	switch {
	case s.isSocket() || s.ssl == sslDisable:
		cfg.TLSConfig = nil
	case s.ssl == sslAllow:
		cfg.TLSConfig = nil
		cfg.Fallbacks = []*pgconn.FallbackConfig{{Host: s.host, Port: s.port, TLSConfig: secure}}
	case s.ssl == sslPrefer:
		cfg.Fallbacks = []*pgconn.FallbackConfig{plain}
	}
	return cfg, nil
}

// tlsConfig follows libpq: only verify-ca and verify-full look at the certificate, and only verify-full at the name in
// it; the weaker modes protect from listeners, not from impostors.
func (s *server) tlsConfig(env store.Env) (*tls.Config, error) {
	trust := sqlstore.TrustAny
	switch s.ssl {
	case sslVerifyCA:
		trust = sqlstore.TrustCA
	case sslVerifyFull:
		trust = sqlstore.TrustFull
	}
	return sqlstore.ClientTLS(env, s.host, s.rootCertificate, trust)
}

// sessionSettings make the text forms of values exact and the same on every server, and keep open transactions of a copy
// alive while the other side is slow.
const sessionSettings = `SET DateStyle TO ISO; SET IntervalStyle TO postgres; SET extra_float_digits TO 3; SET bytea_output TO hex;
SELECT set_config('idle_in_transaction_session_timeout', '0', false) WHERE current_setting('idle_in_transaction_session_timeout', true) IS NOT NULL`

// connect opens a connection and signs in.
func (s *server) connect(ctx context.Context, env store.Env) (*pgconn.PgConn, error) {
	cfg, err := s.config(env)
	if err != nil {
		return nil, err
	}
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, s.explainConnect(ctx, err)
	}
	if err := c.Exec(ctx, sessionSettings).Close(); err != nil {
		hangUp(c)
		return nil, explain(ctx, err, "prepare the session", s.address())
	}
	return c, nil
}

// hangUp ends a connection; what runs on it is stopped.
func hangUp(c *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), cancelPatience)
	defer cancel()
	_ = c.Close(ctx) // a connection that is broken already is what was wanted
}

// explainConnect tells a refused sign-in from a server that cannot be reached.
func (s *server) explainConnect(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p, ok := errors.AsType[*pgconn.PgError](err); ok {
		return explain(ctx, p, "sign in as "+orNobody(s.user), s.address()+"/"+s.database)
	}
	e := fault.New(fault.Unreachable, "connect to PostgreSQL at %s", s.address()).At(s.address()).Because(reason(err)).AsTransient()
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &dns):
		e.Transient = dns.IsTemporary || dns.IsTimeout
		return e.Try("Correct the host name, or add it to the network's name service.")
	case errors.As(err, &cert):
		e.Transient = false
		return e.Try("Give the certificate of the issuer as Root Certificate, or correct the host name, or use SSLMode=Require to trust any certificate.")
	case strings.Contains(err.Error(), "refused TLS"):
		e.Transient = false
		return e.Try("Turn TLS on at the server, or use SSLMode=Prefer.")
	}
	return e.Try("Check the port, that the server runs and accepts connections, and that no firewall is between.")
}

func orNobody(user string) string {
	if user == "" {
		return "nobody"
	}
	return user
}

// reason drops the driver's list of settings in front of a connection error, and attempts that failed in the same way.
func reason(err error) error {
	c, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok || c.Unwrap() == nil {
		return err
	}
	many, ok := c.Unwrap().(interface{ Unwrap() []error })
	if !ok {
		return c.Unwrap()
	}
	var kept []error
	seen := map[string]bool{}
	for _, e := range many.Unwrap() {
		if !seen[e.Error()] {
			seen[e.Error()] = true
			kept = append(kept, e)
		}
	}
	return errors.Join(kept...)
}
