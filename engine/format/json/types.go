package json

import "dmgateway/engine/batch"

// types is the format's table of types.
var types = &batch.TypeTable{
	Reads: []batch.TypeRow{
		{Native: "string", Interim: batch.Type{Kind: batch.String}, Note: "parsed as the type that the structure, the mapping or the sink says"},
		{Native: "number", Interim: batch.Type{Kind: batch.Int64}, Note: "where all numbers of the sample are whole and fit"},
		{Native: "number (fraction)", Interim: batch.Type{Kind: batch.Double}, Note: "where the digits of all numbers of the sample are exactly those of a double; a later number that has more is refused"},
		{Native: "number (long)", Interim: batch.Type{Kind: batch.Decimal}, Note: "any other number, with all its digits"},
		{Native: "true, false", Interim: batch.Type{Kind: batch.Boolean}},
		{Native: "null", Interim: batch.Type{Kind: batch.String}, Note: "NULL, like a property that is missing"},
		{Native: "object", Interim: batch.Type{Kind: batch.JSON}, Note: "made columns of its own where it is an object in the whole sample; String with mapComplexValuesToString"},
		{Native: "array", Interim: batch.Type{Kind: batch.JSON}, Note: "its text as it stands; String with mapComplexValuesToString"},
	},
	Creates: func(f batch.Field) string {
		switch f.Type.Kind {
		case batch.Boolean:
			return "true, false"
		case batch.Byte, batch.Int16, batch.Int32, batch.Int64, batch.Single, batch.Double, batch.Decimal:
			return "number"
		case batch.JSON:
			return "any value"
		}
		return "string"
	},
}
