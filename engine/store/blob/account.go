package blob

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"dmgateway/engine/fault"
	"dmgateway/engine/outbound"
	"dmgateway/engine/props"
	"dmgateway/engine/secret"
	"dmgateway/engine/store"
)

// The development storage: fixed name, key and address, the same for everybody.
const (
	developmentName = "devstoreaccount1"
	developmentKey  = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	developmentURL  = "http://127.0.0.1:10000/" + developmentName
)

// account is a decoded linked service: where the service is and who asks.
type account struct {
	endpoint string // of the service, without "/" at the end
	name     string
	key      secret.String // signs requests where set
	sas      secret.String // is part of the address where set, without "?"
	// container is the only one that a signature is for, "" for all.
	container string
	principal principal // an application that signs in at Entra
	// managed is set where the machine's or person's own identity signs in.
	managed bool
	lake    bool // a Data Lake Gen2
	cloud   cloud.Configuration
	out     *outbound.Out
}

// decode reads a linked service of any of the three types.
func decode(ls *props.Object) *account {
	a := &account{cloud: cloud.AzurePublic}
	ls.Ignore("accountKind")
	kind := ls.Enum("authenticationType", "", "Anonymous", "AccountKey", "SasUri", "ServicePrincipal", "Msi")
	refuseCredential(ls)
	connection, sasURI := ls.Secret("connectionString"), ls.Secret("sasUri")
	accountKey, sasToken := ls.Secret("accountKey"), ls.Secret("sasToken")
	endpoint, containerURI := ls.String("serviceEndpoint"), ls.String("containerUri")
	a.principal.decode(ls)
	a.cloud = readCloud(ls)
	switch {
	case !connection.Empty():
		a.connectionString(ls, connection, accountKey)
		refuseTogether(ls, "connectionString", "sasUri", "serviceEndpoint", "containerUri")
	case !sasURI.Empty():
		a.address(ls, "sasUri", sasURI.Reveal(), sasToken)
		refuseTogether(ls, "sasUri", "serviceEndpoint", "containerUri")
		if a.sas.Empty() {
			ls.Problem(fault.BadInput, "sasUri", "the address has no signature (no sig= after the question mark)")
		}
	case containerURI != "":
		a.address(ls, "containerUri", containerURI, secret.String{})
	case endpoint != "":
		a.address(ls, "serviceEndpoint", endpoint, secret.String{})
		a.key = accountKey
		a.managed = accountKey.Empty() && !a.principal.given() && kind != "Anonymous"
	default:
		ls.Problem(fault.BadInput, "connectionString", "the property is missing: give connectionString, sasUri or serviceEndpoint")
	}
	if a.managed && kind != "" && kind != "Msi" {
		ls.Problem(fault.BadInput, "authenticationType", "%s needs more than serviceEndpoint", kind)
	}
	a.checkKey(ls)
	return a
}

func refuseTogether(ls *props.Object, given string, others ...string) {
	for _, name := range others {
		ls.Refuse(name, "%s says already which account is meant", given)
	}
}

// connectionString reads "AccountName=…;AccountKey=…;…", case of the names aside.
func (a *account) connectionString(ls *props.Object, text, key secret.String) {
	parts := map[string]string{}
	for _, part := range strings.Split(text.Reveal(), ";") {
		name, value, ok := strings.Cut(part, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); name == "" && value == "" {
			continue
		}
		if !ok {
			ls.Problem(fault.BadInput, "connectionString", "a part of it has no = (parts are Name=Value with ; between)")
			return
		}
		parts[name] = strings.TrimSpace(value)
	}
	if strings.EqualFold(parts["usedevelopmentstorage"], "true") {
		a.name, a.key, a.endpoint = developmentName, secret.New(developmentKey), developmentURL
		return
	}
	a.name, a.key = parts["accountname"], secret.New(parts["accountkey"])
	if a.key.Empty() {
		a.key = key
	}
	a.sas = secret.New(strings.TrimPrefix(parts["sharedaccesssignature"], "?"))
	for name := range parts {
		switch name {
		case "accountname", "accountkey", "sharedaccesssignature", "blobendpoint", "defaultendpointsprotocol", "endpointsuffix",
			"usedevelopmentstorage", "queueendpoint", "tableendpoint", "fileendpoint", "blobsecondaryendpoint":
		case "encryptedcredential":
			ls.Problem(fault.BadInput, "connectionString", "the credential is sealed and was not opened; only the gateway it was sealed for can open it")
		default:
			ls.Problem(fault.Unsupported, "connectionString", "the part %q is not supported", name)
		}
	}
	a.endpoint = strings.TrimRight(parts["blobendpoint"], "/")
	if a.endpoint == "" && a.name != "" {
		protocol, suffix := parts["defaultendpointsprotocol"], parts["endpointsuffix"]
		if protocol == "" {
			protocol = "https"
		}
		if suffix == "" {
			suffix = "core.windows.net"
		}
		a.endpoint = protocol + "://" + a.name + ".blob." + suffix
	}
	if a.endpoint == "" {
		ls.Problem(fault.BadInput, "connectionString", "AccountName or BlobEndpoint is missing")
		return
	}
	u, err := url.Parse(a.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		ls.Problem(fault.BadInput, "connectionString", "BlobEndpoint is no address such as https://NAME.blob.core.windows.net")
		return
	}
	if a.name == "" {
		a.name = accountOf(u)
	}
	if a.key.Empty() && a.sas.Empty() && !a.principal.given() {
		ls.Problem(fault.BadInput, "connectionString", "AccountKey or SharedAccessSignature is missing")
	}
}

