package copy

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/store/sftp"
	"dmgateway/engine/testserver"
)

// breaking passes connections on to a server and breaks each after so many bytes in one direction.
func breaking(t *testing.T, to string, after int64) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	pass := func(in net.Conn) {
		out, err := net.Dial("tcp", to)
		if err != nil {
			_ = in.Close()
			return
		}
		end := sync.OnceFunc(func() { _ = errors.Join(in.Close(), out.Close()) })
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			wg.Go(func() {
				defer end()
				_, _ = io.CopyN(way[1], way[0], after)
			})
		}
	}
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			pass(in)
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// TestConnectionsThatBreakAllTheTimeLoseNothing copies to and from a server whose connections live for 3 MiB.
func TestConnectionsThatBreakAllTheTimeLoseNothing(t *testing.T) {
	s := testserver.SSH(t)
	port := breaking(t, net.JoinHostPort(s.Host, s.Port), 3<<20)
	at := place{sftp.Definition().Files.Open(object(t, s.LinkedService(map[string]any{"port": port}))), s.Root + "/" + testserver.Container()}
	content := map[string]string{"in/large.bin": strings.Repeat("0123456789abcdef", 12<<16), "in/sub/small.txt": "small", "in/empty": ""}
	src, dst := tree(t, content), t.TempDir()

	up := binaryJob(t, src, dst)
	up.Sink.Files.Open, up.Sink.Files.Folder = at.open, at.root
	down := binaryJob(t, src, dst)
	down.Source.Files.Open, down.Source.Files.Folder = at.open, at.root
	if _, err := Run(t.Context(), up, Options{retry: quick}); err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), down, Options{retry: quick})
	if err != nil {
		t.Fatal(err)
	}
	got := readTree(t, dst)
	for name, want := range content {
		if got["out/"+strings.TrimPrefix(name, "in/")] != want {
			t.Errorf("%s has other bytes", name)
		}
	}
	if res.DataRead != res.DataWritten {
		t.Errorf("result %+v", res)
	}
}
