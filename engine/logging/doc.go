// Package logging is the gateway's log: JSON lines of log/slog in the data directory's folder "logs", redacted, rotated by
// size, age and total, with a stable event ID where a person may have to act; a second copy of each job's lines in a file
// of its own; and what has an event ID also in the operating system's log.
//
//	logs/gateway.log                              the present file
//	logs/gateway-2026-01-31T10-00-00.000.log.gz   earlier ones
//	logs/jobs/RUN.log                             the lines of one run
//	logs/crash-2026-01-31T10-00-00.000.txt        what the program said when it crashed
//
// Writing never fails for whoever logs: on a full disk lines are lost, and the log says how many once it can be written.
package logging

// Names in a data directory's folder of logs.
const (
	Folder     = "logs"
	Current    = "gateway.log"
	JobsFolder = "jobs"
)
