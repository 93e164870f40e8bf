package definition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/activity"
	"dmgateway/engine/credential"
	"dmgateway/engine/endpoint/definition"
	"dmgateway/engine/fault"
	stores "dmgateway/engine/store/all"
	"dmgateway/engine/store/sqlstore"
)

func doc(typ, properties string) []byte {
	return []byte(`{"name":"shop","properties":{"type":"` + typ + `","description":"a < b","connectVia":{"type":"IntegrationRuntimeReference","referenceName":"g"},"typeProperties":` + properties + `}}`)
}

// forms are linked services as they come, without a credential, with another one, or sealed.
var forms = map[string][]string{
	"SqlServer": {
		`{"connectionString":"Data Source=db1;Initial Catalog=shop"}`,
		`{"connectionString":"Server=db1;Database=shop;Integrated Security=True","userName":"D\\u","password":"old"}`,
		`{"connectionString":"Server=db1;Database=shop;UID=old;Pwd='o;ld'"}`,
		`{"server":"db1","database":"shop","authenticationType":"Windows","userName":"D\\u","password":{"type":"SecureString","value":"old"}}`,
		`{"connectionString":{"type":"SecureString","value":"Server=db1;Database=shop;User ID=u;Password=old"}}`,
		`{"connectionString":"Server=db1;Database=shop","servicePrincipalId":"i","servicePrincipalKey":"old","tenant":"t"}`,
	},
	"OnPremisesSqlServer": {`{"connectionString":"Data Source=db1;Initial Catalog=shop;Integrated Security=False;User ID=u;Password=old;","gatewayName":"g"}`},
	"AzureSqlDatabase":    {`{"server":"db1.database.windows.net","database":"shop"}`},
	"Oracle":              {`{"connectionString":"Host=db1;Port=1521;ServiceName=x;User Id=u;Password=old"}`, `{"server":"db1:1521/x","username":"u","authenticationType":"Basic"}`},
	"PostgreSql":          {`{"connectionString":"Host=db1;Database=shop;UID=u;Password=old"}`},
	"PostgreSqlV2":        {`{"server":"db1","database":"shop","authenticationType":"Basic","username":"u"}`},
	"OnPremisesPostgreSql": {
		`{"server":"db1","database":"shop","authenticationType":"Basic","gatewayName":"g","encryptedCredential":"eyJabc"}`,
	},
	"MySql":   {`{"connectionString":"Server=db1;Database=shop;UID=u;PWD=old"}`, `{"server":"db1","database":"shop","username":"u"}`},
	"MariaDB": {`{"connectionString":"Server=db1;Database=shop;EncryptedCredential=eyJabc"}`},
	"SQLite":  {`{"connectionString":"Data Source=/data/x.db"}`},
	"Sftp":    {`{"host":"h","authenticationType":"SshPublicKey","userName":"u","privateKeyPath":"/k"}`, `{"host":"h"}`},
	"FileServer": {
		`{"host":"/data"}`, `{"host":"/data","userId":"D\\u","password":"old"}`,
	},
	"AzureBlobStorage": {
		`{"connectionString":"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=b2xk;EndpointSuffix=core.windows.net"}`,
		`{"serviceEndpoint":"https://acc.blob.core.windows.net"}`,
		`{"sasUri":"https://acc.blob.core.windows.net/c?sv=1&sig=old"}`,
	},
	"AzureBlobFS": {`{"url":"https://acc.dfs.core.windows.net","accountKey":"b2xk"}`},
}

var typed = map[string]string{
	"userName": "ada", "password": `p;"w' {x} `, "servicePrincipalId": "11111111", "servicePrincipalKey": "s3cr3t", "tenant": "contoso", "accountKey": "bmV3",
	"sasToken": "?sv=2024&sig=n%3D", "connectionString": "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=bmV3;EndpointSuffix=core.windows.net",
	"privateKeyContent": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "passPhrase": "phrase",
}

