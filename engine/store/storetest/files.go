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
	"slices"
	"strings"
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
		"missing folder":            testMissingFolder,
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

// testMissingFolder asks why nothing is found. The first element of a path is the container, where the store has those.
func testMissingFolder(t *testing.T, f *fileSuite) {
	s, ok := f.files.(store.Searcher)
	if !ok {
		t.Skip("the store does not know")
	}
	f.put(t, "sub/file", "x")
	for _, there := range []string{f.root, f.path("sub")} {
		if err := s.Missing(t.Context(), there); err != nil {
			t.Errorf("%s: %v", there, err)
		}
	}
	nowhere := "nowhere-" + strings.ReplaceAll(f.root, "/", "-")
	if err := s.Missing(t.Context(), nowhere+"/deep"); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), nowhere) || fault.As(err).Hint == "" {
		t.Errorf("a folder that is not there: %v", err)
	}
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
