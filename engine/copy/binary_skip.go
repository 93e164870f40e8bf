package copy

import (
	"errors"
	"io"

	"dmgateway/engine/fault"
)

// Methods of verification of files, in results: by size, or by size and content.
const (
	methodSize = "size"
	methodMD5  = "md5"
)

// sourceError marks an error of the source's side: a file that is missing there can be left out, a folder that is missing
// in the sink cannot.
type sourceError struct{ error }

// Unwrap gives the error itself.
func (e sourceError) Unwrap() error { return e.error }

func ofSource(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return sourceError{err}
}

// skips reports whether the job lets a file be left out for this error, and what to write down of it. to is the file's
// path in the sink.
func (w *binaryWork) skips(err error, to string) (reason *fault.Error, ok bool) {
	if err == nil {
		return nil, false
	}
	skip := w.run.job.Source.Files.Skip
	_, source := errors.AsType[sourceError](err)
	reason = fault.As(err)
	if _, partly := errors.AsType[partlyUnpackedError](err); partly {
		return reason, false
	}
	switch {
	case fault.Is(err, Inconsistent):
		ok = skip.Inconsistent
	case source && reason.Code == fault.NotFound:
		ok = skip.Missing
	case source && reason.Code == fault.Forbidden:
		ok = skip.Forbidden
	case source && reason.Code == fault.Conflict: // it changed while it was copied
		ok = skip.Inconsistent
	case !source && reason.Code == fault.BadInput && reason.Target == to:
		ok = skip.BadName
	}
	return reason, ok
}

// forget takes back bytes of a file that is left out.
func (t *tally) forget(read, written int64) {
	for _, c := range []*counters{&t.own, &t.meter.counters} {
		c.bytesRead.Add(-read)
		c.bytesWritten.Add(-written)
	}
}
