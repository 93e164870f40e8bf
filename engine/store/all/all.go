// Package all lists the stores that the program knows. It is the one place that imports them all; a new store is one
// line here.
package all

import (
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/store/filesystem"
	"dmgateway/engine/store/mysql"
	"dmgateway/engine/store/oracle"
	"dmgateway/engine/store/postgres"
	"dmgateway/engine/store/sftp"
	"dmgateway/engine/store/sqlite"
	"dmgateway/engine/store/sqlserver"
)

// Stores makes the registry of every store.
func Stores() *store.Registry {
	return store.NewRegistry(
		blob.Definition(),
		blob.DataLake(),
		filesystem.Definition(),
		mysql.Definition(),
		oracle.Definition(),
		postgres.Definition(),
		sftp.Definition(),
		sqlite.Definition(),
		sqlserver.Definition(),
	)
}
