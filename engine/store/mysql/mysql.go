// Package mysql is the store for MySQL, MariaDB and servers that speak their protocol.
//
// The driver github.com/go-sql-driver/mysql signs in. The commands after that are sent and read here, on the same
// connection: rows come in the binary protocol straight from the network's buffer into typed columns, and go out with
// LOAD DATA LOCAL from memory, one transaction per partition, in which the partition is marked as done as well (see
// package sqlstore). The folder's README lists the properties and types.
package mysql

import (
	"dmgateway/engine/store"
)

// Definition is the registry entry of MySQL and MariaDB.
func Definition() store.Definition {
	return store.Definition{
		Name: "mysql", Title: "MySQL and MariaDB",
		LinkedServices: []string{"MySql", "MariaDB", "AzureMySql", "AzureMariaDB", "OnPremisesMySql"},
		Datasets:       []string{"MySqlTable", "MariaDBTable", "AzureMySqlTable", "AzureMariaDBTable", "RelationalTable"},
		Sources:        []string{"MySqlSource", "MariaDBSource", "AzureMySqlSource", "AzureMariaDBSource", "RelationalSource"},
		Sinks:          []string{"AzureMySqlSink", "MySqlSink", "MariaDBSink"},
		Source:         decodeSource, Sink: decodeSink, Test: decodeTest, Browse: decodeBrowse, Types: types(),
	}
}
