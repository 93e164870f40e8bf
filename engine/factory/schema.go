package factory

import "io/fs"

// Names of the databases in a factory's folder.
const (
	DatabaseFile = databaseFile
	BusFile      = busFile
)

// Migrations are the steps that bring the factory's database to its present schema.
func Migrations() fs.FS { return migrations }
