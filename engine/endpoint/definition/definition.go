// Package definition changes the credential in the JSON of a linked service (v1 or v2 shape) and nothing else, and tells
// whether somebody else did no more than that. Gateway and factory share it, so that they agree on what a credential is.
package definition

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// properties are the typeProperties that say how to sign in, lower case. Everything else says where to connect to.
var properties = set(
	"authenticationType", "userName", "user", "userId", "password", "pwd", "encryptedCredential",
	"servicePrincipalId", "servicePrincipalKey", "servicePrincipalCredential", "servicePrincipalCredentialType",
	"servicePrincipalEmbeddedCert", "servicePrincipalEmbeddedCertPassword", "tenant", "integratedSecurity",
	"accountKey", "sasUri", "sasToken", "accessKeyId", "secretAccessKey", "sessionToken", "clientId", "clientSecret",
	"privateKeyContent", "privateKeyPath", "passPhrase",
)

// keys are the same of connection strings, lower case without spaces.
var keys = set(
	"User ID", "UID", "User", "User Name", "LogonID", "Password", "PWD", "Integrated Security", "Trusted_Connection",
	"Authentication", "EncryptedCredential", "AccountKey", "SharedAccessSignature", "Proxy User Id", "Proxy Password",
)

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[normal(n)] = true
	}
	return m
}

// Definition is the JSON of one linked service, being changed. Names are matched without regard to case.
type Definition struct {
	root, properties, types jsonobject.Object // properties is nil where typeProperties stands at the top
}

// Parse reads a linked service.
func Parse(data []byte) (*Definition, error) {
	d := &Definition{types: jsonobject.Object{}}
	var err error
	if d.root, err = jsonobject.Parse(data, "$"); err != nil {
		return nil, err
	}
	holder, path := d.root, "$"
	if raw := d.root.Get("properties"); present(raw) {
		path += ".properties"
		if d.properties, err = jsonobject.Parse(raw, path); err != nil {
			return nil, err
		}
		holder = d.properties
	}
	if raw := holder.Get("typeProperties"); present(raw) {
		d.types, err = jsonobject.Parse(raw, path+".typeProperties")
	}
	return d, err
}

func present(raw json.RawMessage) bool { return raw != nil && string(raw) != "null" }

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var secure struct{ Type, Value string }
	if json.Unmarshal(raw, &secure) == nil && strings.EqualFold(secure.Type, "SecureString") {
		return secure.Value
	}
	return ""
}

// Name is the linked service's.
func (d *Definition) Name() string { return text(d.root.Get("name")) }

// Type is the linked service's: "SqlServer".
func (d *Definition) Type() string {
	if d.properties != nil {
		return text(d.properties.Get("type"))
	}
	return text(d.root.Get("type"))
}

// Has reports whether a typeProperty is there and not null.
func (d *Definition) Has(name string) bool { return present(d.types.Get(name)) }

// Text is a typeProperty that is a text or a SecureString, else "".
func (d *Definition) Text(name string) string { return text(d.types.Get(name)) }

// Set sets a typeProperty to a text.
func (d *Definition) Set(name, value string) { d.types = d.types.Set(name, encode(value)) }

// Remove removes typeProperties.
func (d *Definition) Remove(names ...string) {
	for _, n := range names {
		d.types = d.types.Without(n)
	}
}

const connectionString = "connectionString"

// Key is the value of the first of the keys that the connection string has, "" where it has none.
func (d *Definition) Key(names ...string) string {
	for _, p := range split(d.Text(connectionString)) {
		if slices.ContainsFunc(names, func(n string) bool { return normal(n) == p.key }) {
			return p.value()
		}
	}
	return ""
}

// SetKey sets a key of the connection string in the place of the first of its names that is there, else at the end as
// the first name; the others are removed.
func (d *Definition) SetKey(value string, names ...string) {
	list := split(d.Text(connectionString))
	at := -1
	list = slices.DeleteFunc(list, func(p part) bool { // DeleteFunc asks in order
		if !slices.ContainsFunc(names, func(n string) bool { return normal(n) == p.key }) {
			return false
		}
		if at < 0 {
			at = 0
			return false
		}
		return true
	})
	for i, p := range list {
		if slices.ContainsFunc(names, func(n string) bool { return normal(n) == p.key }) {
			key, _, _ := strings.Cut(p.text, "=")
			list[i] = newPart(strings.TrimSpace(key), value)
			d.setConnection(join(list))
			return
		}
	}
	d.setConnection(join(append(list, newPart(names[0], value))))
}

