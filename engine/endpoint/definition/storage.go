package definition

import (
	"net/url"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// Ways into an Azure storage account. The account's address may be part of what is sealed (sasUri); a credential that
// brings an address is taken only where it is the same account's, or where nothing is known, one of Azure itself.

var (
	fieldAccountKey = Field{Name: "accountKey", Title: "Account key", Secret: true}
	fieldSAS        = Field{Name: "sasToken", Title: "Shared access signature", Secret: true, Hint: "The token (sv=…&sig=…), or the whole address with it"}
)

var blob = []method{
	{
		Kind: Kind{"Key", "Account key", []Field{fieldAccountKey}},
		fits: func(d *Definition) bool { return d.Has(connectionString) || d.Has("serviceEndpoint") },
		is: func(d *Definition) bool {
			return d.Key("AccountKey") != "" || d.Has("accountKey") || d.Has(connectionString) && d.Key("SharedAccessSignature") == "" && !d.Has("servicePrincipalId")
		},
		apply: func(d *Definition, v map[string]string, _ Place) error {
			return d.setAccountKey(v["accountKey"])
		},
	},
	{
		Kind: Kind{"Sas", "Shared access signature", []Field{fieldSAS}},
		fits: func(d *Definition) bool { return !d.Has("serviceEndpoint") && !d.Has("containerUri") },
		is:   func(d *Definition) bool { return d.Has("sasUri") || d.Key("SharedAccessSignature") != "" },
		apply: func(d *Definition, v map[string]string, from Place) error {
			return d.setSAS(v["sasToken"], from)
		},
	},
	{
		Kind:  Kind{"ConnectionString", "Connection string of the account", []Field{{Name: "connectionString", Title: "Connection string", Secret: true, Hint: "As the Azure portal shows it, of the same account"}}},
		fits:  func(d *Definition) bool { return d.Has(connectionString) || !d.hasAddress() },
		apply: applyConnectionString,
	},
	principalOf(func(d *Definition) bool { return d.Has(connectionString) || d.Has("serviceEndpoint") }),
}

var lake = []method{
	{
		Kind: Kind{"Key", "Account key", []Field{fieldAccountKey}},
		fits: func(d *Definition) bool { return d.Has("url") },
		is:   func(d *Definition) bool { return d.Has("accountKey") },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			return d.setAccountKey(v["accountKey"])
		},
	},
	{
		Kind: Kind{"Sas", "Shared access signature", []Field{fieldSAS}},
		is:   func(d *Definition) bool { return d.Has("sasUri") || d.Has("sasToken") },
		apply: func(d *Definition, v map[string]string, from Place) error {
			return d.setSAS(v["sasToken"], from)
		},
	},
	principalOf(func(d *Definition) bool { return d.Has("url") }),
}

func principalOf(fits func(*Definition) bool) method {
	return method{
		Kind: Kind{"ServicePrincipal", "Microsoft Entra service principal", principalFields()},
		fits: fits,
		is:   func(d *Definition) bool { return d.Has("servicePrincipalId") },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			d.forgetStorage("ServicePrincipal")
			setPrincipal(d, v)
			return nil
		},
	}
}

func (d *Definition) hasAddress() bool {
	return d.Has(connectionString) || d.Has("sasUri") || d.Has("serviceEndpoint") || d.Has("containerUri") || d.Has("url")
}

// forgetStorage keeps authenticationType where it was said.
func (d *Definition) forgetStorage(authentication string) {
	said := d.Has("authenticationType")
	d.forget()
	if said {
		d.Set("authenticationType", authentication)
	}
}

func (d *Definition) setAccountKey(key string) error {
	d.forgetStorage("AccountKey")
	if d.Has(connectionString) {
		d.SetKey(key, "AccountKey")
	} else {
		d.Set("accountKey", key)
	}
	return nil
}

