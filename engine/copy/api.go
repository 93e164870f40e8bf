// Package copy moves the data of one job: it plans partitions, reads, maps and writes them in parallel with bounded
// memory, commits and checkpoints each, retries, resumes after a crash, and reports progress and the result. It knows
// stores and formats by their interfaces alone.
package copy

import (
	"context"
	"log/slog"
	"time"

	"dmgateway/engine/outbound"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// Options of one run of a job.
type Options struct {
	// RunID names the run over all its attempts; markers in sinks carry it.
	RunID   string
	Attempt int // from 1
	// Checkpoints keeps what survives a crash. Nil keeps nothing: the run starts anew each time.
	Checkpoints Checkpoints
	// Progress is called about once a second and at the end, from one goroutine; it must not block for long. Nil is fine.
	Progress func(report.Progress)
	// Allow is the operator's folder rule, see store.Env. Nil allows everything.
	Allow func(path string, write bool) error
	Log   *slog.Logger
	// Outbound is the way out for stores that are asked by HTTP, see store.Env.
	Outbound *outbound.Out
	// Parallel overrides the job's parallelCopies where > 0.
	Parallel int
	// Memory is the budget for the job's own buffers in bytes, 0 = 128 MiB. It bounds parallelism and block sizes.
	Memory int64
	// Limits bound the run while it goes on, and others that share them; nil = none.
	Limits *Limits
	// Watermarks keeps how far incremental copies came; a job with a watermark needs it. Scope tells apart activities of
	// the same name: "factory/pipeline".
	Watermarks Watermarks
	Scope      string
	// Awaited says that a person waits for the run: a store that cannot be reached before the first row is read fails it at
	// once, instead of being tried for minutes. A connection lost later is made again as always.
	Awaited bool
	// Queued is how long the job waited before this attempt, for the result.
	Queued time.Duration

	retry retryPolicy // tests retry faster
	plain bool        // rows are always decoded; tests compare the two ways
}

// Checkpoints is where a run keeps what it has done, so that another attempt can go on. Each method returns only when
// the fact is durable. The journal implements it; calls come from several goroutines.
type Checkpoints interface {
	// Load gives what earlier attempts saved; the zero State at first.
	Load(ctx context.Context) (State, error)
	// Planned saves the plan, once per run, before anything is written.
	Planned(ctx context.Context, p Plan) error
	// Prepared says that the sink is ready (pre-copy script done, table created).
	Prepared(ctx context.Context) error
	// Committed says that a partition's rows are visible in the sink.
	Committed(ctx context.Context, partition string, c PartitionCounts) error
}

// State is what earlier attempts of a run have done.
type State struct {
	Plan     *Plan                      `json:"plan,omitempty"`
	Prepared bool                       `json:"prepared,omitempty"`
	Done     map[string]PartitionCounts `json:"done,omitempty"`
}

// Plan is how a run is divided. It is made once and kept, so that every attempt means the same rows by a partition.
type Plan struct {
	Partitions []store.Partition `json:"partitions"`
	// FastPath names the way taken where bytes are not decoded: "binary", "" for rows in batches.
	FastPath string `json:"fastPath,omitempty"`
	// How says in a sentence how the partitions were cut, "" for files.
	How string `json:"how,omitempty"`
	// Window is what an incremental run reads; nil for other runs.
	Window *Window `json:"window,omitempty"`
}

// PartitionCounts is what one committed partition took from the source and put into the sink.
type PartitionCounts struct {
	RowsRead  int64 `json:"rowsRead"`
	BytesRead int64 `json:"bytesRead"`
	FilesRead int64 `json:"filesRead,omitempty"`
	// RowsSkipped is how many of RowsRead were left out.
	RowsSkipped int64 `json:"rowsSkipped,omitempty"`
	// FilesWritten is the number of files where Files does not list them, because they are many.
	FilesWritten int64 `json:"filesWritten,omitempty"`
	// Skipped are the source's files that were left out.
	Skipped []string `json:"skipped,omitempty"`
	// Checksum is of the rows as they were given to the sink, "" where the job wants none.
	Checksum string `json:"checksum,omitempty"`
	store.Counts
}
