package oracle

import (
	"net/url"
	"strings"
	"testing"

	go_ora "github.com/sijms/go-ora/v2"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

const descriptor = "(DESCRIPTION=(ADDRESS_LIST=(ADDRESS=(PROTOCOL=TCP)(HOST=a.example)(PORT=1522))(ADDRESS=(PROTOCOL=TCP)(HOST=b.example)(PORT=1523)))(CONNECT_DATA=(SERVER=DEDICATED)(SERVICE_NAME=sales.example)))"

func TestLinkedServiceNamesThePlace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, json, place string
		check             func(*server) bool
	}{
		{"host and SID", `{"connectionString": "Host=db1;Port=1522;Sid=XE;User Id=scott;Password=tiger"}`, "db1:1522:XE", func(s *server) bool { return s.user == "scott" && s.password.Reveal() == "tiger" }},
		{"host and service, password apart", `{"connectionString": "host=db1;serviceName=S1;user id=scott;", "password": {"type": "SecureString", "value": "a;b'c"}}`, "db1:1521/S1", func(s *server) bool { return s.password.Reveal() == "a;b'c" }},
		{"v1 with a descriptor", `{"driverType": "ODP", "gatewayName": "g", "connectionString": "Data Source=` + descriptor + `;User Id=u;Password=p;"}`, "a.example:1522/sales.example", func(s *server) bool { return len(s.addresses) == 2 && s.addresses[1].port == 1523 }},
		{"easy connect", `{"connectionString": "Data Source=db1.example:1599/S.x;User Id=u;Password=p"}`, "db1.example:1599/S.x", nil},
		{"easy connect with slashes, IPv6", `{"server": "//[::1]:1599/S", "username": "u", "password": "p", "authenticationType": "basic"}`, "[::1]:1599/S", nil},
		{"easy connect over TLS", `{"server": "tcps://db1.example/S", "username": "u", "password": "p"}`, "db1.example:2484/S", func(s *server) bool { return s.tls && s.verify }},
		{"two listeners", `{"server": "a.x,b.x:1600/S", "username": "u", "password": "p"}`, "a.x:1600/S", func(s *server) bool { return len(s.addresses) == 2 && s.addresses[1].host == "b.x" }},
		{"TLS by EncryptionMethod", `{"connectionString": "Host=h;ServiceName=s;User Id=u;Password=p;EncryptionMethod=1;ValidateServerCertificate=0;Wallet Location=/w"}`, "h:1521/s", func(s *server) bool { return s.tls && !s.verify && s.wallet == "/w" }},
		{"a proxy user", `{"connectionString": "Host=h;ServiceName=s;User Id=app[alice];Password=p"}`, "h:1521/s", func(s *server) bool { return s.user == "app" && s.proxyClient == "alice" }},
		{"a proxy user by keys", `{"connectionString": "Host=h;ServiceName=s;User Id=alice;Proxy User Id=app;Proxy Password=q"}`, "h:1521/s", func(s *server) bool {
			return s.user == "app" && s.proxyClient == "alice" && s.password.Reveal() == "q"
		}},
		{"a privilege", `{"connectionString": "Host=h;ServiceName=s;User Id=sys;Password=p;DBA Privilege=sysdba"}`, "h:1521/s", func(s *server) bool { return s.privilege == "SYSDBA" }},
		{"native encryption", `{"server": "h:1/s", "username": "u", "password": "p", "encryptionClient": "required", "cryptoChecksumClient": "Accepted", "fetchSize": 1000}`, "h:1/s", func(s *server) bool {
			return s.encryption == "REQUIRED" && s.integrity == "ACCEPTED" && s.fetchBytes == 1000
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := parse(t, tt.json)
			s := decodeServer(o)
			if err := o.Err(); err != nil {
				t.Fatal(err)
			}
			if s.String() != tt.place || tt.check != nil && !tt.check(s) {
				t.Errorf("the place is %s, the server %+v", s.String(), s)
			}
			if s.wallet != "" { // which the driver would open
				return
			}
			if _, err := go_ora.ParseConfig(s.url(reading{rows: 100, locators: true})); err != nil {
				t.Errorf("the driver cannot read its settings: %v", err)
			}
		})
	}
}