func (d *Definition) setSAS(text string, from Place) error {
	at, token := "", strings.TrimPrefix(strings.TrimSpace(text), "?")
	if strings.Contains(text, "://") {
		at, token, _ = strings.Cut(strings.TrimSpace(text), "?")
	}
	if values, err := url.ParseQuery(token); err != nil || values.Get("sig") == "" {
		return fault.New(fault.BadInput, "there is no signature (sig=…) in it").At("sasToken").Try("Paste the whole token or address that the storage account made.")
	}
	old, _, _ := strings.Cut(d.Text("sasUri"), "?")
	if at != "" {
		if err := d.sameAccount(at, "sasToken", from); err != nil {
			return err
		}
	}
	if at == "" {
		at = old
	}
	d.forgetStorage("SasUri")
	switch {
	case d.Has(connectionString):
		d.SetKey(token, "SharedAccessSignature")
	case d.Has("url"):
		d.Set("sasToken", token)
	case at == "":
		return fault.New(fault.BadInput, "the account's address is not known").At("sasToken").Try("Paste the whole address with the signature instead of the token alone.")
	default:
		d.Set("sasUri", at+"?"+token)
	}
	return nil
}

func applyConnectionString(d *Definition, v map[string]string, from Place) error {
	given := &Definition{types: jsonobject.Object{}}
	given.Set(connectionString, v["connectionString"])
	if strings.EqualFold(given.Key("UseDevelopmentStorage"), "true") {
		return fault.New(fault.Unsupported, "the storage emulator's account has no secret to set").At("connectionString")
	}
	if d.Has(connectionString) {
		for _, name := range []string{"AccountName", "BlobEndpoint", "EndpointSuffix", "DefaultEndpointsProtocol"} {
			was, is := d.Key(name), given.Key(name)
			if is == "" || strings.EqualFold(was, is) || was == "" && usual(name, is) {
				continue
			}
			return otherAccount("connectionString")
		}
	} else if err := d.sameAccount(given.endpoint(), "connectionString", from); err != nil {
		return err
	}
	key, signature := given.Key("AccountKey"), given.Key("SharedAccessSignature")
	if key == "" && signature == "" {
		return fault.New(fault.BadInput, "there is no AccountKey and no SharedAccessSignature in it").At("connectionString").Try("Copy it again from the storage account's Access keys.")
	}
	d.forgetStorage("AccountKey")
	if !d.Has(connectionString) {
		d.Set(connectionString, v["connectionString"])
		return nil
	}
	if key != "" {
		d.SetKey(key, "AccountKey")
	} else {
		d.SetKey(signature, "SharedAccessSignature")
	}
	return nil
}

// usual are the values that absent keys have.
func usual(key, value string) bool {
	return key == "EndpointSuffix" && strings.EqualFold(value, "core.windows.net") || key == "DefaultEndpointsProtocol" && strings.EqualFold(value, "https")
}

// endpoint is the address that a connection string means.
func (d *Definition) endpoint() string {
	if at := d.Key("BlobEndpoint"); at != "" {
		return at
	}
	suffix := d.Key("EndpointSuffix")
	if suffix == "" {
		suffix = "core.windows.net"
	}
	if name := d.Key("AccountName"); name != "" {
		return "https://" + name + ".blob." + suffix
	}
	return ""
}

// sameAccount refuses an address of another account than the linked service's, and from elsewhere an address that is not
// Azure's where the linked service does not say one: nobody may use the gateway to knock on doors inside the network.
func (d *Definition) sameAccount(at, field string, from Place) error {
	given, err := url.Parse(at)
	if err != nil || given.Host == "" || given.Scheme != "https" && given.Scheme != "http" || given.User != nil {
		return fault.New(fault.BadInput, "this is no address such as https://NAME.blob.core.windows.net").At(field)
	}
	known := d.Text("sasUri")
	for _, other := range []string{d.Text("url"), d.endpoint()} {
		if known == "" {
			known = other
		}
	}
	if known != "" {
		was, err := url.Parse(known)
		if err != nil || !strings.EqualFold(accountHost(was), accountHost(given)) || was.Scheme != given.Scheme {
			return otherAccount(field)
		}
		return nil
	}
	if from == Here || given.Scheme == "https" && inAzure(given) {
		return nil
	}
	return fault.New(fault.Forbidden, "the address is not one of Azure Storage").At(field).
		Try("Set this credential at the gateway's own machine, with `dmgcmd credential set`.")
}

// accountHost is the same for an account's blobs and its data lake.
func accountHost(u *url.URL) string {
	return strings.Replace(strings.ToLower(u.Host), ".dfs.", ".blob.", 1)
}

func inAzure(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	for _, suffix := range []string{".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

func otherAccount(field string) error {
	return fault.New(fault.Forbidden, "this is of another storage account than the linked service's").At(field).
		Try("Give the secret of the account that the linked service names, or change the linked service at the data factory.")
}
