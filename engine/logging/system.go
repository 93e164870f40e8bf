package logging

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// System is the operating system's own log: the Windows Event Log, systemd's journal, or syslog.
type System interface {
	// Write writes one line. It may block.
	Write(level slog.Level, event Event, text string) error
	Close() error
}

// sourceName is the gateway's name in the system's log; syslogName is the short form of journal and syslog.
const (
	sourceName = "Data Management Gateway"
	syslogName = "dmgateway"
)

const (
	maxQueued  = 256             // lines that wait for the system's log
	drainLimit = 2 * time.Second // how long closing waits for it
)

// forwarder hands lines over without letting whoever logs wait: what the system does not take is dropped there, and is
// still in the gateway's own log.
type forwarder struct {
	system System
	off    atomic.Bool
	lines  chan systemLine
	done   chan struct{}
}

type systemLine struct {
	level slog.Level
	event Event
	text  string
}

func newForwarder(s System) *forwarder {
	f := &forwarder{system: s, lines: make(chan systemLine, maxQueued), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		for l := range f.lines {
			_ = s.Write(l.level, l.event, l.text) // as above
		}
		_ = s.Close() // nothing follows
	}()
	return f
}

// send is called for one line at a time, and not after close.
func (f *forwarder) send(level slog.Level, event Event, line []byte) {
	if f.off.Load() {
		return
	}
	select {
	case f.lines <- systemLine{level, event, ParseLine(line).Text()}:
	default:
	}
}

func (f *forwarder) close() {
	close(f.lines)
	select {
	case <-f.done:
	case <-time.After(drainLimit):
	}
}
