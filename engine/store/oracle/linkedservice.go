package oracle

import (
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store/sqlstore"
)

const (
	defaultPort           = 1521
	defaultTLSPort        = 2484
	defaultConnectTimeout = 15 * time.Second
)

// server is a decoded linked service: where to connect and how.
type server struct {
	place
	user     string
	password secret.String
	// proxyClient is the user on whose behalf user signs in, "" for none.
	proxyClient string
	privilege   string // SYSDBA, SYSOPER, … or ""
	// wallet is a folder with cwallet.sso or ewallet.p12, "" for none.
	wallet         string
	walletPassword secret.String
	verify         bool // look at the server's certificate
	// encryption and integrity are the levels of Oracle's native network encryption: ACCEPTED, REJECTED, REQUESTED, REQUIRED.
	encryption, integrity string
	connectTimeout        time.Duration
	commandTimeout        time.Duration
	fetchBytes            int64  // what one fetch may bring, 0 = the program's choice
	initialize            string // SQL that runs when a session begins
}

// decodeServer reads a linked service: a connection string (v1, and v2's first version), or v2's newer properties.
func decodeServer(o *props.Object) *server {
	s := &server{verify: true, connectTimeout: defaultConnectTimeout}
	o.Ignore("gatewayName", "encryptedCredential")
	o.Warn("driverType", "the driver is built in, so the property has no effect")
	if o.Has("connectionString") {
		s.fromConnectionString(o)
		if o.Has("password") {
			s.password = o.Secret("password")
		}
	} else {
		s.fromProperties(o)
	}
	if client, rest, ok := proxied(s.user); ok && s.proxyClient == "" {
		s.user, s.proxyClient = rest, client
	}
	return s
}

// proxied takes apart "proxy[client]".
func proxied(user string) (client, proxy string, ok bool) {
	open := strings.IndexByte(user, '[')
	if open <= 0 || !strings.HasSuffix(user, "]") {
		return "", user, false
	}
	return user[open+1 : len(user)-1], user[:open], true
}

func (s *server) fromConnectionString(o *props.Object) {
	const name = "connectionString"
	c := sqlstore.DecodeConnectionString(o, name)
	c.Take("EncryptedCredential")
	s.place = placeOf(o, name, c)
	s.user, _ = c.Take("User Id", "UserId", "UID", "User", "Username", "User Name", "LogonID")
	if v, ok := c.Take("Password", "PWD"); ok {
		s.password = secret.New(v)
	}
	s.proxyKeys(o, name, c)
	s.tlsKeys(o, name, c)
	if v, ok := c.Take("DBA Privilege"); ok {
		s.privilege = privilege(o, name, v)
	}
	if v, ok := c.Take("Integrated Security"); ok && !isFalse(v) {
		o.Problem(fault.Unsupported, name, "signing in as the operating system's user (Integrated Security=%s) is not supported; give User Id and Password", v)
	}
	if v, ok := c.Take("Connection Timeout", "Connect Timeout", "LoginTimeout"); ok {
		s.connectTimeout = seconds(o, name, v, defaultConnectTimeout)
	}
	if v, ok := c.Take("QueryTimeout", "Command Timeout"); ok && v != "-1" {
		s.commandTimeout = seconds(o, name, v, 0)
	}
	if v, ok := c.Take("Fetch Size"); ok {
		s.fetchBytes = whole(o, name, "Fetch Size", v)
	}
	// What belongs to pools and caches of other drivers changes nothing of a copy.
	for _, key := range harmlessKeys {
		c.Take(key)
	}
	c.Report(o, name)
}

// harmlessKeys are keys of Data Factory's and ODP.NET's connection strings that tune those drivers.
var harmlessKeys = []string{
	"Pooling", "Min Pool Size", "Max Pool Size", "Incr Pool Size", "Decr Pool Size", "Connection Lifetime", "Validate Connection",
	"Statement Cache Size", "Statement Cache Purge", "Self Tuning", "Metadata Pooling", "HA Events", "Load Balancing", "Enlist",
	"Persist Security Info", "Promotable Transaction", "ArraySize", "CachedCursorLimit", "CachedDescLimit", "WireProtocolMode",
	"Application Name", "Provider", "OLEDB.NET", "FetchTSWTZasTimestamp", "EnableBulkLoad", "BulkLoadBatchSize",
}

func (s *server) proxyKeys(o *props.Object, name string, c *sqlstore.ConnectionString) {
	proxy, ok := c.Take("Proxy User Id")
	word, has := c.Take("Proxy Password")
	switch {
	case ok && has: // the proxy signs in, for the user
		s.proxyClient, s.user, s.password = s.user, proxy, secret.New(word)
	case ok || has:
		o.Problem(fault.BadInput, name, "Proxy User Id and Proxy Password need each other")
	}
}

