//go:build unix

package logging

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyEventsReachTheSystemsLog(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, _ := open(t, func(o *Options) { o.System = openSyslog("unixgram", socket) })
	l.Info("no event")
	l.Debug("detail", Key, Starting)
	l.Warn("queue gone", Key, QueueUnreachable, "error", "pwd=x-y-z;")
	l.ToSystem(false)
	l.Error("off", Key, JobPanicked)
	l.ToSystem(true)
	l.Error("on", Key, JobPanicked)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for _, want := range []string{"event 401: queue gone  error=pwd=******;", "event 105: on"} {
		n, _, err := conn.ReadFrom(buf)
		if err != nil || !strings.Contains(string(buf[:n]), want) || !strings.Contains(string(buf[:n]), "dmgateway") {
			t.Errorf("got %s, %v", buf[:n], err)
		}
	}
}
