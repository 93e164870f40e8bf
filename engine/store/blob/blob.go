// Package blob is the store of Azure Blob Storage and, as the same service, of Azure Data Lake Storage Gen2. Paths begin
// with the container or file system.
package blob

import (
	"context"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Definition is the store's entry in the registry.
func Definition() store.Definition {
	return store.Definition{
		Name:           "blob",
		Title:          "Azure Blob Storage",
		LinkedServices: []string{"AzureBlobStorage", "AzureStorage", "AzureStorageSas"},
		Datasets:       []string{"AzureBlob"},
		Sources:        []string{"BlobSource"},
		Sinks:          []string{"BlobSink"},
		Test: func(ls *props.Object) store.Test {
			a := decode(ls)
			return a.test
		},
		Browse: func(ls *props.Object) store.Browse {
			a := decode(ls)
			return a.browse
		},
		Files: &store.FileDefinition{
			Locations:     []string{"AzureBlobStorageLocation"},
			ReadSettings:  []string{"AzureBlobStorageReadSettings"},
			WriteSettings: []string{"AzureBlobStorageWriteSettings"},
			Container:     "container",
			RecursiveV1:   true,
			Metadata:      true,
			Open: func(ls *props.Object) store.OpenFiles {
				a := decode(ls)
				return func(_ context.Context, env store.Env) (store.Files, error) { return open(a.via(env)) }
			},
		},
	}
}

// open makes the client. It sends nothing yet: the first request signs in.
func open(a *account) (*files, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	return &files{account: a, client: c}, nil
}
