package definition

import (
	"slices"
	"strconv"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/jsonobject"
)

// Type is a type of store for which a linked service can be made of a few fields.
type Type struct {
	Name  string `json:"name"` // of the linked service: "SqlServer"
	Title string `json:"title"`
	// Fields say where the store is. Their names are properties of the linked service, but for SQLite's file and a blob
	// account's name.
	Fields []Field `json:"fields"`
	// Kinds are all ways to sign in to it.
	Kinds []Kind `json:"kinds"`
}

var (
	fieldServer   = Field{Name: "server", Title: "Server"}
	fieldDatabase = Field{Name: "database", Title: "Database"}
)

func portField(usual int) Field {
	return Field{Name: "port", Title: "Port", Optional: true, Value: strconv.Itoa(usual)}
}

func sqlServerFields() []Field {
	return []Field{
		{Name: "server", Title: "Server", Hint: `db1, db1,1433 or db1\INSTANCE`},
		{Name: "database", Title: "Database", Optional: true},
		{Name: "encrypt", Title: "Encryption", Optional: true, Choices: []string{"mandatory", "optional", "strict"}, Value: "mandatory"},
		{Name: "trustServerCertificate", Title: "Trust any certificate", Optional: true, Choices: []string{"false", "true"}, Value: "false"},
	}
}

func serverFields(port int, modes ...string) []Field {
	mode := Field{Name: "sslMode", Title: "Encryption", Optional: true, Choices: modes, Value: modes[0]}
	return []Field{fieldServer, portField(port), fieldDatabase, mode}
}

var types = []Type{
	{Name: "SqlServer", Title: "SQL Server", Fields: sqlServerFields()},
	{Name: "AzureSqlDatabase", Title: "Azure SQL Database", Fields: []Field{{Name: "server", Title: "Server", Hint: "name.database.windows.net"}, fieldDatabase}},
	{Name: "Oracle", Title: "Oracle", Fields: []Field{{Name: "server", Title: "Server and service", Hint: "db1:1521/ORCLPDB1"}}},
	{Name: "PostgreSqlV2", Title: "PostgreSQL", Fields: serverFields(5432, "Prefer", "Disable", "Allow", "Require", "VerifyCA", "VerifyFull")},
	{Name: "MySql", Title: "MySQL", Fields: serverFields(3306, "Preferred", "Disabled", "Required", "VerifyCA", "VerifyFull")},
	{Name: "MariaDB", Title: "MariaDB", Fields: serverFields(3306, "Preferred", "Disabled", "Required", "VerifyCA", "VerifyFull")},
	{Name: "SQLite", Title: "SQLite", Fields: []Field{{Name: "file", Title: "Database file", Hint: "/srv/data/shop.db"}}},
	{Name: "FileServer", Title: "File system", Fields: []Field{{Name: "host", Title: "Folder", Hint: `/srv/data, D:\data or \\server\share`}}},
	{Name: "Sftp", Title: "SFTP", Fields: []Field{
		{Name: "host", Title: "Server"},
		portField(22),
		{Name: "hostKeyFingerprint", Title: "Fingerprint of the host key", Optional: true, Hint: "SHA256:…; empty means that known_hosts has it"},
	}},
	{Name: "AzureBlobStorage", Title: "Azure Blob Storage", Fields: []Field{
		{Name: "account", Title: "Account", Optional: true, Hint: "Its name, or its address where that is another than Azure's. Not needed with a connection string"},
	}},
	{Name: "AzureBlobFS", Title: "Azure Data Lake Storage Gen2", Fields: []Field{{Name: "url", Title: "Address", Hint: "https://account.dfs.core.windows.net"}}},
}

// Types are the types of stores for which [New] makes a linked service, in the order in which a person is offered them.
func Types() []Type {
	list := slices.Clone(types)
	for i := range list {
		list[i].Fields = slices.Clone(list[i].Fields)
		list[i].Kinds = []Kind{}
		for _, f := range families {
			if !slices.Contains(f.types, list[i].Name) {
				continue
			}
			for _, m := range f.methods {
				list[i].Kinds = append(list[i].Kinds, m.Kind)
			}
		}
	}
	return list
}

// New makes a linked service of a type, without a credential, of the values of the type's fields by name. kind is the way
// to sign in that will be applied: it decides which property has the address. Errors never repeat a value.
func New(name, kind string, values map[string]string) (*Definition, error) {
	i := slices.IndexFunc(types, func(t Type) bool { return strings.EqualFold(t.Name, name) })
	if i < 0 {
		return nil, fault.New(fault.Unsupported, "no linked service of type %q can be made of fields", name).At("type").Try("Give its JSON.")
	}
	t := types[i]
	fields := method{Kind: Kind{Title: t.Title, Fields: t.Fields}}
	if err := fields.check(values); err != nil {
		return nil, err
	}
	d := &Definition{
		root: jsonobject.Object{{Name: "name", Raw: encode("Test")}, {Name: "properties", Raw: encode(jsonobject.Object{})}}, properties: jsonobject.Object{{Name: "type", Raw: encode(t.Name)}}, types: jsonobject.Object{},
	}
	for _, f := range t.Fields {
		v := strings.TrimSpace(values[f.Name])
		if len(f.Choices) > 0 && v != "" && !slices.Contains(f.Choices, v) {
			return nil, fault.New(fault.BadInput, "%q is none of %s", f.Title, strings.Join(f.Choices, ", ")).At(f.Name)
		}
		if err := d.place(t.Name, kind, f.Name, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// place puts the value of one field where the type has it.
func (d *Definition) place(typeName, kind, field, v string) error {
	switch {
	case field == "account":
		return d.placeAccount(kind, v)
	case v == "":
	case field == "file" && typeName == "SQLite":
		d.Set(connectionString, newPart("Data Source", v).text)
	case field == "port":
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || n == 0 {
			return fault.New(fault.BadInput, "the port is no number from 1 to 65535").At(field)
		}
		d.types = d.types.Set(field, encode(n))
	case field == "trustServerCertificate":
		d.types = d.types.Set(field, encode(v == "true"))
	default:
		d.Set(field, v)
	}
	return nil
}

// placeAccount says where a storage account is: by its address, unless the credential itself says it.
func (d *Definition) placeAccount(kind, v string) error {
	if v != "" && !strings.Contains(v, "://") {
		if strings.ContainsAny(v, "/?#@: ") {
			return fault.New(fault.BadInput, "the account is neither a name nor an address").At("account").Try("Give its name alone, or its address with https://.")
		}
		if !strings.Contains(v, ".") {
			v += ".blob.core.windows.net"
		}
		v = "https://" + v
	}
	switch {
	case kind == "ConnectionString":
	case kind == "Sas":
		if v != "" {
			d.Set("sasUri", v)
		}
	case v == "":
		return fault.New(fault.BadInput, "%q is missing", "Account").At("account").Try("Fill it in.")
	default:
		d.Set("serviceEndpoint", v)
	}
	return nil
}
