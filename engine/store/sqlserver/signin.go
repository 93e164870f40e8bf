package sqlserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	mssql "github.com/microsoft/go-mssqldb"
	_ "github.com/microsoft/go-mssqldb/integratedauth/krb5" // registers Kerberos; NTLM and Windows' own are registered by the driver
	"github.com/microsoft/go-mssqldb/msdsn"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sqlstore"
)

// kerberos is what the connection string says about Kerberos, in the driver's own keys.
type kerberos struct {
	asked                                bool
	realm, config, keytab, cache, server string
}

func (k *kerberos) take(c *sqlstore.ConnectionString) {
	for key, to := range map[string]*string{
		"krb5-realm": &k.realm, "krb5-configfile": &k.config, "krb5-keytabfile": &k.keytab, "krb5-credcachefile": &k.cache,
	} {
		if v, ok := c.Take(key); ok {
			*to, k.asked = v, true
		}
	}
	k.server, _ = c.Take("Server SPN", "ServerSPN")
}

// entra is what the linked service says about signing in at Entra ID.
type entra struct {
	tenant, client string
	key            secret.String
	certificate    secret.String // PFX, in base64
	certificateKey secret.String // its password
	cloud          string
	kept           *keptCredential
}

// keptCredential is one credential for all connections of a linked service: it keeps its token until that runs out.
type keptCredential struct {
	once       sync.Once
	credential azcore.TokenCredential
	err        error
}

func (e *entra) decode(o *props.Object) {
	e.kept = &keptCredential{}
	e.tenant = o.String("tenant")
	e.client = o.String("servicePrincipalId")
	e.key = o.Secret("servicePrincipalKey")
	e.cloud = o.Enum("azureCloudType", "AzurePublic", "AzurePublic", "AzureChina", "AzureUsGovernment", "AzureGermany")
	kind := o.Enum("servicePrincipalCredentialType", "", "ServicePrincipalKey", "ServicePrincipalCert")
	if c := o.Secret("servicePrincipalCredential"); !c.Empty() {
		if kind == "ServicePrincipalCert" {
			e.certificate = c
		} else {
			e.key = c
		}
	}
	if c := o.Secret("servicePrincipalEmbeddedCert"); !c.Empty() {
		e.certificate = c
	}
	e.certificateKey = o.Secret("servicePrincipalEmbeddedCertPassword")
	if c := o.Object("credential"); c != nil {
		c.IgnoreAll()
		o.Problem(fault.Unsupported, "credential", "references to credentials of the factory are not supported; use a service principal, or the machine's own managed identity")
	}
	if e.client != "" && !o.Has("connectionString") && e.tenant == "" {
		o.Problem(fault.BadInput, "tenant", "the property is missing beside servicePrincipalId")
	}
}

// authentication reads Data Factory's authenticationType and ADO.NET's Authentication.
func (s *server) authentication(o *props.Object, name, text string) {
	switch strings.ToLower(strings.ReplaceAll(text, " ", "")) {
	case "sql", "sqlpassword", "basic", "notspecified":
		s.auth = authSQL
	case "windows":
		s.auth = authWindows
	case "serviceprincipal", "activedirectoryserviceprincipal":
		s.auth = authServicePrincipal
	case "managedidentity", "systemassignedmanagedidentity", "userassignedmanagedidentity", "activedirectorymanagedidentity", "activedirectorymsi":
		s.auth = authManagedIdentity
	default:
		o.Problem(fault.Unsupported, name, "the authentication %q is not supported; known: SQL, Windows, ServicePrincipal, SystemAssignedManagedIdentity, UserAssignedManagedIdentity", text)
	}
}

