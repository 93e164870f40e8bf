// Package store is what the copy engine knows of data stores: small interfaces, and the registry entry by which a store
// says which Data Factory types it answers to. One folder below is one store; [dmgateway/engine/store/all] lists them.
//
// There are two sorts of stores. A table store (database) offers rows: [Source] and [Sink]. A file store offers files:
// [Files]; rows come out of them by a format (package format), or their bytes are moved as they are. Powers beyond the
// required methods are optional interfaces found by type assertion: absent means absent.
package store

import (
	"context"
	"io"
	"log/slog"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/outbound"
	"dmgateway/engine/props"
)

// Definition is one store: its name, the Data Factory types it answers to, and how each part is decoded. Decoding does
// no input or output; it reads its JSON objects completely (what it leaves unread is refused by the caller), reports
// problems through them, and returns what opens the real thing. A nil func means the store lacks that side.
type Definition struct {
	Name  string // folder name and name in plans and logs: "postgres"
	Title string // for people: "PostgreSQL"

	// LinkedServices, Datasets, Sources and Sinks are the type names in Data Factory's JSON, v2 first, v1 after.
	LinkedServices, Datasets, Sources, Sinks []string

	Source func(Spec) OpenSource
	Sink   func(Spec) OpenSink
	// Test decodes a linked service's typeProperties for Test connection.
	Test func(linkedService *props.Object) Test
	// Browse decodes a linked service's typeProperties for looking around in the store; nil where that is not possible.
	Browse func(linkedService *props.Object) Browse
	// EmptyIsNull says that a text or binary value of no length is NULL in this store, as in Oracle.
	EmptyIsNull bool
	// Types is the store's table of types; nil for file stores.
	Types *batch.TypeTable

	// Files is set for file stores, and Source and Sink are nil.
	Files *FileDefinition
}

// FileDefinition is the part of a Definition that only file stores have. The copy engine lists, opens formats and names
// files; the store decodes only its linked service.
type FileDefinition struct {
	// Locations are the v2 dataset location types ("AzureBlobStorageLocation"), ReadSettings and WriteSettings the v2
	// storeSettings types.
	Locations, ReadSettings, WriteSettings []string
	// Container is the location property that names the first path element ("container"); "" where there is none.
	Container string
	// Rooted says that a path which begins with "/" counts from the server's root, and any other from where the server
	// puts the user; elsewhere a leading "/" means nothing.
	Rooted bool
	// Metadata says that the store keeps names and values with a file.
	Metadata bool
	// RecursiveV1 is the v1 source's default of recursive: true for BlobSource, false for FileSystemSource.
	RecursiveV1 bool
	// Open decodes a linked service's typeProperties.
	Open func(linkedService *props.Object) OpenFiles
}

// Spec is what a table store decodes: typeProperties of the linked service and of the dataset, and the activity's source
// or sink object (its "type" is read already). Structure is the v1 dataset's structure as columns, nil where absent.
type Spec struct {
	LinkedService *props.Object
	Dataset       *props.Object
	Activity      *props.Object
	Structure     batch.Schema
}

// Env is what an opened store may use of the program.
type Env struct {
	// RunID names the run in markers that the sink keeps; stable over attempts.
	RunID string
	// Slice names the slice of data that the run is for, "" where it has none: the same for every run of an activity over
	// one window, and different for other windows.
	Slice string
	Log   *slog.Logger
	// Allow refuses a local path outside the folders that the operator allowed, with code FolderNotAllowed. A store must
	// ask before it touches a local file. Nil allows everything (a person at the machine runs the copy).
	Allow func(path string, write bool) error
	// Outbound is how a store that is asked by HTTP makes its connections: through the proxy that the operator set. Nil is
	// as the system says.
	Outbound *outbound.Out
}

// Allowed asks Allow where there is one.
func (e Env) Allowed(path string, write bool) error {
	if e.Allow == nil {
		return nil
	}
	return e.Allow(path, write)
}