// address reads the address of an account or container, with a signature after "?" or given apart.
func (a *account) address(ls *props.Object, property, text string, token secret.String) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		ls.Problem(fault.BadInput, property, "this is no address such as https://NAME.blob.core.windows.net")
		return
	}
	if a.lake {
		asBlob(u)
	}
	a.name = accountOf(u)
	a.sas = secret.New(u.RawQuery)
	if a.sas.Empty() {
		a.sas = secret.New(strings.TrimPrefix(token.Reveal(), "?"))
	}
	path := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	base := u.Scheme + "://" + u.Host
	if byPath(u) && len(path) > 0 {
		base += "/" + path[0]
		path = path[1:]
	}
	a.endpoint = base
	switch {
	case len(path) == 1:
		a.container = path[0]
	case len(path) > 1:
		ls.Problem(fault.Unsupported, property, "the address of a single blob or folder is not supported; give the container's or the account's")
	}
}

// byPath reports whether the account is the first element of the path, as with the storage emulator.
func byPath(u *url.URL) bool {
	host := u.Hostname()
	return net.ParseIP(host) != nil || !strings.Contains(host, ".")
}

func accountOf(u *url.URL) string {
	if byPath(u) {
		name, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
		return name
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	return name
}

func (a *account) checkKey(ls *props.Object) {
	if a.key.Empty() {
		return
	}
	property := "accountKey"
	if ls.Has("connectionString") {
		property = "connectionString"
	}
	if _, err := base64.StdEncoding.DecodeString(a.key.Reveal()); err != nil {
		ls.Problem(fault.BadInput, property, "the account key is no Base64 text; copy it again from the storage account's Access keys")
	}
}

// via is the same account, reached over the way out of env.
func (a *account) via(env store.Env) *account {
	b := *a
	b.out = env.Outbound
	return &b
}

// transport is shared by all accounts: many small files need more idle connections than usual, large ones larger buffers.
func (a *account) transport() sender {
	return sender{&http.Client{Transport: a.out.Shared("blob", func(t *http.Transport) {
		t.DialContext = plain(t.DialContext)
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 64
		t.WriteBufferSize, t.ReadBufferSize = 64<<10, 64<<10
		t.ResponseHeaderTimeout = 5 * time.Minute // a service that says nothing; the library tries again
	})}}
}

// client makes the client of the whole service.
func (a *account) client() (*service.Client, error) {
	o := &service.ClientOptions{ClientOptions: azcore.ClientOptions{Telemetry: policy.TelemetryOptions{ApplicationID: "dmgateway"}, Cloud: a.cloud, Transport: a.transport()}}
	var c *service.Client
	var err error
	switch {
	case !a.key.Empty():
		var key *service.SharedKeyCredential
		if key, err = service.NewSharedKeyCredential(a.name, a.key.Reveal()); err == nil {
			c, err = service.NewClientWithSharedKeyCredential(a.endpoint, key, o)
		}
	case !a.sas.Empty():
		c, err = service.NewClientWithNoCredential(a.endpoint+"/?"+a.sas.Reveal(), o)
	case a.principal.given() || a.managed:
		var token azcore.TokenCredential
		if token, err = a.identity(); err == nil {
			c, err = service.NewClient(a.endpoint, token, o)
		}
	default:
		c, err = service.NewClientWithNoCredential(a.endpoint, o)
	}
	if err != nil {
		return nil, a.explain("connect to", "", err)
	}
	return c, nil
}
