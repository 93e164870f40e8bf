// Package sqlserver is the store for Microsoft SQL Server, Azure SQL Database, Azure SQL Managed Instance and Azure
// Synapse Analytics (dedicated SQL pool).
//
// Rows are read through the driver's own row interface, without database/sql in between, and decoded into typed columns.
// They are written with bulk copy, one transaction per partition, in which the partition is marked as done as well (see
// package sqlstore). Where the server decides about single rows (skipped rows, upsert, types that bulk copy cannot fill)
// rows go into an interim table first and from there into the table. The folder's README lists properties and types.
package sqlserver

import (
	"dmgateway/engine/batch"
	"dmgateway/engine/store"
)

// Definition is the registry entry of SQL Server.
func Definition() store.Definition {
	return store.Definition{
		Name: "sqlserver", Title: "SQL Server",
		LinkedServices: []string{"SqlServer", "AzureSqlDatabase", "AzureSqlMI", "AzureSqlDW", "OnPremisesSqlServer"},
		Datasets:       []string{"SqlServerTable", "AzureSqlTable", "AzureSqlMITable", "AzureSqlDWTable"},
		Sources:        []string{"SqlServerSource", "AzureSqlSource", "SqlMISource", "SqlDWSource", "SqlSource"},
		Sinks:          []string{"SqlServerSink", "AzureSqlSink", "SqlMISink", "SqlDWSink", "SqlSink"},
		Source:         decodeSource, Sink: decodeSink, Test: decodeTest, Browse: decodeBrowse,
		Types: &batch.TypeTable{Reads: typeRows(), Creates: func(f batch.Field) string { return created(f, false).native() }},
	}
}
