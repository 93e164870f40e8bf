package sqlserver

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
)

func TestConnectionStringsOfADONET(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Server=db1;Database=d;User ID=u;Password=p":                                                 "db1:1433 d SQL u optional 15s",
		"Data Source=tcp:db1,14330;Initial Catalog=d;UID=u;PWD=p;Encrypt=True":                       "db1:14330 d SQL u mandatory 15s",
		`Addr=db1\SALES;Database=d;User ID=u;Password=p;Encrypt=Strict;Connect Timeout=5`:            `db1\SALES d SQL u strict 5s`,
		`server=db1\MSSQLSERVER;database=d;user=u;password=p;Connection Timeout=0`:                   "db1:1433 d SQL u optional 15s",
		`Server=db1\SALES,1500;Database=d;User ID=u;Password=p;Encrypt=Optional`:                     "db1:1500 d SQL u optional 15s",
		"Server=(local);Database=d;User ID=u;Password=p;MultipleActiveResultSets=True":               "localhost:1433 d SQL u optional 15s",
		"Server=x.database.windows.net;Database=d;User ID=u;Password=p":                              "x.database.windows.net:1433 d SQL u mandatory 15s",
		`Server=db1;Integrated Security=SSPI;User ID=DOM\u;Password=p;Persist Security Info=False`:   `db1:1433  Windows DOM\u optional 15s`,
		"Server=db1;Authentication=Active Directory Service Principal;User ID=app@tenant;Password=k": "db1:1433  ServicePrincipal app@tenant optional 15s",
		"Server=db1;Authentication=Active Directory Managed Identity;User ID=client":                 "db1:1433  ManagedIdentity client optional 15s",
	} {
		o := object(t, linked(text))
		s := decodeServer(o)
		got := fmt.Sprintf("%s %s %s %s %s %v", s.name(), s.database, s.auth, s.user, s.encrypt, s.connectTimeout)
		if got != want || o.Err() != nil {
			t.Errorf("%s\nis   %s\nwant %s\nerror %v", text, got, want, o.Err())
		}
	}
}

func TestWrongLinkedServicesAreRefusedByName(t *testing.T) {
	t.Parallel()
	conn := func(extra string) string { return linked("Server=db1;Database=d;User ID=u;Password=hunter2;" + extra) }
	for text, path := range map[string]string{
		`{}`: "$.server", `{"server": "x"}`: "$.database",
		linked("Database=d;User ID=u"):                      "$.connectionString",
		linked("Server=db1;Database=d"):                     "$.userName",
		linked(`Server=np:\\db1\pipe;User ID=u`):            "$.connectionString",
		linked("Server=(localdb)\\x;User ID=u"):             "$.connectionString",
		linked("Server=db1,x;User ID=u"):                    "$.connectionString",
		linked(`Server=db1;User ID=DOM\u;Password=p`):       "$.userName",
		conn("Encrypt=maybe"):                               "$.connectionString",
		conn("TrustServerCertificate=perhaps"):              "$.connectionString",
		conn("Packet Size=1"):                               "$.connectionString",
		conn("ApplicationIntent=Write"):                     "$.connectionString",
		conn("Unknown Key=hunter2"):                         "$.connectionString",
		conn("Column Encryption Setting=Enabled"):           "$.connectionString",
		conn("AttachDbFilename=x.mdf"):                      "$.connectionString",
		conn("Authentication=Active Directory Interactive"): "$.connectionString",
		`{"server": "db1", "database": "d", "authenticationType": "ServicePrincipal", "servicePrincipalId": "a", "servicePrincipalKey": "hunter2"}`: "$.tenant",
		`{"server": "db1", "database": "d", "authenticationType": "ServicePrincipal", "servicePrincipalId": "a", "tenant": "t"}`:                    "$.servicePrincipalId",
		`{"server": "db1", "database": "d", "userName": "u", "alwaysEncryptedSettings": {"x": 1}}`:                                                  "$.alwaysEncryptedSettings",
		`{"server": "db1", "database": "d", "userName": "u", "password": {"type": "AzureKeyVaultSecret", "secretName": "s"}}`:                       "$.password.type",
		`{"server": "db1", "database": "d", "authenticationType": "UserAssignedManagedIdentity", "credential": {"referenceName": "c"}}`:             "$.credential",
	} {
		o := object(t, text)
		decodeServer(o)
		err := o.Err()
		if err == nil || !strings.Contains(fmt.Sprintf("%v %+v", err, fault.As(err)), path) && fault.As(err).Target != path {
			t.Errorf("%s gives %v at %s, want a problem at %s", text, err, fault.As(err).Target, path)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter2") {
			t.Errorf("%s: the error shows the secret: %v", text, err)
		}
	}
}

