package engine

import (
	"context"
	"time"

	"dmgateway/engine/diagnostics/archive"
)

// LogControl is Send logs and Archive logs.
type LogControl interface {
	// LogContents says what Send logs would send.
	LogContents(ctx context.Context) (LogContents, error)
	// LogPart gives one of those files as it would be sent, at most 1 MiB of it.
	LogPart(ctx context.Context, name string) ([]byte, error)
	// SendLogs sends them to the factory and gives the report ID. A break is resumed where it was, also after a restart of
	// the gateway, until ctx ends: that gives sending up. progress can be nil.
	SendLogs(ctx context.Context, note string, progress func(LogProgress)) (SentLogs, error)
	// ArchiveLogs writes them to a zip file that does not exist yet. It works without a registration.
	ArchiveLogs(ctx context.Context, file string, progress func(LogProgress)) (LogContents, error)
}

type (
	// LogContents is what is in a report or an archive.
	LogContents = archive.Contents
	// LogPart is one file of it.
	LogPart = archive.Part
)

// LogProgress is how far sending or archiving is.
type LogProgress struct {
	Doing string `json:"doing"` // "Packing", "Sending", "Waiting to try again"
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// SentLogs is a report that the factory has.
type SentLogs struct {
	ReportID string    `json:"reportId"`
	Bytes    int64     `json:"bytes"`
	At       time.Time `json:"at"`
}
