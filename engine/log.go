package engine

import (
	"log/slog"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"
)

// openLog logs as JSON into the data directory, rotated by size and age, and to also where it is not nil.
func openLog(dir string, level *slog.LevelVar, also *slog.Logger) (*slog.Logger, *lumberjack.Logger) {
	file := &lumberjack.Logger{
		Filename: filepath.Join(dir, logFolder, logFile), MaxSize: 10, MaxBackups: 10, MaxAge: 30, Compress: true,
	}
	var handler slog.Handler = slog.NewJSONHandler(file, &slog.HandlerOptions{Level: level})
	if also != nil {
		handler = slog.NewMultiHandler(handler, also.Handler())
	}
	return slog.New(handler), file
}
