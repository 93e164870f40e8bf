package definition

import (
	"slices"
	"strings"
	"unicode"

	"dmgateway/engine/fault"
)

// Kind is one way to sign in to a type of store.
type Kind struct {
	Name   string  `json:"name"` // "Basic", "Windows", "Anonymous", "Key", "Sas", "ServicePrincipal"
	Title  string  `json:"title"`
	Fields []Field `json:"fields"`
}

// Field is one thing to be typed.
type Field struct {
	Name     string `json:"name"` // the property of the linked service: "userName", "password", "accountKey"
	Title    string `json:"title"`
	Secret   bool   `json:"secret,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Lines    bool   `json:"lines,omitempty"` // several lines: a private key
	// Hint says what is expected, "" where the title does.
	Hint string `json:"hint,omitempty"`
	// Value is what the linked service has now, of fields that are no secret.
	Value string `json:"value,omitempty"`
	// Choices are all values that it can have, none where anything can be typed.
	Choices []string `json:"choices,omitempty"`

	lookUp []string // names under which a linked service may have the value
}

// method is a kind with how it is recognised and put in.
type method struct {
	Kind
	fits  func(*Definition) bool // nil = always
	is    func(*Definition) bool
	apply func(*Definition, map[string]string, Place) error
}

// Place is who asks: it decides whether an address may come with the secret.
type Place bool

const (
	// Here is a person at the machine itself, who may name any host.
	Here Place = true
	// Elsewhere is whoever came over the network: the linked service says where to connect to.
	Elsewhere Place = false
)

var (
	fieldUser     = Field{Name: "userName", Title: "User name", lookUp: userNames}
	fieldPassword = Field{Name: "password", Title: "Password", Secret: true}
)

// userNames are a user's in the properties and connection strings of all stores.
var userNames = []string{"userName", "userId", "user", "User ID", "UID", "LogonID"}

// families are the types of linked services that sign in alike, with their methods, the usual one first.
var families = []struct {
	types   []string
	methods []method
}{
	{[]string{"SqlServer", "AzureSqlDatabase", "AzureSqlMI", "AzureSqlDW", "OnPremisesSqlServer"}, sqlServer},
	{[]string{"Oracle", "OnPremisesOracle"}, database("Oracle user name and password", "User Id", "username")},
	{[]string{"PostgreSql", "PostgreSqlV2", "AzurePostgreSql", "OnPremisesPostgreSql"}, database("User name and password", "Username", "username")},
	{[]string{"MySql", "MariaDB", "AzureMySql", "AzureMariaDB", "OnPremisesMySql"}, database("User name and password", "UID", "username")},
	{[]string{"FileServer", "OnPremisesFileServer"}, nothing("The account that the gateway runs under")},
	{[]string{"AzureBlobStorage", "AzureStorage", "AzureStorageSas"}, blob},
	{[]string{"AzureBlobFS"}, lake},
	{[]string{"Sftp"}, sftp},
	{[]string{"SQLite"}, nothing("None: SQLite files have no sign-in")},
	{[]string{"FtpServer", "HttpServer", "OData"}, userOrAnonymous},
	{[]string{"AmazonS3", "AmazonS3Compatible"}, accessKey},
}

func methodsOf(d *Definition) []method {
	for _, f := range families {
		if slices.ContainsFunc(f.types, func(t string) bool { return strings.EqualFold(t, d.Type()) }) {
			var list []method
			for _, m := range f.methods {
				if m.fits == nil || m.fits(d) {
					list = append(list, m)
				}
			}
			return list
		}
	}
	return nil
}

// Kinds are the ways to sign in that the linked service can be given, the present one first where it is known. A type of
// store whose sign-in is not known here has none.
func (d *Definition) Kinds() []Kind {
	list := []Kind{}
	present := -1
	for i, m := range methodsOf(d) {
		k := m.Kind
		k.Fields = slices.Clone(k.Fields)
		for j := range k.Fields {
			k.Fields[j].Value = d.value(k.Fields[j])
		}
		if present < 0 && m.is != nil && m.is(d) {
			present = i
		}
		list = append(list, k)
	}
	if present > 0 {
		k := list[present]
		list = slices.Insert(slices.Delete(list, present, present+1), 0, k)
	}
	return list
}

// NeedsCredential reports whether every way to sign in that is known asks for something.
func (d *Definition) NeedsCredential() bool {
	kinds := methodsOf(d)
	return len(kinds) > 0 && !slices.ContainsFunc(kinds, func(m method) bool { return len(m.Fields) == 0 })
}

// value is what the linked service has for a field, "" for secrets.
func (d *Definition) value(f Field) string {
	if f.Secret {
		return ""
	}
	for _, name := range append([]string{f.Name}, f.lookUp...) {
		if v := d.Text(name); v != "" {
			return v
		}
		if v := d.Key(name); v != "" {
			return v
		}
	}
	return ""
}

// Longest values: a private key or certificate, and everything else.
const (
	maxLines = 64 << 10
	maxValue = 8 << 10
)

// Apply puts a credential in: the values by field name of one of Kinds. What an earlier credential left is removed.
// Errors never repeat a value.
func (d *Definition) Apply(kind string, values map[string]string, from Place) error {
	methods := methodsOf(d)
	i := slices.IndexFunc(methods, func(m method) bool { return strings.EqualFold(m.Name, kind) })
	if i < 0 {
		var names []string
		for _, m := range methods {
			names = append(names, m.Name)
		}
		if len(names) == 0 {
			return fault.New(fault.Unsupported, "credentials of linked services of type %q cannot be set here", d.Type()).At("kind").
				Try("Seal the linked service with `dmgcmd credential encrypt` and apply it at the data factory.")
		}
		return fault.New(fault.BadInput, "linked service %s cannot sign in by %q", d.Name(), kind).At("kind").Try("Choose one of %s.", strings.Join(names, ", "))
	}
	m := methods[i]
	if err := m.check(values); err != nil {
		return err
	}
	d.WithoutSealed()
	return m.apply(d, values, from)
}

func (m method) check(values map[string]string) error {
	for name := range values {
		if !slices.ContainsFunc(m.Fields, func(f Field) bool { return f.Name == name }) {
			return fault.New(fault.BadInput, "%s has no field %q", m.Title, name).At(name)
		}
	}
	for _, f := range m.Fields {
		v := values[f.Name]
		limit := maxValue
		if f.Lines {
			limit = maxLines
		}
		switch {
		case v == "" && !f.Optional:
			return fault.New(fault.BadInput, "%q is missing", f.Title).At(f.Name).Try("Fill it in.")
		case len(v) > limit:
			return fault.New(fault.BadInput, "%q is longer than %d bytes", f.Title, limit).At(f.Name)
		case strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) && (!f.Lines || r != '\n' && r != '\r' && r != '\t') }):
			return fault.New(fault.BadInput, "%q has a line break or another character that cannot be typed", f.Title).At(f.Name).Try("Paste it again without line breaks.")
		}
	}
	return nil
}

// forget removes every credential property, and the credential keys of the connection string but those to keep.
func (d *Definition) forget(keep ...string) {
	for name := range properties {
		d.Remove(name)
	}
	for key := range keys {
		if !slices.ContainsFunc(keep, func(k string) bool { return normal(k) == key }) {
			d.RemoveKeys(key)
		}
	}
}

// CanBeSet reports whether all that the linked service lacks is a credential: parse accepts it once one is put in.
func CanBeSet(linkedService []byte, parse func([]byte) error) bool {
	first, err := Parse(linkedService)
	if err != nil {
		return false
	}
	for _, k := range first.Kinds() {
		d, err := Parse(linkedService)
		if err != nil {
			return false
		}
		values := map[string]string{}
		for _, f := range k.Fields {
			values[f.Name] = samples[f.Name]
			if values[f.Name] == "" {
				values[f.Name] = "eA=="
			}
		}
		if d.Apply(k.Name, values, Here) == nil && parse(d.JSON()) == nil {
			return true
		}
	}
	return false
}

// samples have the shape of what they stand for.
var samples = map[string]string{
	"userName": "user", "privateKeyContent": "-----BEGIN OPENSSH PRIVATE KEY-----", "sasToken": "sv=1&sig=x", "tenant": "tenant",
	"connectionString": "AccountKey=eA==",
}
