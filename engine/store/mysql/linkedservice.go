package mysql

import (
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store/sqlstore"
)

// sslMode is how TLS is used, with the numbers that Data Factory gives the modes.
type sslMode int

const (
	sslDisabled sslMode = iota
	sslPreferred
	sslRequired
	sslVerifyCA
	sslVerifyFull
)

// sslNames are the names of the modes, the usual one first.
var sslNames = [][]string{{"Disabled", "None", "Disable"}, {"Preferred", "Prefer"}, {"Required", "Require"}, {"VerifyCA", "Verify-CA"}, {"VerifyFull", "Verify-Full", "VerifyIdentity", "Verify-Identity"}}

// zeroDates is what becomes of 0000-00-00.
type zeroDates int

const (
	zeroRefused zeroDates = iota // an error of the row
	zeroMinimum                  // 0001-01-01, .NET's smallest date
	zeroNull
)

// server is a decoded linked service: where to connect and how.
type server struct {
	host     string // name, address, or path of a Unix socket
	port     uint16
	database string // "" = none
	schema   string // the database of tables whose name does not say it, "" = database
	user     string
	password secret.String
	ssl      sslMode
	// certificate is a file of certificates to trust instead of the system's, "" for none.
	certificate    string
	connectTimeout time.Duration
	commandTimeout time.Duration
	values         valueOptions
}

// valueOptions are the settings that change what values are read as.
type valueOptions struct {
	tinyAsNumber bool // tinyint(1) is a number
	zero         zeroDates
	guid         guidFormat
}

// guidFormat is which columns are read as GUID, beside MariaDB's uuid.
type guidFormat int

const (
	guidNone guidFormat = iota
	guidChar36
	guidChar32
	guidBinary16
)

const (
	defaultPort           = 3306
	defaultConnectTimeout = 15 * time.Second
)

// decodeServer reads a linked service: a connection string, or its parts as properties of their own (v1's
// OnPremisesMySql, v2's MySql and MariaDB).
func decodeServer(o *props.Object) *server {
	s := &server{port: defaultPort, ssl: sslPreferred, connectTimeout: defaultConnectTimeout}
	o.Ignore("gatewayName", "encryptedCredential", "driverVersion")
	if o.Has("connectionString") {
		s.fromConnectionString(o)
		if o.Has("password") {
			s.password = o.Secret("password")
		}
	} else {
		s.fromProperties(o)
	}
	if i := strings.LastIndexByte(s.host, ':'); i > 0 && strings.Count(s.host, ":") == 1 { // v1's "db1:3307"
		s.port = port(o, "server", s.host[i+1:])
		s.host = s.host[:i]
	}
	s.host = strings.Trim(s.host, "[]")
	if s.schema == "" {
		s.schema = s.database
	}
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

func (s *server) fromProperties(o *props.Object) {
	s.host = o.Required("server")
	s.schema = o.String("schema")
	s.database = o.String("database")
	if s.database == "" {
		s.database = s.schema
	}
	if s.database == "" {
		o.Required("database")
	}
	if o.Has("port") {
		s.port = uint16(o.IntIn("port", defaultPort, 1, 65535))
	}
	o.Enum("authenticationType", "Basic", "Basic")
	s.user = o.String("username")
	s.password = o.Secret("password")
	setting := func(name string, use func(o *props.Object, name, text string)) {
		if v := o.String(name); v != "" {
			use(o, name, v)
		}
	}
	setting("sslMode", s.setSSL)
	setting("characterSet", s.setCharset)
	setting("guidFormat", s.setGUID)
	setting("connectionTimeout", s.setConnectTimeout)
	setting("commandTimeout", s.setCommandTimeout)
	s.values.tinyAsNumber = !o.Bool("treatTinyAsBoolean", true)
	if o.Bool("convertZeroDateTime", false) {
		s.values.zero = zeroMinimum
	}
	o.Warn("allowZeroDateTime", allowZeroNote)
	o.Bool("useSystemTrustStore", true)
	o.Refuse("sslCert", clientCertificateNote)
	o.Refuse("sslKey", clientCertificateNote)
}

const (
	allowZeroNote         = "no type here holds 0000-00-00: such a row is an error unless convertZeroDateTime is true"
	clientCertificateNote = "signing in with a client certificate is not supported; use user name and password"
)

func (s *server) fromConnectionString(o *props.Object) {
	const name = "connectionString"
	c := sqlstore.DecodeConnectionString(o, name)
	need := func(what string, keys ...string) string {
		v, _ := c.Take(keys...)
		if v == "" {
			o.Problem(fault.BadInput, name, "the key %s, %s, is missing", keys[0], what)
		}
		return v
	}
	take := func(use func(o *props.Object, name, text string), keys ...string) {
		if v, ok := c.Take(keys...); ok && v != "" {
			use(o, name, v)
		}
	}
	s.host = need("the server's name or address", "Server", "Host", "Data Source", "DataSource", "Address", "Addr", "Network Address")
	s.database = need("the name of the database", "Database", "Initial Catalog", "DB")
	take(func(o *props.Object, name, v string) { s.port = port(o, name, v) }, "Port")
	s.user, _ = c.Take("UID", "User", "User ID", "Username", "User Name")
	if v, ok := c.Take("PWD", "Password"); ok {
		s.password = secret.New(v)
	}
	take(s.setSSL, "SSLMode", "SSL Mode")
	s.certificate, _ = c.Take("SSLCa", "SSL CA", "CACertificateFile", "CA Certificate File")
	take(s.setConnectTimeout, "Connection Timeout", "Connect Timeout", "Timeout")
	take(s.setCommandTimeout, "Default Command Timeout", "Command Timeout")
	take(s.setCharset, "CharSet", "Character Set", "CharacterSet")
	take(s.setGUID, "GuidFormat", "GUID Format")
	take(s.setZeroBehaviour, "ZeroDateTimeBehavior")
	flag := func(use func(bool), keys ...string) {
		take(func(o *props.Object, name, v string) {
			on, known := isTrue(v)
			if !known {
				o.Problem(fault.BadInput, name, "the key %s needs true or false", keys[0])
			}
			use(on)
		}, keys...)
	}
	flag(func(on bool) { s.values.tinyAsNumber = !on }, "TreatTinyAsBoolean", "Treat Tiny As Boolean")
	flag(func(on bool) {
		if on {
			s.values.zero = zeroMinimum
		}
	}, "ConvertZeroDateTime", "Convert Zero DateTime")
	// Keys that change nothing here: how the other driver pools, asks for keys or trusts the system's certificates.
	for _, keys := range [][]string{
		{"UseSystemTrustStore"},
		{"AllowZeroDateTime", "Allow Zero DateTime"},
		{"Pooling"},
		{"AllowPublicKeyRetrieval"},
		{"AllowUserVariables", "Allow User Variables"},
		{"AllowLoadLocalInfile", "Allow Load Local Infile"},
		{"Persist Security Info"},
		{"EncryptedCredential"},
	} {
		c.Take(keys...)
	}
	c.Report(o, name)
}

// isTrue reads the ways to write a flag in a connection string.
func isTrue(text string) (on, known bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "1", "on":
		return true, true
	case "false", "no", "0", "off":
		return false, true
	}
	return false, false
}

