package copy

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
)

// moody is a source some of whose files cannot be read.
type moody struct {
	store.Files
	trouble map[string]error // by the end of the path
}

func (m moody) Open(ctx context.Context, f store.File, offset, length int64) (io.ReadCloser, error) {
	for end, err := range m.trouble {
		if strings.HasSuffix(f.Path, end) {
			return nil, err
		}
	}
	return m.Files.Open(ctx, f, offset, length)
}

func moodySource(job *activity.Job, trouble map[string]error) {
	open := job.Source.Files.Open
	job.Source.Files.Open = func(ctx context.Context, env store.Env) (store.Files, error) {
		f, err := open(ctx, env)
		return moody{f, trouble}, err
	}
}

var (
	missing   = fault.New(fault.NotFound, "open file").Because(fs.ErrNotExist)
	forbidden = fault.New(fault.Forbidden, "open file").Because(fs.ErrPermission)
	moved     = fault.New(fault.Conflict, "the file was changed since it was found")
)

func TestFilesAreSkippedAsTheJobSays(t *testing.T) {
	all := activity.SkipFiles{Missing: true, Forbidden: true, Inconsistent: true, BadName: true}
	for name, test := range map[string]struct {
		skip    activity.SkipFiles
		trouble map[string]error
		want    []string // paths that are left out
		code    string
	}{
		"nothing is wrong":           {skip: all},
		"missing":                    {skip: activity.SkipFiles{Missing: true}, trouble: map[string]error{"b.txt": missing}, want: []string{"b.txt"}},
		"missing, not to be skipped": {skip: activity.SkipFiles{Forbidden: true}, trouble: map[string]error{"b.txt": missing}, code: fault.NotFound},
		"forbidden":                  {skip: activity.SkipFiles{Forbidden: true}, trouble: map[string]error{"b.txt": forbidden}, want: []string{"b.txt"}},
		"changed":                    {skip: activity.SkipFiles{Inconsistent: true}, trouble: map[string]error{"b.txt": moved}, want: []string{"b.txt"}},
		"changed, not to be skipped": {skip: activity.SkipFiles{Missing: true}, trouble: map[string]error{"b.txt": moved}, code: fault.Conflict},
		"all of them":                {skip: all, trouble: map[string]error{"a.txt": missing, "b.txt": forbidden, "c.txt": moved}, want: []string{"a.txt", "b.txt", "c.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "22", "in/c.txt": "333"}), t.TempDir()
			job := binaryJob(t, src, dst)
			job.Source.Files.Skip, job.Source.Files.DeleteAfter = test.skip, true
			moodySource(job, test.trouble)
			o := Options{RunID: "r", Checkpoints: &keeper{}}
			for range 2 { // the second time from the checkpoint
				res, err := Run(t.Context(), job, o)
				if fault.Code(err) != test.code {
					t.Fatal(err)
				}
				if err != nil {
					return
				}
				if res.FilesSkipped != int64(len(test.want)) || res.FilesRead != int64(3-len(test.want)) || res.FilesWritten != res.FilesRead || res.DataRead != res.DataWritten {
					t.Errorf("result %+v", res)
				}
			}
			left := readTree(t, src)
			for _, f := range []string{"a.txt", "b.txt", "c.txt"} {
				_, copied := readTree(t, dst)["out/"+f]
				_, kept := left["in/"+f]
				if out := slices.Contains(test.want, f); copied == out || kept != out {
					t.Errorf("%s: copied %v, kept in the source %v", f, copied, kept)
				}
			}
		})
	}
}

