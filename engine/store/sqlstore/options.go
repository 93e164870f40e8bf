package sqlstore

import (
	"encoding/json"
	"math"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
)

// SourceOptions is what relational sources have alike.
type SourceOptions struct {
	// Query is the SQL text to read; "" means the dataset's table.
	Query string
	// QueryTimeout limits the time to the query's first row; 0 = none.
	QueryTimeout time.Duration
}

// DecodeSource reads query, queryTimeout and the properties of every copy source.
func DecodeSource(o *props.Object) SourceOptions {
	s := SourceOptions{Query: o.String("query"), QueryTimeout: o.Duration("queryTimeout", 0)}
	o.Ignore("sourceRetryCount", "sourceRetryWait", "disableMetricsCollection") // read by the caller
	o.Warn("maxConcurrentConnections", "parallelCopies limits the connections, so the property has no effect")
	return s
}

// SinkOptions is what relational sinks have alike.
type SinkOptions struct {
	// PreCopyScript is SQL that runs once before the first row is written.
	PreCopyScript string
	// AutoCreate creates the table where it does not exist.
	AutoCreate bool
	// Upsert replaces rows whose Keys are there already, instead of only inserting.
	Upsert bool
	// Keys are the columns that tell rows apart, for Upsert.
	Keys []string
	// InterimSchema is where an interim table may be made, "" = the store's choice.
	InterimSchema string
	// BatchSize is a number of rows, 0 = the store's choice.
	BatchSize int64
	// BatchTimeout limits the time of one write, 0 = none.
	BatchTimeout time.Duration
}

// DecodeSink reads preCopyScript, tableOption, writeBehavior, upsertSettings, writeBatchSize, writeBatchTimeout and the
// properties of every copy sink. 0 and 00:00:00 mean "not set", as the Copy wizard writes them.
func DecodeSink(o *props.Object) SinkOptions {
	s := SinkOptions{
		PreCopyScript: o.String("preCopyScript"),
		AutoCreate:    o.Enum("tableOption", "none", "autoCreate", "none") == "autoCreate",
		Upsert:        o.Enum("writeBehavior", "Insert", "Insert", "Upsert") == "Upsert",
		BatchSize:     o.IntIn("writeBatchSize", 0, 0, math.MaxInt32),
		BatchTimeout:  o.Duration("writeBatchTimeout", 0),
	}
	o.Ignore("sinkRetryCount", "sinkRetryWait", "disableMetricsCollection") // read by the caller
	o.Warn("maxConcurrentConnections", "parallelCopies limits the connections, so the property has no effect")
	settings := o.Object("upsertSettings")
	if settings != nil {
		s.Keys = keys(settings)
		s.InterimSchema = settings.String("interimSchemaName")
		settings.Bool("useTempDB", true)
	}
	switch {
	case s.Upsert && len(s.Keys) == 0:
		o.Problem(fault.BadInput, "upsertSettings", "writeBehavior Upsert needs upsertSettings.keys, the columns that tell rows apart")
	case !s.Upsert && len(s.Keys) > 0:
		o.Problem(fault.BadInput, "upsertSettings", "the settings are for writeBehavior Upsert, which is not asked for")
	}
	return s
}

// keys takes an array of texts, or a text that holds one, as Data Factory's user interface writes dynamic content.
func keys(o *props.Object) []string {
	raw := o.Raw("keys")
	if len(raw) == 0 || raw[0] != '"' {
		return o.Strings("keys")
	}
	var list []string
	if text := o.String("keys"); json.Unmarshal([]byte(text), &list) != nil {
		list = []string{text}
	}
	return list
}
