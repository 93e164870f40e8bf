package view

import (
	"context"
	"maps"
	"slices"
	"strings"

	"dmgateway/app/words"
	"dmgateway/engine"
)

// Credentials sets the credential of a linked service, after testing it where the person wishes. Make one with
// [Model.Credentials]; its methods return at once. What was typed is kept no longer than the call that it was given for.
type Credentials struct {
	watched
	// Test tells how a test of the connection does.
	Test *ConnectionTest
	task task
	s    CredentialsView
}

// CredentialsView is a moment of [Credentials].
type CredentialsView struct {
	Loading bool
	Loaded  bool
	Targets []CredentialTarget
	Saving  bool
	// Done says what was set, in sentences; "" before. Nodes are the nodes that can open it.
	Done    string
	Nodes   string
	Problem *Problem
}

// CredentialTarget is a linked service whose credential can be set.
type CredentialTarget struct {
	Name, Type, Place string
	Tone              Tone
	State             string // "Credential set"
	Kinds             []engine.CredentialKind
	// Others are the other nodes of the gateway, for which a credential can be sealed too.
	Others []engine.CredentialNode
}

// Title names the linked service with its type: "OnPremSales (SQL Server)".
func (t CredentialTarget) Title() string { return t.Name + " (" + t.Type + ")" }

// CredentialForm is what a person chose and typed.
type CredentialForm struct {
	LinkedService, Kind string
	Values              map[string]string
	AlsoFor             []string // thumbprints
}

// Credentials makes one that knows no linked services yet.
func (m *Model) Credentials() *Credentials {
	return &Credentials{Test: m.ConnectionTest(""), task: task{m: m}}
}

// Snapshot is the present moment.
func (c *Credentials) Snapshot() CredentialsView {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Targets = slices.Clone(s.Targets)
	return s
}

// Load asks the factory for the linked services of this gateway.
func (c *Credentials) Load() {
	c.task.start(func() {
		c.change(func() { c.s = CredentialsView{Loading: true} })
	}, func(ctx context.Context) {
		targets, err := c.task.m.ctl.CredentialTargets(ctx)
		c.task.done()
		c.change(func() {
			c.s.Loading = false
			if err != nil {
				c.s.Problem = ProblemOf(err)
				return
			}
			c.s.Loaded = true
			for _, t := range targets {
				c.s.Targets = append(c.s.Targets, targetView(t))
			}
		})
	})
}

// Try tests the connection with what was typed.
func (c *Credentials) Try(f CredentialForm) {
	r := f.request()
	c.Test.run(func(ctx context.Context, report func(engine.Stage)) error {
		return c.task.m.ctl.TestCredential(ctx, r, report)
	})
}

// Set seals what was typed and puts it into the linked service.
func (c *Credentials) Set(f CredentialForm) {
	r := f.request()
	c.task.start(func() {
		c.change(func() { c.s.Saving, c.s.Done, c.s.Problem = true, "", nil })
	}, func(ctx context.Context) {
		sealed, err := c.task.m.ctl.SetCredential(ctx, r)
		c.task.done()
		c.change(func() {
			c.s.Saving = false
			if err != nil {
				c.s.Problem = ProblemOf(err)
				return
			}
			c.s.Done = words.T("The credential of %s is set. The gateway has sealed it; the data factory cannot read it.", sealed.LinkedService)
			if len(sealed.SealedFor) > 1 {
				c.s.Nodes = words.T("Nodes that can open it: %s", strings.Join(sealed.SealedFor, ", "))
			}
		})
	})
}

// Cancel ends what is under way.
func (c *Credentials) Cancel() {
	c.task.cancel()
	c.Test.Cancel()
}

// Changed forgets outcomes: they are not those of what is typed now.
func (c *Credentials) Changed() {
	c.Test.Clear()
	c.change(func() {
		if c.s.Problem != nil && c.s.Loaded {
			c.s.Problem = nil
		}
	})
}

func (f CredentialForm) request() engine.CredentialRequest {
	return engine.CredentialRequest{LinkedService: f.LinkedService, Kind: f.Kind, Values: maps.Clone(f.Values), AlsoFor: slices.Clone(f.AlsoFor)}
}

// Missing names the fields of a kind that are needed and empty.
func Missing(k engine.CredentialKind, values map[string]string) []string {
	var names []string
	for _, f := range k.Fields {
		if !f.Optional && values[f.Name] == "" {
			names = append(names, f.Name)
		}
	}
	return names
}

func targetView(t engine.CredentialTarget) CredentialTarget {
	v := CredentialTarget{Name: t.Name, Type: StoreTitle(t.Type), Place: t.Place, Kinds: t.Kinds}
	for _, n := range t.Nodes {
		if !n.This {
			v.Others = append(v.Others, n)
		}
	}
	switch {
	case len(t.Kinds) == 0:
		v.Tone, v.State = Off, words.T("Cannot be set here")
	case t.Set && t.Readable:
		v.Tone, v.State = Good, words.T("Credential set")
	case t.Set:
		v.Tone, v.State = Warning, words.T("Sealed for another certificate: set it again")
	default:
		v.Tone, v.State = Warning, words.T("No credential yet")
	}
	return v
}

var stores = map[string]string{
	"sqlserver": "SQL Server", "onpremisessqlserver": "SQL Server", "azuresqldatabase": "Azure SQL Database", "azuresqlmi": "Azure SQL Managed Instance",
	"azuresqldw": "Azure Synapse Analytics", "oracle": "Oracle", "onpremisesoracle": "Oracle", "postgresql": "PostgreSQL", "postgresqlv2": "PostgreSQL",
	"onpremisespostgresql": "PostgreSQL", "azurepostgresql": "Azure Database for PostgreSQL", "mysql": "MySQL", "onpremisesmysql": "MySQL", "mariadb": "MariaDB",
	"azuremysql": "Azure Database for MySQL", "azuremariadb": "Azure Database for MariaDB", "sqlite": "SQLite", "azureblobstorage": "Azure Blob Storage",
	"azurestorage": "Azure Blob Storage", "azurestoragesas": "Azure Blob Storage", "azureblobfs": "Azure Data Lake Storage Gen2", "sftp": "SFTP",
	"ftpserver": "FTP", "httpserver": "HTTP", "odata": "OData", "amazons3": "Amazon S3", "amazons3compatible": "S3", "mongodb": "MongoDB",
}

// StoreTitle is what people call a type of linked service; that of an unknown one is its own name.
func StoreTitle(typeName string) string {
	switch name := strings.ToLower(typeName); {
	case name == "fileserver" || name == "onpremisesfileserver":
		return words.T("File system")
	case stores[name] != "":
		return stores[name]
	}
	return typeName
}
