// Package sftp is the store of files behind an SSH server. A path that begins with "/" counts from the server's root,
// any other from the folder that the server puts the user in.
package sftp

import (
	"context"

	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// Definition is the store's entry in the registry.
func Definition() store.Definition {
	return store.Definition{
		Name:           "sftp",
		Title:          "SFTP",
		LinkedServices: []string{"Sftp"},
		Datasets:       []string{"FileShare"},
		Sources:        []string{"FileSystemSource"},
		Sinks:          []string{"FileSystemSink"},
		Test: func(ls *props.Object) store.Test {
			s := decode(ls)
			return s.test
		},
		Browse: func(ls *props.Object) store.Browse {
			s := decode(ls)
			return s.browse
		},
		Files: &store.FileDefinition{
			Locations:     []string{"SftpLocation"},
			ReadSettings:  []string{"SftpReadSettings"},
			WriteSettings: []string{"SftpWriteSettings"},
			Rooted:        true,
			Open: func(ls *props.Object) store.OpenFiles {
				s := decode(ls)
				return func(ctx context.Context, env store.Env) (store.Files, error) { return s.open(ctx, env) }
			},
		},
	}
}
