package store

import (
	"context"

	"dmgateway/engine/batch"
)

// Where a source and a sink speak one bulk language, the rows of a copy that changes nothing pass as the bytes that they
// are, without being decoded. The copy engine asks both sides whether they can; a source or a sink without these
// interfaces cannot.

// BulkLayout is how rows are written in a bulk language.
type BulkLayout struct {
	Language string   // name and version: "PostgreSQL binary COPY"
	Columns  []string // what a sink has to know of each column to judge whether it takes the bytes
}

// BulkSource is a Source that can give rows in a bulk language.
type BulkSource interface {
	// BulkLayout is the layout of the wanted columns, in their order; ok is false where one of them cannot be given so.
	BulkLayout(want batch.Schema) (layout BulkLayout, ok bool)
	// OpenBulk starts to read one partition in that layout. It is called from several goroutines at once, as Open is.
	OpenBulk(ctx context.Context, p Partition, want batch.Schema) (BulkReader, error)
}

// BulkReader reads one partition, from one goroutine.
type BulkReader interface {
	// Next gives the next bytes, which stay valid until it is called again, and io.EOF behind the last. A cancelled ctx
	// ends it within seconds and stops the server's work too.
	Next(ctx context.Context) ([]byte, error)
	// Rows is how many rows were given so far, as exactly as the reader knows; after io.EOF it is the server's own count.
	Rows() int64
	Close() error
}

// BulkSink is a Sink that can take rows in a bulk language. Both methods are called after Prepare.
type BulkSink interface {
	// TakesBulk reports whether bytes of the layout can be written to the columns that Prepare was asked for, with the
	// same rows as result that Open and Write would give.
	TakesBulk(layout BulkLayout) bool
	// OpenBulk starts to write one partition, as Open does.
	OpenBulk(ctx context.Context, p Partition) (BulkWriter, error)
}

// BulkWriter writes one partition, from one goroutine. Commit and Abort are as those of a [Writer].
type BulkWriter interface {
	// Write takes the bytes, which belong to the caller again when it returns. A piece may end anywhere in a row.
	Write(ctx context.Context, p []byte) error
	Commit(ctx context.Context) (Counts, error)
	Abort() error
}