// TestEveryKindIsReadByItsStore puts every kind into every form, and lets the store itself read the outcome.
func TestEveryKindIsReadByItsStore(t *testing.T) {
	t.Parallel()
	registry := stores.Stores()
	for typ, list := range forms {
		for _, form := range list {
			before := doc(typ, form)
			d, err := definition.Parse(before)
			if err != nil {
				t.Fatal(err)
			}
			kinds := d.Kinds()
			if len(kinds) == 0 {
				t.Errorf("%s %s has no kind", typ, form)
			}
			for _, k := range kinds {
				d, err := definition.Parse(before)
				if err != nil {
					t.Fatal(err)
				}
				values := map[string]string{}
				for _, f := range k.Fields {
					values[f.Name] = typed[f.Name]
				}
				if k.Name == "Windows" {
					values["userName"] = `D\ada`
				}
				if err := d.Apply(k.Name, values, definition.Elsewhere); err != nil {
					t.Errorf("%s %s %s: %v", typ, form, k.Name, err)
					continue
				}
				after := d.JSON()
				service, err := activity.ParseLinkedService(after, registry)
				if err != nil {
					t.Errorf("%s %s: the store refuses %s: %v", typ, k.Name, after, err)
					continue
				}
				for _, w := range service.Warnings {
					t.Errorf("%s %s: %s: %s", typ, k.Name, after, w)
				}
				for _, old := range []string{"old", "b2xk", "eyJabc"} {
					if strings.Contains(string(after), old) {
						t.Errorf("%s %s: the earlier credential is still in %s", typ, k.Name, after)
					}
				}
				if !strings.Contains(form, "SecureString\",\"value\":\"Server") { // sealed whole, so that nothing of it is open
					if err := definition.SameButCredential(before, after); err != nil {
						t.Errorf("%s %s: %s: %v", typ, k.Name, after, err)
					}
				}
				again, err := definition.Parse(after)
				if err != nil || again.Kinds()[0].Name != k.Name && k.Name != "ConnectionString" && k.Name != "Anonymous" {
					t.Errorf("%s: %s is taken for %s", typ, k.Name, again.Kinds()[0].Name)
				}
			}
		}
	}
}

func TestChangesBeyondTheCredentialAreFound(t *testing.T) {
	t.Parallel()
	before := doc("SqlServer", `{"connectionString":"Data Source=db1;Initial Catalog=shop;Encrypt=True","alwaysEncryptedSettings":{"a":1}}`)
	for _, c := range []struct{ old, text string }{
		{"db1", "db2"},
		{"Encrypt=True", "Encrypt=False"},
		{"Encrypt=True", ""},
		{`"a":1`, `"a":2`},
		{"shop", "mart"},
		{`"a < b"`, `"x"`},
		{`"name":"shop"`, `"name":"mart"`},
		{"SqlServer", "MySql"},
		{`"properties":{`, `"properties":{"parameters":{"p":{"type":"String"}},`},
		{"Data Source=db1", "Data Source=db1;Server=db2"},
		{"Data Source=db1", "Data Source=db1;Data Source=db2"},
		{`"referenceName":"g"`, `"referenceName":"h"`},
		{`"connectionString":"`, `"server":"db2","connectionString":"`},
		{"Data Source=db1", "User ID='x;Data Source=db1';Data Source=db2"},
		{`"name":"shop"`, `"name":"shop","extra":1`},
	} {
		after := strings.Replace(string(before), c.old, c.text, 1)
		if after == string(before) {
			t.Fatalf("%q is not there", c.old)
		}
		if err := definition.SameButCredential(before, []byte(after)); fault.Code(err) != fault.Forbidden {
			t.Errorf("%s → %s: %v", c.old, c.text, err)
		}
	}
	same := strings.Replace(string(before), "Data Source=db1", "user id=x;EncryptedCredential=eyJ;data source = db1", 1)
	if err := definition.SameButCredential(before, []byte(same)); err != nil {
		t.Error(err)
	}
}

