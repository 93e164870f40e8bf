package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/store/storetest"
	"dmgateway/engine/testserver"
)

func TestConformance(t *testing.T) {
	s := testserver.SSH(t)
	root := fmt.Sprintf("%s/conformance-%d", s.Root, time.Now().UnixNano())
	_, other := keys(t)
	storetest.RunFiles(t, storetest.FileStore{
		Definition: Definition(), LinkedService: s.LinkedService(nil), Root: root,
		BadSignIn: s.LinkedService(map[string]any{"privateKeyContent": string(other), "authenticationType": "SshPublicKey", "password": nil}),
	})
}

func object(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// connect opens a linked service, and closes it with the test.
func connect(t testing.TB, linkedService string) *files {
	t.Helper()
	ls := object(t, linkedService)
	s := decode(ls)
	if err := ls.Err(); err != nil {
		t.Fatal(err)
	}
	f, err := s.open(t.Context(), store.Env{RunID: "run"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// folder is a new one on the private server, as the server and as this machine names it.
func folder(t testing.TB, s *testserver.SSHServer) string {
	t.Helper()
	if !s.Private {
		t.Skip("the test looks at the server's disk")
	}
	dir, err := os.MkdirTemp(s.Root, "t") //nolint:usetesting // below the server's folder
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// cutter is a way to a server that breaks every connection after so many bytes in one direction.
type cutter struct {
	net.Listener
	to    string
	mu    sync.Mutex
	after int64 // bytes a connection may carry, < 0 as many as it likes
	cuts  int
}

func cut(t *testing.T, s *testserver.SSHServer, after int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: net.JoinHostPort(s.Host, s.Port), after: after}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.pass(in) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return c
}

func (c *cutter) pass(in net.Conn) {
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		_ = in.Close()
		return
	}
	c.mu.Lock()
	limit := c.after
	c.mu.Unlock()
	var wg sync.WaitGroup
	end := sync.OnceFunc(func() { _ = in.Close(); _ = out.Close() })
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		wg.Go(func() {
			defer end()
			if limit < 0 {
				_, _ = io.Copy(way[1], way[0])
				return
			}
			if n, _ := io.CopyN(way[1], way[0], limit); n == limit {
				c.mu.Lock()
				c.cuts++
				c.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (c *cutter) linkedService(s *testserver.SSHServer) string {
	_, port, _ := net.SplitHostPort(c.Addr().String())
	return s.LinkedService(map[string]any{"port": port})
}

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}

func TestAWriteGoesOnAfterTheConnectionBreaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	s := testserver.SSH(t)
	dir := folder(t, s)
	c := cut(t, s, 3<<20)
	ls := object(t, c.linkedService(s))
	f, err := decode(ls).open(t.Context(), store.Env{RunID: "run"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	w, err := f.Create(t.Context(), dir+"/file", store.CreateOptions{BlockSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	data := random(20<<20 + 77)
	if _, err := io.Copy(struct{ io.Writer }{w}, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(dir + "/file")
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cuts < 5 {
		t.Errorf("the connection was cut %d times only", c.cuts)
	}
}

func TestABrokenReadIsTransientAndCanGoOn(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	data := random(12 << 20)
	if err := os.WriteFile(dir+"/file", data, 0o600); err != nil {
		t.Fatal(err)
	}
	c := cut(t, s, 2500<<10)
	f := connect(t, c.linkedService(s))
	v, err := f.Stat(t.Context(), dir+"/file")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	broken := 0
	for len(got) < len(data) && broken < 50 {
		r, err := f.Open(t.Context(), v, int64(len(got)), -1)
		if err == nil {
			var more []byte
			more, err = io.ReadAll(r)
			got = append(got, more...)
			_ = r.Close()
		}
		if err != nil {
			broken++
			if !fault.IsTransient(err) {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
		}
	}
	if !bytes.Equal(got, data) || broken < 3 {
		t.Errorf("%d bytes came with %d breaks", len(got), broken)
	}
}

func TestAServerThatIsGoneIsUnreachable(t *testing.T) {
	s := testserver.SSH(t)
	c := cut(t, s, 0) // not even a greeting
	f := connect(t, c.linkedService(s))
	if _, err := f.Stat(t.Context(), "x"); fault.Code(err) != fault.Unreachable || !fault.IsTransient(err) {
		t.Error(err)
	}
	_ = c.Close()
	if _, err := f.Stat(t.Context(), "x"); fault.Code(err) != fault.Unreachable || fault.As(err).Hint == "" {
		t.Error(err)
	}
}

func TestDirectWritesToTheNameItself(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	f := connect(t, s.LinkedService(nil))
	w, err := f.Create(t.Context(), dir+"/file", store.CreateOptions{Direct: true, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/file"); err != nil {
		t.Error(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(dir + "/file"); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLeftoversOfDeadWritersGo(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	name := func(run, process, id string) string { return ".f." + run + "-" + process + "-" + id + leftoverEnd }
	mine := runMark("run")
	files := map[string]bool{ // name to whether it stays
		name(mine, "00000000", "01020304"):             false, // this run, in a process that is gone
		name(mine, process, "01020304"):                true,  // this process
		name(runMark("other"), "00000000", "11111111"): true,  // another run, new
		".old" + leftoverEnd:                           false,
		"file.txt":                                     true,
	}
	for n := range files {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * leftoverAge)
	if err := os.Chtimes(filepath.Join(dir, ".old"+leftoverEnd), old, old); err != nil {
		t.Fatal(err)
	}
	f := connect(t, s.LinkedService(nil))
	w, err := f.Create(t.Context(), dir+"/new", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	for n, stays := range files {
		if _, err := os.Stat(filepath.Join(dir, n)); (err == nil) != stays {
			t.Errorf("%s: stays is %v, %v", n, stays, err)
		}
	}
}

func TestLinksAreFollowedOnce(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	for _, err := range []error{
		os.MkdirAll(dir+"/a/b", 0o755), os.WriteFile(dir+"/a/b/file", []byte("x"), 0o600), os.Mkdir(dir+"/other", 0o755),
		os.WriteFile(dir+"/other/o", nil, 0o600),
		os.Symlink("..", dir+"/a/b/up"), os.Symlink("b/file", dir+"/a/link"), os.Symlink("nowhere", dir+"/a/dead"),
		os.Symlink("../other", dir+"/a/elsewhere"), os.Symlink("../a", dir+"/other/back"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f := connect(t, s.LinkedService(nil))
	var got []string
	err := f.List(t.Context(), dir+"/a", true, func(v store.File) error {
		got = append(got, strings.TrimPrefix(v.Path, dir+"/a/"))
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[b/file elsewhere/o link]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPathsFromTheUsersFolderAndFromTheRoot(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := connect(t, s.LinkedService(nil))
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip(err)
	}
	if err := f.List(t.Context(), "", false, func(store.File) error { return nil }); err != nil {
		t.Error(err)
	}
	up := filepath.Join(strings.Repeat("../", strings.Count(home, "/")), dir, "file")
	if _, err := f.Stat(t.Context(), up); fault.Code(err) != fault.BadInput {
		t.Errorf("a path that goes up: %v", err)
	}
	if _, err := f.Stat(t.Context(), dir+"/file"); err != nil {
		t.Error(err)
	}
}

func TestBrowseShowsOneFolder(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	for _, err := range []error{os.MkdirAll(dir+"/sub/deep", 0o755), os.WriteFile(dir+"/file", []byte("xy"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := Definition().Browse(object(t, s.LinkedService(nil)))(t.Context(), store.Env{}, dir, func(e store.Entry) error {
		got = append(got, fmt.Sprintf("%s %s %d %v", e.Kind, e.Name, e.Size, e.Path == dir+"/"+e.Name))
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[file file 2 true folder sub 0 true]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestACancelEndsAWriteToAServerThatHangs(t *testing.T) {
	s := testserver.SSH(t)
	dir := folder(t, s)
	f := connect(t, s.LinkedService(nil))
	ctx, cancel := context.WithCancel(t.Context())
	w, err := f.Create(ctx, dir+"/file", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write(random(8 << 20)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := f.Stat(t.Context(), dir+"/file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store is of no more use: %v", err)
	}
}
