package engine

import (
	"context"
	"path/filepath"
	"slices"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
)

// What window and command line show of the log comes from package logging; they know it by these names.
type (
	// LogLine is one line of a log.
	LogLine = logging.Line
	// LogQuery says which lines of a log are wanted.
	LogQuery = logging.Query
	// LogEvent describes an event of the log.
	LogEvent = logging.Kind
)

// LogEvents are all events that the log may have, in the order of their numbers.
func LogEvents() []LogEvent { return logging.Kinds() }

// ReadLogs calls each with the lines of a data directory's log ("" = the default one), or of one run's, the oldest first,
// and returns its error. It needs no running engine. With follow it goes on with what is written then, until ctx ends.
func ReadLogs(ctx context.Context, data string, q LogQuery, follow bool, each func(LogLine) error) error {
	data, err := resolveData(data)
	if err != nil {
		return err
	}
	dir := filepath.Join(data, logging.Folder)
	if q.Run != "" && logging.JobFile(dir, q.Run) == "" {
		return fault.New(fault.NotFound, "%q is no run's ID", q.Run).At(q.Run)
	}
	if follow {
		return logging.Follow(ctx, dir, q, each)
	}
	return logging.Read(ctx, dir, q, each)
}

// JobLog are the lines of one run's log, each as it stands in the file; nil where it has none or it was removed with the
// history.
func JobLog(ctx context.Context, data, run string) ([]LogLine, error) {
	var list []LogLine
	err := ReadLogs(ctx, data, LogQuery{Run: run, Level: -100}, false, func(l LogLine) error {
		l.Raw = slices.Clone(l.Raw)
		list = append(list, l)
		return nil
	})
	return list, err
}
