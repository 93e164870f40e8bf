package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/copy"
	"dmgateway/engine/format"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/format/text"
	"dmgateway/engine/props"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	"dmgateway/engine/store/filesystem"
)

func parsed(t testing.TB, text string) *props.Object {
	t.Helper()
	o, err := props.Parse([]byte(text), "$")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// between copies files of one folder into another: "binary", "merge", or rows into one file of "parquet".
func between(t testing.TB, kind, from, to string) *activity.Job {
	t.Helper()
	root := func(dir string) store.OpenFiles {
		return filesystem.Definition().Files.Open(parsed(t, fmt.Sprintf(`{"host":%q}`, dir)))
	}
	src := &activity.FileSource{Open: root(from), Recursive: true}
	dst := &activity.FileSink{Open: root(to), Folder: "out", Behavior: activity.PreserveHierarchy}
	switch kind {
	case "merge":
		dst.Behavior, dst.Name = activity.MergeFiles, "all.txt"
	case "parquet":
		src.Format, src.FormatName = text.Definition().Decode(format.Spec{Dataset: parsed(t, `{"columnDelimiter":",","firstRowAsHeader":true}`)}), "text"
		dst.Format, dst.FormatName, dst.Name = parquet.Definition().Decode(format.Spec{Dataset: parsed(t, `{}`)}), "parquet", "all.parquet"
	}
	return &activity.Job{Name: "Many files", Source: activity.Source{Type: "FileSource", Files: src}, Sink: activity.Sink{Type: "FileSink", Files: dst}}
}

// folderOf makes n files with a header and one row each.
func folderOf(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprintf("d%02d", i/500))
		if i%500 == 0 {
			if err := os.Mkdir(sub, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%05d.txt", i)), fmt.Appendf(nil, "id,v\n%05d,%d\n", i, i*7), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stopping ends the copy after so many commits.
type stopping struct {
	*Checkpoints
	left atomic.Int64
	stop context.CancelFunc
}

func (s *stopping) Committed(ctx context.Context, p string, c copy.PartitionCounts) error {
	if s.left.Add(-1) == 0 {
		defer s.stop()
	}
	return s.Checkpoints.Committed(ctx, p, c)
}

func TestACopyOfManyFilesGoesOnFromListsThatAreNotInItsPlan(t *testing.T) {
	t.Parallel()
	const n = 2600
	from, to := folderOf(t, n), t.TempDir()
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	first := &stopping{Checkpoints: j.Checkpoints("r"), stop: stop}
	first.left.Store(3)
	_, err := copy.Run(ctx, between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: first, Parallel: 1})
	if err == nil {
		t.Fatal("the copy was not stopped")
	}
	var plan string
	if err := j.db.QueryRowContext(t.Context(), "SELECT body FROM plan WHERE run = 'r'").Scan(&plan); err != nil {
		t.Fatal(err)
	}
	if len(plan) > 100*(n/256+2) || strings.Contains(plan, "f0") && strings.Contains(plan, ".txt") {
		t.Errorf("the plan has %d bytes: %.200s", len(plan), plan)
	}
	_ = j.Close()

	// Whatever is committed is not read again: files that came or changed since are not looked at.
	j = open(t, path)
	if err := os.WriteFile(filepath.Join(from, "d00", "f00000.txt"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := copy.Run(t.Context(), between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: j.Checkpoints("r"), Attempt: 2})
	if err != nil || res.FilesWritten != n || res.ResumedFrom != 3*256 {
		t.Fatalf("%d files, resumed from %d, %v", res.FilesWritten, res.ResumedFrom, err)
	}
	for i := range n {
		name := filepath.Join(fmt.Sprintf("d%02d", i/500), fmt.Sprintf("f%05d.txt", i))
		got, err := os.ReadFile(filepath.Join(to, "out", name))
		if want := fmt.Sprintf("id,v\n%05d,%d\n", i, i*7); err != nil || string(got) != want {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
	}
}

func TestManyFilesBecomeOne(t *testing.T) {
	t.Parallel()
	const n = 2600
	from := folderOf(t, n)
	for _, kind := range []string{"merge", "parquet"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			to, j := t.TempDir(), fresh(t)
			for attempt := 1; attempt <= 2; attempt++ { // the second finds everything done
				res, err := copy.Run(t.Context(), between(t, kind, from, to), copy.Options{RunID: "r", Checkpoints: j.Checkpoints("r"), Attempt: attempt})
				if err != nil || res.FilesRead != n || res.Plan.Partitions != 1 {
					t.Fatalf("%d files in %d parts, %v", res.FilesRead, res.Plan.Partitions, err)
				}
				if kind == "parquet" && res.RowsCopied != n {
					t.Errorf("%d rows", res.RowsCopied)
				}
			}
			if kind != "merge" {
				return
			}
			got, err := os.ReadFile(filepath.Join(to, "out", "all.txt"))
			var want strings.Builder
			for i := range n {
				fmt.Fprintf(&want, "id,v\n%05d,%d\n", i, i*7)
			}
			if err != nil || string(got) != want.String() {
				t.Errorf("%d bytes, want %d; %v", len(got), want.Len(), err)
			}
		})
	}
}

func TestAnotherNodeGoesOnWithTheListsOfFiles(t *testing.T) {
	t.Parallel()
	const n = 2600
	from, to := folderOf(t, n), t.TempDir()
	here, there := fresh(t), fresh(t)
	ctx, stop := context.WithCancel(t.Context())
	first := &stopping{Checkpoints: here.Checkpoints("r"), stop: stop}
	first.left.Store(2)
	if _, err := copy.Run(ctx, between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: first, Parallel: 1}); err == nil {
		t.Fatal("the copy was not stopped")
	}
	all, err := here.Checkpoints("r").LoadAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for attempt := 1; attempt <= 2; attempt++ { // the second is a job that comes back
		e := entry("r", attempt)
		if e.Job.Checkpoint, err = json.Marshal(all); err != nil {
			t.Fatal(err)
		}
		take(t, there, e)
	}
	res, err := copy.Run(t.Context(), between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: there.Checkpoints("r"), Attempt: 2})
	if err != nil || res.FilesWritten != n || res.ResumedFrom != 2*256 {
		t.Fatalf("%d files, resumed from %d, %v", res.FilesWritten, res.ResumedFrom, err)
	}
	left := func(j *Journal) (rows int) {
		if err := j.db.QueryRowContext(t.Context(), "SELECT count(*) FROM chunk").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if left(there) == 0 {
		t.Error("there are no lists")
	}
	if _, err := there.End(t.Context(), End{Run: "r", Attempt: 2, Result: &report.Result{Status: report.Succeeded}}); err != nil || left(there) != 0 {
		t.Errorf("%d lists are left after the end, %v", left(there), err)
	}
}

func TestAListThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	from, to, j := folderOf(t, 1300), t.TempDir(), fresh(t)
	ctx, stop := context.WithCancel(t.Context())
	first := &stopping{Checkpoints: j.Checkpoints("r"), stop: stop}
	first.left.Store(1)
	_, _ = copy.Run(ctx, between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: first, Parallel: 1})
	for _, damage := range []string{"UPDATE chunk SET body = x'ff00' WHERE number = 2", "DELETE FROM chunk WHERE number = 2"} {
		if _, err := j.db.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if _, err := copy.Run(t.Context(), between(t, "binary", from, to), copy.Options{RunID: "r", Checkpoints: j.Checkpoints("r")}); err == nil {
			t.Errorf("%s: the copy succeeded", damage)
		}
	}
}

