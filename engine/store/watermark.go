package store

import "context"

// Watermarker is a Source of which only the rows can be read that came since the last run: those with a larger value
// in one column that only grows (a number, a date, a time). Both methods are called before Schema, Partitions and Open.
type Watermarker interface {
	// Highest gives the largest value of the column in the form of [batch.AppendText], ok false where there is none (no
	// row, or only NULLs). A column that has no order is refused.
	Highest(ctx context.Context, column string) (value string, ok bool, err error)
	// Between restricts the source to rows with after < column ≤ upto, both in the form that Highest gives; after ""
	// means from the beginning, rows with NULL in the column included. The values travel as parameters of the statement or
	// in properly quoted literals.
	Between(column, after, upto string)
}

// Explainer is a Source that can say in a sentence how Partitions divided it, for plans: "4 ranges of the key
// \"id\" from 1 to 1000000", "one part: the table has no key to divide by".
type Explainer interface {
	Explain() string
}

// Divided is a Source whose job says how it is to be divided (partitionOption): then it is read in parts also where
// each part becomes a file of its own.
type Divided interface {
	Divided() bool
}

// Adviser is a Source that knows whether reading it in parts pays. It is asked before Partitions for copies into a
// table whose job says neither partitionOption nor parallelCopies.
type Adviser interface {
	// Advise gives how many parts are worth it, at most most, and 1 where the data is small or where its parts could
	// mean other rows after a restart.
	Advise(ctx context.Context, most int) (int, error)
}