// RemoveKeys removes keys of the connection string.
func (d *Definition) RemoveKeys(names ...string) {
	if !d.Has(connectionString) {
		return
	}
	list := slices.DeleteFunc(split(d.Text(connectionString)), func(p part) bool {
		return slices.ContainsFunc(names, func(n string) bool { return normal(n) == p.key })
	})
	d.setConnection(join(list))
}

// setConnection keeps the shape: a SecureString stays one.
func (d *Definition) setConnection(value string) {
	if old := d.types.Get(connectionString); len(old) > 0 && old[0] == '{' {
		d.types = d.types.Set(connectionString, encode(jsonobject.Object{{Name: "type", Raw: encode("SecureString")}, {Name: "value", Raw: encode(value)}}))
		return
	}
	d.Set(connectionString, value)
}

// JSON is the linked service as it is now.
func (d *Definition) JSON() []byte {
	if d.properties == nil {
		return encode(d.root.Set("typeProperties", encode(d.types)))
	}
	return encode(d.root.Set("properties", encode(d.properties.Set("typeProperties", encode(d.types)))))
}

// WithoutSealed removes the sealed credential, wherever it stands, and reports whether there was one.
func (d *Definition) WithoutSealed() bool {
	found := d.Text("encryptedCredential") != "" || d.Key("EncryptedCredential") != ""
	d.Remove("encryptedCredential")
	if d.Key("EncryptedCredential") != "" {
		d.RemoveKeys("EncryptedCredential")
	}
	return found
}

// SameButCredential refuses a change of a linked service that goes beyond its credential: another name or type, another
// server, other options. Both are whole linked services. The error names the first property that differs.
func SameButCredential(before, after []byte) error {
	a, err := openPart(before)
	if err != nil {
		return err
	}
	b, err := openPart(after)
	if err != nil {
		return err
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(a[name], b[name]) {
			return fault.New(fault.Forbidden, "setting a credential may not change anything else of the linked service").At("$." + name).
				Try("Change it at the data factory, then set the credential.")
		}
	}
	return nil
}

// openPart is everything of a linked service but its credential, by path.
func openPart(data []byte) (map[string]any, error) {
	d, err := Parse(data)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"name": d.Name(), "type": d.Type()}
	add := func(prefix string, o jsonobject.Object, skip ...string) error {
		for _, p := range o {
			name := strings.ToLower(p.Name)
			if slices.Contains(skip, name) || !present(p.Raw) {
				continue
			}
			var v any
			if err := json.Unmarshal(p.Raw, &v); err != nil {
				return err
			}
			out[prefix+name] = v
		}
		return nil
	}
	if err := add("", d.root, "name", "id", "etag", "type", "properties", "typeproperties"); err != nil {
		return nil, err
	}
	if err := add("properties.", d.properties, "type", "typeproperties"); err != nil {
		return nil, err
	}
	for _, p := range d.types {
		name := strings.ToLower(p.Name)
		path := "typeProperties." + name
		switch {
		case properties[name] || !present(p.Raw):
		case name == "connectionstring" && p.Raw[0] == '"':
			if kept := openKeys(text(p.Raw)); len(kept) > 0 {
				out[path] = kept
			}
		default:
			var v any
			if err := json.Unmarshal(p.Raw, &v); err != nil {
				return nil, err
			}
			out[path] = v
		}
	}
	return out, nil
}

func openKeys(connection string) map[string]string {
	kept := map[string]string{}
	for _, p := range split(connection) {
		if !keys[p.key] {
			kept[p.key] += "\x00" + p.value()
		}
	}
	return kept
}

// Place is where the linked service leads to, for people: "db1, shop"; "" where nothing of that can be read.
func (d *Definition) Place() string {
	var parts []string
	first := func(values ...string) {
		for _, v := range values {
			if v != "" {
				parts = append(parts, v)
				return
			}
		}
	}
	first(d.Key("Data Source", "Server", "Host", "Address", "Addr", "Network Address", "AccountName", "BlobEndpoint", "Filename"),
		d.Text("server"), d.Text("host"), d.Text("url"), d.Text("serviceEndpoint"), d.Text("containerUri"), d.Text("serviceUrl"))
	first(d.Key("Initial Catalog", "Database", "DB", "ServiceName", "Service Name", "SID"), d.Text("database"))
	return strings.Join(parts, ", ")
}

// encode writes texts and objects, which always marshal.
func encode(v any) json.RawMessage {
	raw, err := jsonobject.Encode(v)
	if err != nil {
		panic(err)
	}
	return raw
}
