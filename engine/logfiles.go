package engine

import "dmgateway/engine/logging"

// LogFiles are the paths of the log in a folder of logs, or of one run's, the oldest first and the present one last, which
// may not be there yet. Earlier files can be compressed, ".gz". It needs no running engine.
func LogFiles(folder, run string) []string { return logging.Files(folder, run) }

// ParseLogLine reads one line of a log; its Raw is the given bytes.
func ParseLogLine(raw []byte) LogLine { return logging.ParseLine(raw) }
