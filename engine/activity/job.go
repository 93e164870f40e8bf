// Package activity turns Data Factory's JSON, v1 and v2, into one typed copy job, and refuses what is not supported by
// name, with its JSON path.
package activity

import (
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/store"
)

// Job is one Copy activity, checked and decoded: everything that package copy needs, with nothing opened yet.
type Job struct {
	Name   string
	Source Source
	Sink   Sink
	// Mapping is the columns to copy; nil means all, by name.
	Mapping []Mapping
	// Parallel is parallelCopies, 0 = the engine's choice.
	Parallel int
	// Skip is set where rows that do not fit are left out; nil: the first of them fails the copy.
	Skip *Skip
	// SessionLog is where skipped rows and files are written down, nil for nowhere.
	SessionLog *SessionLog
	// Verification is what is compared after the copy.
	Verification Verification
	// Conversion holds for all columns, where a column's mapping says nothing else.
	Conversion Conversion
	// Timeout of the whole activity, 0 = none.
	Timeout time.Duration
	// Retry is how often the activity is tried again after it failed, RetryInterval the pause between.
	Retry         int
	RetryInterval time.Duration
	// Warnings are sentences about properties that were accepted without effect.
	Warnings []string
}

// Mapping is one column's way. Source is a name, or a 1-based ordinal where Ordinal > 0.
type Mapping struct {
	Source        string
	SourceOrdinal int
	Sink          string
	SinkOrdinal   int
	// SinkType is the type that the mapping asks for, Invalid where it does not say.
	SinkType batch.Type
	// Culture and Format of a conversion between text and dates or numbers, "" where not given.
	Culture, Format string
}

// Source is the reading side: a table store (Open is set) or a file store (Files is set).
type Source struct {
	Type          string // Data Factory's, as written: "SqlSource"
	Store         string // the store's name: "postgres"
	Title         string // the store's name for people: "PostgreSQL"
	Object        string // table, folder or file as the dataset says it, for people; "" where only a query says it
	LinkedService string
	Open          store.OpenSource
	Files         *FileSource
	// Structure names and types the columns where the dataset says so, nil otherwise.
	Structure batch.Schema
	// Watermark is set where each run reads only the rows that came since the one before.
	Watermark *Watermark
	// Additional columns are added to every row after those of the source.
	Additional []Additional
}

// Watermark is an incremental copy's column, a property of this gateway. Name tells apart several marks of the same
// activity and column: a new name begins anew.
type Watermark struct{ Column, Name string }

// Additional is one of v2's additionalColumns.
type Additional struct {
	Name string
	// Value is the constant. FilePath instead means the path of the file the row came from ($$FILEPATH), Copy the name
	// of a source column to repeat ($$COLUMN:name).
	Value    string
	FilePath bool
	Copy     string
}

// Sink is the writing side: a table store (Open is set) or a file store (Files is set).
type Sink struct {
	Type          string
	Store         string
	Title         string
	Object        string
	LinkedService string
	Open          store.OpenSink
	Files         *FileSink
	Structure     batch.Schema
}

// FileSource selects files and says how to read them.
type FileSource struct {
	Open store.OpenFiles
	// Format is nil for a binary copy.
	Format     format.Format
	FormatName string
	// Compression of whole files, "" for none: gzip, deflate, bzip2, zip, zstd, snappy, lz4.
	Compression string

	// Folder is where to look, Name the one file wanted ("" = all that match). Wildcards use * and ?; FolderPattern is
	// matched against whole folder paths below the container (below the root where there is none), NamePattern against
	// file names. Where FolderPattern is set, Folder is the container with the pattern's beginning that has no wildcards.
	Folder        string
	Name          string
	FolderPattern string
	NamePattern   string
	// Prefix of paths below the container (blob's prefix property).
	Prefix    string
	Recursive bool
	// ModifiedFrom (included) and ModifiedTo (not included) filter files; zero = no limit.
	ModifiedFrom, ModifiedTo time.Time
	// DeleteAfter deletes a file once it has been copied.
	DeleteAfter bool
}

// Copy behaviours, as Data Factory spells them.
const (
	PreserveHierarchy = "PreserveHierarchy"
	FlattenHierarchy  = "FlattenHierarchy"
	MergeFiles        = "MergeFiles"
)

// FileSink says where and how to write files.
type FileSink struct {
	Open        store.OpenFiles
	Format      format.Format // nil for a binary copy
	FormatName  string
	Extension   string // of generated names, with the dot
	Compression string
	Level       string // Optimal or Fastest, "" = Optimal
	Folder      string
	Name        string // "" = generated
	Behavior    string // PreserveHierarchy where not given
	BlockSize   int64
	// MaxRowsPerFile splits the output, 0 = no limit; Prefix begins the names then.
	MaxRowsPerFile int64
	Prefix         string
}
