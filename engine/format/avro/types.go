package avro

import (
	"encoding/json"

	"dmgateway/engine/batch"
)

func of(k batch.Kind) batch.Type { return batch.Type{Kind: k} }

// types is the format's table of types.
var types = &batch.TypeTable{
	Reads: []batch.TypeRow{
		{Native: "null", Interim: of(batch.String), Note: "always NULL"},
		{Native: "boolean", Interim: of(batch.Boolean)},
		{Native: "int", Interim: of(batch.Int32)},
		{Native: "long", Interim: of(batch.Int64)},
		{Native: "float", Interim: of(batch.Single)},
		{Native: "double", Interim: of(batch.Double)},
		{Native: "bytes", Interim: of(batch.Binary)},
		{Native: "string", Interim: of(batch.String), Note: "a row whose text is not UTF-8 is refused"},
		{Native: "record", Interim: of(batch.JSON), Note: "its fields are columns of their own, a.b; a record inside itself is JSON"},
		{Native: "enum", Interim: of(batch.String), Note: "the symbol"},
		{Native: "array, map", Interim: of(batch.JSON)},
		{Native: "union", Interim: of(batch.JSON), Note: "of null and one type: that type, nullable; of several: the value as JSON"},
		{Native: "fixed(n)", Interim: batch.Type{Kind: batch.Binary, Length: 16}, Note: "the length is n"},
		{Native: "decimal(p,s)", Interim: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 10}, Note: "of bytes or fixed; any precision"},
		{Native: "uuid", Interim: of(batch.GUID), Note: "of string or fixed(16)"},
		{Native: "date", Interim: of(batch.Date), Note: "years 1 to 9999"},
		{Native: "time-millis", Interim: batch.Type{Kind: batch.Time, Unit: batch.Milli}},
		{Native: "time-micros", Interim: batch.Type{Kind: batch.Time, Unit: batch.Micro}},
		{Native: "timestamp-millis, -micros, -nanos", Interim: batch.Type{Kind: batch.TimestampTZ, Unit: batch.Micro}, Note: "instants, in the unit of the name"},
		{Native: "local-timestamp-millis, -micros, -nanos", Interim: batch.Type{Kind: batch.Timestamp, Unit: batch.Micro}, Note: "in the unit of the name"},
		{Native: "json", Interim: of(batch.JSON), Note: "of string; this program's own, other readers see a string"},
		{Native: "duration", Interim: of(batch.String), Note: "months, days and milliseconds as ISO 8601 has them: P1M2DT3.004S"},
	},
	Creates: func(f batch.Field) string {
		switch t := avroType(stored(f.Type)).(type) {
		case string:
			return t
		case map[string]any:
			text, err := json.Marshal(t)
			if err == nil {
				return string(text)
			}
		}
		return ""
	},
}
