package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/props"
	"dmgateway/engine/store"
)

// FileStore is a file store under test.
type FileStore struct {
	Definition store.Definition
	// LinkedService is the typeProperties of the linked service as JSON.
	LinkedService string
	// BadSignIn is a linked service with a wrong key or password, "" where the store has no sign-in.
	BadSignIn string
	// Root is an empty folder that the suite may fill, "" for the whole store. It need not exist.
	Root string
}

// RunFiles runs the suite that every file store passes.
func RunFiles(t *testing.T, s FileStore) {
	for name, test := range map[string]func(*testing.T, *fileSuite){
		"list in order":             testListOrder,
		"list stops":                testListStops,
		"missing":                   testMissingFiles,
		"folder is no file":         testFolderNoFile,
		"ranges":                    testRanges,
		"another version":           testVersion,
		"described in JSON":         testDescribed,
		"nothing before commit":     testInvisible,
		"abort":                     testAbortFile,
		"replace":                   testReplace,
		"two writers of one file":   testTwoWriters,
		"empty file":                testEmptyFile,
		"large file in blocks":      testLarge,
		"names":                     testNames,
		"concurrent use":            testConcurrent,
		"cancelled":                 testCancelledFile,
		"test of the connection":    testFileConnection,
		"properties that are wrong": testFileProperties,
	} {
		t.Run(name, func(t *testing.T) {
			f := &fileSuite{FileStore: s, root: strings.NewReplacer(" ", "-").Replace(name)}
			if s.Root != "" {
				f.root = s.Root + "/" + f.root
			}
			f.files = f.open(t, s.LinkedService)
			test(t, f)
		})
	}
}

// fileSuite is one test's view: a folder of its own.
type fileSuite struct {
	FileStore
	root  string
	files store.Files
}

func (f *fileSuite) env() store.Env {
	return store.Env{RunID: "files", Log: slog.New(slog.DiscardHandler)}
}

func (f *fileSuite) open(t *testing.T, linkedService string) store.Files {
	t.Helper()
	ls, err := props.Parse([]byte(linkedService), "$")
	if err != nil {
		t.Fatal(err)
	}
	opener := f.Definition.Files.Open(ls)
	if err := ls.Err(); err != nil {
		t.Fatalf("decode the linked service: %v", err)
	}
	files, err := opener(t.Context(), f.env())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := files.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return files
}

func (f *fileSuite) path(p string) string { return f.root + "/" + p }

// put writes a whole file.
func (f *fileSuite) put(t *testing.T, p, content string) {
	t.Helper()
	if err := f.write(t.Context(), p, []byte(content), store.CreateOptions{}); err != nil {
		t.Fatalf("write %s: %v", p, err)
	}
}

func (f *fileSuite) write(ctx context.Context, p string, content []byte, o store.CreateOptions) error {
	w, err := f.files.Create(ctx, f.path(p), o)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Commit(ctx); err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Abort() // has no effect after Commit
}

// get reads a whole file.
func (f *fileSuite) get(t *testing.T, p string) string {
	t.Helper()
	v, err := f.files.Stat(t.Context(), f.path(p))
	if err != nil {
		t.Fatalf("stat %s: %v", p, err)
	}
	content, err := f.read(t.Context(), v, 0, -1)
	if err != nil {
		t.Fatalf("read %s: %v", p, err)
	}
	if v.Size != int64(len(content)) {
		t.Errorf("%s has %d bytes but its size is %d", p, len(content), v.Size)
	}
	return string(content)
}

func (f *fileSuite) read(ctx context.Context, v store.File, offset, length int64) ([]byte, error) {
	r, err := f.files.Open(ctx, v, offset, length)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	return content, errors.Join(err, r.Close())
}

