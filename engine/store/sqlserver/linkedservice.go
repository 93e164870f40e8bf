package sqlserver

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store/sqlstore"
)

// The ways to encrypt, as Microsoft.Data.SqlClient names them.
const (
	encryptOptional  = "optional"  // the sign-in only, unless the server wants more; the certificate is not checked
	encryptMandatory = "mandatory" // everything, the certificate is checked unless trustServer
	encryptStrict    = "strict"    // TDS 8.0: TLS before anything else, the certificate is always checked
)

// The ways to sign in.
const (
	authSQL              = "SQL"
	authWindows          = "Windows"
	authServicePrincipal = "ServicePrincipal"
	authManagedIdentity  = "ManagedIdentity"
)

const (
	defaultPort           = 1433
	defaultConnectTimeout = 15 * time.Second
	// defaultPacketSize is the largest that TLS allows. Measured: reading is twice as fast as with the usual 4096.
	defaultPacketSize = 16383
)

// server is a decoded linked service: where to connect and how.
type server struct {
	host     string
	port     uint16 // 0 = asked of SQL Server Browser where instance is set
	instance string
	database string

	auth     string
	user     string
	password secret.String
	kerberos kerberos
	entra    entra

	encrypt     string
	trustServer bool
	// hostInCertificate replaces the host's name in the check of the certificate; certificate is a file with the
	// server's own certificate.
	hostInCertificate, certificate string

	connectTimeout, commandTimeout time.Duration
	packetSize                     uint16
	failoverPartner                string
	readOnly, multiSubnet          bool
	workstation                    string
	// session is SQL that every new connection runs first, "" = none.
	session string
	// token replaces the sign-in at Entra ID, for tests.
	token func(ctx context.Context) (string, error)
}