func (s *server) tlsKeys(o *props.Object, name string, c *sqlstore.ConnectionString) {
	if v, ok := c.Take("EncryptionMethod", "EM"); ok {
		switch v {
		case "0":
		case "1":
			s.secure()
		default:
			o.Problem(fault.Unsupported, name, "EncryptionMethod=%s is not supported; known: 0, 1", v)
		}
	}
	if v, ok := c.Take("ValidateServerCertificate", "VSC", "SSL Server DN Match", "SSL Verify"); ok {
		s.verify = !isFalse(v)
	}
	if v, ok := c.Take("Protocol", "Network Protocol"); ok {
		switch strings.ToLower(v) {
		case "tcp":
		case "tcps":
			s.secure()
		default:
			o.Problem(fault.Unsupported, name, "the protocol %q is not supported; known: tcp, tcps", v)
		}
	}
	c.Take("CryptoProtocolVersion", "CPV") // TLS 1.2 and newer are used, whatever is listed
	for _, key := range []string{"TrustStore", "TrustStorePassword", "KeyStore", "KeyStorePassword", "KeyPassword", "HostNameInCertificate"} {
		if _, ok := c.Take(key); ok {
			o.Problem(fault.Unsupported, name, "the key %s is not supported; put the certificates into a wallet and give its folder as Wallet Location", key)
		}
	}
	s.wallet, _ = c.Take("Wallet Location", "Wallet", "Wallet_Location", "MY_WALLET_DIRECTORY")
	if v, ok := c.Take("Wallet Password"); ok {
		s.walletPassword = secret.New(v)
	}
	if v, ok := c.Take("EncryptionLevel", "Encryption", "Encryption Client"); ok {
		s.encryption = level(o, name, "EncryptionLevel", v)
	}
	if v, ok := c.Take("DataIntegrityLevel", "Data Integrity", "Crypto Checksum Client"); ok {
		s.integrity = level(o, name, "DataIntegrityLevel", v)
	}
	c.Take("EncryptionTypes")
	c.Take("DataIntegrityTypes")
}

func (s *server) fromProperties(o *props.Object) {
	text := o.Required("server")
	o.Enum("authenticationType", "Basic", "Basic")
	s.user = o.Required("username")
	s.password = o.Secret("password")
	s.place = parsePlace(o, "server", text)
	if o.Has("encryptionClient") {
		s.encryption = level(o, "encryptionClient", "encryptionClient", o.String("encryptionClient"))
	}
	if o.Has("cryptoChecksumClient") {
		s.integrity = level(o, "cryptoChecksumClient", "cryptoChecksumClient", o.String("cryptoChecksumClient"))
	}
	for _, name := range []string{"encryptionTypesClient", "cryptoChecksumTypesClient"} {
		o.Warn(name, "the driver offers AES and SHA, so the property has no effect")
	}
	s.fetchBytes = o.IntIn("fetchSize", 0, 0, 1<<31)
	s.initialize = o.String("initializationString")
	o.Warn("initialLobFetchSize", "large objects are fetched by their size, so the property has no effect")
	for _, name := range []string{"statementCacheSize", "enableBulkLoad"} {
		o.Warn(name, "the property has no effect here")
	}
	o.Warn("supportV1DataTypes", "numbers keep all their digits, so the property has no effect")
	o.Warn("fetchTswtzAsTimestamp", "time zones are kept, so the property has no effect")
}

// level reads a level of native encryption by name, or by the number that Data Factory's older driver takes.
func level(o *props.Object, property, key, text string) string {
	for i, name := range []string{"REJECTED", "ACCEPTED", "REQUESTED", "REQUIRED"} {
		if strings.EqualFold(text, name) || text == strconv.Itoa(i) {
			return name
		}
	}
	o.Problem(fault.BadInput, property, "%s is %q; known: rejected, accepted, requested, required", key, text)
	return ""
}

func privilege(o *props.Object, property, text string) string {
	p := strings.ToUpper(strings.TrimSpace(text))
	switch p {
	case "", "NONE":
		return ""
	case "SYSDBA", "SYSOPER", "SYSASM", "SYSBACKUP", "SYSDG", "SYSKM", "SYSRAC":
		return p
	}
	o.Problem(fault.BadInput, property, "the DBA Privilege %q is not known", text)
	return ""
}

func isFalse(text string) bool {
	switch strings.ToLower(text) {
	case "", "false", "no", "0", "off":
		return true
	}
	return false
}

func whole(o *props.Object, property, key, text string) int64 {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		o.Problem(fault.BadInput, property, "%s is %q, which is no whole number", key, text)
	}
	return int64(n)
}

func seconds(o *props.Object, property, text string, def time.Duration) time.Duration {
	n, err := strconv.ParseUint(text, 10, 20)
	if err != nil {
		o.Problem(fault.BadInput, property, "the timeout %q is no number of seconds", text)
		return def
	}
	if n == 0 {
		return def
	}
	return time.Duration(n) * time.Second
}
