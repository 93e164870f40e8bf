package store

import "dmgateway/engine/fault"

// Expecter is a Writer or BulkWriter whose server may hold fewer or more rows than it was given, as triggers and rules
// can have it. It is told before Commit how many rows the partition has, and commits none where the server counts
// otherwise: rows that are committed and marked would count as copied by the next attempt.
type Expecter interface {
	Expect(rows int64)
}

// Inconsistent is the code of an error that says that the two sides disagree about what was copied.
const Inconsistent = "Inconsistent"

// Expectation is an [Expecter] for writers to embed.
type Expectation struct{ rows *int64 }

// Expect implements Expecter.
func (e *Expectation) Expect(rows int64) { e.rows = &rows }

// Check refuses another number of rows than the expected one.
func (e *Expectation) Check(held int64, target string) error {
	if e.rows == nil || *e.rows == held {
		return nil
	}
	return fault.New(Inconsistent, "%d rows were given to the sink, but it holds %d; none of this part are kept", *e.rows, held).
		At(target).Try("Check triggers and rules of the sink that drop or add rows.")
}
