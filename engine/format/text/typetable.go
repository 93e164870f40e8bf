package text

import "dmgateway/engine/batch"

// types is the table of types: text has one.
var types = &batch.TypeTable{
	Reads: []batch.TypeRow{{
		Native: "text", Interim: batch.Type{Kind: batch.String},
		Note: "or what the dataset's structure says, else what the sink's column is: values are parsed straight into it",
	}},
	Creates: func(batch.Field) string { return "text" },
}
