package blob

import (
	"context"
	"net/url"
	"strings"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// DataLake is the entry in the registry of Azure Data Lake Storage Gen2. It is the same service under another name: with
// a hierarchical namespace both endpoints show the same files, and the blob endpoint commits a file at once, by its block
// list, where the other appends to a file that everybody sees.
func DataLake() store.Definition {
	return store.Definition{
		Name:           "datalake",
		Title:          "Azure Data Lake Storage Gen2",
		LinkedServices: []string{"AzureBlobFS"},
		Datasets:       []string{"AzureBlobFSFile"},
		Sources:        []string{"AzureBlobFSSource"},
		Sinks:          []string{"AzureBlobFSSink"},
		Test: func(ls *props.Object) store.Test {
			a := decodeLake(ls)
			return a.test
		},
		Browse: func(ls *props.Object) store.Browse {
			a := decodeLake(ls)
			return a.browse
		},
		Files: &store.FileDefinition{
			Locations:     []string{"AzureBlobFSLocation"},
			ReadSettings:  []string{"AzureBlobFSReadSettings", "AzureBlobFSReadSetting"},
			WriteSettings: []string{"AzureBlobFSWriteSettings", "AzureBlobFSWriteSetting"},
			Container:     "fileSystem",
			RecursiveV1:   true,
			Metadata:      true,
			Open: func(ls *props.Object) store.OpenFiles {
				a := decodeLake(ls)
				return func(_ context.Context, env store.Env) (store.Files, error) { return open(a.via(env)) }
			},
		},
	}
}

// decodeLake reads a linked service of type AzureBlobFS.
func decodeLake(ls *props.Object) *account {
	a := &account{lake: true}
	ls.Ignore("accountKind")
	kind := ls.Enum("authenticationType", "", "Anonymous", "AccountKey", "SasUri", "ServicePrincipal", "Msi")
	refuseCredential(ls)
	a.principal.decode(ls)
	a.cloud = readCloud(ls)
	at, key := ls.String("url"), ls.Secret("accountKey")
	sasURI, sasToken := ls.Secret("sasUri"), ls.Secret("sasToken")
	switch {
	case !sasURI.Empty():
		a.address(ls, "sasUri", sasURI.Reveal(), sasToken)
		if a.sas.Empty() {
			ls.Problem(fault.BadInput, "sasUri", "the address has no signature (no sig= after the question mark)")
		}
		refuseTogether(ls, "sasUri", "accountKey", "servicePrincipalId")
		ls.Ignore("url")
	case at != "":
		a.address(ls, "url", at, sasToken)
		a.key = key
		if !sasToken.Empty() {
			refuseTogether(ls, "sasToken", "accountKey", "servicePrincipalId")
		}
		a.managed = key.Empty() && a.sas.Empty() && !a.principal.given() && kind != "Anonymous"
	default:
		ls.Problem(fault.BadInput, "url", "the property is missing: https://NAME.dfs.core.windows.net")
	}
	if !key.Empty() && a.principal.given() {
		ls.Problem(fault.BadInput, "accountKey", "the key and a service principal exclude each other")
	}
	if a.managed && kind != "" && kind != "Msi" {
		ls.Problem(fault.BadInput, "authenticationType", "%s needs more than url", kind)
	}
	a.checkKey(ls)
	return a
}

// asBlob turns the host of a Data Lake's address to that of the same account's blobs.
func asBlob(u *url.URL) {
	u.Host = strings.Replace(u.Host, ".dfs.", ".blob.", 1)
}
