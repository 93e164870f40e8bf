package copy

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// tree writes files below a new folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readTree is all files below a folder.
func readTree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		content, err := os.ReadFile(p)
		out[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// binaryJob copies src/in to dst/out.
func binaryJob(t testing.TB, src, dst string) *activity.Job {
	return &activity.Job{
		Name:   "Copy files",
		Source: activity.Source{Type: "BinarySource", Files: &activity.FileSource{Open: folder(t, src), Folder: "in", Recursive: true}},
		Sink: activity.Sink{Type: "BinarySink", Files: &activity.FileSink{
			Open: folder(t, dst), Folder: "out", Behavior: activity.PreserveHierarchy,
		}},
	}
}

// generated are names that nobody gave.
var generated = regexp.MustCompile(`^Data\.[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.[a-z]+$`)

func TestCopyBehaviorTimesRecursive(t *testing.T) {
	source := map[string]string{"in/File1.txt": "one", "in/File2.bin": "two", "in/Sub1/File3.txt": "three", "in/Sub1/File4.txt": "four", "in/Sub1/Deep/File5.txt": "five"}
	tests := []struct {
		recursive bool
		behavior  string
		want      map[string]string // path or content to content; contents where names are generated
		generated bool
	}{
		{true, activity.PreserveHierarchy, map[string]string{"out/File1.txt": "one", "out/File2.bin": "two", "out/Sub1/File3.txt": "three", "out/Sub1/File4.txt": "four", "out/Sub1/Deep/File5.txt": "five"}, false},
		{false, activity.PreserveHierarchy, map[string]string{"out/File1.txt": "one", "out/File2.bin": "two"}, false},
		{true, activity.FlattenHierarchy, map[string]string{"one": ".txt", "two": ".bin", "three": ".txt", "four": ".txt", "five": ".txt"}, true},
		{false, activity.FlattenHierarchy, map[string]string{"one": ".txt", "two": ".bin"}, true},
		{true, activity.MergeFiles, map[string]string{"onetwofivethreefour": ".txt"}, true},
		{false, activity.MergeFiles, map[string]string{"onetwo": ".txt"}, true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s recursive=%v", test.behavior, test.recursive), func(t *testing.T) {
			src, dst := tree(t, source), t.TempDir()
			job := binaryJob(t, src, dst)
			job.Source.Files.Recursive, job.Sink.Files.Behavior = test.recursive, test.behavior
			res, err := Run(t.Context(), job, Options{RunID: "run"})
			if err != nil {
				t.Fatal(err)
			}
			got := readTree(t, dst)
			if test.generated {
				got = byContent(t, got)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if fmt.Sprint(readTree(t, src)) != fmt.Sprint(source) {
				t.Error("the source was changed")
			}
			if res.FilesWritten != int64(len(test.want)) || res.DataRead != res.DataWritten || res.Plan.FastPath != "binary" || res.Consistency.VerificationResult != "Verified" {
				t.Errorf("result %+v", res)
			}
		})
	}
}

// byContent maps contents to the extensions of names, which must be generated and in one level.
func byContent(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, content := range files {
		if path.Dir(name) != "out" || !generated.MatchString(path.Base(name)) {
			t.Errorf("%s has no generated name", name)
		}
		out[content] = path.Ext(name)
	}
	return out
}

func TestGeneratedNamesStayTheSameInARun(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b/a.txt": "2"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Sink.Files.Behavior = activity.FlattenHierarchy
	for range 2 {
		if _, err := Run(t.Context(), job, Options{RunID: "one"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(readTree(t, dst)); n != 2 {
		t.Errorf("the same run twice made %d files", n)
	}
	if _, err := Run(t.Context(), job, Options{RunID: "two"}); err != nil {
		t.Fatal(err)
	}
	if n := len(readTree(t, dst)); n != 4 {
		t.Errorf("two runs made %d files", n)
	}
	// The run is tried again with fewer files and without its plan: nothing of the old plan stays.
	if err := os.Remove(filepath.Join(src, "in", "a.txt")); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), job, Options{RunID: "two"}); err != nil {
		t.Fatal(err)
	}
	if n := len(readTree(t, dst)); n != 3 {
		t.Errorf("after the second plan there are %d files", n)
	}
}

func TestBinaryCopyUnderAGivenName(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "2"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Sink.Files.Name = "named.dat"
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.Conflict {
		t.Errorf("two files under one name: %v", err)
	}
	job.Source.Files.Name = "b.txt"
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	job.Source.Files.Name, job.Sink.Files.Behavior, job.Sink.Files.Name = "", activity.MergeFiles, "merged.dat"
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dst); fmt.Sprint(got) != fmt.Sprint(map[string]string{"out/named.dat": "2", "out/merged.dat": "12"}) {
		t.Error(got)
	}
}

func TestLargeFilesAreReadInBlocks(t *testing.T) {
	noLeaks(t)
	data := make([]byte, 3*ahead*readBlock/2+17)
	for i := range data {
		data[i] = byte(i>>12) ^ byte(i)
	}
	src, dst := tree(t, map[string]string{"in/large.bin": string(data)}), t.TempDir()
	res, err := Run(t.Context(), binaryJob(t, src, dst), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dst)["out/large.bin"]; got != string(data) || res.DataRead != int64(len(data)) || res.FilesRead != 1 {
		t.Errorf("%d bytes came, equal %v, result %+v", len(got), got == string(data), res)
	}
}

func TestManySmallFilesShareCheckpoints(t *testing.T) {
	const count = 1100
	files := map[string]string{}
	for i := range count {
		files[fmt.Sprintf("in/%03d/%d.txt", i%10, i)] = fmt.Sprint(i)
	}
	src, dst := tree(t, files), t.TempDir()
	res, err := Run(t.Context(), binaryJob(t, src, dst), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.FilesRead != count || res.FilesWritten != count || res.Plan.Partitions > count/100 || len(res.Files) != maxFiles {
		t.Errorf("read %d, wrote %d in %d partitions, %d paths", res.FilesRead, res.FilesWritten, res.Plan.Partitions, len(res.Files))
	}
	if got := readTree(t, dst); len(got) != count || got["out/007/1097.txt"] != "1097" {
		t.Errorf("%d files", len(got))
	}
}

func TestFilesAreDeletedAfterTheyAreCopied(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "2", "other/c.txt": "3"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.DeleteAfter = true
	o := Options{RunID: "r", Checkpoints: &keeper{}}
	for range 2 { // the second time everything is done, and the source is gone
		if _, err := Run(t.Context(), job, o); err != nil {
			t.Fatal(err)
		}
	}
	if got := readTree(t, src); fmt.Sprint(got) != fmt.Sprint(map[string]string{"other/c.txt": "3"}) {
		t.Errorf("left are %v", got)
	}
	if got := readTree(t, dst); len(got) != 2 {
		t.Errorf("copied are %v", got)
	}
}

func TestAFailedCopyDeletesNothing(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "2"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.DeleteAfter = true
	job.Sink.Files.Open = troubled(job.Sink.Files.Open, func(what, p string) error {
		if what == "commit" && strings.HasSuffix(p, "b.txt") {
			return fault.New(fault.DiskFull, "no space is left")
		}
		return nil
	})
	res, err := Run(t.Context(), job, Options{Parallel: 1})
	if fault.Code(err) != fault.DiskFull || res.FilesWritten != 1 {
		t.Fatalf("%v, %d files", err, res.FilesWritten)
	}
	if n := len(readTree(t, src)); n != 2 {
		t.Errorf("%d files are left in the source", n)
	}
	if got := readTree(t, dst); fmt.Sprint(got) != fmt.Sprint(map[string]string{"out/a.txt": "1"}) {
		t.Error(got)
	}
}

// troubled makes a file store fail when trouble says so; what is open, read, create, write, commit, stat.
func troubled(open store.OpenFiles, trouble func(what, path string) error) store.OpenFiles {
	return func(ctx context.Context, env store.Env) (store.Files, error) {
		f, err := open(ctx, env)
		return troubledFiles{f, trouble}, err
	}
}

type troubledFiles struct {
	store.Files
	trouble func(what, path string) error
}

func (f troubledFiles) Create(ctx context.Context, p string, o store.CreateOptions) (store.FileWriter, error) {
	if err := f.trouble("create", p); err != nil {
		return nil, err
	}
	w, err := f.Files.Create(ctx, p, o)
	return troubledWriter{w, p, f.trouble}, err
}

type troubledWriter struct {
	store.FileWriter
	path    string
	trouble func(what, path string) error
}

func (w troubledWriter) Write(b []byte) (int, error) {
	if err := w.trouble("write", w.path); err != nil {
		return 0, err
	}
	return w.FileWriter.Write(b)
}

func (w troubledWriter) Commit(ctx context.Context) error {
	if err := w.trouble("commit", w.path); err != nil {
		return err
	}
	return w.FileWriter.Commit(ctx)
}

func TestTransientTroubleWithFilesIsRetried(t *testing.T) {
	for _, what := range []string{"create", "write", "commit"} {
		t.Run(what, func(t *testing.T) {
			noLeaks(t)
			src, dst := tree(t, map[string]string{"in/a.txt": strings.Repeat("x", 100_000)}), t.TempDir()
			job := binaryJob(t, src, dst)
			f := after(1, broken())
			job.Sink.Files.Open = troubled(job.Sink.Files.Open, func(now, _ string) error {
				if now == what {
					return f()
				}
				return nil
			})
			res, err := Run(t.Context(), job, Options{retry: quick})
			if err != nil {
				t.Fatal(err)
			}
			if got := readTree(t, dst); len(got["out/a.txt"]) != 100_000 || res.DataRead != 100_000 || res.DataWritten != 100_000 {
				t.Errorf("%d bytes, read %d, wrote %d", len(got["out/a.txt"]), res.DataRead, res.DataWritten)
			}
		})
	}
}

// hashed are files with the MD5 that a test gives them.
type hashed struct {
	store.Files
	md5 []byte
}

func (f hashed) List(ctx context.Context, folder string, recursive bool, fn func(store.File) error) error {
	return f.Files.List(ctx, folder, recursive, func(x store.File) error {
		x.MD5 = f.md5
		return fn(x)
	})
}

func TestTheStoresMD5IsCompared(t *testing.T) {
	content := strings.Repeat("data", 3_000_000)
	right := md5.Sum([]byte(content))
	for name, sum := range map[string][]byte{"right": right[:], "wrong": make([]byte, md5.Size)} {
		t.Run(name, func(t *testing.T) {
			src, dst := tree(t, map[string]string{"in/a.bin": content}), t.TempDir()
			job := binaryJob(t, src, dst)
			open := job.Source.Files.Open
			job.Source.Files.Open = func(ctx context.Context, env store.Env) (store.Files, error) {
				f, err := open(ctx, env)
				return hashed{f, sum}, err
			}
			res, err := Run(t.Context(), job, Options{})
			if name == "right" && err != nil {
				t.Error(err)
			}
			if name == "wrong" && (fault.Code(err) != Inconsistent || res.Status != report.Failed || len(readTree(t, dst)) != 0) {
				t.Errorf("%v, %v", err, readTree(t, dst))
			}
		})
	}
}

func TestFilesChangeTheirCompressionOnTheWay(t *testing.T) {
	var packed bytes.Buffer
	w, err := compression.NewWriter(compression.GZip, "", &packed)
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("line\n", 100_000)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src, dst := tree(t, map[string]string{"in/a.txt": packed.String()}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Compression = compression.GZip
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dst)["out/a.txt"]; got != content {
		t.Errorf("%d bytes came out", len(got))
	}
	job.Sink.Files.Compression, job.Sink.Files.Folder = compression.GZip, "same"
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := readTree(t, dst)["same/a.txt"]; got != packed.String() {
		t.Error("the same compression on both sides changed the bytes")
	}
}

func TestDamagedCompressionNamesItsFile(t *testing.T) {
	for name, content := range map[string]string{"no gzip": "text", "empty": "", "cut": "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"} {
		job := binaryJob(t, tree(t, map[string]string{"in/a.gz": content}), t.TempDir())
		job.Source.Files.Compression = compression.GZip
		_, err := Run(t.Context(), job, Options{})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.BadData || e.Target != "in/a.gz" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingNewIsNoFailure(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.ModifiedFrom = time.Now().Add(time.Hour)
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.FilesRead != 0 || len(res.Warnings) != 1 || res.Status != report.Succeeded {
		t.Errorf("%v, %+v", err, res)
	}
	job.Source.Files.Folder = "nowhere"
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.NotFound {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestOneSideWithoutFormatIsRefused(t *testing.T) {
	job := binaryJob(t, t.TempDir(), t.TempDir())
	job.Sink.Files.Format = textFormat(t)
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.BadInput {
		t.Error(err)
	}
}

func TestDryRunOfFilesWritesNothing(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b/c.txt": "22"}), t.TempDir()
	out, err := DryRun(t.Context(), binaryJob(t, src, dst), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Files, []string{"out/a.txt", "out/b/c.txt"}) || out.Bytes != 3 || out.FastPath != "binary" || out.Partitions != 2 {
		t.Errorf("%+v", out)
	}
	if got := readTree(t, dst); len(got) != 0 {
		t.Error(got)
	}
}
