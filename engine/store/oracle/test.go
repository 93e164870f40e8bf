package oracle

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

func decodeTest(o *props.Object) store.Test { return decodeServer(o).test }

// test connects step by step, so that the step that fails says what is wrong.
func (s *server) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	t := sqlstore.NewStages(report, func(err error) error { return s.explainConnect(ctx, err) })
	t.Do("name", func() (string, error) { return s.lookUp(ctx) })
	t.Do("tcp", func() (string, error) { return s.dial(ctx, false) })
	if s.tls && s.wallet == "" && s.verify {
		t.Do("tls", func() (string, error) { return s.dial(ctx, true) })
	}
	var connected *session
	var noDatabase error
	t.Do("sign-in", func() (string, error) {
		c, err := s.connect(ctx, env, reading{})
		if fault.Is(err, fault.NotFound) { // the listener does not know the service, so nobody asked for the password
			noDatabase = err
			return "not asked: the listener does not know the service", nil
		}
		connected = c
		return "signed in as " + s.user, err
	})
	if connected != nil {
		defer connected.hangUp()
	}
	t.Do("database", func() (string, error) {
		if noDatabase != nil {
			return "", noDatabase
		}
		return s.database(ctx, connected)
	})
	return t.Err()
}

// database tells what was connected to.
func (s *server) database(ctx context.Context, c *session) (string, error) {
	rows, err := c.query(ctx, "SELECT SYS_CONTEXT('USERENV', 'DB_NAME'), SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL")
	if err != nil {
		return "", explain(ctx, err, "read the database", s.String())
	}
	detail := rows[0][0].text + ", schema " + rows[0][1].text
	if rows, err := c.query(ctx, "SELECT BANNER FROM V$VERSION WHERE ROWNUM <= 1"); err == nil && len(rows) > 0 {
		detail += ", " + rows[0][0].text
	}
	return detail, nil
}

// lookUp finds the addresses of the first listener whose name is known.
func (s *server) lookUp(ctx context.Context) (string, error) {
	var first error
	for _, a := range s.addresses {
		found, err := net.DefaultResolver.LookupHost(ctx, a.host)
		if err == nil {
			return a.host + " is " + strings.Join(found, ", "), nil
		}
		if first == nil {
			first = err
		}
	}
	return "", s.explainConnect(ctx, first)
}

// dial connects to the first listener that answers, with TLS where asked.
func (s *server) dial(ctx context.Context, secure bool) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.connectTimeout, errConnectTimeout)
	defer cancel()
	var first error
	for _, a := range s.addresses {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
		if err == nil && secure {
			t := tls.Client(c, &tls.Config{ServerName: a.host, MinVersion: tls.VersionTLS12})
			if err = t.HandshakeContext(ctx); err == nil {
				_ = c.Close()
				return tls.VersionName(t.ConnectionState().Version), nil
			}
			_ = c.Close()
		} else if err == nil {
			_ = c.Close()
			return "connected to " + c.RemoteAddr().String(), nil
		}
		if first == nil {
			first = err
		}
	}
	return "", s.explainConnect(ctx, first)
}