// signIn completes and checks what is needed to sign in, once everything is read.
func (s *server) signIn(o *props.Object) {
	if s.auth == authSQL && s.entra.client != "" && s.user == "" {
		s.auth = authServicePrincipal // v2 connection strings do not say so
	}
	switch s.auth {
	case authServicePrincipal:
		if s.entra.client == "" { // ADO.NET has it as the user, "id" or "id@tenant"
			s.entra.client, s.entra.tenant, _ = strings.Cut(s.user, "@")
			s.entra.key = s.password
		}
		if s.entra.client == "" || s.entra.key.Empty() && s.entra.certificate.Empty() {
			o.Problem(fault.BadInput, "servicePrincipalId", "a service principal needs servicePrincipalId and servicePrincipalKey or a certificate")
		} else if s.entra.tenant == "" {
			o.Problem(fault.BadInput, "tenant", "a service principal needs its tenant")
		}
	case authManagedIdentity:
		if s.user != "" {
			s.entra.client = s.user
		}
	case authWindows:
		if s.user == "" && runtime.GOOS != "windows" && !s.kerberos.asked {
			o.Problem(fault.BadInput, "userName", "Windows authentication needs userName (DOMAIN\\user) and password here: the account of the program cannot be used on this operating system")
		}
	default:
		switch {
		case s.user == "":
			o.Problem(fault.BadInput, "userName", "the user name is missing; give userName and password, or ask for Windows authentication")
		case strings.Contains(s.user, `\`): // no SQL login is called so, and the driver would try NTLM
			o.Problem(fault.BadInput, "userName", "a user name with a backslash is a Windows account; ask for it with authenticationType Windows or Integrated Security=True")
		}
	}
}

// connector is the driver's configuration. Everything comes from the linked service, nothing from the environment.
func (s *server) connector(env store.Env, secured func(tls.ConnectionState)) (*mssql.Connector, *dialer, error) {
	cfg := msdsn.Config{
		Host: s.host, Port: uint64(s.port), Database: s.database, AppName: "Data Management Gateway", Workstation: s.workstation,
		PacketSize: s.packetSize, ReadOnlyIntent: s.readOnly, MultiSubnetFailover: s.multiSubnet, FailOverPartner: s.failoverPartner,
		DialTimeout: s.connectTimeout, KeepAlive: 0, Protocols: []string{"tcp"}, DisableRetry: true, NoTraceID: true,
		Parameters: map[string]string{}, ProtocolParameters: map[string]any{}, BrowserMessage: msdsn.BrowserAllInstances,
	}
	if s.port == 0 {
		cfg.Instance = s.instance
	}
	if cfg.Workstation == "" {
		cfg.Workstation, _ = os.Hostname()
	}
	if err := s.setTLS(env, &cfg); err != nil {
		return nil, nil, err
	}
	if secured != nil {
		check := cfg.TLSConfig.VerifyConnection
		cfg.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error {
			if check != nil {
				if err := check(state); err != nil {
					return err
				}
			}
			secured(state)
			return nil
		}
	}
	d := &dialer{timeout: s.connectTimeout}
	switch s.auth {
	case authServicePrincipal, authManagedIdentity:
		provide, err := s.tokens()
		if err != nil {
			return nil, nil, err
		}
		c, err := mssql.NewSecurityTokenConnector(cfg, provide)
		if err != nil {
			return nil, nil, fault.New(fault.Internal, "prepare the sign-in with a token").Because(err)
		}
		c.Dialer = d
		return c, d, nil
	case authWindows:
		if err := s.windows(env, &cfg); err != nil {
			return nil, nil, err
		}
	default:
		cfg.User, cfg.Password = s.user, s.password.Reveal()
	}
	c := mssql.NewConnectorConfig(cfg)
	c.Dialer = d
	return c, d, nil
}

// windows chooses how to prove a Windows account: Kerberos where a realm is known, else NTLM; on Windows without a user,
// the account of the program.
func (s *server) windows(env store.Env, cfg *msdsn.Config) error {
	cfg.User, cfg.Password, cfg.ServerSPN = s.user, s.password.Reveal(), s.kerberos.server
	domain, _, isDomain := strings.Cut(s.user, `\`)
	switch {
	case s.kerberos.asked || strings.Contains(s.user, "@") && !isDomain:
		cfg.Parameters["authenticator"] = "krb5"
		for key, file := range map[string]string{"krb5-configfile": s.kerberos.config, "krb5-keytabfile": s.kerberos.keytab, "krb5-credcachefile": s.kerberos.cache} {
			if file == "" {
				continue
			}
			if err := env.Allowed(file, false); err != nil {
				return err
			}
			cfg.Parameters[key] = file
		}
		if s.kerberos.realm != "" {
			cfg.Parameters["krb5-realm"] = s.kerberos.realm
		}
	case s.user != "":
		if domain == "" || !isDomain {
			cfg.User = `.\` + strings.TrimPrefix(s.user, `\`) // an account of the server's own machine
		}
		cfg.Parameters["authenticator"] = "ntlm"
	default:
		cfg.Parameters["authenticator"] = "winsspi"
	}
	return nil
}

// setTLS follows Microsoft.Data.SqlClient: Optional encrypts the sign-in and looks at no certificate, Mandatory encrypts
// everything and checks it, Strict does so before a word of TDS is spoken.
func (s *server) setTLS(env store.Env, cfg *msdsn.Config) error {
	cfg.Encryption = map[string]msdsn.Encryption{
		encryptOptional: msdsn.EncryptionOff, encryptMandatory: msdsn.EncryptionRequired, encryptStrict: msdsn.EncryptionStrict,
	}[s.encrypt]
	host := s.host
	if s.hostInCertificate != "" {
		host, cfg.HostInCertificateProvided = s.hostInCertificate, true
	}
	cfg.TrustServerCertificate = s.encrypt == encryptOptional || s.encrypt == encryptMandatory && s.trustServer
	// SQL Server expects one record per packet.
	cfg.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.TrustServerCertificate, DynamicRecordSizingDisabled: true} //nolint:gosec // G402: only where trustServerCertificate asks for it
	if s.certificate == "" || cfg.TrustServerCertificate {
		return nil
	}
	if err := env.Allowed(s.certificate, false); err != nil {
		return err
	}
	data, err := os.ReadFile(s.certificate)
	if err != nil {
		return fault.New(fault.NotFound, "read the server's certificate").At(s.certificate).Because(err).Try("Correct the path in ServerCertificate.")
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	pinned, err := x509.ParseCertificate(data)
	if err != nil {
		return fault.New(fault.BadData, "the server's certificate cannot be read").At(s.certificate).Because(err).Try("Give a PEM or DER file.")
	}
	cfg.TLSConfig.InsecureSkipVerify = true // replaced by the comparison
	cfg.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 || !state.PeerCertificates[0].Equal(pinned) {
			return fault.New(fault.Unreachable, "the server's certificate is not the one in ServerCertificate").At(s.certificate)
		}
		return nil
	}
	return nil
}

// tokens gives what fetches access tokens for the database.
func (s *server) tokens() (func(context.Context) (string, error), error) {
	if s.token != nil {
		return s.token, nil
	}
	options, scope := s.entra.place()
	k := s.entra.kept
	k.once.Do(func() { k.credential, k.err = s.entra.credential(s.auth, options) })
	if k.err != nil {
		return nil, k.err
	}
	return func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, s.connectTimeout)
		defer cancel()
		t, err := k.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		if err != nil {
			return "", fault.New(fault.SignInFailed, "get an access token from Entra ID").At(s.name()).Because(err).
				Try("Check tenant, application id and key or certificate, or that the machine has the managed identity, and that Entra ID can be reached.")
		}
		return t.Token, nil
	}, nil
}

// place is the cloud's sign-in address and the name of its databases.
func (e *entra) place() (azcore.ClientOptions, string) {
	switch e.cloud {
	case "AzureChina":
		return azcore.ClientOptions{Cloud: cloud.AzureChina}, "https://database.chinacloudapi.cn/.default"
	case "AzureUsGovernment":
		return azcore.ClientOptions{Cloud: cloud.AzureGovernment}, "https://database.usgovcloudapi.net/.default"
	case "AzureGermany":
		return azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.microsoftonline.de/"}}, "https://database.cloudapi.de/.default"
	}
	return azcore.ClientOptions{Cloud: cloud.AzurePublic}, "https://database.windows.net/.default"
}

func (e *entra) credential(auth string, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	bad := func(err error) error {
		return fault.New(fault.BadInput, "the identity cannot be used").Because(err).Try("Check tenant, servicePrincipalId and the key or certificate.")
	}
	if auth == authManagedIdentity {
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if e.client != "" {
			o.ID = azidentity.ClientID(e.client)
		}
		c, err := azidentity.NewManagedIdentityCredential(o)
		if err != nil {
			return nil, bad(err)
		}
		return c, nil
	}
	if e.certificate.Empty() {
		c, err := azidentity.NewClientSecretCredential(e.tenant, e.client, e.key.Reveal(), &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
		if err != nil {
			return nil, bad(err)
		}
		return c, nil
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.certificate.Reveal()))
	if err != nil {
		return nil, fault.New(fault.BadInput, "the service principal's certificate is not base64").Try("Give the PFX file in base64.")
	}
	chain, key, err := azidentity.ParseCertificates(data, []byte(e.certificateKey.Reveal()))
	if err != nil {
		return nil, bad(err)
	}
	c, err := azidentity.NewClientCertificateCredential(e.tenant, e.client, chain, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
	if err != nil {
		return nil, bad(err)
	}
	return c, nil
}