func TestPropertiesOfTheNewerForm(t *testing.T) {
	t.Parallel()
	o := object(t, `{"server": "tcp:db1,1500", "database": "d", "encrypt": "optional", "trustServerCertificate": true, "authenticationType": "Windows", "userName": "DOM\\u",
		"password": {"type": "SecureString", "value": "p"}, "connectTimeout": 7, "commandTimeout": 9, "packetSize": 8192, "applicationIntent": "ReadOnly", "multiSubnetFailover": true,
		"pooling": true, "hostNameInCertificate": "h", "failoverPartner": "db2"}`)
	s := decodeServer(o)
	if o.Err() != nil || s.name() != "db1:1500" || s.auth != authWindows || s.password.Reveal() != "p" || s.connectTimeout != 7*time.Second || s.commandTimeout != 9*time.Second ||
		s.packetSize != 8192 || !s.readOnly || !s.multiSubnet || s.hostInCertificate != "h" || s.failoverPartner != "db2" || !s.trustServer || s.encrypt != encryptOptional {
		t.Errorf("it is %+v, error %v", s, o.Err())
	}
	if w := fmt.Sprint(o.Warnings()); !strings.Contains(w, "pooling") {
		t.Errorf("the warnings are %s", w)
	}
	if s := decodeServer(object(t, `{"server": "db1", "database": "d", "userName": "u"}`)); s.encrypt != encryptMandatory || s.trustServer {
		t.Error("the newer form must encrypt and check the certificate by default")
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	s := decodeServer(object(t, `{"server": "db1", "database": "d", "authenticationType": "ServicePrincipal", "servicePrincipalId": "a", "tenant": "t", "servicePrincipalKey": "hunter2", "password": "hunter2"}`))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "server", s)
	if shown := fmt.Sprintf("%v %+v %#v", *s, *s, *s) + log.String(); strings.Contains(shown, "hunter2") {
		t.Errorf("the secret is shown: %s", shown)
	}
}

// TestEncryptFollowsADONET looks at what the driver is told.
func TestEncryptFollowsADONET(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		mode  msdsn.Encryption
		check bool
	}{
		"": {msdsn.EncryptionOff, false},
		"Encrypt=False;TrustServerCertificate=False": {msdsn.EncryptionOff, false},
		"Encrypt=True": {msdsn.EncryptionRequired, true},
		"Encrypt=True;TrustServerCertificate=True":   {msdsn.EncryptionRequired, false},
		"Encrypt=Strict;TrustServerCertificate=True": {msdsn.EncryptionStrict, true},
	} {
		s := decodeServer(object(t, linked("Server=db1;User ID=u;Password=p;"+text)))
		var cfg msdsn.Config
		if err := s.setTLS(store.Env{}, &cfg); err != nil {
			t.Fatal(err)
		}
		if cfg.Encryption != want.mode || cfg.TLSConfig.InsecureSkipVerify == want.check || cfg.TLSConfig.MinVersion < tls.VersionTLS12 {
			t.Errorf("%q gives mode %d, certificate checked %t", text, cfg.Encryption, !cfg.TLSConfig.InsecureSkipVerify)
		}
	}
}

