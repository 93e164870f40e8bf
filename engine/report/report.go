// Package report is what a copy says about itself while it runs and when it has ended: progress and result, in the words
// of Data Factory's copy monitoring. Engine, factory, window and command line all show these.
package report

import (
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

// Progress is a moment of a running copy.
type Progress struct {
	// Stage is connecting, planning, preparing, copying, finishing or verifying.
	Stage        string  `json:"stage"`
	RowsRead     int64   `json:"rowsRead"`
	RowsCopied   int64   `json:"rowsCopied"`
	RowsSkipped  int64   `json:"rowsSkipped,omitempty"`
	BytesRead    int64   `json:"dataRead"`
	BytesWritten int64   `json:"dataWritten"`
	FilesRead    int64   `json:"filesRead"`
	FilesWritten int64   `json:"filesWritten"`
	RowsPerSec   float64 `json:"rowsPerSecond"`  // over the last seconds
	BytesPerSec  float64 `json:"bytesPerSecond"` // read, over the last seconds
	Partitions   int     `json:"partitions"`
	Done         int     `json:"partitionsDone"`
	// Share is 0 to 1, negative where nobody can know; Left the time left, 0 where unknown.
	Share   float64       `json:"share"`
	Left    time.Duration `json:"left"`
	Elapsed time.Duration `json:"elapsed"`
}

// Statuses of a run and a result, as Data Factory spells them.
const (
	Queued     = "Queued"
	InProgress = "InProgress"
	Succeeded  = "Succeeded"
	Failed     = "Failed"
	Cancelled  = "Cancelled"
)

// Result is a finished copy, in the fields of Data Factory's copy monitoring and a few of our own.
type Result struct {
	Status       string `json:"status"`
	RowsRead     int64  `json:"rowsRead"`
	RowsCopied   int64  `json:"rowsCopied"`
	RowsSkipped  int64  `json:"rowsSkipped"`
	DataRead     int64  `json:"dataRead"`
	DataWritten  int64  `json:"dataWritten"`
	FilesRead    int64  `json:"filesRead"`
	FilesWritten int64  `json:"filesWritten"`
	FilesSkipped int64  `json:"filesSkipped"`
	// CopyDuration is in seconds, Throughput in KB read per second of it.
	CopyDuration       float64 `json:"copyDuration"`
	Throughput         float64 `json:"throughput"`
	UsedParallelCopies int     `json:"usedParallelCopies"`
	// RedirectRowPath and LogFilePath are the folder of the log of what was skipped, by which setting asked for it.
	RedirectRowPath  string            `json:"redirectRowPath,omitempty"`
	LogFilePath      string            `json:"logFilePath,omitempty"`
	Consistency      Consistency       `json:"dataConsistencyVerification"`
	ExecutionDetails []ExecutionDetail `json:"executionDetails"`
	Errors           []Error           `json:"errors"`
	Warnings         []string          `json:"warnings,omitempty"`
	// Files are the paths that were written, at most 100 of them.
	Files []string `json:"files,omitempty"`

	Attempt     int         `json:"attempt"`
	ResumedFrom int         `json:"resumedFrom"` // partitions or files that earlier attempts had done
	PeakMemory  int64       `json:"peakMemory"`  // of the whole process, in bytes
	Plan        PlanSummary `json:"plan"`
}

// Consistency says whether both sides agree: Verified, Inconsistent or NotVerified.
type Consistency struct {
	VerificationResult string `json:"verificationResult"`
	// Method is what was compared: rowCount, or checksum of the content; "" where nothing was. Files that are copied as they
	// are count by their size, and by their hash where the stores keep one.
	Method string `json:"method,omitempty"`
	// Reason says why the result is not Verified.
	Reason string `json:"reason,omitempty"`
	// Differences are the first rows that differ, by their keys.
	Differences []string `json:"differences,omitempty"`
}

// PlanSummary is how the copy was done.
type PlanSummary struct {
	Partitions int    `json:"partitions"`
	FastPath   string `json:"fastPath,omitempty"`
	How        string `json:"how,omitempty"` // how the partitions were cut, in a sentence
}

// ExecutionDetail is the one stage of a copy with its durations, in seconds.
type ExecutionDetail struct {
	Source            TypeName           `json:"source"`
	Sink              TypeName           `json:"sink"`
	Status            string             `json:"status"`
	Start             time.Time          `json:"start"`
	Duration          float64            `json:"duration"`
	Profile           map[string]any     `json:"profile"`
	DetailedDurations map[string]float64 `json:"detailedDurations"`
}

// TypeName names a source or sink by its Data Factory type.
type TypeName struct {
	Type string `json:"type"`
}

// Error is a fault in a result.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
	Row     int64  `json:"row,omitempty"`
	Column  string `json:"column,omitempty"`
	Value   string `json:"value,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// ErrorOf makes the entry of a result from any error. What is secret in it is masked: a driver may repeat a password.
func ErrorOf(err error) Error {
	f := fault.As(err)
	return Error{
		Code: f.Code, Message: secret.Redact(f.Error()), Target: secret.Redact(f.Target), Row: f.Row, Column: f.Column,
		Value: secret.Redact(f.Value), Hint: secret.Redact(f.Hint),
	}
}
