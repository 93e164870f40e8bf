package oracle

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// accept is a listener's answer of the protocol's version, with its flags.
func accept(version, flags byte) []byte {
	p := make([]byte, 32)
	p[1], p[packetType], p[acceptVersion], p[acceptVersion+1], p[acceptFlags] = 32, acceptPacket, 1, version, flags
	return p
}

func TestInterruptHasTheFormOfTheProtocolsVersion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers [][]byte
		want    []byte
		service bool
	}{
		"older":                 {[][]byte{accept(314-256, 0)}, []byte{0, 11, 0, 0, 12, 0, 0, 0, 1, 0, 3}, false},
		"newer, with services":  {[][]byte{accept(319-256, 1)}, []byte{0, 0, 0, 11, 12, 0, 0, 0, 1, 0, 3}, true},
		"in pieces":             {[][]byte{accept(319-256, 5)[:10], accept(319-256, 5)[10:]}, []byte{0, 0, 0, 11, 12, 0, 0, 0, 1, 0, 3}, false},
		"after a resend packet": {[][]byte{{0, 24, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, accept(314-256, 0)}, []byte{0, 11, 0, 0, 12, 0, 0, 0, 1, 0, 3}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := net.Pipe()
			w := &wire{Conn: here}
			t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
			go func() {
				for _, a := range tt.answers {
					_, _ = there.Write(a)
				}
			}()
			total := 0
			for _, a := range tt.answers {
				total += len(a)
			}
			for buf := make([]byte, 100); total > 0; {
				n, err := w.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				total -= n
			}
			if w.services != tt.service {
				t.Errorf("services are %v", w.services)
			}
			go w.interrupt()
			got := make([]byte, 11)
			_ = there.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := there.Read(got); err != nil || !bytes.Equal(got, tt.want) {
				t.Errorf("% x, error %v, want % x", got, err, tt.want)
			}
		})
	}
}

func TestInterruptBeforeTheAnswerEndsTheConnection(t *testing.T) {
	t.Parallel()
	for _, w := range []*wire{{}, {tls: true}} {
		here, there := net.Pipe()
		w.Conn = here
		w.interrupt()
		_ = there.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := there.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes come", n)
		}
		_ = there.Close()
	}
}

func TestDriverTakesNoDeadlineAway(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer there.Close()
	w := &wire{Conn: here}
	w.limit(10 * time.Millisecond)
	_ = w.SetReadDeadline(time.Time{})
	_ = w.SetWriteDeadline(time.Time{})
	_ = w.SetDeadline(time.Time{})
	if _, err := w.Read(make([]byte, 1)); err == nil {
		t.Error("the limit is gone")
	}
}
