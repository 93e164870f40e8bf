package logging

import (
	"log/slog"

	"golang.org/x/sys/windows/svc/eventlog"
)

// OpenSystem opens the Windows Event Log with the gateway's event source. Making the source takes an administrator, which
// the installer is; without it Windows shows the same lines with a remark.
func OpenSystem() System {
	_ = eventlog.InstallAsEventCreate(sourceName, eventlog.Info|eventlog.Warning|eventlog.Error) // it exists, or may not be made
	l, err := eventlog.Open(sourceName)
	if err != nil {
		return nil
	}
	return windowsLog{l}
}

type windowsLog struct{ l *eventlog.Log }

func (w windowsLog) Write(level slog.Level, event Event, text string) error {
	switch {
	case level >= slog.LevelError:
		return w.l.Error(uint32(event), text)
	case level >= slog.LevelWarn:
		return w.l.Warning(uint32(event), text)
	}
	return w.l.Info(uint32(event), text)
}

func (w windowsLog) Close() error { return w.l.Close() }
