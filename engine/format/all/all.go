// Package all lists the formats that the program knows. It is the one place that imports them all; a new format is one
// line here.
package all

import (
	"dmgateway/engine/format"
	"dmgateway/engine/format/avro"
	"dmgateway/engine/format/json"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/format/text"
)

// Formats makes the registry of every format.
func Formats() *format.Registry {
	return format.NewRegistry(
		text.Definition(),
		parquet.Definition(),
		json.Definition(),
		avro.Definition(),
	)
}
