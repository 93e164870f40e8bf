package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

func decodeText(t testing.TB, text string) (*server, error) {
	t.Helper()
	o := object(t, text)
	s := decodeServer(o)
	return s, o.Err()
}

func TestLinkedServices(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"connectionString": "Server=db1;Port=3307;Database=d;UID=u;PWD='a;b';SSLMode=1;UseSystemTrustStore=0"}`:                                            "db1:3307 d d u a;b 1",
		`{"connectionString": "server=db1;initial catalog=d;User Id=u;Password=p;SslMode=VerifyFull;CharSet=utf8;Treat Tiny As Boolean=false"}`:              "db1:3306 d d u p 4",
		`{"connectionString": "Server=db1;Database=d;User=u", "password": {"type": "SecureString", "value": "p"}}`:                                           "db1:3306 d d u p 1",
		`{"server": "db1:3310", "database": "d", "schema": "s", "authenticationType": "Basic", "userName": "u", "password": "p", "gatewayName": "g"}`:        "db1:3310 d s u p 1",
		`{"server": "::1", "schema": "s", "username": "u", "password": "p", "sslMode": "required"}`:                                                          "[::1]:3306 s s u p 2",
		`{"server": "db1", "port": 3311, "database": "d", "username": "u", "password": "p", "sslMode": 0, "useSystemTrustStore": 1, "guidFormat": "Char36"}`: "db1:3311 d d u p 0",
		`{"driverVersion": "v2", "server": "db1", "port": "3306", "database": "d", "username": "u", "connectionTimeout": 5, "allowZeroDateTime": true}`:      "db1:3306 d d u  1",
		`{"connectionString": {"type": "SecureString", "value": "Server=/run/mysqld.sock;Database=d;UID=u;Connection Timeout=3;Default Command Timeout=4"}}`: "/run/mysqld.sock d d u  1",
	} {
		s, err := decodeText(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := fmt.Sprint(s.address(), " ", s.database, " ", s.schema, " ", s.user, " ", s.password.Reveal(), " ", int(s.ssl)); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	for text, path := range map[string]string{
		`{}`:              "$.server",
		`{"server": "a"}`: "$.database",
		`{"server": "a", "database": "d", "sslMode": 7}`:                               "$.sslMode",
		`{"server": "a:x", "database": "d"}`:                                           "$.server",
		`{"server": "a", "database": "d", "authenticationType": "Windows"}`:            "$.authenticationType",
		`{"server": "a", "database": "d", "sslCert": "x"}`:                             "$.sslCert",
		`{"server": "a", "database": "d", "guidFormat": "TimeSwapBinary16"}`:           "$.guidFormat",
		`{"connectionString": "Server=a"}`:                                             "$.connectionString",
		`{"connectionString": "Server=a;Database=d;Nonsense=1"}`:                       "$.connectionString",
		`{"connectionString": "Server=a;Database=d;Port=0"}`:                           "$.connectionString",
		`{"connectionString": "Server=a;Database=d;ConvertZeroDateTime=maybe"}`:        "$.connectionString",
		`{"connectionString": "Server=a;Host=b;Database=d"}`:                           "$.connectionString",
		`{"connectionString": "Server=a;Database=d;ZeroDateTimeBehavior=other"}`:       "$.connectionString",
		`{"connectionString": "Server=a;Database=d;Connection Timeout=soon;PWD=hush"}`: "$.connectionString",
	} {
		_, err := decodeText(t, text)
		if err == nil || fault.As(err).Target != path || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s gives %v, want an error at %s", text, err, path)
		}
	}
}

func FuzzLinkedService(f *testing.F) {
	f.Add("Server=a;Database=d;SSLMode=1;Port=99999;GuidFormat=x")
	f.Add(`Server=[::1]:33;DB='x;''y'`)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := props.Parse([]byte(linked(text)), "$")
		if err != nil {
			return
		}
		if s := decodeServer(o); o.Err() == nil && (s.host == "" || s.database == "" || s.port == 0) {
			t.Fatalf("%q is taken as %+v", text, s)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for keys, want := range map[string]string{"SSLMode=Disabled": "", "SSLMode=Preferred": "TLSv1.3", "SSLMode=2": "TLSv1.3"} {
		if got := w.with(keys).query("SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME='Ssl_version'"); got[0] != want {
			t.Errorf("%s: the session has %q, want %q", keys, got, want)
		}
	}
	for _, keys := range []string{"SSLMode=VerifyCA", "SSLMode=VerifyFull"} {
		_, err := w.with(keys).open(table("x"), `{}`)
		if e := wantCode(t, keys, err, fault.Unreachable); e.Transient || !strings.Contains(e.Hint, "certificate") {
			t.Errorf("%s: %v", keys, e)
		}
	}
	w.sql("CREATE TABLE t (v int)")
	if n, err := w.with("SSLMode=Required").write(w.with("SSLMode=Required").sink("t", `{}`, "tls"), []batchField{column1("v", int32Type)}, [][]string{{"1"}}); err != nil || n.Rows != 1 {
		t.Errorf("writing with TLS: %v, %v", n, err)
	}
}

func TestConnectionsThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := testserver.MariaDBConnectionString(w.dsn)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = c.Close()
		}
	}()
	port := func(l net.Listener) string { return fmt.Sprint(l.Addr().(*net.TCPAddr).Port) }
	for what, c := range map[string]struct{ text, code string }{
		"no such name":     {"Server=no-such-host.invalid;Database=d;UID=u", fault.Unreachable},
		"nobody listens":   {"Server=127.0.0.1;Port=1;Database=d;UID=u", fault.Unreachable},
		"no answer":        {"Server=127.0.0.1;Port=" + port(silent) + ";Database=d;UID=u;Connection Timeout=1", fault.Unreachable},
		"another server":   {"Server=127.0.0.1;Port=" + port(web) + ";Database=d;UID=u", fault.Unreachable},
		"no socket":        {"Server=/no/such.sock;Database=d;UID=u", fault.Unreachable},
		"a wrong password": {strings.Replace(good, "PWD=", "PWD=secret", 1), fault.SignInFailed},
		"no such database": {strings.Replace(good, "Database=", "Database=nope", 1), fault.NotFound},
	} {
		start := time.Now()
		_, err := (&world{t, w.dsn, linked(c.text)}).open(table("x"), `{}`)
		if e := wantCode(t, what, err, c.code); strings.Contains(e.Error(), "secret") {
			t.Errorf("%s: %v", what, e)
		}
		if time.Since(start) > 10*time.Second {
			t.Errorf("%s took %v", what, time.Since(start))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	spec := store.Spec{LinkedService: object(t, w.service), Dataset: object(t, table("x")), Activity: object(t, `{}`)}
	if _, err := Definition().Source(spec)(ctx, env("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled connect gives %v", err)
	}
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql("CREATE TABLE b (v int); CREATE VIEW a AS SELECT * FROM b; CREATE TABLE `c.d` (v int)")
	browse := Definition().Browse(object(t, w.service))
	name := w.query("SELECT DATABASE()")[0]
	var schemas []string
	if err := browse(t.Context(), env("x"), "", func(e store.Entry) error { schemas = append(schemas, e.Path); return nil }); err != nil || !strings.Contains(strings.Join(schemas, " "), name) {
		t.Errorf("%v, %v", schemas, err)
	}
	var list []string
	if err := browse(t.Context(), env("x"), name, func(e store.Entry) error { list = append(list, e.Kind+" "+e.Path); return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(list, ", "), "view "+name+".a, table "+name+".b, table "+name+`."c.d"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	stop := errors.New("stop")
	if err := browse(t.Context(), env("x"), name, func(store.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if _, err := w.open(`{"tableName": "`+name+`.\"c.d\""}`, `{}`); err != nil {
		t.Error(err)
	}
	if _, err := w.open("{\"tableName\": \"`"+name+"`.`b`\"}", `{}`); err != nil {
		t.Error(err)
	}
}

// TestAServerWithoutTLSNeverGetsThePasswordInClear plays a server that offers no TLS and asks for the whole password, as
// caching_sha2_password does when it does not know the user yet.
func TestAServerWithoutTLSNeverGetsThePasswordInClear(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		packet := func(number byte, body string) {
			_, _ = io.WriteString(c, string([]byte{byte(len(body)), 0, 0, number})+body)
		}
		packet(0, "\x0a8.0.36\x00\x01\x00\x00\x0012345678\x00\xff\xf7\x2d\x02\x00\xff\xdf\x15"+strings.Repeat("\x00", 10)+"123456789012\x00caching_sha2_password\x00")
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		packet(2, "\x01\x04") // the whole password
		m, _ := c.Read(buf[n:])
		heard <- string(buf[:n+m])
	}()
	_, _ = (&world{t, "", linked(fmt.Sprintf("Server=127.0.0.1;Port=%d;Database=d;UID=u;PWD=geheim-4711;Connection Timeout=5", l.Addr().(*net.TCPAddr).Port))}).open(table("x"), `{}`)
	if text := <-heard; strings.Contains(text, "geheim") || !strings.Contains(text, "caching_sha2") {
		t.Errorf("the server heard %q", text)
	}
}
