package feed_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
	"dmgateway/packaging/feed/repository"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the time of a test, of its feed's maker, server and client alike.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a feed with its keys, and the folder in which one client keeps what it trusts.
type world struct {
	t     *testing.T
	clock *clock
	o     repository.Options
	root  []byte // the first one, pinned
	kept  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(), kept: t.TempDir()}
	w.o = repository.Options{Keys: repository.Keys{Dir: filepath.Join(t.TempDir(), "keys")}, Out: filepath.Join(t.TempDir(), "out"), Now: w.clock.Now}
	r, err := repository.Create(w.o)
	w.must(err)
	w.root, err = r.RootJSON()
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) repo() *repository.Repository {
	w.t.Helper()
	r, err := repository.Open(w.o)
	w.must(err)
	return r
}

// add publishes a version for linux/amd64 and windows/amd64 on the terms given, stable and for everybody by default.
func (w *world) add(version string, change ...func(*repository.Terms)) {
	w.t.Helper()
	terms := repository.Terms{Channel: feed.Stable, Percent: 100, Notes: "What is new in " + version}
	for _, c := range change {
		c(&terms)
	}
	w.must(w.repo().Add(w.archives(version, "linux", "windows"), terms))
}

func (w *world) archives(version string, systems ...string) []repository.Archive {
	w.t.Helper()
	dist := w.t.TempDir()
	for _, system := range systems {
		exe := map[string]string{"windows": ".exe"}[system]
		file := filepath.Join(dist, fmt.Sprintf("dmgateway_%s_%s_amd64.tar.gz", version, system))
		w.must(os.WriteFile(file, archive(w.t, "dmgcmd"+exe, 100<<10), 0o600))
	}
	out, err := repository.Archives(dist, "", w.t.Logf)
	w.must(err)
	return out
}

// archive is a .tar.gz with one file of random bytes, which do not get smaller.
func archive(t *testing.T, name string, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	a := tar.NewWriter(g)
	for _, err := range []error{
		a.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(size), Typeflag: tar.TypeReg}),
		func() error { _, err := a.Write(content); return err }(), a.Close(), g.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// copied is the feed as it is now, in another folder.
func (w *world) copied() string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "copy")
	w.must(os.CopyFS(dir, os.DirFS(w.o.Out)))
	return dir
}

// file is the path of a file of the feed.
func (w *world) file(name string) string { return filepath.Join(w.o.Out, filepath.FromSlash(name)) }

// client asks the feed that lies in dir.
func (w *world) client(dir string, change ...func(*feed.Options)) *feed.Client {
	w.t.Helper()
	return w.clientOf(http.FileServer(http.Dir(dir)), change...)
}

// clientOf asks whoever answers.
func (w *world) clientOf(h http.Handler, change ...func(*feed.Options)) *feed.Client {
	w.t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.clock.Now().Format(http.TimeFormat))
		h.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(s.Close)
	return w.clientAt(s.URL, s.Client(), change...)
}

func (w *world) clientAt(url string, h *http.Client, change ...func(*feed.Options)) *feed.Client {
	w.t.Helper()
	o := feed.Options{URL: url, Dir: w.kept, Root: w.root, HTTP: h, OS: "linux", Arch: "amd64", Now: w.clock.Now}
	for _, c := range change {
		c(&o)
	}
	c, err := feed.New(o)
	w.must(err)
	return c
}

// latest is the version that a client with 1.0.0 is offered, "" for none.
func (w *world) latest(c *feed.Client) string {
	w.t.Helper()
	r, err := c.Latest(w.t.Context(), feed.Stable, "node", "1.0.0")
	w.must(err)
	if r == nil {
		return ""
	}
	return r.Version
}

// release is what a client with 1.0.0 is offered.
func (w *world) release(c *feed.Client) *feed.Release {
	w.t.Helper()
	r, err := c.Latest(w.t.Context(), feed.Stable, "node", "1.0.0")
	w.must(err)
	if r == nil {
		w.t.Fatal("nothing is offered")
	}
	return r
}

// refuses asks, and wants an error with a code and with words in its text or hint.
func (w *world) refuses(c *feed.Client, code string, words ...string) {
	w.t.Helper()
	r, err := c.Latest(w.t.Context(), feed.Stable, "node", "1.0.0")
	if r != nil {
		w.t.Errorf("%s is offered", r.Version)
	}
	checkFault(w.t, err, code, words...)
}

func checkFault(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Fatalf("got %q (%v), want %s", fault.Code(err), err, code)
	}
	e := fault.As(err)
	if e.Hint == "" {
		t.Errorf("no remedy is said: %v", err)
	}
	text := e.Error() + "\n" + e.Hint
	for _, word := range words {
		if !bytes.Contains([]byte(text), []byte(word)) {
			t.Errorf("%q is not in %q", word, text)
		}
	}
}