func TestLinkedServiceRefusesByName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ json, word string }{
		"no service":        {`{"connectionString": "Host=h;User Id=u;Password=p"}`, "ServiceName"},
		"both":              {`{"connectionString": "Host=h;Sid=a;ServiceName=b;User Id=u;Password=p"}`, "Sid and ServiceName"},
		"no host":           {`{"connectionString": "Sid=a;User Id=u;Password=p"}`, "Host"},
		"port":              {`{"connectionString": "Host=h;Port=99999;Sid=a;User Id=u;Password=p"}`, "99999"},
		"unknown key":       {`{"connectionString": "Host=h;Sid=a;User Id=u;Password=p;Colour=red"}`, "Colour"},
		"alias":             {`{"connectionString": "Data Source=ORCL;User Id=u;Password=p"}`, "tnsnames.ora"},
		"OS sign-in":        {`{"connectionString": "Host=h;Sid=a;Integrated Security=yes"}`, "Integrated Security"},
		"trust store":       {`{"connectionString": "Host=h;Sid=a;User Id=u;Password=p;TrustStore=x"}`, "TrustStore"},
		"brackets":          {`{"connectionString": "Data Source=(DESCRIPTION=(ADDRESS=(HOST=a)(PORT=1));User Id=u;Password=p"}`, "brackets"},
		"privilege":         {`{"connectionString": "Host=h;Sid=a;User Id=u;Password=p;DBA Privilege=king"}`, "king"},
		"pooled server":     {`{"server": "h.x:1/s:pooled", "username": "u", "password": "p"}`, "pooled"},
		"unknown property":  {`{"server": "h.x:1/s", "username": "u", "password": "p", "colour": 1}`, "colour"},
		"no user":           {`{"server": "h.x:1/s", "password": "p"}`, "username"},
		"encryption level":  {`{"server": "h.x:1/s", "username": "u", "password": "p", "encryptionClient": "much"}`, "much"},
		"half a proxy":      {`{"connectionString": "Host=h;Sid=a;User Id=u;Password=p;Proxy User Id=x"}`, "Proxy Password"},
		"easy connect ?opt": {`{"server": "h.x:1/s?wallet=1", "username": "u", "password": "p"}`, "wallet=1"},
	} {
		o := parse(t, tt.json)
		decodeServer(o)
		err := o.Err()
		if err == nil || !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.word)
		}
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	t.Parallel()
	const word = "s3cr%zzt pass/word@?#"
	o := parse(t, `{"connectionString": "Host=h;Port=1;ServiceName=s;User Id=u;Password='`+word+`'"}`)
	s := decodeServer(o)
	u, err := url.Parse(s.url(reading{}))
	if err != nil {
		t.Fatal("the URL cannot be read")
	}
	if got, _ := u.User.Password(); got != word {
		t.Error("the password is changed on its way to the driver")
	}
	bad := &url.Error{Op: "parse", URL: s.url(reading{}), Err: url.EscapeError("%zz")}
	for _, err := range []error{s.explainConfig(bad), s.explainConnect(t.Context(), bad.Err)} {
		if strings.Contains(err.Error(), "s3cr") {
			t.Error("an error shows the password")
		}
	}
	_, err = s.connect(t.Context(), store.Env{}, reading{})
	if err == nil || strings.Contains(err.Error(), "s3cr") {
		t.Errorf("connecting to nothing: %v", err != nil)
	}
}

func FuzzPlace(f *testing.F) {
	for _, seed := range []string{descriptor, "h:1/s", "tcps://a,b:2/s:dedicated/i", "//[::1]/x", "(", "(DESCRIPTION=)", "", "?", "/", ":::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := props.Parse([]byte("{}"), "$")
		if err != nil {
			t.Fatal(err)
		}
		p := parsePlace(o, "server", text)
		if o.Err() == nil && strings.TrimSpace(text) != "" && (len(p.addresses) == 0 || p.service == "" && p.sid == "") {
			t.Errorf("%q gives %+v without a complaint", text, p)
		}
		_ = p.String()
	})
}
