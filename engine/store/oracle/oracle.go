// Package oracle is the store for Oracle Database, 11.2 to 23ai.
//
// Rows are read through the driver's own row sets and decoded straight into typed columns; what the driver does not read
// exactly (BINARY_FLOAT, intervals, time zones by name, objects) is turned by the server into something that it does. Rows
// are written with array binding, one transaction per partition, in which the partition is marked as done as well (see
// package sqlstore). The folder's README lists the properties and types.
package oracle

import (
	"dmgateway/engine/store"
)

// Definition is the registry entry of Oracle.
func Definition() store.Definition {
	return store.Definition{
		Name: "oracle", Title: "Oracle",
		LinkedServices: []string{"Oracle", "OnPremisesOracle"},
		Datasets:       []string{"OracleTable"},
		Sources:        []string{"OracleSource"},
		Sinks:          []string{"OracleSink"},
		Source:         decodeSource, Sink: decodeSink, Test: decodeTest, Browse: decodeBrowse,
		Types: &typeTable, EmptyIsNull: true,
	}
}
