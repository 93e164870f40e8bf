package factory

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
	"dmgateway/engine/registration"
	"dmgateway/engine/update/feed"
	"dmgateway/packaging/feed/repository"
)

// updateFeed is a feed with version 1.1.0 for linux/amd64, and its root.
func updateFeed(t *testing.T) (dir string, root []byte) {
	t.Helper()
	dist := t.TempDir()
	name := filepath.Join(dist, "dmgateway_1.1.0_linux_amd64.tar.gz")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(file)
	w := tar.NewWriter(g)
	content := []byte("a program")
	if err := w.WriteHeader(&tar.Header{Name: "dmgcmd", Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{w, g, file} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	dir = filepath.Join(t.TempDir(), "feed")
	r, err := repository.Create(repository.Options{Keys: repository.Keys{Dir: filepath.Join(t.TempDir(), "keys")}, Out: dir})
	if err != nil {
		t.Fatal(err)
	}
	archives, err := repository.Archives(dist, "", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(archives, repository.Terms{Channel: feed.Stable, Percent: 100}); err != nil {
		t.Fatal(err)
	}
	if root, err = r.RootJSON(); err != nil {
		t.Fatal(err)
	}
	return dir, root
}

// feedHouse is a factory that serves a feed, and a client with the gateway's pin.
func feedHouse(t *testing.T, dir string) (*house, *http.Client) {
	t.Helper()
	t.Parallel()
	o := testOptions(t.TempDir())
	o.Feed = dir
	h := open(t, o, "127.0.0.1:0")
	if _, err := h.NewGateway(t.Context(), "plant", ""); err != nil {
		t.Fatal(err)
	}
	id, err := registration.Register(t.Context(), h.key("plant"), registration.Options{NodeName: "node", Version: "1.0.0", Certificate: testCertificate(t).Leaf.Raw})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: registration.PinnedTLS(id.Pin)}
	t.Cleanup(transport.CloseIdleConnections)
	return h, &http.Client{Transport: transport}
}

func TestAFactoryServesItsFeedToGateways(t *testing.T) {
	dir, root := updateFeed(t)
	h, web := feedHouse(t, dir)
	c, err := feed.New(feed.Options{URL: h.Ready().URL + protocol.PathUpdates, Dir: t.TempDir(), Root: root, HTTP: web, OS: "linux", Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Latest(t.Context(), feed.Stable, "node", "1.0.0")
	if err != nil || r == nil || r.Version != "1.1.0" {
		t.Fatalf("got %+v, %v", r, err)
	}
	file := filepath.Join(t.TempDir(), "archive")
	whole, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(feed.TargetPath(r.Name, r.SHA256))))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+feed.Part, whole[:10], 0o600); err != nil { // the factory sends parts, too
		t.Fatal(err)
	}
	if err := c.Download(t.Context(), r, file, nil); err != nil {
		t.Fatal(err)
	}
}

func TestAFactoryWithoutAFeedSaysSo(t *testing.T) {
	_, root := updateFeed(t)
	h, web := feedHouse(t, "")
	c, err := feed.New(feed.Options{URL: h.Ready().URL + protocol.PathUpdates, Dir: t.TempDir(), Root: root, HTTP: web})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Latest(t.Context(), feed.Stable, "node", "1.0.0"); fault.Code(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestAFactoryServesNothingBesideTheFeed(t *testing.T) {
	dir, _ := updateFeed(t)
	outside := filepath.Join(t.TempDir(), "secret.json")
	for file, make := range map[string]func(string) error{
		"metadata/link.json":  func(p string) error { return os.Symlink(outside, p) },
		"metadata/root.key":   func(p string) error { return os.WriteFile(p, []byte("secret"), 0o600) },
		"metadata/.json":      func(p string) error { return os.WriteFile(p, []byte("secret"), 0o600) },
		"metadata/deep.json":  func(p string) error { return os.Mkdir(p, 0o700) },
		"targets/notes.txt":   func(p string) error { return os.WriteFile(p, []byte("secret"), 0o600) },
		"timestamp.json":      func(p string) error { return os.WriteFile(p, []byte("secret"), 0o600) },
		"../secret-beside.js": func(p string) error { return os.WriteFile(p, []byte("secret"), 0o600) },
	} {
		if err := make(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, web := feedHouse(t, dir)
	status := func(method, path string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, h.Ready().URL+protocol.PathUpdates+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := web.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) == "secret" {
			t.Errorf("%s gives the secret", path)
		}
		return answer.StatusCode
	}
	if got := status(http.MethodGet, "metadata/timestamp.json"); got != http.StatusOK {
		t.Errorf("the feed itself: %d", got)
	}
	for _, path := range []string{
		"", "metadata", "metadata/", "targets/", "metadata/link.json", "metadata/root.key", "metadata/.json", "metadata/deep.json", "targets/notes.txt",
		"timestamp.json", "%2e%2e/secret-beside.js", "metadata/..%2f..%2fsecret-beside.js", "metadata%2ftimestamp.json%00", "metadata/9.root.json",
	} {
		if got := status(http.MethodGet, path); got != http.StatusNotFound {
			t.Errorf("%q: %d", path, got)
		}
	}
	if got := status(http.MethodPut, "metadata/timestamp.json"); got == http.StatusOK || got == http.StatusNoContent {
		t.Errorf("the feed can be written: %d", got)
	}
}

func TestAFolderThatIsNoFeedIsSaidBeforeTheFactoryServes(t *testing.T) {
	t.Parallel()
	o := testOptions(t.TempDir())
	o.Feed = t.TempDir()
	f, err := Open(context.Background(), o)
	if fault.Code(err) != fault.BadInput || fault.As(err).Hint == "" {
		t.Errorf("got %v", err)
	}
	if f != nil {
		t.Error("it was opened")
	}
}