func TestWindowsAccountsChooseTheirProof(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`User ID=DOM\u;Password=p`:                                     `ntlm DOM\u`,
		`User ID=u;Password=p`:                                         `ntlm .\u`,
		`User ID=u@REALM;Password=p`:                                   `krb5 u@REALM`,
		`User ID=u;krb5-realm=R;krb5-keytabfile=/k;krb5-configfile=/c`: `krb5 u`,
	} {
		s := decodeServer(object(t, linked("Server=db1;Integrated Security=True;"+text)))
		cfg := msdsn.Config{Parameters: map[string]string{}}
		if err := s.windows(store.Env{}, &cfg); err != nil || cfg.Parameters["authenticator"]+" "+cfg.User != want {
			t.Errorf("%s gives %v, error %v", text, cfg.Parameters, err)
		}
	}
	s := decodeServer(object(t, linked(`Server=db1;Integrated Security=True;User ID=u;krb5-keytabfile=/secret/k`)))
	no := errors.New("not there")
	if err := s.windows(store.Env{Allow: func(string, bool) error { return no }}, &msdsn.Config{Parameters: map[string]string{}}); !errors.Is(err, no) {
		t.Errorf("a keytab outside the allowed folders gives %v", err)
	}
}

// TestTokenReachesTheServer reads the sign-in that a server gets: the token is in its FEDAUTH extension.
func TestTokenReachesTheServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		packet := func() []byte {
			head := make([]byte, 8)
			if _, err := io.ReadFull(c, head); err != nil {
				return nil
			}
			body := make([]byte, int(head[2])<<8|int(head[3])-8)
			_, _ = io.ReadFull(c, body)
			return body
		}
		packet() // PRELOGIN; the answer: version, no encryption
		_, _ = c.Write([]byte{4, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2})
		got <- packet()
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	s := decodeServer(object(t, linked("Server="+host+","+port+";Database=d;Authentication=Active Directory Managed Identity;Connect Timeout=10")))
	s.token = func(context.Context) (string, error) { return "the-token", nil }
	if _, err := s.connect(t.Context(), store.Env{}); err == nil {
		t.Fatal("a server that says nothing more is connected to")
	}
	var utf16 []byte
	for _, b := range []byte("the-token") {
		utf16 = append(utf16, b, 0)
	}
	if login := <-got; !strings.Contains(string(login), string(utf16)) {
		t.Errorf("the token is not in the sign-in of %d bytes", len(login))
	}
	s.token = func(context.Context) (string, error) { return "", fault.New(fault.SignInFailed, "no token").Try("x") }
	if _, err := s.tokens(); err != nil {
		t.Error(err)
	}
}

func TestIdentitiesOfEntra(t *testing.T) {
	t.Parallel()
	e := entra{tenant: "00000000-0000-0000-0000-000000000000", client: "c", key: secret.New("k"), cloud: "AzureChina"}
	options, scope := e.place()
	if _, err := e.credential(authServicePrincipal, options); err != nil || !strings.Contains(scope, "chinacloudapi") {
		t.Errorf("scope %s, error %v", scope, err)
	}
	if _, err := e.credential(authManagedIdentity, options); err != nil {
		t.Error(err)
	}
	for _, c := range []string{"not base64!", "aGFsbG8="} {
		e.certificate = secret.New(c)
		if _, err := e.credential(authServicePrincipal, options); fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
			t.Errorf("the certificate %q gives %v", c, err)
		}
	}
}

// TestConnectGivesUp connects to what never answers, and to nothing.
func TestConnectGivesUp(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := decodeServer(object(t, linked("Server=127.0.0.1,"+port+";User ID=u;Password=p;Connect Timeout=1")))
	if _, err := s.connect(t.Context(), store.Env{}); fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) || fault.As(err).Hint == "" {
		t.Errorf("a silent server gives %v", err)
	}
	s.connectTimeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(100*time.Millisecond, cancel)
	defer timer.Stop()
	begin := time.Now()
	if _, err := s.connect(ctx, store.Env{}); !errors.Is(err, context.Canceled) || time.Since(begin) > 20*time.Second {
		t.Errorf("a cancelled connect gives %v after %v", err, time.Since(begin))
	}
	_ = l.Close()
	if _, err := s.connect(t.Context(), store.Env{}); fault.Code(err) != fault.Unreachable || fault.As(err).Hint == "" {
		t.Errorf("a closed port gives %v", err)
	}
	s.host = "no-such-host.invalid"
	if _, err := s.connect(t.Context(), store.Env{}); fault.Code(err) != fault.Unreachable || !strings.Contains(fault.As(err).Hint, "host name") {
		t.Errorf("an unknown host gives %v", err)
	}
}

