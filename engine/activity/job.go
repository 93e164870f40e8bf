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
	// Slice names the window that the run is for, "" where it has none; Expand writes it.
	Slice string
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
	// Staging is set where rows go through files of another store on their way.
	Staging *Staging
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

// Staging is where a staged copy keeps its files for the time between.
type Staging struct {
	Type     string // of the linked service, Data Factory's
	Open     store.OpenFiles
	Folder   string
	Compress bool
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
	// EmptyIsNull is the store's, see store.Definition.
	EmptyIsNull bool
	Structure   batch.Schema
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
	// List is the path of a text file that names the files, one a line, relative to Folder; "" where there is none.
	List string
	// Discover makes columns of folders that are called key=value, below PartitionRoot, or below Folder where that is "".
	Discover      bool
	PartitionRoot string
	// Connections is how many the source may have at once, 0 = no limit.
	Connections int
	// ModifiedFrom (included) and ModifiedTo (not included) filter files; zero = no limit.
	ModifiedFrom, ModifiedTo time.Time
	// Spread unpacks archives side by side, into no folder that is called like the archive.
	Spread bool
	// DeleteAfter deletes a file once it has been copied.
	DeleteAfter bool
	// Skip says which files may be left out of a copy without format.
	Skip SkipFiles
}

// SkipFiles is v2's skipErrorFile: reasons for which a file is left out and the copy goes on.
type SkipFiles struct {
	Missing      bool // fileMissing: it was there when the source was listed
	Forbidden    bool // fileForbidden: this identity may not read it
	Inconsistent bool // dataInconsistency: what came differs from what the source says of it
	BadName      bool // invalidFileName: the sink does not take its name
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
	// Metadata is kept with every file; a Value of LastModified stands for the source file's time of change.
	Metadata []Metadata
	// Direct writes to the files' own names, without a temporary one (SFTP's useTempFileRename: false).
	Direct bool
	// Timeout of one request that writes, 0 = the store's choice.
	Timeout time.Duration
	// Connections is how many the sink may have at once, 0 = no limit.
	Connections int
}

// LastModified is the value that metadata has where it is to be the source file's time of change.
const LastModified = "$$LASTMODIFIED"

// Metadata is a name and a value that a store keeps with a file.
type Metadata struct{ Name, Value string }