// name is the server for people and messages.
func (s *server) name() string {
	switch {
	case s.port == 0 && s.instance != "":
		return s.host + `\` + s.instance
	default:
		return net.JoinHostPort(s.host, strconv.Itoa(int(s.portNumber())))
	}
}

func (s *server) portNumber() uint16 {
	if s.port == 0 {
		return defaultPort
	}
	return s.port
}

// decodeServer reads a linked service: a connection string in the keys of ADO.NET, or its parts as properties of their
// own (v2's newer form).
func decodeServer(o *props.Object) *server {
	s := &server{auth: authSQL, connectTimeout: defaultConnectTimeout, packetSize: defaultPacketSize}
	o.Ignore("gatewayName", "encryptedCredential")
	if o.Has("connectionString") {
		s.fromConnectionString(o)
	} else {
		s.fromProperties(o)
	}
	s.signIn(o)
	if s.encrypt == "" {
		s.encrypt = encryptOptional
		if inAzure(s.host) {
			s.encrypt = encryptMandatory
		}
	}
	return s
}

// inAzure reports whether the host belongs to Azure, where every server has a certificate that can be checked.
func inAzure(host string) bool {
	host = strings.ToLower(host)
	for _, suffix := range []string{".database.windows.net", ".database.chinacloudapi.cn", ".database.usgovcloudapi.net", ".database.cloudapi.de", ".sql.azuresynapse.net", ".database.fabric.microsoft.com"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// address reads "tcp:host,port", "host\instance" and "host\instance,port"; "." and "(local)" are this machine.
func (s *server) address(o *props.Object, name, text string) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	switch {
	case strings.HasPrefix(lower, "tcp:"):
		text = text[4:]
	case strings.HasPrefix(lower, "np:"), strings.HasPrefix(text, `\\`), strings.HasPrefix(lower, "lpc:"), strings.HasPrefix(lower, "admin:"):
		o.Problem(fault.Unsupported, name, "the server %q is not named for TCP; only TCP is supported, write host or host,port", text)
		return
	case strings.HasPrefix(lower, "(localdb)"):
		o.Problem(fault.Unsupported, name, "LocalDB has no TCP port; use a SQL Server instance with TCP turned on")
		return
	}
	text, port, hasPort := strings.Cut(text, ",")
	if hasPort {
		n, err := strconv.ParseUint(strings.TrimSpace(port), 10, 16)
		if err != nil || n == 0 {
			o.Problem(fault.BadInput, name, "the port %q is no number from 1 to 65535", port)
			return
		}
		s.port = uint16(n)
	}
	s.host, s.instance, _ = strings.Cut(strings.TrimSpace(text), `\`)
	if strings.EqualFold(s.instance, "MSSQLSERVER") {
		s.instance = "" // the default instance's name
	}
	switch strings.ToLower(s.host) {
	case ".", "(local)", "localhost":
		s.host = "localhost"
	case "":
		o.Problem(fault.BadInput, name, "the server's name is missing")
	}
	s.host = strings.Trim(s.host, "[]")
}

func (s *server) fromConnectionString(o *props.Object) {
	const name = "connectionString"
	c := sqlstore.DecodeConnectionString(o, name)
	c.Take("EncryptedCredential")
	if v, ok := c.Take("Data Source", "Server", "Address", "Addr", "Network Address"); ok {
		s.address(o, name, v)
	} else {
		o.Problem(fault.BadInput, name, "the key Data Source, the server's name or address, is missing")
	}
	s.database, _ = c.Take("Initial Catalog", "Database")
	s.user, _ = c.Take("User ID", "UID", "User", "User Name", "Username")
	if v, ok := c.Take("Password", "PWD"); ok {
		s.password = secret.New(v)
	}
	if v, ok := c.Take("Integrated Security", "Trusted_Connection"); ok && (isTrue(v) || strings.EqualFold(v, "sspi")) {
		s.auth = authWindows
	}
	if v, ok := c.Take("Authentication"); ok {
		s.authentication(o, name, v)
	}
	if v, ok := c.Take("Encrypt"); ok {
		s.encryption(o, name, v)
	}
	if v, ok := c.Take("Trust Server Certificate", "TrustServerCertificate"); ok {
		s.trustServer = boolean(o, name, "TrustServerCertificate", v)
	}
	s.hostInCertificate, _ = c.Take("Host Name In Certificate", "HostNameInCertificate")
	s.certificate, _ = c.Take("Server Certificate", "ServerCertificate")
	if v, ok := c.Take("Connect Timeout", "Connection Timeout", "Timeout"); ok {
		s.connectTimeout = seconds(o, name, v, defaultConnectTimeout)
	}
	if v, ok := c.Take("Command Timeout"); ok {
		s.commandTimeout = seconds(o, name, v, 0)
	}
	if v, ok := c.Take("Packet Size"); ok {
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || n < 512 || n > 32767 {
			o.Problem(fault.BadInput, name, "Packet Size %q is no number from 512 to 32767", v)
		} else {
			s.packetSize = uint16(n)
		}
	}
	if v, ok := c.Take("Application Intent", "ApplicationIntent"); ok {
		s.intent(o, name, v)
	}
	if v, ok := c.Take("Multi Subnet Failover", "MultiSubnetFailover"); ok {
		s.multiSubnet = boolean(o, name, "MultiSubnetFailover", v)
	}
	s.failoverPartner, _ = c.Take("Failover Partner")
	s.workstation, _ = c.Take("Workstation ID", "WSID")
	s.kerberos.take(c)
	if v, ok := c.Take("Column Encryption Setting"); ok && !strings.EqualFold(v, "Disabled") {
		o.Problem(fault.Unsupported, name, "Column Encryption Setting=%s (Always Encrypted) is not supported", v)
	}
	if v, ok := c.Take("AttachDbFilename", "Initial File Name", "Extended Properties"); ok && v != "" {
		o.Problem(fault.Unsupported, name, "attaching a database file is not supported; name a database of the server")
	}
	if v, ok := c.Take("User Instance"); ok && isTrue(v) {
		o.Problem(fault.Unsupported, name, "user instances are not supported")
	}
	if v, ok := c.Take("Context Connection"); ok && isTrue(v) {
		o.Problem(fault.Unsupported, name, "a context connection exists only inside the server")
	}
	if v, ok := c.Take("Persist Security Info", "PersistSecurityInfo"); ok {
		boolean(o, name, "Persist Security Info", v) // means what the client program can read back: here nothing
	}
	// Of no effect here, and harmless: connections are not pooled or shared, retries are the copy's.
	for _, key := range []string{
		"Application Name", "App", "MultipleActiveResultSets", "Multiple Active Result Sets", "Pooling", "Max Pool Size", "Min Pool Size",
		"Load Balance Timeout", "Connection Lifetime", "Connection Reset", "Enlist", "Connect Retry Count", "ConnectRetryCount", "Connect Retry Interval",
		"ConnectRetryInterval", "Asynchronous Processing", "Async", "Type System Version", "Replication", "Transaction Binding", "Network Library", "Net",
		"Network", "Current Language", "Language", "Pool Blocking Period", "PoolBlockingPeriod", "IP Address Preference", "IPAddressPreference",
		"Transparent Network IP Resolution", "TransparentNetworkIPResolution", "Enclave Attestation Url", "Attestation Protocol",
	} {
		c.Take(key)
	}
	c.Report(o, name)
	s.shared(o)
}

func (s *server) fromProperties(o *props.Object) {
	if v := o.Required("server"); v != "" {
		s.address(o, "server", v)
	}
	s.database = o.Required("database")
	s.encrypt = encryptMandatory // v2's default
	if v := o.String("encrypt"); v != "" {
		s.encryption(o, "encrypt", v)
	}
	s.trustServer = o.Bool("trustServerCertificate", false)
	s.hostInCertificate = o.String("hostNameInCertificate")
	s.certificate = o.String("serverCertificate")
	if n := o.IntIn("connectTimeout", 0, 0, 1<<20); n > 0 {
		s.connectTimeout = time.Duration(n) * time.Second
	}
	s.commandTimeout = time.Duration(o.IntIn("commandTimeout", 0, 0, 1<<30)) * time.Second
	s.packetSize = uint16(o.IntIn("packetSize", defaultPacketSize, 512, 32767))
	if v := o.String("applicationIntent"); v != "" {
		s.intent(o, "applicationIntent", v)
	}
	if o.Bool("integratedSecurity", false) {
		s.auth = authWindows
	}
	s.multiSubnet = o.Bool("multiSubnetFailover", false)
	s.failoverPartner = o.String("failoverPartner")
	for _, name := range []string{"pooling", "maxPoolSize", "minPoolSize", "loadBalanceTimeout", "connectRetryCount", "connectRetryInterval", "multipleActiveResultSets"} {
		o.Warn(name, "the property has no effect here: connections are not pooled, and the copy itself tries again")
	}
	s.shared(o)
}

// shared reads what both forms have beside the server's address.
func (s *server) shared(o *props.Object) {
	if v := o.String("userName"); v != "" {
		s.user = v
	}
	if o.Has("password") {
		s.password = o.Secret("password")
	}
	if v := o.String("authenticationType"); v != "" {
		s.authentication(o, "authenticationType", v)
	}
	s.entra.decode(o)
	if always := o.Object("alwaysEncryptedSettings"); always != nil {
		always.IgnoreAll()
		o.Problem(fault.Unsupported, "alwaysEncryptedSettings", "Always Encrypted is not supported; copy the columns without decrypting them, or let the server do it in a view")
	}
}

func (s *server) encryption(o *props.Object, name, text string) {
	switch strings.ToLower(text) {
	case "true", "yes", "mandatory":
		s.encrypt = encryptMandatory
	case "false", "no", "optional":
		s.encrypt = encryptOptional
	case "strict":
		s.encrypt = encryptStrict
	default:
		o.Problem(fault.Unsupported, name, "Encrypt=%s is not known; known: Mandatory (True), Optional (False), Strict", text)
	}
}

func (s *server) intent(o *props.Object, name, text string) {
	switch strings.ToLower(text) {
	case "readonly":
		s.readOnly = true
	case "readwrite":
	default:
		o.Problem(fault.BadInput, name, "ApplicationIntent=%s is not known; known: ReadOnly, ReadWrite", text)
	}
}

func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "true", "yes", "1", "on":
		return true
	}
	return false
}

func boolean(o *props.Object, name, key, text string) bool {
	switch strings.ToLower(text) {
	case "true", "yes", "false", "no", "enabled", "disabled":
		return isTrue(text) || strings.EqualFold(text, "enabled")
	}
	o.Problem(fault.BadInput, name, "%s=%s is neither True nor False", key, text)
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
