package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

func TestLinkedServices(t *testing.T) {
	t.Parallel()
	shown := func(s *server) string {
		return fmt.Sprintf("%s %s/%s %s %s %v %v %v", s.user+":"+s.password.Reveal(), s.address(), s.database, s.ssl, s.rootCertificate, s.connectTimeout, s.commandTimeout, s.session)
	}
	for json, want := range map[string]string{
		`{"connectionString": "Host=db1;Database=d;Username=u;Password=p"}`:                                                                                                                            "u:p db1:5432/d prefer  15s 0s map[]",
		`{"ConnectionString": "server=db1;port=5433;database=d;UID=u;PWD='p;''q';SSLMode=VerifyFull;EncryptedCredential=eyJ="}`:                                                                        "u:p;'q db1:5433/d verify-full  15s 0s map[]",
		`{"connectionString": {"type": "SecureString", "value": "Host=::1;Database=d;User Id=u;Password=p;SSL Mode=verify-ca"}}`:                                                                       "u:p [::1]:5432/d verify-ca  15s 0s map[]",
		`{"connectionString": "Host=h;Database=d;User Name=u;EncryptionMethod=1;ValidateServerCertificate=0", "password": "other"}`:                                                                    "u:other h:5432/d require  15s 0s map[]",
		`{"connectionString": "Host=h;Database=d;EncryptionMethod=0;Timeout=3;CommandTimeout=7;Search Path=a,b;Timezone=UTC;Application Name=x;Root Certificate=/ca.pem", "encryptedCredential": "x"}`: ": h:5432/d disable /ca.pem 3s 7s map[TimeZone:UTC search_path:a,b]",
		`{"server": "db1:5433", "database": "d", "schema": "S", "authenticationType": "basic", "username": "u", "password": "p", "gatewayName": "g"}`:                                                  `u:p db1:5433/d prefer  15s 0s map[search_path:"S"]`,
		`{"server": "db1", "port": 5434, "database": "d", "username": "u", "password": {"type": "SecureString", "value": "p"}, "sslMode": 3, "authenticationType": "Basic",
			"connectionTimeout": 4, "commandTimeout": 120, "pooling": true, "readBufferSize": 8192, "timezone": "UTC", "trustServerCertificate": true, "encoding": "UTF8", "logParameters": false}`: "u:p db1:5434/d require  4s 2m0s map[TimeZone:UTC]",
	} {
		o := object(t, json)
		s := decodeServer(o)
		if err := o.Err(); err != nil {
			t.Errorf("%s is refused: %v", json, err)
			continue
		}
		if got := shown(s); got != want {
			t.Errorf("%s\n means %s\n want %s", json, got, want)
		}
	}
}

func TestWrongLinkedServicesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]string{
		`{"connectionString": "Host=h;Database=d;Kerberos=x"}`:                                      "Kerberos",
		`{"connectionString": "Database=d"}`:                                                        "Host",
		`{"connectionString": "Host=h"}`:                                                            "Database",
		`{"connectionString": "Host=h;Server=h;Database=d"}`:                                        "Server",
		`{"connectionString": "Host=h;Database=d;Port=x"}`:                                          "port",
		`{"connectionString": "Host=h;Database=d;SSLMode=sometimes"}`:                               "sometimes",
		`{"connectionString": "Host=h;Database=d;SSLMode=VerifyCA;Trust Server Certificate=true"}`:  "contradicts",
		`{"connectionString": "Host=h;Database=d;EncryptionMethod=3"}`:                              "EncryptionMethod",
		`{"connectionString": "Host=h;Database=d;Timeout=soon"}`:                                    "seconds",
		`{"connectionString": "Host"}`:                                                              "key=value",
		`{"server": "h"}`:                                                                           "database",
		`{"server": "h", "database": "d", "authenticationType": "Windows"}`:                         "Windows",
		`{"server": "h", "database": "d", "sslCertificate": "x"}`:                                   "client certificate",
		`{"server": "h", "database": "d", "sslMode": "VerifyFull", "trustServerCertificate": true}`: "contradicts",
		`{"server": "h", "database": "d", "port": 70000}`:                                           "70000",
		`{"connectionString": "Host=h;Database=d", "password": {"type": "AzureKeyVaultSecret"}}`:    "AzureKeyVaultSecret",
	} {
		o := object(t, json)
		decodeServer(o)
		err := o.Err()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(fault.As(err).Target, "$.") {
			t.Errorf("%s gives %v, want an error about %s with its JSON path", json, err, want)
		}
	}
}

// stagesOf runs a connection test.
func stagesOf(t *testing.T, connectionString string) (names string, details []string, err error) {
	t.Helper()
	o := object(t, linked(connectionString))
	test := decodeTest(o)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	var list []string
	err = test(t.Context(), store.Env{}, func(s store.Stage) {
		name := s.Name
		if s.Err != nil {
			name += "!"
		}
		list, details = append(list, name), append(details, s.Detail)
	})
	return strings.Join(list, " "), details, err
}

