package parquet

import (
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"dmgateway/engine/batch"
)

// typeRows are physical types with the logical types that they can carry, in the order of the format's own documents.
var typeRows = []struct {
	native   string
	logical  schema.LogicalType
	physical parquet.Type
	length   int
	note     string
}{
	{"BOOLEAN", nil, parquet.Types.Boolean, 0, ""},
	{"INT32", nil, parquet.Types.Int32, 0, ""},
	{"INT64", nil, parquet.Types.Int64, 0, ""},
	{"INT96", nil, parquet.Types.Int96, 0, "a clock time; written for times in 100 ns, of which a footer entry names the instants. A value with single nanoseconds is an error of its row"},
	{"FLOAT", nil, parquet.Types.Float, 0, ""},
	{"DOUBLE", nil, parquet.Types.Double, 0, ""},
	{"BYTE_ARRAY", nil, parquet.Types.ByteArray, 0, "also where an old program meant text"},
	{"FIXED_LEN_BYTE_ARRAY(n)", nil, parquet.Types.FixedLenByteArray, 8, "n bytes"},
	{"STRING", schema.StringLogicalType{}, parquet.Types.ByteArray, 0, "bytes that are no UTF-8 are an error of their row"},
	{"ENUM", schema.EnumLogicalType{}, parquet.Types.ByteArray, 0, ""},
	{"UUID", schema.UUIDLogicalType{}, parquet.Types.FixedLenByteArray, 16, ""},
	{"INT(8, signed)", schema.NewIntLogicalType(8, true), parquet.Types.Int32, 0, ""},
	{"INT(16, signed)", schema.NewIntLogicalType(16, true), parquet.Types.Int32, 0, ""},
	{"INT(8, unsigned)", schema.NewIntLogicalType(8, false), parquet.Types.Int32, 0, ""},
	{"INT(16, unsigned)", schema.NewIntLogicalType(16, false), parquet.Types.Int32, 0, ""},
	{"INT(32, unsigned)", schema.NewIntLogicalType(32, false), parquet.Types.Int32, 0, ""},
	{"INT(64, unsigned)", schema.NewIntLogicalType(64, false), parquet.Types.Int64, 0, ""},
	{"DECIMAL(p,s)", schema.NewDecimalLogicalType(9, 2), parquet.Types.Int32, 0, "p and s digits; INT32 to 9, INT64 to 18, FIXED_LEN_BYTE_ARRAY to 76 digits; byte arrays of any length are read"},
	{"FLOAT16", schema.Float16LogicalType{}, parquet.Types.FixedLenByteArray, 2, "read only"},
	{"DATE", schema.DateLogicalType{}, parquet.Types.Int32, 0, ""},
	{"TIME(millis)", schema.NewTimeLogicalType(false, schema.TimeUnitMillis), parquet.Types.Int32, 0, ""},
	{"TIME(micros)", schema.NewTimeLogicalType(false, schema.TimeUnitMicros), parquet.Types.Int64, 0, "24:00:00 cannot be written"},
	{"TIME(nanos)", schema.NewTimeLogicalType(false, schema.TimeUnitNanos), parquet.Types.Int64, 0, ""},
	{"TIMESTAMP(millis)", schema.NewTimestampLogicalType(false, schema.TimeUnitMillis), parquet.Types.Int64, 0, ""},
	{"TIMESTAMP(micros)", schema.NewTimestampLogicalType(false, schema.TimeUnitMicros), parquet.Types.Int64, 0, ""},
	{"TIMESTAMP(nanos)", schema.NewTimestampLogicalType(false, schema.TimeUnitNanos), parquet.Types.Int64, 0, "the years 1678 to 2262"},
	{"TIMESTAMP(micros, UTC)", schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, 0, "the instant; offsets are not kept"},
	{"INTERVAL", schema.IntervalLogicalType{}, parquet.Types.FixedLenByteArray, 12, "as text, P14M3DT4.500S: months, days, seconds; read only"},
	{"JSON", schema.JSONLogicalType{}, parquet.Types.ByteArray, 0, ""},
	{"BSON", schema.BSONLogicalType{}, parquet.Types.ByteArray, 0, "the bytes; read only"},
}

// types is the table of types, made by the code that reads and writes them.
func types() *batch.TypeTable {
	t := &batch.TypeTable{Creates: func(f batch.Field) string {
		f.Type = stored(f.Type)
		n, err := node(f)
		if err != nil {
			return ""
		}
		return nativeName(schema.NewColumn(n.(*schema.PrimitiveNode), 0, 0))
	}}
	for _, x := range typeRows {
		l := x.logical
		if l == nil {
			l = schema.NoLogicalType{}
		}
		n, err := schema.NewPrimitiveNodeLogical(x.native, parquet.Repetitions.Required, l, x.physical, x.length, -1)
		if err != nil {
			continue
		}
		interim, _ := typeOf(schema.NewColumn(n, 0, 0))
		t.Reads = append(t.Reads, batch.TypeRow{Native: x.native, Interim: interim, Note: x.note})
	}
	t.Reads = append(t.Reads,
		batch.TypeRow{Native: "LIST, repeated fields", Interim: kind(batch.JSON), Note: "a JSON array, whatever is in it; read only"},
		batch.TypeRow{Native: "MAP", Interim: kind(batch.JSON), Note: "a JSON object whose keys are texts; read only"},
	)
	return t
}
