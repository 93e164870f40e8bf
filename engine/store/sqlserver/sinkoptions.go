package sqlserver

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store/sqlstore"
)

// How rows get into the table.
const (
	byInsert    = "insert"
	byUpsert    = "upsert"
	byProcedure = "storedProcedure"
)

const (
	// defaultBatchSize is how many rows one bulk copy, interim table or call of a procedure takes.
	defaultBatchSize = 10_000
	// defaultBatchTimeout bounds one write: a bulk copy that the server never answers must end some time.
	defaultBatchTimeout = 2 * time.Hour
)

// sinkOptions is what the copy activity says of its sink.
type sinkOptions struct {
	scripts      []string // that run once before the first row
	autoCreate   bool
	behaviour    string
	keys         []string // of upsert, nil = the table's primary key
	inTempDB     bool     // the interim table is a temporary one
	interim      string   // else the schema that it is made in, "" = the table's
	batchSize    int
	batchTimeout time.Duration
	tableLock    bool
	slice        string // column that holds the identifier of the slice
	procedure    procedure
}

// procedure is a stored procedure that takes the rows as a table-valued parameter.
type procedure struct {
	text       string // the call
	tableType  string
	parameter  string // that takes the table
	parameters []any
}

func decodeSinkOptions(o *props.Object, table sqlstore.Table) sinkOptions {
	s := sinkOptions{
		autoCreate:   o.Enum("tableOption", "none", "autoCreate", "none") == "autoCreate",
		behaviour:    o.Enum("writeBehavior", byInsert, byInsert, byUpsert, byProcedure),
		batchSize:    int(o.IntIn("writeBatchSize", 0, 0, math.MaxInt32)),
		batchTimeout: o.Duration("writeBatchTimeout", 0),
		slice:        o.String("sliceIdentifierColumnName"),
		inTempDB:     true,
	}
	for _, name := range []string{"preCopyScript", "sqlWriterCleanupScript"} {
		if script := o.String(name); strings.TrimSpace(script) != "" {
			s.scripts = append(s.scripts, script)
		}
	}
	if s.batchSize == 0 { // as the Copy wizard writes "not set"
		s.batchSize = defaultBatchSize
	}
	if s.batchTimeout <= 0 {
		s.batchTimeout = defaultBatchTimeout
	}
	lock, other := o.Bool("sqlWriterUseTableLock", false), o.Bool("tableLock", false)
	s.tableLock = lock || other
	s.decodeUpsert(o)
	s.decodeProcedure(o, table)
	o.Ignore("sinkRetryCount", "sinkRetryWait", "disableMetricsCollection") // read by the caller
	o.Warn("maxConcurrentConnections", "parallelCopies limits the connections, so the property has no effect")
	for _, name := range []string{"allowPolyBase", "polyBaseSettings", "allowCopyCommand", "copyCommandSettings"} {
		o.Warn(name, "rows are written with bulk insert over the database connection instead, which needs no storage account in between")
	}
	if s.slice != "" && s.behaviour != byInsert {
		o.Problem(fault.BadInput, "sliceIdentifierColumnName", "the property is for inserting, not for writeBehavior %s", s.behaviour)
	}
	return s
}

func (s *sinkOptions) decodeUpsert(o *props.Object) {
	settings := o.Object("upsertSettings")
	if settings == nil {
		return
	}
	s.inTempDB = settings.Bool("useTempDB", true)
	s.interim = settings.String("interimSchemaName")
	raw := settings.Raw("keys")
	switch {
	case len(raw) == 0:
	case raw[0] == '"': // a text that holds an array, as Data Factory's user interface writes dynamic content
		if text := settings.String("keys"); json.Unmarshal([]byte(text), &s.keys) != nil {
			s.keys = []string{text}
		}
	default:
		s.keys = settings.Strings("keys")
	}
	if s.behaviour != byUpsert && len(s.keys) > 0 {
		o.Problem(fault.BadInput, "upsertSettings", "the settings are for writeBehavior upsert, which is not asked for")
	}
	if s.inTempDB && s.interim != "" {
		settings.Warn("interimSchemaName", "the interim table is a temporary one, so a schema has no effect; set useTempDB to false to use it")
	}
}

func (s *sinkOptions) decodeProcedure(o *props.Object, table sqlstore.Table) {
	p := &s.procedure
	name := o.String("sqlWriterStoredProcedureName")
	p.tableType = o.String("sqlWriterTableType")
	p.parameter = strings.TrimPrefix(o.String("storedProcedureTableTypeParameterName"), "@")
	p.parameters = decodeParameters(o, "storedProcedureParameters")
	if name == "" {
		if s.behaviour == byProcedure {
			o.Problem(fault.BadInput, "sqlWriterStoredProcedureName", "writeBehavior storedProcedure needs the procedure's name")
		} else if p.tableType != "" || p.parameter != "" || p.parameters != nil {
			o.Problem(fault.BadInput, "sqlWriterStoredProcedureName", "the properties of a stored procedure need its name")
		}
		return
	}
	if s.behaviour == byUpsert {
		o.Problem(fault.BadInput, "sqlWriterStoredProcedureName", "a stored procedure and writeBehavior upsert exclude each other")
		return
	}
	s.behaviour = byProcedure
	if p.tableType == "" {
		o.Problem(fault.BadInput, "sqlWriterTableType", "a stored procedure needs the table type of the parameter that takes the rows")
	}
	if p.parameter == "" { // v1: the parameter is called as the dataset's table
		p.parameter = table.Name
	}
	if !isParameterName(p.parameter) {
		o.Problem(fault.BadInput, "storedProcedureTableTypeParameterName", "%q is no name of a parameter; name the procedure's parameter that takes the rows", p.parameter)
	}
	if s.autoCreate {
		o.Problem(fault.BadInput, "tableOption", "a stored procedure writes the rows, so no table can be created")
	}
	p.text = call(o, "sqlWriterStoredProcedureName", name, p.parameters, p.parameter)
}
