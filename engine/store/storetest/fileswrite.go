package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func testInvisible(t *testing.T, f *fileSuite) {
	f.put(t, "other.txt", "x")
	w, err := f.files.Create(t.Context(), f.path("new/file.txt"), store.CreateOptions{BlockSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 300<<10)); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, "before commit", f.list(t, "", true), []string{"other.txt"})
	if _, err := f.files.Stat(t.Context(), f.path("new/file.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat before commit: %v", err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantPaths(t, "after commit", f.list(t, "", true), []string{"new/file.txt", "other.txt"})
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("bytes are taken after commit")
	}
}

func testAbortFile(t *testing.T, f *fileSuite) {
	f.put(t, "kept.txt", "kept")
	for _, p := range []string{"kept.txt", "new.txt"} {
		w, err := f.files.Create(t.Context(), f.path(p), store.CreateOptions{BlockSize: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 200<<10)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Abort(); err != nil {
				t.Errorf("abort %s: %v", p, err)
			}
		}
		if err := w.Commit(t.Context()); err == nil {
			t.Errorf("commit %s after abort succeeds", p)
		}
	}
	wantPaths(t, "after abort", f.list(t, "", true), []string{"kept.txt"})
	if got := f.get(t, "kept.txt"); got != "kept" {
		t.Errorf("the older file is %q", got)
	}
}

func testReplace(t *testing.T, f *fileSuite) {
	f.put(t, "file", strings.Repeat("long ", 1000))
	f.put(t, "file", "short")
	if got := f.get(t, "file"); got != "short" {
		t.Errorf("replaced file is %q", got)
	}
	w, err := f.files.Create(t.Context(), f.path("file"), store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "newest"); err != nil {
		t.Fatal(err)
	}
	if got := f.get(t, "file"); got != "short" {
		t.Errorf("before commit the file is %q", got)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.get(t, "file"); got != "newest" {
		t.Errorf("after commit the file is %q", got)
	}
}

// testTwoWriters lets an attempt that lost its lease and its successor write the same file: one of both is the result,
// whole, and a writer that says that it committed is not undone by one that did not.
func testTwoWriters(t *testing.T, f *fileSuite) {
	content := []string{strings.Repeat("a", 200<<10), strings.Repeat("b", 300<<10)}
	var writers []store.FileWriter
	for _, c := range content {
		w, err := f.files.Create(t.Context(), f.path("file"), store.CreateOptions{BlockSize: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, c); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	last := ""
	for i, w := range writers {
		if err := w.Commit(t.Context()); err == nil {
			last = content[i]
		} else if fault.Code(err) != fault.Conflict {
			t.Errorf("commit of writer %d: %v", i, err)
		}
		if err := w.Abort(); err != nil {
			t.Errorf("abort of writer %d: %v", i, err)
		}
	}
	if last == "" {
		t.Fatal("neither writer succeeded")
	}
	if got := f.get(t, "file"); got != last {
		t.Errorf("the file has %d bytes of %q, not those of the last commit", len(got), got[:min(1, len(got))])
	}
}

func testEmptyFile(t *testing.T, f *fileSuite) {
	w, err := f.files.Create(t.Context(), f.path("empty"), store.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.get(t, "empty"); got != "" {
		t.Errorf("the empty file has %q", got)
	}
	wantPaths(t, "list", f.list(t, "", false), []string{"empty"})
}

func testLarge(t *testing.T, f *fileSuite) {
	content := make([]byte, 5<<20+12345)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content)
	w, err := f.files.Create(t.Context(), f.path("large"), store.CreateOptions{BlockSize: 256 << 10, Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	for rest, n := content, 1; len(rest) > 0; n = (n*7 + 13) % 700_001 {
		part := rest[:min(n, len(rest))]
		scratch := bytes.Clone(part)
		if _, err := w.Write(scratch); err != nil {
			t.Fatal(err)
		}
		clear(scratch) // the buffer belongs to the caller again
		rest = rest[len(part):]
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := f.files.Stat(t.Context(), f.path("large"))
	if err != nil || v.Size != int64(len(content)) {
		t.Fatalf("%d bytes became %d: %v", len(content), v.Size, err)
	}
	const parts = 4
	got := make([][]byte, parts)
	errs := make([]error, parts)
	size := v.Size/parts + 1
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { got[i], errs[i] = f.read(t.Context(), v, int64(i)*size, size) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Join(got, nil), content) {
		t.Error("the content that was read in parts is not what was written")
	}
}

func testNames(t *testing.T, f *fileSuite) {
	names := []string{"Größe 100% #1 & +.txt", "данные/表 (2).csv", "a=b,c;d@e'f.txt", ".hidden", "no extension", "dots..in.name", "e\u0301.txt", strings.Repeat("n", 200)}
	if runtime.GOOS != "windows" {
		names = append(names, `quoted "q" <x> ?*:|.txt`)
	}
	for _, name := range names {
		f.put(t, name, "content of "+name)
	}
	slices.Sort(names)
	wantPaths(t, "list", f.list(t, "", true), names)
	for _, name := range names {
		if got := f.get(t, name); got != "content of "+name {
			t.Errorf("%q has the content %q", name, got)
		}
		if err := f.files.Remove(t.Context(), f.path(name)); err != nil {
			t.Errorf("remove %q: %v", name, err)
		}
	}
	wantPaths(t, "after remove", f.list(t, "", true), nil)
}

func testConcurrent(t *testing.T, f *fileSuite) {
	const workers, each = 8, 5
	errs := make(chan error, workers*each)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for j := range each {
				p := fmt.Sprintf("folder%d/file%d", j, i)
				content := bytes.Repeat([]byte{byte(i)}, 1000*(j+1))
				err := f.write(t.Context(), p, content, store.CreateOptions{})
				if err == nil {
					var v store.File
					if v, err = f.files.Stat(t.Context(), f.path(p)); err == nil {
						var got []byte
						if got, err = f.read(t.Context(), v, 0, -1); err == nil && !bytes.Equal(got, content) {
							err = fmt.Errorf("%s has other bytes", p)
						}
					}
				}
				if err == nil {
					err = f.files.List(t.Context(), f.root, true, func(store.File) error { return nil })
				}
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if n := len(f.list(t, "", true)); n != workers*each {
		t.Errorf("%d files instead of %d", n, workers*each)
	}
}

func testCancelledFile(t *testing.T, f *fileSuite) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := f.files.Create(ctx, f.path("file"), store.CreateOptions{BlockSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = w.Write(make([]byte, 1<<20))
	if err == nil {
		err = w.Commit(ctx)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("writing after the end of the context: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("abort after the end of the context: %v", err)
	}
	wantPaths(t, "after cancel", f.list(t, "", true), nil)

	f.put(t, "read", strings.Repeat("x", 100<<10))
	v, err := f.files.Stat(t.Context(), f.path("read"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.read(ctx, v, 0, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("reading after the end of the context: %v", err)
	}
	if err := f.files.List(ctx, f.root, true, func(store.File) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("listing after the end of the context: %v", err)
	}
}
