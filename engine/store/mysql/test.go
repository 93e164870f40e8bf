package mysql

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"strings"

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
	}
	t.TCP(ctx, s.connectTimeout, s.network(), s.address())
	if s.ssl != sslDisabled && !s.isSocket() {
		t.Do("tls", func() (string, error) { return s.testTLS(ctx, env) })
	}
	t.Do("sign-in", func() (string, error) {
		c, err := s.signIn(ctx, env, "")
		if err != nil {
			return "", err
		}
		c.hangUp()
		return "signed in as " + orNobody(s.user), nil
	})
	t.Do("database", func() (string, error) {
		c, err := s.connect(ctx, env)
		if err != nil {
			return "", err
		}
		defer c.hangUp()
		return s.database + ", " + c.product(), nil
	})
	return t.Err()
}

// product is the server's name and version.
func (c *conn) product() string {
	if c.mariaDB {
		return "MariaDB " + strings.Split(c.greeting.version, "-")[0]
	}
	return "MySQL " + c.greeting.version
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