func TestValuesAreRefusedWithoutRepeatingThem(t *testing.T) {
	t.Parallel()
	sql, blob, sealed := doc("SqlServer", `{"connectionString":"Server=db1;Database=x"}`), doc("AzureBlobStorage", `{"connectionString":"AccountName=acc"}`), doc("AzureBlobStorage", `{"encryptedCredential":"eyJ"}`)
	const pw = "S3CRET"
	for _, c := range []struct {
		name   string
		in     []byte
		kind   string
		values map[string]string
		from   definition.Place
		code   string
	}{
		{"unknown kind", sql, "Kerberos", nil, definition.Here, fault.BadInput},
		{"no password", sql, "Basic", map[string]string{"userName": pw}, definition.Here, fault.BadInput},
		{"unknown field", sql, "Basic", map[string]string{"userName": "u", "password": pw, "server": "evil"}, definition.Here, fault.BadInput},
		{"a line break", sql, "Basic", map[string]string{"userName": "u", "password": pw + "\n"}, definition.Here, fault.BadInput},
		{"a zero byte", sql, "Basic", map[string]string{"userName": "u\x00", "password": pw}, definition.Here, fault.BadInput},
		{"too long", sql, "Basic", map[string]string{"userName": "u", "password": strings.Repeat(pw, 2000)}, definition.Here, fault.BadInput},
		{"unknown type", doc("Teradata", `{"server":"x"}`), "Basic", map[string]string{"userName": "u", "password": pw}, definition.Here, fault.Unsupported},
		{"no signature", blob, "Sas", map[string]string{"sasToken": "sv=" + pw}, definition.Here, fault.BadInput},
		{"another account", blob, "Sas", map[string]string{"sasToken": "https://other.blob.core.windows.net/?sv=1&sig=" + pw}, definition.Elsewhere, fault.Forbidden},
		{"another account's string", blob, "ConnectionString", map[string]string{"connectionString": "AccountName=other;AccountKey=" + pw}, definition.Elsewhere, fault.Forbidden},
		{"an endpoint inside the network", blob, "ConnectionString", map[string]string{"connectionString": "AccountName=acc;BlobEndpoint=http://10.0.0.5;AccountKey=" + pw}, definition.Elsewhere, fault.Forbidden},
		{"an unknown account inside the network", sealed, "Sas", map[string]string{"sasToken": "https://10.0.0.5:22/?sv=1&sig=" + pw}, definition.Elsewhere, fault.Forbidden},
		{"an unknown account's string", sealed, "ConnectionString", map[string]string{"connectionString": "BlobEndpoint=http://10.0.0.5:22;AccountKey=" + pw}, definition.Elsewhere, fault.Forbidden},
		{"a token without any address", sealed, "Sas", map[string]string{"sasToken": "sv=1&sig=" + pw}, definition.Elsewhere, fault.BadInput},
		{"a user in the address", sealed, "Sas", map[string]string{"sasToken": "https://u:p@a.blob.core.windows.net/?sv=1&sig=" + pw}, definition.Elsewhere, fault.BadInput},
	} {
		d, err := definition.Parse(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Apply(c.kind, c.values, c.from); fault.Code(err) != c.code || strings.Contains(err.Error(), pw) || strings.Contains(fault.As(err).Hint, pw) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, from := range map[string]definition.Place{"https://acc.blob.core.windows.net/c?sv=1&sig=x": definition.Elsewhere, "http://127.0.0.1:10000/acc?sv=1&sig=x": definition.Here} {
		d, _ := definition.Parse(sealed)
		if err := d.Apply("Sas", map[string]string{"sasToken": name}, from); err != nil || d.Text("sasUri") != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnyPasswordGoesRound seals any user and password and reads them as the stores do.
func TestAnyPasswordGoesRound(t *testing.T) {
	t.Parallel()
	certificate, err := credential.NewCertificate("test")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) && r != 0xfffd }), 1, 40, -1)
		user, password := text.Draw(t, "user"), text.Draw(t, "password")
		d, err := definition.Parse(doc("SqlServer", `{"connectionString":"Server=db1;Database=shop"}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Apply("Basic", map[string]string{"userName": user, "password": password}, definition.Elsewhere); err != nil {
			t.Fatal(err)
		}
		sealed, err := credential.Seal(d.JSON(), certificate.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		if err := definition.SameButCredential(doc("SqlServer", `{"connectionString":"Server=db1;Database=shop"}`), sealed); err != nil {
			t.Fatal(err)
		}
		opened, err := credential.OpenLinkedService(sealed, certificate)
		if err != nil {
			t.Fatal(err)
		}
		var ls struct {
			Properties struct {
				TypeProperties struct{ ConnectionString string }
			}
		}
		if err := json.Unmarshal(opened, &ls); err != nil {
			t.Fatal(err)
		}
		c, err := sqlstore.ParseConnectionString(ls.Properties.TypeProperties.ConnectionString)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := c.Take("User ID")
		p, _ := c.Take("Password")
		if u != user || p != password {
			t.Fatalf("%q %q became %q %q", user, password, u, p)
		}
	})
}

func FuzzDefinition(f *testing.F) {
	for typ, list := range forms {
		for _, form := range list {
			f.Add(doc(typ, form))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := definition.Parse(data)
		if err != nil {
			return
		}
		if err := definition.SameButCredential(data, data); err != nil && fault.Code(err) == fault.Forbidden {
			t.Errorf("differs from itself: %v", err)
		}
		for _, k := range d.Kinds() {
			values := map[string]string{}
			for _, field := range k.Fields {
				values[field.Name] = typed[field.Name]
			}
			d, err := definition.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if d.Apply(k.Name, values, definition.Elsewhere) == nil && !json.Valid(d.JSON()) {
				t.Errorf("%s makes no JSON: %s", k.Name, d.JSON())
			}
		}
	})
}
