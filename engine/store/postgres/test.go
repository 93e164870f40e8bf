package postgres

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

func decodeTest(o *props.Object) store.Test {
	s := decodeServer(o)
	return func(ctx context.Context, env store.Env, report func(store.Stage)) error {
		return s.test(ctx, env, report)
	}
}

// test connects step by step, so that the step that fails says what is wrong.
func (s *server) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	stage := func(name string, do func() (detail string, err error)) error {
		start := time.Now()
		detail, err := do()
		report(store.Stage{Name: name, Detail: detail, Took: time.Since(start), Err: err})
		return err
	}
	if !s.isSocket() {
		if err := stage("name", func() (string, error) { return s.lookUp(ctx) }); err != nil {
			return err
		}
		if err := stage("tcp", func() (string, error) { return s.dial(ctx, nil) }); err != nil {
			return err
		}
		if s.ssl != sslDisable {
			if err := stage("tls", func() (string, error) { return s.testTLS(ctx, env) }); err != nil {
				return err
			}
		}
	}
	return s.testSignIn(ctx, env, stage)
}

func (s *server) lookUp(ctx context.Context) (string, error) {
	addresses, err := net.DefaultResolver.LookupHost(ctx, s.host)
	if err != nil {
		return "", s.explainConnect(ctx, err)
	}
	return s.host + " is " + strings.Join(addresses, ", "), nil
}

// dial connects to the port, and calls use with the connection where it is not nil.
func (s *server) dial(ctx context.Context, use func(net.Conn) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.connectTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address())
	if err != nil {
		return "", s.explainConnect(context.WithoutCancel(ctx), err)
	}
	defer c.Close()
	if use == nil {
		return "connected to " + c.RemoteAddr().String(), nil
	}
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

func (s *server) testSignIn(ctx context.Context, env store.Env, stage func(string, func() (string, error)) error) error {
	var noDatabase error
	err := stage("sign-in", func() (string, error) {
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
	if err != nil {
		return err
	}
	return stage("database", func() (string, error) {
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