func TestAFolderThatIsMissingInTheSinkIsNoMissingFile(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Skip = activity.SkipFiles{Missing: true, Forbidden: true}
	job.Sink.Files.Open = troubled(job.Sink.Files.Open, func(string, string) error { return missing })
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestANameThatTheSinkDoesNotTake(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/good.txt": "1", "in/bad.txt": "2"}), t.TempDir()
	for _, skip := range []bool{true, false} {
		job := binaryJob(t, src, dst)
		job.Source.Files.Skip = activity.SkipFiles{BadName: skip}
		job.Sink.Files.Open = troubled(job.Sink.Files.Open, func(_, p string) error {
			if strings.HasSuffix(p, "bad.txt") {
				return fault.New(fault.BadInput, "write file").At(p)
			}
			return nil
		})
		res, err := Run(t.Context(), job, Options{})
		if skip && (err != nil || res.FilesSkipped != 1 || res.FilesWritten != 1) || !skip && fault.Code(err) != fault.BadInput {
			t.Errorf("skip %v: %v, %+v", skip, err, res)
		}
	}
}

func TestSkippedFilesAreInTheSessionLog(t *testing.T) {
	src, dst, logs := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "2"}), t.TempDir(), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Skip = activity.SkipFiles{Missing: true}
	job.SessionLog = &activity.SessionLog{Open: folder(t, logs), Folder: "log", Info: true}
	moodySource(job, map[string]error{"a.txt": missing})
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.LogFilePath == "" {
		t.Fatal(err)
	}
	text := fmt.Sprint(readTree(t, logs))
	if !strings.Contains(text, `Warning,FileSkip,"in/a.txt",`) || !strings.Contains(text, `Info,FileWrite,"in/b.txt",`) {
		t.Error(text)
	}
}

func TestMergingLeavesOutWhatIsNotThere(t *testing.T) {
	src, dst := tree(t, map[string]string{"in/a.txt": "1", "in/b.txt": "2", "in/c.txt": "3"}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Skip = activity.SkipFiles{Missing: true}
	job.Sink.Files.Behavior, job.Sink.Files.Name = activity.MergeFiles, "all.txt"
	moodySource(job, map[string]error{"b.txt": missing})
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.FilesSkipped != 1 || readTree(t, dst)["out/all.txt"] != "13" {
		t.Errorf("%v, %+v, %v", err, res, readTree(t, dst))
	}
}

// forging is a sink that says a wrong MD5, or damages what it holds.
type forging struct {
	store.Files
	md5  []byte
	harm func(path string)
}

func (f forging) Stat(ctx context.Context, p string) (store.File, error) {
	if f.harm != nil {
		f.harm(p)
	}
	v, err := f.Files.Stat(ctx, p)
	v.MD5 = f.md5
	return v, err
}

func TestBothSidesAreComparedWhereTheJobWantsThat(t *testing.T) {
	content := strings.Repeat("data", 1000)
	right := md5.Sum([]byte(content))
	for name, test := range map[string]struct {
		verification activity.Verification
		md5          []byte
		harm         bool
		method, code string
	}{
		"not asked for":             {method: methodSize},
		"the sink keeps the MD5":    {verification: activity.Verification{Required: true}, md5: right[:], method: methodMD5},
		"the sink keeps another":    {verification: activity.Verification{Required: true}, md5: make([]byte, 16), code: Inconsistent},
		"the sink keeps none":       {verification: activity.Verification{Required: true}, method: methodSize},
		"read back":                 {verification: activity.Verification{Checksum: true}, method: methodMD5},
		"read back, damaged":        {verification: activity.Verification{Checksum: true}, harm: true, code: Inconsistent},
		"not asked for and damaged": {harm: true, method: methodSize}, // small files are not looked at again
	} {
		t.Run(name, func(t *testing.T) {
			src, dst := tree(t, map[string]string{"in/a.bin": content}), t.TempDir()
			job := binaryJob(t, src, dst)
			job.Verification = test.verification
			open := job.Sink.Files.Open
			job.Sink.Files.Open = func(ctx context.Context, env store.Env) (store.Files, error) {
				f, err := open(ctx, env)
				x := forging{Files: f, md5: test.md5}
				if test.harm {
					x.harm = func(p string) { harm(t, filepath.Join(dst, p)) }
				}
				return x, err
			}
			res, err := Run(t.Context(), job, Options{})
			if fault.Code(err) != test.code {
				t.Fatal(err)
			}
			want := report.Consistency{VerificationResult: "Verified", Method: test.method}
			if err != nil {
				want.VerificationResult = "Inconsistent"
			} else if res.Consistency.Method != want.Method {
				t.Errorf("%+v", res.Consistency)
			}
			if res.Consistency.VerificationResult != want.VerificationResult {
				t.Errorf("%+v", res.Consistency)
			}
		})
	}
}

// harm changes a byte and leaves the size.
func harm(t *testing.T, p string) {
	t.Helper()
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
