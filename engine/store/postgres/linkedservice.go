package postgres

import (
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store/sqlstore"
)

// The ways to use TLS, as libpq names them.
const (
	sslDisable    = "disable"
	sslAllow      = "allow"
	sslPrefer     = "prefer"
	sslRequire    = "require"
	sslVerifyCA   = "verify-ca"
	sslVerifyFull = "verify-full"
)

// server is a decoded linked service: where to connect and how.
type server struct {
	host     string
	port     uint16
	database string
	user     string
	password secret.String
	ssl      string
	// rootCertificate is a file of certificates to trust instead of the system's, "" for none.
	rootCertificate string
	connectTimeout  time.Duration
	commandTimeout  time.Duration
	// session are settings that the session starts with, beside the program's own.
	session map[string]string
}

const (
	defaultPort           = 5432
	defaultConnectTimeout = 15 * time.Second
)

// decodeServer reads a linked service: a connection string, or its parts as properties of their own (v1's
// OnPremisesPostgreSql, v2's PostgreSqlV2).
func decodeServer(o *props.Object) *server {
	s := &server{port: defaultPort, ssl: sslPrefer, connectTimeout: defaultConnectTimeout, session: map[string]string{}}
	o.Ignore("gatewayName", "encryptedCredential")
	if o.Has("connectionString") {
		s.fromConnectionString(o)
		if o.Has("password") {
			s.password = o.Secret("password")
		}
	} else {
		s.fromProperties(o)
	}
	if i := strings.LastIndexByte(s.host, ':'); i > 0 && strings.Count(s.host, ":") == 1 { // v1's "db1:5433"
		s.port = port(o, "server", s.host[i+1:])
		s.host = s.host[:i]
	}
	s.host = strings.Trim(s.host, "[]")
	return s
}

func port(o *props.Object, name, text string) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		o.Problem(fault.BadInput, name, "the port %q is no number from 1 to 65535", text)
		return defaultPort
	}
	return uint16(n)
}

func (s *server) fromConnectionString(o *props.Object) {
	const name = "connectionString"
	c := sqlstore.DecodeConnectionString(o, name)
	c.Take("EncryptedCredential")
	need := func(what string, keys ...string) string {
		v, _ := c.Take(keys...)
		if v == "" {
			o.Problem(fault.BadInput, name, "the key %s, %s, is missing", keys[0], what)
		}
		return v
	}
	s.host = need("the server's name or address", "Host", "Server", "Data Source")
	s.database = need("the name of the database", "Database", "Initial Catalog", "DB")
	if v, ok := c.Take("Port"); ok {
		s.port = port(o, name, v)
	}
	s.user, _ = c.Take("Username", "User Name", "UID", "User ID", "User")
	if v, ok := c.Take("Password", "PWD"); ok {
		s.password = secret.New(v)
	}
	if v, ok := c.Take("SSLMode", "SSL Mode"); ok {
		s.ssl = sslMode(o, name, v)
	}
	s.encryptionMethod(o, c)
	if v, ok := c.Take("Trust Server Certificate"); ok && isTrue(v) && (s.ssl == sslVerifyCA || s.ssl == sslVerifyFull) {
		o.Problem(fault.BadInput, name, "Trust Server Certificate=true contradicts SSLMode=%s", s.ssl)
	}
	s.rootCertificate, _ = c.Take("Root Certificate", "SSLRootCert")
	if v, ok := c.Take("Search Path", "Schema"); ok {
		s.session["search_path"] = v
	}
	if v, ok := c.Take("Timezone", "Time Zone"); ok {
		s.session["TimeZone"] = v
	}
	if v, ok := c.Take("Timeout", "Connection Timeout", "Connect Timeout"); ok {
		s.connectTimeout = seconds(o, name, v, defaultConnectTimeout)
	}
	if v, ok := c.Take("Command Timeout"); ok {
		s.commandTimeout = seconds(o, name, v, 0)
	}
	c.Take("Application Name") // shown by the server; the program gives its own
	c.Report(o, name)
}

// encryptionMethod reads the two keys with which Data Factory's older driver said how to use TLS.
func (s *server) encryptionMethod(o *props.Object, c *sqlstore.ConnectionString) {
	method, ok := c.Take("EncryptionMethod", "EM")
	verify, _ := c.Take("ValidateServerCertificate", "VSC")
	if !ok {
		return
	}
	switch {
	case method == "0":
		s.ssl = sslDisable
	case method == "6":
		s.ssl = sslPrefer
	case method == "1" && (verify == "1" || verify == ""):
		s.ssl = sslVerifyFull
	case method == "1":
		s.ssl = sslRequire
	default:
		o.Problem(fault.Unsupported, "connectionString", "EncryptionMethod=%s is not supported; known: 0, 1, 6", method)
	}
}

func (s *server) fromProperties(o *props.Object) {
	s.host = o.Required("server")
	s.database = o.Required("database")
	if o.Has("port") {
		s.port = uint16(o.IntIn("port", defaultPort, 1, 65535))
	}
	o.Enum("authenticationType", "Basic", "Basic", "Anonymous")
	s.user = o.String("username")
	s.password = o.Secret("password")
	if o.Has("sslMode") {
		s.ssl = sslMode(o, "sslMode", o.String("sslMode"))
	}
	if v := o.String("schema"); v != "" {
		s.session["search_path"] = sqlstore.Quote(v)
	}
	if v := o.String("timezone"); v != "" {
		s.session["TimeZone"] = v
	}
	if n := o.IntIn("connectionTimeout", 0, 0, 1<<20); n > 0 {
		s.connectTimeout = time.Duration(n) * time.Second
	}
	s.commandTimeout = time.Duration(o.IntIn("commandTimeout", 0, 0, 1<<20)) * time.Second
	if o.Bool("trustServerCertificate", false) && (s.ssl == sslVerifyCA || s.ssl == sslVerifyFull) {
		o.Problem(fault.BadInput, "trustServerCertificate", "the property contradicts sslMode %s", s.ssl)
	}
	o.Enum("encoding", "UTF8", "UTF8", "UTF-8", "utf-8")
	for _, name := range []string{"pooling", "readBufferSize", "logParameters"} {
		o.Warn(name, "the property has no effect here")
	}
	for _, name := range []string{"sslCertificate", "sslKey", "sslPassword"} {
		o.Refuse(name, "signing in with a client certificate is not supported; use user name and password")
	}
}

// sslMode reads Npgsql's names ("VerifyFull"), libpq's ("verify-full") and v2's numbers.
func sslMode(o *props.Object, name, text string) string {
	modes := []string{sslDisable, sslAllow, sslPrefer, sslRequire, sslVerifyCA, sslVerifyFull}
	for i, mode := range modes {
		if text == strconv.Itoa(i) || strings.EqualFold(strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(mode, "-", "")) {
			return mode
		}
	}
	o.Problem(fault.Unsupported, name, "the SSL mode %q is not known; known: %s", text, strings.Join(modes, ", "))
	return sslRequire
}

func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "true", "yes", "1", "on":
		return true
	}
	return false
}

func seconds(o *props.Object, name, text string, def time.Duration) time.Duration {
	n, err := strconv.ParseUint(text, 10, 20)
	if err != nil {
		o.Problem(fault.BadInput, name, "the timeout %q is no number of seconds", text)
		return def
	}
	if n == 0 {
		return def
	}
	return time.Duration(n) * time.Second
}
