package mysql

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"strings"
	"time"

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
	}
	if err := stage("tcp", func() (string, error) { return s.dial(ctx) }); err != nil {
		return err
	}
	if s.ssl != sslDisabled && !s.isSocket() {
		if err := stage("tls", func() (string, error) { return s.testTLS(ctx, env) }); err != nil {
			return err
		}
	}
	if err := stage("sign-in", func() (string, error) {
		c, err := s.signIn(ctx, env, "")
		if err != nil {
			return "", err
		}
		c.hangUp()
		return "signed in as " + orNobody(s.user), nil
	}); err != nil {
		return err
	}
	return stage("database", func() (string, error) {
		c, err := s.connect(ctx, env)
		if err != nil {
			return "", err
		}
		defer c.hangUp()
		return s.database + ", " + c.product(), nil
	})
}

// product is the server's name and version.
func (c *conn) product() string {
	if c.mariaDB {
		return "MariaDB " + strings.Split(c.greeting.version, "-")[0]
	}
	return "MySQL " + c.greeting.version
}

func (s *server) lookUp(ctx context.Context) (string, error) {
	addresses, err := net.DefaultResolver.LookupHost(ctx, s.host)
	if err != nil {
		return "", s.explainConnect(ctx, err)
	}
	return s.host + " is " + strings.Join(addresses, ", "), nil
}

func (s *server) dial(ctx context.Context) (string, error) {
	c, err := (&net.Dialer{Timeout: s.connectTimeout}).DialContext(ctx, s.network(), s.address())
	if err != nil {
		return "", s.explainConnect(ctx, err)
	}
	defer c.Close()
	return "connected to " + c.RemoteAddr().String(), nil
}

// testTLS starts TLS as a client does that is about to sign in.
func (s *server) testTLS(ctx context.Context, env store.Env) (string, error) {
	w, err := s.dialWire(ctx, env)
	if err != nil {
		return "", err
	}
	defer w.Close()
	if w.secure == nil {
		return "the server has no TLS, the connection is not encrypted", nil
	}
	request := make([]byte, 4+32)
	request[3] = 1
	binary.LittleEndian.PutUint32(request[4:], capMySQL|cap41|capSecure)
	if err := w.answer(request); err != nil {
		return "", s.explainConnect(ctx, err)
	}
	return tls.VersionName(w.state.Version), nil
}
