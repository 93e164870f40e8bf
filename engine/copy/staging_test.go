package copy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// through makes a job go through files of a folder, which it returns.
func through(t testing.TB, job *activity.Job, compress bool) (dir string) {
	dir = t.TempDir()
	job.Staging = &activity.Staging{Type: "FileServer", Open: folder(t, dir), Folder: "stage/here", Compress: compress}
	return dir
}

// filesIn lists the files of a folder.
func filesIn(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAStagedCopyLeavesTheRowsAndNoFiles(t *testing.T) {
	for _, compress := range []bool{false, true} {
		s := filled(t, 20_000)
		job := memoryJob(t, s)
		dir := through(t, job, compress)
		res, err := Run(t.Context(), job, Options{Parallel: 3})
		if err != nil {
			t.Fatal(err)
		}
		sameTables(t, s)
		if res.RowsRead != 20_000 || res.RowsCopied != 20_000 || res.Consistency.VerificationResult != "Verified" {
			t.Errorf("result %+v", res)
		}
		d := res.ExecutionDetails
		if len(d) != 2 || d[0].Sink.Type != "FileServer" || d[1].Source.Type != "FileServer" || d[0].Source.Type != "MemorySource" || d[1].Sink.Type != "MemorySink" {
			t.Errorf("details %+v", d)
		}
		if left := filesIn(t, dir); len(left) > 0 {
			t.Errorf("files are left: %q", left)
		}
	}
}

func TestAnyTableSurvivesAStage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		schema := make(batch.Schema, rapid.IntRange(1, 6).Draw(rt, "columns"))
		for i := range schema {
			schema[i] = batch.Field{Name: string(rune('a' + i)), Type: anyType(rt), Nullable: true}
		}
		rows := batch.New(schema, 50)
		for range rapid.IntRange(0, 40).Draw(rt, "rows") {
			for i := range rows.Cols {
				anyValue(rt, &rows.Cols[i])
			}
		}
		s := memory.New()
		s.Create("src", schema)
		if err := s.Add("src", rows); err != nil {
			rt.Fatal(err)
		}
		job := memoryJob(t, s)
		through(t, job, rapid.Bool().Draw(rt, "compressed"))
		if _, err := Run(t.Context(), job, Options{}); err != nil {
			rt.Fatal(err)
		}
		if _, got := s.Rows("dst"); strings.Join(texts(got), "\n") != strings.Join(texts(rows), "\n") {
			rt.Fatalf("%q, want %q", texts(got), texts(rows))
		}
	})
}

// countingSource counts the partitions that are read.
type countingSource struct {
	store.Source
	opened *int
}

func (c countingSource) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	*c.opened++
	return c.Source.Open(ctx, p, want)
}

func TestACompleteStagedFileIsNotMadeAgain(t *testing.T) {
	s := filled(t, 5000)
	job := memoryJob(t, s)
	dir := through(t, job, true)
	opened := 0
	open := job.Source.Open
	job.Source.Open = func(ctx context.Context, env store.Env) (store.Source, error) {
		src, err := open(ctx, env)
		return countingSource{src, &opened}, err
	}
	broken := fault.New(fault.StoreFailed, "not now")
	real := job.Sink.Open
	fail := true
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		k, err := real(ctx, env)
		return failingSink{k, &fail, broken}, err
	}
	kept := &keeper{}
	o := Options{RunID: "run", Checkpoints: kept, retry: quick}
	if _, err := Run(t.Context(), job, o); !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	if left := filesIn(t, dir); len(left) != 1 {
		t.Fatalf("the complete file is not kept: %q", left)
	}
	fail = false
	res, err := Run(t.Context(), job, o)
	if err != nil || res.RowsRead != 5000 || res.RowsCopied != 5000 || res.DataRead == 0 || opened != 1 {
		t.Errorf("%+v, %v; the source was read %d times", res, err, opened)
	}
	sameTables(t, s)
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// failingSink refuses to be written to while fail is set.
type failingSink struct {
	store.Sink
	fail *bool
	err  error
}

func (k failingSink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	if *k.fail {
		return nil, k.err
	}
	return k.Sink.Open(ctx, p)
}

func TestAFailedRunThatNobodyRemembersTakesItsFilesAway(t *testing.T) {
	s := filled(t, 5000)
	job := memoryJob(t, s)
	dir := through(t, job, false)
	fail := true
	real := job.Sink.Open
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		k, err := real(ctx, env)
		return failingSink{k, &fail, fault.New(fault.StoreFailed, "never")}, err
	}
	if _, err := Run(t.Context(), job, Options{}); err == nil {
		t.Fatal("the copy succeeded")
	}
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

func TestADamagedStagedFileEndsTheCopy(t *testing.T) {
	s := filled(t, 5000)
	job := memoryJob(t, s)
	dir := through(t, job, false)
	fail := true
	real := job.Sink.Open
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		k, err := real(ctx, env)
		return failingSink{k, &fail, fault.New(fault.StoreFailed, "not now")}, err
	}
	o := Options{RunID: "run", Checkpoints: &keeper{}}
	if _, err := Run(t.Context(), job, o); err == nil {
		t.Fatal("the copy succeeded")
	}
	path := filesIn(t, dir)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	fail = false
	if _, err := Run(t.Context(), job, o); !fault.Is(err, fault.BadData) || !strings.Contains(err.Error(), "stage/here/run/all.dmgstage") {
		t.Errorf("error %v", err)
	}
	if _, got := s.Rows("dst"); got.Len() > 0 {
		t.Errorf("%d rows were written", got.Len())
	}
}
