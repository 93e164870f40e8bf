package sqlserver

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

func decodeTest(o *props.Object) store.Test { return decodeServer(o).test }

// test connects step by step, so that the step that fails says what is wrong.
func (s *server) test(ctx context.Context, env store.Env, report func(store.Stage)) error {
	t := sqlstore.NewStages(report, func(err error) error { return s.explainConnect(ctx, err, nil) })
	t.Name(ctx, s.host)
	if s.port != 0 || s.instance == "" { // else SQL Server Browser knows the port, which the driver asks when it signs in
		t.TCP(ctx, s.connectTimeout, "tcp", s.name())
	}
	if err := t.Err(); err != nil {
		return err
	}
	return s.testSignIn(ctx, env, report, t)
}

// testSignIn signs in once. The driver encrypts and signs in as one step: which of the two failed is told by the error, and
// how long TLS took by when it was done.
func (s *server) testSignIn(ctx context.Context, env store.Env, report func(store.Stage), t *sqlstore.Stages) error {
	start := time.Now()
	var secured time.Time
	var version string
	c, err := s.connectWatching(ctx, env, func(state tls.ConnectionState) {
		secured, version = time.Now(), tls.VersionName(state.Version)
	})
	signedIn := err == nil
	if err != nil && fault.Is(err, fault.Unreachable) && version == "" {
		if strings.Contains(err.Error(), "TLS") || strings.Contains(err.Error(), "ertificate") || strings.Contains(err.Error(), "encryption") || s.encrypt == encryptStrict {
			report(store.Stage{Name: "tls", Took: time.Since(start), Err: err})
			return err
		}
	}
	if version != "" {
		detail := version
		if s.encrypt == encryptOptional {
			detail += " protects the sign-in, and the certificate is not checked"
		}
		report(store.Stage{Name: "tls", Detail: detail, Took: secured.Sub(start)})
		start = secured
	}
	var noDatabase error
	if fault.Is(err, fault.NotFound) { // signed in, but the database does not exist
		noDatabase, err = err, nil
	}
	st := store.Stage{Name: "sign-in", Took: time.Since(start), Err: err}
	if err == nil {
		st.Detail = "signed in as " + s.account()
	}
	report(st)
	if err != nil {
		return err
	}
	t.Do("database", func() (string, error) {
		if noDatabase != nil {
			return "", noDatabase
		}
		if !signedIn {
			return "", nil
		}
		defer c.close()
		rows, err := c.query(ctx, "SELECT DB_NAME(), CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), CAST(SERVERPROPERTY('Edition') AS nvarchar(128))")
		if err != nil || len(rows) == 0 {
			return "", explain(ctx, err, "read the database", s.name())
		}
		detail := textOf(rows[0][0]) + ", SQL Server " + textOf(rows[0][1])
		if edition := textOf(rows[0][2]); edition != "" {
			detail += ", " + edition
		}
		return detail, nil
	})
	return t.Err()
}
