// Package postgres is the store for PostgreSQL and servers that speak its protocol.
//
// Rows are read in the binary result format and decoded straight into typed columns; types without a column of their own
// come in their text form. Rows are written with binary COPY, one transaction per partition, in which the partition is
// marked as done as well (see package sqlstore). The folder's README lists the properties and types.
package postgres

import (
	"dmgateway/engine/store"
)

// Definition is the registry entry of PostgreSQL.
func Definition() store.Definition {
	return store.Definition{
		Name: "postgres", Title: "PostgreSQL",
		LinkedServices: []string{"PostgreSqlV2", "PostgreSql", "AzurePostgreSql", "OnPremisesPostgreSql"},
		Datasets:       []string{"PostgreSqlV2Table", "PostgreSqlTable", "AzurePostgreSqlTable", "RelationalTable"},
		Sources:        []string{"PostgreSqlV2Source", "PostgreSqlSource", "AzurePostgreSqlSource", "RelationalSource"},
		Sinks:          []string{"PostgreSqlSink", "AzurePostgreSqlSink"},
		Source:         decodeSource, Sink: decodeSink, Test: decodeTest, Browse: decodeBrowse, Types: types(),
	}
}