// Openers connect; they fail with code Unreachable or SignInFailed, or whatever the store says.
type (
	// OpenSource connects for reading.
	OpenSource func(ctx context.Context, env Env) (Source, error)
	// OpenSink connects for writing.
	OpenSink func(ctx context.Context, env Env) (Sink, error)
	// OpenFiles connects to a tree of files.
	OpenFiles func(ctx context.Context, env Env) (Files, error)
	// Test connects in stages and calls report after each; it returns the first stage's error.
	Test func(ctx context.Context, env Env, report func(Stage)) error
)

// Stage is one step of testing a connection, in the order name, tcp, tls, sign-in, database (files: name, tcp, tls,
// sign-in, folder). Stages that a store does not have are left out.
type Stage struct {
	Name   string        `json:"name"`
	Detail string        `json:"detail,omitempty"` // "db1 is 10.0.0.5", "TLS 1.3"
	Took   time.Duration `json:"took"`
	Err    error         `json:"-"`
}

// Partition is a part of a source that is read, written, committed and retried as one. Spec is the source's own
// description of it: it is kept in the journal, so it must mean the same rows after a restart. The zero Spec is
// everything.
type Partition struct {
	ID   string `json:"id"` // unique in its plan, [0-9a-z-], at most 32 bytes
	Spec string `json:"spec,omitempty"`
	// Rows and Bytes are estimates for progress, 0 where unknown.
	Rows  int64 `json:"rows,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
}

// Source is one table, query or selection of files, connected and ready. Its methods are called from one goroutine,
// except Open, which is called from several at once.
type Source interface {
	// Schema tells the columns. It may read a little of the data to know.
	Schema(ctx context.Context) (batch.Schema, error)
	// Open starts to read one partition. want is the columns that are needed, in the order they are needed, a subset of
	// Schema by name, each with the type that the sink would like best: the source gives that type where it can at no
	// loss and its own type otherwise, and [Reader.Schema] says which.
	Open(ctx context.Context, p Partition, want batch.Schema) (Reader, error)
	// Close ends the connection. Readers are closed before.
	Close() error
}

// Partitioner is a Source that can be read in parallel parts.
type Partitioner interface {
	// Partitions plans about n parts that together are all rows exactly once, n ≥ 1. They are asked for once per run;
	// later attempts reuse the plan.
	Partitions(ctx context.Context, n int) ([]Partition, error)
}

// Reader reads one partition, from one goroutine.
type Reader interface {
	// Schema tells the columns that Next fills, len(want) of them; fixed from Open on.
	Schema() batch.Schema
	// Next appends rows to b, which is empty and made for Schema, until b is full or the rows end. After the last row it
	// returns io.EOF with b empty. A cancelled ctx ends it within seconds and stops the server's work too. An error of a
	// single value carries row (counted from 1 in the partition) and column.
	Next(ctx context.Context, b *batch.Batch) error
	// BytesRead is how many bytes came from the store so far, as the store counts them; 0 where it cannot know.
	BytesRead() int64
	Close() error
}

// Sink is one table or folder to write to, connected and ready. Its methods are called from one goroutine, except Open,
// which is called from several at once.
type Sink interface {
	// Prepare makes the sink ready for rows of the schema want (already mapped and renamed to the sink's columns) and
	// returns, in the same order, the types that its writers take. It runs pre-copy scripts, creates the table where
	// asked, refuses columns that do not exist. When resuming is true an earlier attempt has done this already: it
	// changes nothing then, and only looks. What can be lost by the types it returns is the caller's to judge.
	Prepare(ctx context.Context, want batch.Schema, resuming bool) (batch.Schema, error)
	// Open starts to write one partition.
	Open(ctx context.Context, p Partition) (Writer, error)
	// Finish is called once, after every partition is committed: it removes markers and merges what has to be merged.
	// It may be called again after a crash.
	Finish(ctx context.Context) error
	// Close ends the connection and gives up what is not committed.
	Close() error
}

// Resumer is a Sink that can tell which partitions of this run it already holds, because it marks each in the same act
// that makes its rows visible. A Sink without it must make writing a partition again replace what an earlier attempt
// wrote (as a file with the same name does).
type Resumer interface {
	// Committed gives the counts of every committed partition of the run Env.RunID by partition ID. It is asked
	// before Prepare: where the table is not there yet, nothing is committed.
	Committed(ctx context.Context) (map[string]Counts, error)
}

// Inspector is a Sink that can look without touching anything: a dry run asks it. A Sink without it is asked by
// Prepare with resuming true.
type Inspector interface {
	// Inspect returns what Prepare(ctx, want, false) would, also for a table that Prepare would create first, and
	// refuses what Prepare would refuse. It changes nothing.
	Inspect(ctx context.Context, want batch.Schema) (batch.Schema, error)
}

// Writer writes one partition, from one goroutine.
type Writer interface {
	// Write takes the rows; b's buffers belong to the caller again when it returns. A value that the sink refuses is an
	// error with row (counted from 1 in b) and column where the sink can know.
	Write(ctx context.Context, b *batch.Batch) error
	// Commit makes the rows visible, all at once, and marks the partition as done in the same act. When another attempt
	// has committed this partition already, it drops its own rows and returns ErrAlreadyCommitted.
	Commit(ctx context.Context) (Counts, error)
	// Abort drops the rows. It is safe after Commit (no effect), and must work when ctx of Open is cancelled.
	Abort() error
}

// Counts is what a committed partition holds.
type Counts struct {
	Rows  int64    `json:"rows"`
	Bytes int64    `json:"bytes"`           // as the sink counts them; 0 where it cannot know
	Files []string `json:"files,omitempty"` // paths of the files that were written
}

// Files is a file store: a tree of files with "/" between the path elements, relative to what the linked service names.
// A container, where the store has them, is the first element. Its methods may be called from several goroutines.
type Files interface {
	// List calls fn for every file (not folder) whose path begins with folder ("" = root, else without "/" at the end),
	// in the order of their paths; in subfolders too when recursive. A folder that does not exist has no files. An error
	// of fn ends it and is returned.
	List(ctx context.Context, folder string, recursive bool, fn func(File) error) error
	// Stat describes one file; errors.Is(err, fs.ErrNotExist) where there is none.
	Stat(ctx context.Context, path string) (File, error)
	// Open reads from offset, length bytes or to the end where length < 0. Bytes of another version of the file than
	// f describes are an error.
	Open(ctx context.Context, f File, offset, length int64) (io.ReadCloser, error)
	// Create writes a file that nobody sees before Commit; it replaces one of the same name then. Folders are made.
	Create(ctx context.Context, path string, o CreateOptions) (FileWriter, error)
	// Remove deletes a file; none is no error.
	Remove(ctx context.Context, path string) error
	Close() error
}

// CreateOptions of a file, all optional.
type CreateOptions struct {
	BlockSize   int64  // bytes sent in one request; 0 = the store's choice
	ContentType string // where the store keeps one
	Parallel    int    // requests at once; 0 = the store's choice
	// Metadata is kept with the file; a store that keeps none refuses it by name.
	Metadata map[string]string
	// Checked asks the store to compare the bytes with a hash on the way, and to keep the whole file's MD5, where it can.
	Checked bool
	// Direct writes to the file's own name from the first byte on, for people who may not rename: it is seen before
	// Commit, and an older one is lost. Stores that need no renaming ignore it.
	Direct bool
	// Timeout of one request, 0 = the store's choice.
	Timeout time.Duration
}

// FileWriter takes a file's bytes in order, from one goroutine.
type FileWriter interface {
	io.Writer
	// Commit makes the file visible, whole and durable.
	Commit(ctx context.Context) error
	// Abort drops it. No effect after Commit.
	Abort() error
}

// File describes one file.
type File struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	ETag     string    `json:"etag,omitempty"` // changes with the content; "" where the store has none
	MD5      []byte    `json:"md5,omitempty"`
}
