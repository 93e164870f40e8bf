package engine

import (
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
)

// What window and command line show of a copy comes from package report; they know it by these names.
type (
	// Progress is a moment of a running copy.
	Progress = report.Progress
	// Result is a finished copy.
	Result = report.Result
	// Consistency says what a copy compared, and what came of it.
	Consistency = report.Consistency
	// ErrorInfo is an error as a person is shown it: code, message, target, hint.
	ErrorInfo = report.Error
	// ExecutionDetail is one stage of a copy with its durations.
	ExecutionDetail = report.ExecutionDetail
)

// Statuses of a job, a run and a result.
const (
	Queued     = report.Queued
	InProgress = report.InProgress
	Succeeded  = report.Succeeded
	Failed     = report.Failed
	Cancelled  = report.Cancelled
)

// Codes of errors that window and command line treat in their own way.
const (
	CodeNotRunning    = fault.NotRunning
	CodeNotRegistered = fault.NotRegistered
	CodeConflict      = fault.Conflict
)

// ErrorOf describes any error; one without a code of its own gets Internal.
func ErrorOf(err error) ErrorInfo { return report.ErrorOf(err) }