func TestEncryptedConnections(t *testing.T) {
	d := newDatabase(t)
	if d.real {
		t.Skip("the server's certificate is not known")
	}
	for text, code := range map[string]string{
		"Encrypt=True;TrustServerCertificate=True": "", "Encrypt=Optional": "", "Encrypt=True": fault.Unreachable, "Encrypt=Strict": fault.Unreachable,
	} {
		o := object(t, linked(d.connection+";"+text))
		var stages []string
		err := decodeTest(o)(t.Context(), store.Env{}, func(s store.Stage) { stages = append(stages, s.Name) })
		if fault.Code(err) != code || fault.IsTransient(err) {
			t.Errorf("%s: error %v after %v", text, err, stages)
		}
		if want := map[string]string{"": "name tcp tls sign-in database", fault.Unreachable: "name tcp tls"}[code]; strings.Join(stages, " ") != want {
			t.Errorf("%s: the stages are %v, want %s", text, stages, want)
		}
	}
}

func TestErrorNumbersBecomeCodes(t *testing.T) {
	t.Parallel()
	for number, c := range map[int32]struct {
		code      string
		transient bool
	}{
		18456: {fault.SignInFailed, false}, 229: {fault.Forbidden, false}, 208: {fault.NotFound, false}, 102: {fault.BadInput, false}, 1205: {fault.StoreFailed, true},
		2627: {fault.StoreFailed, false}, 8115: {fault.Conversion, false}, 40613: {fault.StoreFailed, true}, 9002: {fault.DiskFull, true}, 9420: {fault.Conversion, false},
		4060: {fault.NotFound, false}, 99999: {fault.StoreFailed, false},
	} {
		err := explain(t.Context(), mssql.Error{Number: number, Class: 16, Message: "words of the server"}, "do it", "there")
		if e := fault.As(err); e.Code != c.code || e.Transient != c.transient || e.Hint == "" || !strings.Contains(err.Error(), "words of the server") {
			t.Errorf("%d gives %s, transient %t, hint %q", number, e.Code, e.Transient, e.Hint)
		}
	}
	for n, c := range classes {
		if c.code == "" || c.hint == "" {
			t.Errorf("error %d has no code or hint", n)
		}
	}
	chain := mssql.Error{Number: 3621, Class: 0, Message: "The statement has been terminated."}
	chain.All = []mssql.Error{{Number: 2627, Message: "Violation of PRIMARY KEY"}, chain}
	if !isRowFault(chain) || !hasNumber(chain, 2627) {
		t.Error("the first of several errors is not found")
	}
	null := explain(t.Context(), mssql.Error{Number: 515, Message: "Cannot insert the value NULL into column 'name', table 'd.dbo.t'"}, "x", "y")
	if fault.As(null).Column != "name" {
		t.Errorf("the column of %v is %q", null, fault.As(null).Column)
	}
}

func TestDefinitionIsComplete(t *testing.T) {
	t.Parallel()
	d := Definition()
	for _, r := range d.Types.Reads {
		if r.Native == "" || r.Interim.Kind == 0 {
			t.Errorf("the type %+v is not complete", r)
		}
	}
	if _, err := json.Marshal(d.Types.Reads); err != nil {
		t.Error(err)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"tcp:a,1", `a\b`, ".", "(local)", ",", `\`, "[::1],5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := object(t, `{}`)
		s := &server{}
		s.address(o, "server", text)
		if o.Err() == nil && s.host == "" {
			t.Errorf("%q has no host and is no problem", text)
		}
	})
}
