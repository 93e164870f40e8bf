package postgres

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

func decodeTest(o *props.Object) store.Test { return decodeServer(o).test }

// test connects step by step, so that the step that fails says what is wrong.
func (s *server) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	t := sqlstore.NewStages(report, func(err error) error { return s.explainConnect(ctx, err) })
	if !s.isSocket() {
		t.Name(ctx, s.host)
		t.TCP(ctx, s.connectTimeout, "tcp", s.address())
		if s.ssl != sslDisable {
			t.Do("tls", func() (string, error) { return s.testTLS(ctx, env) })
		}
	}
	s.testSignIn(ctx, env, t)
	return t.Err()
}

// dial connects to the port and calls use with the connection.
func (s *server) dial(ctx context.Context, use func(net.Conn) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.connectTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address())
	if err != nil {
		return "", s.explainConnect(context.WithoutCancel(ctx), err)
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	detail, err := use(c)
	if err != nil {
		return "", s.explainConnect(context.WithoutCancel(ctx), err)
	}
	return detail, nil
}

// testTLS asks the server for TLS as a client does that is about to sign in.
func (s *server) testTLS(ctx context.Context, env store.Env) (string, error) {
	cfg, err := s.tlsConfig(env)
	if err != nil {
		return "", err
	}
	return s.dial(ctx, func(c net.Conn) (string, error) {
		if err := binary.Write(c, binary.BigEndian, []uint32{8, 80877103}); err != nil {
			return "", err
		}
		var answer [1]byte
		if _, err := io.ReadFull(c, answer[:]); err != nil {
			return "", err
		}
		if answer[0] != 'S' {
			if s.ssl == sslPrefer || s.ssl == sslAllow {
				return "the server has no TLS, the connection is not encrypted", nil
			}
			return "", errors.New("server refused TLS connection")
		}
		secure := tls.Client(c, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return "", err
		}
		return tls.VersionName(secure.ConnectionState().Version), nil
	})
}

func (s *server) testSignIn(ctx context.Context, env store.Env, t *sqlstore.Stages) {
	var noDatabase error
	t.Do("sign-in", func() (string, error) {
		c, err := s.connect(ctx, env)
		if fault.Is(err, fault.NotFound) { // signed in, but the database does not exist
			noDatabase = err
			return "signed in as " + s.user, nil
		}
		if err != nil {
			return "", err
		}
		hangUp(c)
		return "signed in as " + s.user, nil
	})
	t.Do("database", func() (string, error) {
		if noDatabase != nil {
			return "", noDatabase
		}
		c, err := s.connect(ctx, env)
		if err != nil {
			return "", err
		}
		defer hangUp(c)
		rows, err := query(ctx, c, "SELECT current_database() || ', PostgreSQL ' || current_setting('server_version')")
		if err != nil {
			return "", explain(ctx, err, "read the database", s.address()+"/"+s.database)
		}
		return rows[0][0].text, nil
	})
}
