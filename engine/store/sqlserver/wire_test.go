package sqlserver

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

func TestWireGivesEveryByteInOrderAndThenTheEnd(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	want := bytes.Repeat([]byte("0123456789abcde"), 20_000)
	go func() {
		for rest := want; len(rest) > 0; {
			n, _ := server.Write(rest[:min(16_383, len(rest))])
			rest = rest[n:]
		}
		_ = server.Close()
	}()
	w := &wire{Conn: client}
	var got []byte
	for size := 8; ; size = (size*7 + 1) % (2 * readAhead) {
		p := make([]byte, max(1, size))
		n, err := w.Read(p)
		got = append(got, p[:n]...)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			break
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes are not the %d that were sent", len(got), len(want))
	}
	if n := w.read.Load(); n != int64(len(want)) {
		t.Errorf("%d bytes are counted of %d", n, len(want))
	}
}