// list gives the paths below the test's folder.
func (f *fileSuite) list(t *testing.T, folder string, recursive bool) []string {
	t.Helper()
	at := f.root
	if folder != "" {
		at += "/" + folder
	}
	var paths []string
	err := f.files.List(t.Context(), at, recursive, func(v store.File) error {
		paths = append(paths, strings.TrimPrefix(v.Path, f.root+"/"))
		return nil
	})
	if err != nil {
		t.Fatalf("list %q: %v", folder, err)
	}
	return paths
}

func wantPaths(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func testListOrder(t *testing.T, f *fileSuite) {
	for _, p := range []string{"b.txt", "a/z.txt", "a.txt", "a-b.txt", "a/c/d.txt", "ab/e.txt", "a/c.txt", "B.txt", "a/b.txt"} {
		f.put(t, p, "content of "+p)
	}
	wantPaths(t, "all", f.list(t, "", true), []string{"B.txt", "a-b.txt", "a.txt", "a/b.txt", "a/c.txt", "a/c/d.txt", "a/z.txt", "ab/e.txt", "b.txt"})
	wantPaths(t, "one level", f.list(t, "", false), []string{"B.txt", "a-b.txt", "a.txt", "b.txt"})
	wantPaths(t, "a folder", f.list(t, "a", true), []string{"a/b.txt", "a/c.txt", "a/c/d.txt", "a/z.txt"})
	wantPaths(t, "one level of a folder", f.list(t, "a", false), []string{"a/b.txt", "a/c.txt", "a/z.txt"})
	wantPaths(t, "a folder of folders", f.list(t, "a/c", true), []string{"a/c/d.txt"})
	err := f.files.List(t.Context(), f.root, true, func(v store.File) error {
		stat, err := f.files.Stat(t.Context(), v.Path)
		if err != nil {
			return err
		}
		if v.Size != int64(len("content of ")+len(strings.TrimPrefix(v.Path, f.root+"/"))) || v.Modified.IsZero() {
			t.Errorf("%s: listed with size %d, modified %v", v.Path, v.Size, v.Modified)
		}
		if !stat.Modified.Equal(v.Modified) || stat.Size != v.Size || stat.ETag != v.ETag || !bytes.Equal(stat.MD5, v.MD5) {
			t.Errorf("listed %+v but stat says %+v", v, stat)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func testListStops(t *testing.T, f *fileSuite) {
	for i := range 3 {
		f.put(t, fmt.Sprint(i), "x")
	}
	stop := errors.New("stop")
	calls := 0
	err := f.files.List(t.Context(), f.root, true, func(store.File) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("the error of fn came back as %v after %d calls", err, calls)
	}
}

func testMissingFiles(t *testing.T, f *fileSuite) {
	wantPaths(t, "a folder that is missing", f.list(t, "no/such", true), nil)
	f.put(t, "there.txt", "x")
	wantPaths(t, "a folder that is missing", f.list(t, "no/such", false), nil)
	for _, p := range []string{"no.txt", "no/such/file.txt"} {
		if _, err := f.files.Stat(t.Context(), f.path(p)); !errors.Is(err, fs.ErrNotExist) || fault.Code(err) != fault.NotFound {
			t.Errorf("stat %s: %v", p, err)
		}
		if _, err := f.read(t.Context(), store.File{Path: f.path(p)}, 0, -1); fault.Code(err) != fault.NotFound {
			t.Errorf("open %s: %v", p, err)
		}
		if err := f.files.Remove(t.Context(), f.path(p)); err != nil {
			t.Errorf("remove %s: %v", p, err)
		}
	}
	if err := f.files.Remove(t.Context(), f.path("there.txt")); err != nil {
		t.Error(err)
	}
	wantPaths(t, "after remove", f.list(t, "", true), nil)
}

func testFolderNoFile(t *testing.T, f *fileSuite) {
	f.put(t, "folder/file.txt", "x")
	if _, err := f.files.Stat(t.Context(), f.path("folder")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a folder: %v", err)
	}
	wantPaths(t, "list of a file", f.list(t, "folder/file.txt", true), nil)
}

func testRanges(t *testing.T, f *fileSuite) {
	content := strings.Repeat("0123456789", 1000)
	f.put(t, "digits", content)
	v, err := f.files.Stat(t.Context(), f.path("digits"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ offset, length, want int64 }{
		{0, -1, 10000},
		{0, 10000, 10000},
		{0, 1, 1},
		{0, 0, 0},
		{5, 0, 0},
		{9999, -1, 1},
		{9999, 1, 1},
		{9990, 100, 10},
		{17, 4000, 4000},
		{10000, -1, 0},
		{10000, 5, 0},
		{20000, 5, 0},
	} {
		got, err := f.read(t.Context(), v, c.offset, c.length)
		if err != nil {
			t.Errorf("read %d bytes from %d: %v", c.length, c.offset, err)
			continue
		}
		from := min(c.offset, v.Size)
		if string(got) != content[from:from+c.want] {
			t.Errorf("read %d bytes from %d: got %d other bytes", c.length, c.offset, len(got))
		}
	}
}

func testVersion(t *testing.T, f *fileSuite) {
	f.put(t, "file", "the first version")
	old, err := f.files.Stat(t.Context(), f.path("file"))
	if err != nil {
		t.Fatal(err)
	}
	if old.ETag == "" {
		t.Skip("the store tells no versions apart")
	}
	f.put(t, "file", "the second and longer version")
	if got, err := f.read(t.Context(), old, 0, -1); err == nil {
		t.Errorf("the old version was read as %q", got)
	} else if fault.Code(err) != fault.Conflict {
		t.Errorf("reading the old version: %v", err)
	}
}

func testDescribed(t *testing.T, f *fileSuite) {
	f.put(t, "file", "content")
	v, err := f.files.Stat(t.Context(), f.path("file"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again store.File
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if got, err := f.read(t.Context(), again, 0, -1); err != nil || string(got) != "content" {
		t.Errorf("read %q by its description %s: %v", got, text, err)
	}
}

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

func testFileConnection(t *testing.T, f *fileSuite) {
	run := func(linkedService string) (names []string, err error) {
		ls, err := props.Parse([]byte(linkedService), "$")
		if err != nil {
			t.Fatal(err)
		}
		test := f.Definition.Test(ls)
		if err := ls.Err(); err != nil {
			t.Fatal(err)
		}
		err = test(t.Context(), f.env(), func(s store.Stage) {
			names = append(names, s.Name)
			if s.Err != nil && err == nil {
				err = s.Err
			}
		})
		return names, err
	}
	names, err := run(f.LinkedService)
	if err != nil {
		t.Errorf("a good connection fails after %q: %v", names, err)
	}
	order := []string{"name", "tcp", "tls", "sign-in", "folder"}
	if len(names) == 0 || !slices.IsSortedFunc(names, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) }) {
		t.Errorf("the stages are %q", names)
	}
	if f.BadSignIn == "" {
		return
	}
	names, err = run(f.BadSignIn)
	if fault.Code(err) != fault.SignInFailed || len(names) == 0 || names[len(names)-1] != "sign-in" {
		t.Errorf("a bad sign-in gives %v after %q", err, names)
	}
	bad := f.open(t, f.BadSignIn)
	if _, err := bad.Stat(t.Context(), f.path("file")); fault.Code(err) != fault.SignInFailed {
		t.Errorf("stat with a bad sign-in: %v", err)
	}
}

func testFileProperties(t *testing.T, f *fileSuite) {
	for _, bad := range []string{`{}`, strings.Replace(f.LinkedService, "{", `{"noSuchProperty":1,`, 1)} {
		ls, err := props.Parse([]byte(bad), "$")
		if err != nil {
			t.Fatal(err)
		}
		f.Definition.Files.Open(ls)
		if err := ls.Err(); err == nil {
			t.Errorf("the linked service %.40s is taken", bad)
		}
	}
}
