package definition

import "strings"

var sqlUser, sqlPassword = []string{"User ID", "UID", "User", "User Name", "Username"}, []string{"Password", "PWD"}

func principalFields() []Field {
	return []Field{
		{Name: "servicePrincipalId", Title: "Application (client) ID"},
		{Name: "servicePrincipalKey", Title: "Client secret", Secret: true},
		{Name: "tenant", Title: "Tenant", Hint: "The directory's ID or domain, contoso.onmicrosoft.com"},
	}
}

func setPrincipal(d *Definition, v map[string]string) {
	for _, f := range principalFields() {
		d.Set(f.Name, v[f.Name])
	}
}

func (d *Definition) authentication(names ...string) bool {
	for _, n := range names {
		if strings.EqualFold(d.Text("authenticationType"), n) || strings.EqualFold(d.Key("Authentication"), n) {
			return true
		}
	}
	return false
}

var sqlServer = []method{
	{
		Kind: Kind{"Basic", "SQL Server authentication", []Field{fieldUser, fieldPassword}},
		is: func(d *Definition) bool {
			return d.Key(sqlUser...) != "" && !integrated(d) || d.authentication("SQL", "Basic")
		},
		apply: func(d *Definition, v map[string]string, _ Place) error {
			d.forget(append(sqlUser, sqlPassword...)...)
			if d.Has(connectionString) {
				d.SetKey(v["userName"], sqlUser...)
				d.SetKey(v["password"], sqlPassword...)
				return nil
			}
			d.Set("authenticationType", "SQL")
			d.Set("userName", v["userName"])
			d.Set("password", v["password"])
			return nil
		},
	},
	{
		Kind: Kind{"Windows", "Windows authentication", []Field{
			{Name: "userName", Title: "User name", Optional: true, Hint: `DOMAIN\user. Where the gateway runs on Windows, empty means the account that it runs under.`, lookUp: userNames},
			{Name: "password", Title: "Password", Secret: true, Optional: true},
		}},
		is: func(d *Definition) bool { return integrated(d) || d.authentication("Windows") },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			d.forget()
			if d.Has(connectionString) {
				d.SetKey("True", "Integrated Security")
			} else {
				d.Set("authenticationType", "Windows")
			}
			if v["userName"] != "" {
				d.Set("userName", v["userName"])
				d.Set("password", v["password"])
			}
			return nil
		},
	},
	{
		Kind: Kind{"ServicePrincipal", "Microsoft Entra service principal", principalFields()},
		is:   func(d *Definition) bool { return d.Has("servicePrincipalId") },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			d.forget()
			if !d.Has(connectionString) {
				d.Set("authenticationType", "ServicePrincipal")
			}
			setPrincipal(d, v)
			return nil
		},
	},
}

func integrated(d *Definition) bool {
	v := strings.ToLower(d.Key("Integrated Security", "Trusted_Connection"))
	return v == "true" || v == "yes" || v == "sspi"
}

// database is a store with users of its own; key and property are what it calls the user.
func database(title, key, name string) []method {
	user := []string{key, "User ID", "UID", "User", "Username", "User Name", "LogonID"}
	return []method{{
		Kind: Kind{"Basic", title, []Field{fieldUser, fieldPassword}},
		is:   func(*Definition) bool { return true },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			said := d.Has("authenticationType")
			d.forget(append(user, sqlPassword...)...)
			if d.Has(connectionString) {
				d.SetKey(v["userName"], user...)
				d.SetKey(v["password"], sqlPassword...)
				return nil
			}
			if said {
				d.Set("authenticationType", "Basic")
			}
			d.Set(name, v["userName"])
			d.Set("password", v["password"])
			return nil
		},
	}}
}

func nothing(title string) []method {
	return []method{{
		Kind: Kind{"Anonymous", title, []Field{}},
		is:   func(*Definition) bool { return true },
		apply: func(d *Definition, _ map[string]string, _ Place) error {
			d.forget()
			return nil
		},
	}}
}

func sftpMethod(name, title string, fields ...Field) method {
	return method{
		Kind: Kind{name, title, fields},
		is:   func(d *Definition) bool { return d.authentication(name) },
		apply: func(d *Definition, v map[string]string, _ Place) error {
			d.forget()
			d.Set("authenticationType", name)
			for _, f := range fields {
				if v[f.Name] != "" {
					d.Set(f.Name, v[f.Name])
				}
			}
			return nil
		},
	}
}

var (
	fieldKey    = Field{Name: "privateKeyContent", Title: "Private key", Secret: true, Lines: true, Hint: "The key file's text (OpenSSH, PEM or PuTTY), or that in Base64"}
	fieldPhrase = Field{Name: "passPhrase", Title: "Passphrase of the key", Secret: true, Optional: true}
)

var sftp = []method{
	sftpMethod("Basic", "User name and password", fieldUser, fieldPassword),
	sftpMethod("SshPublicKey", "Private key", fieldUser, fieldKey, fieldPhrase),
	sftpMethod("MultiFactor", "Private key and password", fieldUser, fieldPassword, fieldKey, fieldPhrase),
}

var userOrAnonymous = []method{
	sftpMethod("Basic", "User name and password", fieldUser, fieldPassword),
	sftpMethod("Anonymous", "Anonymous"),
}

var accessKey = []method{{
	Kind: Kind{"AccessKey", "Access key", []Field{
		{Name: "accessKeyId", Title: "Access key ID"}, {Name: "secretAccessKey", Title: "Secret access key", Secret: true},
	}},
	is: func(*Definition) bool { return true },
	apply: func(d *Definition, v map[string]string, _ Place) error {
		said := d.Has("authenticationType")
		d.forget()
		if said {
			d.Set("authenticationType", "AccessKey")
		}
		d.Set("accessKeyId", v["accessKeyId"])
		d.Set("secretAccessKey", v["secretAccessKey"])
		return nil
	},
}}