func TestConnectionStages(t *testing.T) {
	t.Parallel()
	good := testserver.PostgresConnectionString(testserver.Postgres(t))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	with := func(key, value string) string {
		var kept []string
		for _, pair := range strings.Split(good, ";") {
			if !strings.HasPrefix(pair, key+"=") {
				kept = append(kept, pair)
			}
		}
		return strings.Join(append(kept, key+"="+value), ";")
	}
	for name, c := range map[string]struct{ text, stages, code string }{
		"all well":            {good, "name tcp tls sign-in database", ""},
		"without TLS":         {good + ";SSLMode=Disable", "name tcp sign-in database", ""},
		"TLS required":        {good + ";SSLMode=Require", "name tcp tls sign-in database", ""},
		"TLS allowed":         {good + ";SSLMode=Allow", "name tcp tls sign-in database", ""},
		"strange certificate": {good + ";SSLMode=VerifyFull", "name tcp tls!", fault.Unreachable},
		"strange issuer":      {good + ";SSLMode=VerifyCA", "name tcp tls!", fault.Unreachable},
		"no such host":        {with("Host", "nowhere.invalid"), "name!", fault.Unreachable},
		"nobody listens":      {with("Port", fmt.Sprint(port)), "name tcp!", fault.Unreachable},
		"wrong password":      {with("Password", "wrong"), "name tcp tls sign-in!", fault.SignInFailed},
		"unknown user":        {with("Username", "nobody"), "name tcp tls sign-in!", fault.SignInFailed},
		"no such database":    {with("Database", "nowhere"), "name tcp tls sign-in database!", fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, details, err := stagesOf(t, c.text)
			if got != c.stages || fault.Code(err) != c.code {
				t.Errorf("the stages are %s, error %v; want %s and code %q", got, err, c.stages, c.code)
			}
			if err != nil && (fault.As(err).Hint == "" || strings.Contains(err.Error(), "Password")) {
				t.Errorf("the error is %v with the hint %q", err, fault.As(err).Hint)
			}
			if name == "all well" && (!strings.Contains(details[2], "TLS 1.") || !strings.Contains(details[4], "PostgreSQL")) {
				t.Errorf("the details are %q", details)
			}
		})
	}
}

// TestNothingComesFromTheEnvironment connects with libpq's variables set to nonsense.
func TestNothingComesFromTheEnvironment(t *testing.T) {
	good := testserver.PostgresConnectionString(testserver.Postgres(t))
	for _, name := range []string{"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSSLMODE", "PGOPTIONS", "PGTARGETSESSIONATTRS"} {
		value := "nonsense"
		switch name {
		case "PGPORT":
			value = "1"
		case "PGSSLMODE":
			value = "verify-full"
		case "PGTARGETSESSIONATTRS":
			value = "standby"
		}
		t.Setenv(name, value)
	}
	if got, _, err := stagesOf(t, good); err != nil {
		t.Errorf("the stages are %s, error %v", got, err)
	}
}

func TestServerErrorsBecomeFaults(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]struct {
		code      string
		transient bool
	}{
		"28P01": {fault.SignInFailed, false}, "28000": {fault.SignInFailed, false}, "08006": {fault.Unreachable, true}, "40001": {fault.StoreFailed, true},
		"40P01": {fault.StoreFailed, true}, "53300": {fault.StoreFailed, true}, "53100": {fault.DiskFull, true}, "57P01": {fault.Unreachable, true},
		"57P03": {fault.Unreachable, true}, "57014": {fault.StoreFailed, false}, "55P03": {fault.StoreFailed, true}, "42501": {fault.Forbidden, false},
		"42P01": {fault.NotFound, false}, "3D000": {fault.NotFound, false}, "42601": {fault.BadInput, false}, "23505": {fault.StoreFailed, false},
		"22P02": {fault.Conversion, false}, "22021": {fault.Conversion, false}, "25006": {fault.Forbidden, false}, "XX000": {fault.StoreFailed, false}, "": {fault.StoreFailed, false},
	} {
		err := explain(context.Background(), &pgconn.PgError{Code: state, Message: "m", Detail: "d", ConstraintName: "c"}, "do it", "t")
		e := fault.As(err)
		if e.Code != want.code || e.Transient != want.transient || e.Hint == "" || !strings.Contains(err.Error(), "m; detail: d; constraint: c") {
			t.Errorf("%s becomes %v: code %s, transient %v, hint %q", state, err, e.Code, e.Transient, e.Hint)
		}
	}
	at := &pgconn.PgError{Code: "22P02", Where: "JSON data, line 1: {\nCOPY t, line 3, column data: \"{x\ny\""}
	if e := fault.As(explain(context.Background(), at, "do it", "t")); e.Row != 3 || e.Column != "data" || e.Value != "{x\ny" {
		t.Errorf("the place is row %d, column %q, value %q", e.Row, e.Column, e.Value)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := explain(ctx, at, "do it", "t"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled statement gives %v", err)
	}
}

func TestConnectGivesUpInTime(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := decodeServer(object(t, linked(fmt.Sprintf("Host=127.0.0.1;Port=%d;Database=d;Username=u;Password=p;Timeout=1;SSLMode=Disable", listener.Addr().(*net.TCPAddr).Port))))
	done := make(chan error, 1)
	go func() {
		_, err := s.connect(context.Background(), store.Env{})
		done <- err
	}()
	select {
	case err := <-done:
		if fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
			t.Errorf("error %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("connecting does not give up")
	}
}
