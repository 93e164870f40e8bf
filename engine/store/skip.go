package store

import (
	"context"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
)

// Skipper is a Writer that can leave out rows that its store refuses, for jobs with enableSkipIncompatibleRow. A Writer
// without it (files) refuses no row of its own.
type Skipper interface {
	// WriteSome is Write, but a row that the store refuses for what is in it (a value that does not fit its column, a
	// NULL where none is allowed, a key that is there already, a broken constraint) is left out, and reject is called
	// with the reason, its Row counted from 1 in b. All other rows are written. An error that is not one row's fault is
	// returned as by Write. One Writer is asked by Write alone or by WriteSome alone. Commit counts the written rows.
	WriteSome(ctx context.Context, b *batch.Batch, reject func(*fault.Error)) error
}
