package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"go.uber.org/goleak"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

func opened(t testing.TB, linkedService string) store.Files {
	t.Helper()
	ls, err := props.Parse([]byte(linkedService), "$")
	if err != nil {
		t.Fatal(err)
	}
	opener := Definition().Files.Open(ls)
	if err := ls.Err(); err != nil {
		t.Fatal(err)
	}
	f, err := opener(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMissingContainerIsMadeForWritingOnly(t *testing.T) {
	t.Parallel()
	f := opened(t, linkedService(testserver.Azurite(t)))
	for _, size := range []int{10, 3 * minBlock} {
		box := testserver.Container()
		_, err := f.Stat(t.Context(), box+"/file")
		if fault.Code(err) != fault.NotFound {
			t.Errorf("stat: %v", err)
		}
		_, err = f.Open(t.Context(), store.File{Path: box + "/file"}, 0, -1)
		if fault.Code(err) != fault.NotFound || !strings.Contains(fault.As(err).Hint, "container") {
			t.Errorf("open: %v", err)
		}
		w, err := f.Create(t.Context(), box+"/file", store.CreateOptions{BlockSize: minBlock})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v, err := f.Stat(t.Context(), box+"/file"); err != nil || v.Size != int64(size) {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

func TestNamesThatAreNoBlobs(t *testing.T) {
	t.Parallel()
	f := opened(t, linkedService(testserver.Azurite(t)))
	for _, p := range []string{"", "container", "container/", "/blob"} {
		if _, err := f.Create(t.Context(), p, store.CreateOptions{}); fault.Code(err) != fault.BadInput {
			t.Errorf("create %q: %v", p, err)
		}
	}
	_, err := f.Create(t.Context(), "Bad_Container/file", store.CreateOptions{})
	if fault.Code(err) != fault.BadInput || fault.As(err).Target != "Bad_Container" {
		t.Errorf("a bad container name gives %v", err)
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	connection := testserver.Azurite(t)
	c, err := service.NewClientFromConnectionString(connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	box := testserver.Container()
	until := time.Now().Add(time.Hour)
	wholeAccount, err := c.GetSASURL(sas.AccountResourceTypes{Service: true, Container: true, Object: true},
		sas.AccountPermissions{Read: true, Write: true, List: true, Create: true, Delete: true}, until, nil)
	if err != nil {
		t.Fatal(err)
	}
	oneContainer, err := c.NewContainerClient(box).GetSASURL(sas.ContainerPermissions{Read: true, Write: true, List: true, Create: true}, until, nil)
	if err != nil {
		t.Fatal(err)
	}
	readOnly, err := c.NewContainerClient(box).GetSASURL(sas.ContainerPermissions{Read: true, List: true}, until, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, uri := range []string{wholeAccount, oneContainer} { // the first makes the container
		f := opened(t, `{"sasUri":"`+uri+`"}`)
		w, err := f.Create(t.Context(), box+"/file", store.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatalf("signature %d: %v", i, err)
		}
		n := 0
		if err := f.List(t.Context(), "", true, func(v store.File) error {
			if strings.HasPrefix(v.Path, box+"/") {
				n++
			}
			return nil
		}); err != nil || n != 1 {
			t.Errorf("signature %d lists %d files: %v", i, n, err)
		}
		ls, _ := props.Parse([]byte(`{"sasUri":"`+uri+`"}`), "$")
		if err := Definition().Test(ls)(t.Context(), store.Env{}, func(store.Stage) {}); err != nil {
			t.Errorf("signature %d: %v", i, err)
		}
	}
	f := opened(t, `{"sasUri":"`+readOnly+`"}`)
	w, err := f.Create(t.Context(), box+"/other", store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); fault.Code(err) != fault.Forbidden && fault.Code(err) != fault.SignInFailed {
		t.Errorf("writing with a signature for reading gives %v", err)
	}
	_ = w.Abort()
}

// busy is a service that keeps blocks waiting until it is told to go on.
type busy struct {
	gate          chan struct{}
	mu            sync.Mutex
	now, most     int
	bytes, blocks int64
	committed     atomic.Bool
}

func (b *busy) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("comp") == "blocklist" {
		b.committed.Store(true)
		w.WriteHeader(http.StatusCreated)
		return
	}
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	select {
	case <-b.gate:
	case <-r.Context().Done():
	}
	n, _ := io.Copy(io.Discard, r.Body)
	b.mu.Lock()
	b.now--
	b.bytes += n
	b.blocks++
	b.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
}

func TestMemoryStaysBounded(t *testing.T) {
	t.Parallel()
	b := &busy{gate: make(chan struct{})}
	f := against(t, b.serve)
	w, err := f.Create(t.Context(), "box/file", store.CreateOptions{BlockSize: minBlock, Parallel: 3})
	if err != nil {
		t.Fatal(err)
	}
	const total = 20 * minBlock
	done := make(chan error, 1)
	go func() {
		_, err := w.Write(make([]byte, total))
		done <- err
	}()
	inner := w.(*writer)
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.now == 3 })
	inner.mu.Lock()
	used := inner.used
	inner.mu.Unlock()
	if used > inner.budget || used != 3*minBlock {
		t.Errorf("%d bytes under way, budget %d", used, inner.budget)
	}
	select {
	case err := <-done:
		t.Fatalf("everything was taken although nothing was sent: %v", err)
	default:
	}
	close(b.gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.most > 3 || b.bytes != total || b.blocks != 20 || !b.committed.Load() {
		t.Errorf("%d at once, %d bytes in %d blocks, committed %t", b.most, b.bytes, b.blocks, b.committed.Load())
	}
}

func waitFor(t *testing.T, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ready(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("waited too long")
		}
	}
}

func TestCancelEndsWaitingWriters(t *testing.T) {
	t.Parallel()
	b := &busy{gate: make(chan struct{})}
	f := against(t, b.serve)
	t.Cleanup(func() { close(b.gate) }) // before the service closes, which waits for its answers
	ctx, cancel := context.WithCancel(t.Context())
	w, err := f.Create(ctx, "box/file", store.CreateOptions{BlockSize: minBlock, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.Write(make([]byte, 10*minBlock))
		done <- err
	}()
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.now == 2 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("commit succeeds")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
}

func TestFailedBlockEndsTheWriter(t *testing.T) {
	t.Parallel()
	f := against(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-ms-error-code", "AuthorizationPermissionMismatch")
		w.WriteHeader(http.StatusForbidden)
	})
	w, err := f.Create(t.Context(), "box/file", store.CreateOptions{BlockSize: minBlock, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = w.Write(make([]byte, minBlock))
	}
	if fault.Code(err) != fault.Forbidden {
		t.Errorf("write: %v", err)
	}
	if err := w.Commit(t.Context()); fault.Code(err) != fault.Forbidden {
		t.Errorf("commit: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
}

func TestBlocksGrowWithTheFile(t *testing.T) {
	t.Parallel()
	w := &writer{block: defaultBlock}
	var total int64
	for n := 0; n < maxBlocks; n += growEvery {
		w.sent = n
		total += w.size() * growEvery
	}
	if total < 1<<40 || w.size() > maxBlock {
		t.Errorf("a blob can have %d bytes, its last blocks %d", total, w.size())
	}
}

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Idle connections belong to the process's one HTTP transport.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// BenchmarkUpload compares a writer with azblob's own UploadStream: 64 MiB to the emulator.
func BenchmarkUpload(b *testing.B) {
	connection := testserver.Azurite(b)
	const size = 64 << 20
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	box := testserver.Container()
	b.Run("writer", func(b *testing.B) {
		f := opened(b, linkedService(connection))
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			w, err := f.Create(b.Context(), box+"/file", store.CreateOptions{})
			if err != nil {
				b.Fatal(err)
			}
			for off := 0; off < size; off += 256 << 10 {
				if _, err := w.Write(data[off : off+256<<10]); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Commit(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("azblob", func(b *testing.B) {
		c, err := service.NewClientFromConnectionString(connection, nil)
		if err != nil {
			b.Fatal(err)
		}
		target := c.NewContainerClient(box).NewBlockBlobClient("file")
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := target.UploadStream(b.Context(), bytes.NewReader(data), &blockblob.UploadStreamOptions{BlockSize: defaultBlock, Concurrency: defaultParallel}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
