// Package fault is the one kind of error that reaches a person: it has a stable code, says what failed, why, where and
// what to do about it.
//
// Below the edge errors are wrapped with %w as everywhere in Go; a *fault.Error is made where code, place and remedy
// are known, and found again with [As] or [errors.As]. Only the edges (window, command line, REST, a run's result)
// turn it into text.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Codes that several packages use. A code that only one package uses is declared there. Codes never change once
// released: scripts and help pages name them.
const (
	// BadInput: something a person or a file said cannot be understood.
	BadInput = "BadInput"
	// Unsupported: the property, type or value exists in Data Factory but not here.
	Unsupported = "Unsupported"
	// NotFound: a named thing does not exist.
	NotFound = "NotFound"
	// Conflict: a thing with that name or state stands in the way.
	Conflict = "Conflict"
	// Forbidden: signed in, but not allowed.
	Forbidden = "Forbidden"
	// SignInFailed: user, password, key or token was refused.
	SignInFailed = "SignInFailed"
	// Unreachable: name, network or TLS failed before anybody could sign in.
	Unreachable = "Unreachable"
	// Conversion: a value does not fit the type it has to become.
	Conversion = "Conversion"
	// BadData: a file or stream is not what its format says.
	BadData = "BadData"
	// StoreFailed: a data store refused or broke off; the message carries its own words and code.
	StoreFailed = "StoreFailed"
	// FolderNotAllowed: a job asked for a local path outside the folders that the operator allowed.
	FolderNotAllowed = "FolderNotAllowed"
	// DiskFull: no space left where something had to be written.
	DiskFull = "DiskFull"
	// Cancelled: a person or the factory stopped it.
	Cancelled = "Cancelled"
	// LeaseLost: the factory gave the job to another node.
	LeaseLost = "LeaseLost"
	// NotRegistered: the gateway has no key yet, or its key was recreated.
	NotRegistered = "NotRegistered"
	// NotRunning: no engine runs for this data directory.
	NotRunning = "NotRunning"
	// ProgramEnded: the program crashed or was killed again and again while a job ran.
	ProgramEnded = "ProgramEnded"
	// Internal: a defect of this program.
	Internal = "Internal"
)

// Error says what failed, why, where, and what to do.
type Error struct {
	Code    string // stable, one of the constants or a package's own
	Message string // what failed, one lower-case clause: "connect to PostgreSQL at db1:5432"
	Target  string // store, table, file, JSON path ("$.typeProperties.source.type") or host it concerns
	Hint    string // what to do, one sentence
	Row     int64  // 1-based row of the source within its partition or file; 0 = no row
	Column  string
	Value   string // the offending value, shortened, masked where it may be a secret
	Cause   error  // why
	// Transient: the same attempt can succeed later without anybody changing anything.
	Transient bool
}

// New makes an error; format and args say what failed.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because sets the cause and returns e.
func (e *Error) Because(err error) *Error { e.Cause = err; return e }

// At sets the target and returns e.
func (e *Error) At(target string) *Error { e.Target = target; return e }

// Try sets the hint, what to do about it, and returns e.
func (e *Error) Try(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// InRow sets row (1-based), column and value and returns e. The value is shortened to 64 bytes.
func (e *Error) InRow(row int64, column, value string) *Error {
	if len(value) > 64 {
		value = strings.ToValidUTF8(value[:61], "") + "..."
	}
	e.Row, e.Column, e.Value = row, column, value
	return e
}

// AsTransient marks e as worth retrying and returns it.
func (e *Error) AsTransient() *Error { e.Transient = true; return e }

// Error is "what [at target] [(row, column, value)]: why".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Target != "" && !strings.Contains(e.Message, e.Target) {
		fmt.Fprintf(&b, " (%s)", e.Target)
	}
	if e.Row > 0 {
		fmt.Fprintf(&b, " in row %d", e.Row)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, " in column %q", e.Column)
	}
	if e.Value != "" {
		fmt.Fprintf(&b, " with value %q", e.Value)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// As finds the outermost *Error in err's chain. For an error that has none it makes one with code Internal, so that an
// edge always has something to show; for nil it returns nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: Internal, Message: err.Error()}
}

// Code gives the code of the outermost *Error in err's chain, "" for nil, Internal where there is none.
func Code(err error) string {
	if err == nil {
		return ""
	}
	return As(err).Code
}

// Is reports whether any *Error in err's chain has the code.
func Is(err error, code string) bool {
	for err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return false
		}
		if e.Code == code {
			return true
		}
		err = e.Cause
	}
	return false
}

// IsTransient reports whether any *Error in err's chain is marked as worth retrying.
func IsTransient(err error) bool {
	for err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return false
		}
		if e.Transient {
			return true
		}
		err = e.Cause
	}
	return false
}