func (s *server) setSSL(o *props.Object, name, text string) {
	var known []string
	for mode, names := range sslNames {
		for _, n := range append(names, strconv.Itoa(mode)) {
			if strings.EqualFold(n, text) {
				s.ssl = sslMode(mode)
				return
			}
		}
		known = append(known, names[0])
	}
	o.Problem(fault.Unsupported, name, "the SSL mode %q is not known; known: %s, or 0 to 4", text, strings.Join(known, ", "))
}

// setCharset takes any name: it says how another driver sends text, which changes nothing in the values.
func (s *server) setCharset(o *props.Object, name, text string) {
	if !strings.HasPrefix(strings.ToLower(text), "utf8") && name == "characterSet" {
		o.Warn(name, "text travels as utf8mb4, which holds every character, so the property has no effect")
	}
}

func (s *server) setGUID(o *props.Object, name, text string) {
	switch strings.ToLower(text) {
	case "default", "none":
	case "char36":
		s.values.guid = guidChar36
	case "char32":
		s.values.guid = guidChar32
	case "binary16":
		s.values.guid = guidBinary16
	default:
		o.Problem(fault.Unsupported, name, "the GUID format %q is not supported; known: None, Char36, Char32, Binary16", text)
	}
}

func (s *server) setZeroBehaviour(o *props.Object, name, text string) {
	switch strings.ToLower(text) {
	case "exception":
	case "converttonull":
		s.values.zero = zeroNull
	case "round":
		s.values.zero = zeroMinimum
	default:
		o.Problem(fault.Unsupported, name, "ZeroDateTimeBehavior=%s is not known; known: exception, convertToNull, round", text)
	}
}

func (s *server) setConnectTimeout(o *props.Object, name, text string) {
	s.connectTimeout = seconds(o, name, text, defaultConnectTimeout)
}

func (s *server) setCommandTimeout(o *props.Object, name, text string) {
	s.commandTimeout = seconds(o, name, text, 0)
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
