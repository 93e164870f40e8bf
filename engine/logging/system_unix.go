//go:build unix

package logging

import (
	"log/slog"
	"log/syslog"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"
)

// OpenSystem opens systemd's journal where there is one, else syslog; nil where there is neither.
func OpenSystem() System {
	if journal.Enabled() {
		return systemd{}
	}
	return openSyslog("", "")
}

type systemd struct{}

// Write adds the field DMG_EVENT: journalctl DMG_EVENT=401 finds every line of an event.
func (systemd) Write(level slog.Level, event Event, text string) error {
	priority := journal.PriInfo
	switch {
	case level >= slog.LevelError:
		priority = journal.PriErr
	case level >= slog.LevelWarn:
		priority = journal.PriWarning
	}
	return journal.Send(text, priority, map[string]string{"SYSLOG_IDENTIFIER": syslogName, "DMG_EVENT": strconv.Itoa(int(event))})
}

func (systemd) Close() error { return nil }

// openSyslog connects to the machine's syslog, or to one at an address.
func openSyslog(network, address string) System {
	w, err := syslog.Dial(network, address, syslog.LOG_DAEMON|syslog.LOG_INFO, syslogName)
	if err != nil {
		return nil
	}
	return unixSyslog{w}
}

type unixSyslog struct{ w *syslog.Writer }

func (s unixSyslog) Write(level slog.Level, event Event, text string) error {
	text = "event " + strconv.Itoa(int(event)) + ": " + text
	switch {
	case level >= slog.LevelError:
		return s.w.Err(text)
	case level >= slog.LevelWarn:
		return s.w.Warning(text)
	}
	return s.w.Info(text)
}

func (s unixSyslog) Close() error { return s.w.Close() }
