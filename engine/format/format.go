// Package format is what the copy engine knows of file formats: small interfaces, and the registry entry by which a
// format says which Data Factory types it answers to. One folder below is one format; [dmgateway/engine/format/all]
// lists them. Formats know nothing of stores: they read from [Input] and write to an io.Writer.
package format

import (
	"context"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/props"
)

// Definition is one format.
type Definition struct {
	Name  string // folder name and name in plans and logs: "text"
	Title string // for people: "Delimited text"

	// V1 are the types of a v1 dataset's format object ("TextFormat"); Datasets, Sources, Sinks, ReadSettings and
	// WriteSettings the v2 types ("DelimitedText", "DelimitedTextSource", …).
	V1, Datasets, Sources, Sinks, ReadSettings, WriteSettings []string

	// Decode reads the format's properties; it does no input or output, reads its objects completely, and reports
	// problems through them.
	Decode func(Spec) Format
	// Extension of files without a given name, with the dot: ".parquet"; v1's is always ".txt".
	Extension string
	// Outer is true for formats whose files are compressed as a whole (x.csv.gz): the copy engine then reads the dataset's
	// compression properties and wraps the file, and Decode never sees them.
	Outer bool
	// Types is the format's table of types.
	Types *batch.TypeTable
}

// Spec is what a format decodes. Exactly one of V1 and Dataset is not nil.
type Spec struct {
	// V1 is a v1 dataset's format object. Legacy is the v1 source or sink, for properties that belong to the format
	// (BlobSource's treatEmptyAsNull and skipHeaderLineCount, BlobSink's blobWriterAddHeader); it can be nil.
	V1, Legacy *props.Object
	// Dataset is a v2 dataset's typeProperties without location (read already); Settings the v2 formatSettings of the
	// source or sink, nil where absent.
	Dataset, Settings *props.Object
	// Structure is the dataset's structure (v1) or schema (v2) as columns, nil where absent: names and types that a
	// format without types of its own gives its columns.
	Structure batch.Schema
	// Cultures and Formats belong to Structure: culture ("en-us") and date format of each column, "" where not given.
	Cultures, Formats []string
	// Nested is what a v2 translator says of a hierarchical file (JSON), nil where it says nothing.
	Nested *Nested
}

// Nested tells how the columns of a copy lie in a hierarchical file.
type Nested struct {
	// Collection is the JSON path of the array whose elements are the rows (collectionReference), "" for the documents
	// themselves. It is for reading only.
	Collection string
	// Paths give columns their places. Reading, a path that begins with $ starts at the root, any other at the row's
	// element; columns without a path are not there. Writing, a column without a path is a property of the root.
	Paths []ColumnPath
	// ComplexAsText makes objects and arrays String instead of JSON (mapComplexValuesToString).
	ComplexAsText bool
}

// ColumnPath is one column's JSON path, "$.a.b" or "$['a']['b']".
type ColumnPath struct{ Column, Path string }

// Format reads and writes files of one format with one set of properties. Its methods may be called from several
// goroutines.
type Format interface {
	// Schema finds the columns of a file, reading as little as it can. A format without types of its own says String,
	// or what Structure says.
	Schema(ctx context.Context, in Input) (batch.Schema, error)
	// Read reads a file from the beginning. want and the Reader are as in store.Source.Open: a subset of the columns
	// by name in any order, with the type the sink likes best; text is parsed straight into it.
	Read(ctx context.Context, in Input, want batch.Schema) (Reader, error)
	// Write begins a file. The writer must be closed to be complete; an unclosed file may be cut short.
	Write(w io.Writer, schema batch.Schema) (Writer, error)
	// Types gives, for each column, the type nearest to it that the format keeps without loss; text keeps all.
	Types(schema batch.Schema) (batch.Schema, error)
}

// Splitter is a Format whose files can be read in parts, in parallel.
type Splitter interface {
	// Split plans about n parts of the file that together are all its rows exactly once; one part where it cannot be
	// split. Part specs are kept in the journal.
	Split(ctx context.Context, in Input, n int) ([]string, error)
	// ReadPart reads one part.
	ReadPart(ctx context.Context, in Input, part string, want batch.Schema) (Reader, error)
}

// Concatenator is a Format whose files can be put one after the other to make one (MergeFiles): Header is written once,
// before the first; writers made with Body leave it out.
type Concatenator interface {
	Header(schema batch.Schema) ([]byte, error)
	WriteBody(w io.Writer, schema batch.Schema) (Writer, error)
}

// Input is one file to read.
type Input struct {
	Name string
	Size int64 // -1 where unknown (a compressed stream)
	// Open reads from offset, length bytes or to the end where length < 0. Offset is always 0 where Size is -1.
	Open func(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Reader reads rows, from one goroutine. Next is as store.Reader's: it appends to an empty batch until it is full, and
// returns io.EOF with b empty after the last row. Errors in the data carry row and column, and code BadData or
// Conversion. An error leaves b empty: rows before a bad one come first, with the call before. Where an error's Row is
// above zero and the format reads row by row (text), the next call goes on behind that row, so that a caller may leave
// it out; any other error is returned again by every later call.
type Reader interface {
	Schema() batch.Schema
	Next(ctx context.Context, b *batch.Batch) error
	Close() error
}

// Recorder is a Reader that can show the row of the error that Next has just returned, as far as it was read: its
// fields as text, nil for NULL. The log of rejected rows keeps them. The slice is valid until the next call.
type Recorder interface {
	Record() []*string
}

// Noter is a Reader that knows what its file has beside the columns that it was asked for, as far as it was read. Asked
// after the last Next and before Close. A format whose columns the job itself has named says nothing.
type Noter interface {
	Notes() []Note
}

// Note is a column that was not read. Row is the first one that has it, counted from 1 like those in errors; 0 where the
// file names its columns in one place.
type Note struct {
	Column string
	Row    int64
}

// Writer writes rows, from one goroutine. b's buffers belong to the caller again when Write returns.
type Writer interface {
	Write(b *batch.Batch) error
	// Close writes what is left, such as a footer; it does not close the io.Writer.
	Close() error
}
