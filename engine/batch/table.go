package batch

// TypeTable is what a store or a format says of its types: which interim type each of its own becomes, and which of its
// own it gives a column of each interim type. The documentation of types is made from these tables.
type TypeTable struct {
	// Reads has a row for every native type, in the order of the vendor's documentation.
	Reads []TypeRow
	// Creates names the native type of a column that the store creates (autoCreate) or the format writes.
	Creates func(Field) string
}

// TypeRow is one native type.
type TypeRow struct {
	Native string // as the vendor writes it, with placeholders for digits: "numeric(p,s)"
	// Interim is what it becomes; where the native type's digits decide, Precision and Length are those of the usual
	// declaration and Note says so.
	Interim Type
	Note    string // what a person has to know: limits, what is lost, how it travels; "" where nothing
}