// TestManyFiles copies what DMGATEWAY_TEST_MANY_FROM holds to DMGATEWAY_TEST_MANY_TO with the journal
// DMGATEWAY_TEST_MANY_JOURNAL, as DMGATEWAY_TEST_MANY_KIND says (see between). Killed and started again it goes on.
func TestManyFiles(t *testing.T) {
	from := os.Getenv("DMGATEWAY_TEST_MANY_FROM")
	if from == "" {
		t.Skip("DMGATEWAY_TEST_MANY_FROM is not set")
	}
	j := open(t, os.Getenv("DMGATEWAY_TEST_MANY_JOURNAL"))
	var said report.Progress
	res, err := copy.Run(t.Context(), between(t, os.Getenv("DMGATEWAY_TEST_MANY_KIND"), from, os.Getenv("DMGATEWAY_TEST_MANY_TO")), copy.Options{
		RunID: "many", Checkpoints: j.Checkpoints("many"), Progress: func(p report.Progress) {
			if p.Stage != said.Stage || p.Done/500 != said.Done/500 {
				fmt.Printf("%s: %d of %d parts\n", p.Stage, p.Done, p.Partitions)
			}
			said = p
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files read, %d written, %d rows, resumed from %d, %d parts, %.1f s, peak %d MiB",
		res.FilesRead, res.FilesWritten, res.RowsCopied, res.ResumedFrom, res.Plan.Partitions, res.CopyDuration, res.PeakMemory>>20)
	if info, err := os.Stat(os.Getenv("DMGATEWAY_TEST_MANY_JOURNAL")); err == nil {
		t.Logf("journal of %d MiB", info.Size()>>20)
	}
}
