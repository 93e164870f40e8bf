package copy

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/text"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// intoFiles copies the memory table src to delimited text below a folder.
func intoFiles(t testing.TB, s *memory.Server, dir string) *activity.Job {
	job := memoryJob(t, s)
	job.Sink = activity.Sink{Type: "DelimitedTextSink", Store: "filesystem", Files: &activity.FileSink{
		Open: folder(t, dir), Format: textFormat(t), FormatName: "text", Extension: ".csv", Folder: "out", Behavior: activity.PreserveHierarchy,
	}}
	return job
}

// fromFiles copies delimited text below a folder to the memory table dst, which is created where it is not there.
func fromFiles(t testing.TB, s *memory.Server, dir string) *activity.Job {
	job := memoryJob(t, s)
	job.Source = activity.Source{Type: "DelimitedTextSource", Store: "filesystem", Files: &activity.FileSource{
		Open: folder(t, dir), Format: textFormat(t), FormatName: "text", Folder: "out", Recursive: true,
	}}
	return job
}

func mustRun(t testing.TB, job *activity.Job, o Options) {
	t.Helper()
	res, err := Run(t.Context(), job, o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Consistency.VerificationResult != "Verified" {
		t.Fatalf("result %+v", res)
	}
}

func TestATableGoesThroughFilesAndBack(t *testing.T) {
	noLeaks(t)
	for _, parallel := range []int{0, 3} {
		s, dir := filled(t, 12_345), t.TempDir()
		res, err := Run(t.Context(), intoFiles(t, s, dir), Options{Parallel: parallel})
		if err != nil {
			t.Fatal(err)
		}
		names := fileNames(t, dir)
		if len(names) != max(1, parallel) || res.FilesWritten != int64(len(names)) || !slices.Equal(res.Files, names) {
			t.Errorf("files %q, result %q", names, res.Files)
		}
		for _, n := range names {
			if !generated.MatchString(path.Base(n)) {
				t.Errorf("the name %s", n)
			}
		}
		s.Create("dst", people)
		res, err = Run(t.Context(), fromFiles(t, s, dir), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if res.FilesRead != int64(len(names)) || res.RowsCopied != 12_345 || res.DataRead == 0 {
			t.Errorf("result %+v", res)
		}
		sameTables(t, s)
	}
}

func fileNames(t testing.TB, dir string) []string {
	var names []string
	for n := range readTree(t, dir) {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func TestTheJobsParallelCopiesDoNotSplitATableIntoFiles(t *testing.T) {
	s, dir := filled(t, 1000), t.TempDir()
	job := intoFiles(t, s, dir)
	job.Parallel = 8
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.UsedParallelCopies != 1 || len(fileNames(t, dir)) != 1 {
		t.Errorf("%v, %d parallel copies, files %q", err, res.UsedParallelCopies, fileNames(t, dir))
	}
}

func TestNamesOfFilesThatRowsGoInto(t *testing.T) {
	source := map[string]string{"out/a.txt": "x\n1\n", "out/sub/b.txt": "x\n2\n"}
	tests := []struct {
		name   string
		change func(*activity.FileSource, *activity.FileSink)
		want   []string // nil for generated names
		count  int
	}{
		{"hierarchy is kept", func(*activity.FileSource, *activity.FileSink) {}, []string{"to/a.txt", "to/sub/b.txt"}, 2},
		{"another format has another extension", func(_ *activity.FileSource, k *activity.FileSink) { k.FormatName = "other" }, []string{"to/a.csv", "to/sub/b.csv"}, 2},
		{"compression shows in the name", func(_ *activity.FileSource, k *activity.FileSink) { k.Compression = "gzip" }, []string{"to/a.csv.gz", "to/sub/b.csv.gz"}, 2},
		{"hierarchy is flattened", func(_ *activity.FileSource, k *activity.FileSink) { k.Behavior = activity.FlattenHierarchy }, nil, 2},
		{"files are merged", func(_ *activity.FileSource, k *activity.FileSink) { k.Behavior = activity.MergeFiles }, nil, 1},
		{"a name is given", func(_ *activity.FileSource, k *activity.FileSink) { k.Name = "all.csv" }, []string{"to/all.csv"}, 1},
		{"not recursive", func(f *activity.FileSource, _ *activity.FileSink) { f.Recursive = false }, []string{"to/a.txt"}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src, dst := tree(t, source), t.TempDir()
			job := fromFiles(t, memory.New(), src)
			job.Sink = intoFiles(t, memory.New(), dst).Sink
			job.Sink.Files.Folder = "to"
			test.change(job.Source.Files, job.Sink.Files)
			mustRun(t, job, Options{RunID: "r"})
			mustRun(t, job, Options{RunID: "r"}) // again: the same files
			names := fileNames(t, dst)
			if len(names) != test.count || test.want != nil && !slices.Equal(names, test.want) {
				t.Errorf("files %q", names)
			}
			for _, n := range names {
				if test.want == nil && !generated.MatchString(path.Base(n)) {
					t.Errorf("the name %s", n)
				}
			}
		})
	}
}

func TestTwoFilesThatWouldBecomeOneAreRefused(t *testing.T) {
	src, dst := tree(t, map[string]string{"out/a.txt": "x\n1\n", "out/a.tsv": "x\n2\n"}), t.TempDir()
	job := fromFiles(t, memory.New(), src)
	job.Sink = intoFiles(t, memory.New(), dst).Sink
	job.Sink.Files.FormatName = "other"
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.Conflict || len(fileNames(t, dst)) != 0 {
		t.Errorf("%v, %q", err, fileNames(t, dst))
	}
}

func TestRowsPerFileAreLimited(t *testing.T) {
	s, dir := filled(t, 10_000), t.TempDir()
	job := intoFiles(t, s, dir)
	job.Sink.Files.MaxRowsPerFile, job.Sink.Files.Prefix = 3000, "people"
	res, err := Run(t.Context(), job, Options{})
	if err != nil {
		t.Fatal(err)
	}
	names := fileNames(t, dir)
	want := []string{"out/people_00000.csv", "out/people_00001.csv", "out/people_00002.csv", "out/people_00003.csv"}
	if !slices.Equal(names, want) || res.FilesWritten != 4 || res.RowsCopied != 10_000 {
		t.Errorf("files %q, result %+v", names, res)
	}
	for n, content := range readTree(t, dir) {
		lines := strings.Count(content, "\n") - 1
		if lines != 3000 && n != want[3] || lines != 1000 && n == want[3] {
			t.Errorf("%s has %d rows", n, lines)
		}
	}
	s.Create("dst", people)
	mustRun(t, fromFiles(t, s, dir), Options{})
	sameTables(t, s)
}

func TestFewerRowsInASecondAttemptLeaveNoFileOver(t *testing.T) {
	s, dir := filled(t, 1000), t.TempDir()
	job := intoFiles(t, s, dir)
	job.Sink.Files.MaxRowsPerFile = 100
	o := Options{RunID: "r", Checkpoints: &keeper{}}
	mustRun(t, job, o)
	o.Checkpoints.(*keeper).state.Done = nil // the process died before the checkpoint
	s.Create("src", people)
	if err := s.Add("src", peopleRows(250)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, job, o)
	if names := fileNames(t, dir); len(names) != 3 {
		t.Errorf("files %q", names)
	}
}

func TestAnAbortedPartitionLeavesNoFile(t *testing.T) {
	noLeaks(t)
	for _, compression := range []string{"", "gzip", "zstd", "lz4"} {
		s, dir := filled(t, 20_000), t.TempDir()
		job := intoFiles(t, s, dir)
		job.Sink.Files.MaxRowsPerFile, job.Sink.Files.Compression = 5000, compression
		f := after(4, fault.New(fault.StoreFailed, "the server is gone"))
		s.SetHooks(memory.Hooks{Next: func(_ context.Context, _ string, _ int64) error { return f() }})
		if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.StoreFailed {
			t.Errorf("%v", err)
		}
		if names := fileNames(t, dir); len(names) != 0 {
			t.Errorf("files %q", names)
		}
	}
}

func TestCompressedTextGoesBothWays(t *testing.T) {
	noLeaks(t)
	for _, compression := range []string{"gzip", "deflate", "zip", "zstd", "snappy", "lz4"} {
		t.Run(compression, func(t *testing.T) {
			s, dir := filled(t, 5000), t.TempDir()
			job := intoFiles(t, s, dir)
			job.Sink.Files.Compression = compression
			mustRun(t, job, Options{})
			s.Create("dst", people)
			back := fromFiles(t, s, dir)
			back.Source.Files.Compression = compression
			mustRun(t, back, Options{Parallel: 4})
			sameTables(t, s)
		})
	}
}

func TestALargeFileIsReadInPieces(t *testing.T) {
	const rows = 250_000
	s, dir := filled(t, rows), t.TempDir()
	plain := text.Definition().Decode(format.Spec{Dataset: object(t, `{"columnDelimiter":"\t","quoteChar":"","escapeChar":"","firstRowAsHeader":true,"nullValue":"NULL"}`)})
	job := intoFiles(t, s, dir)
	job.Sink.Files.Format = plain
	mustRun(t, job, Options{})
	s.Create("dst", people)
	back := fromFiles(t, s, dir)
	back.Source.Files.Format = plain
	res, err := Run(t.Context(), back, Options{Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	if res.Plan.Partitions < 2 || res.FilesRead != 1 || res.RowsRead != rows {
		t.Errorf("%d partitions, %d files, %d rows", res.Plan.Partitions, res.FilesRead, res.RowsRead)
	}
	_, got := s.Rows("dst")
	seen := make([]bool, rows+1)
	for _, id := range got.Cols[0].Ints {
		if seen[id] {
			t.Fatalf("row %d came twice", id)
		}
		seen[id] = true
	}
}

func TestAdditionalColumns(t *testing.T) {
	src := tree(t, map[string]string{"out/a.csv": "x\n1\n2\n", "out/b/c.csv": "x\n3\n"})
	s := memory.New()
	job := fromFiles(t, s, src)
	job.Source.Additional = []activity.Additional{{Name: "path", FilePath: true}, {Name: "const", Value: "v"}, {Name: "again", Copy: "x"}}
	mustRun(t, job, Options{})
	schema, rows := s.Rows("dst")
	want := []string{"1|out/a.csv|v|1|", "2|out/a.csv|v|2|", "3|out/b/c.csv|v|3|"}
	if got := texts(rows); !slices.Equal(got, want) || len(schema) != 4 {
		t.Errorf("%q", got)
	}
}

func TestFaultsInFilesNameFileRowAndColumn(t *testing.T) {
	ints := batch.Schema{{Name: "x", Type: batch.Type{Kind: batch.Int32}, Nullable: true}, {Name: "y", Type: batch.Type{Kind: batch.String}, Nullable: true}}
	var long strings.Builder
	long.WriteString("x,y\n")
	for i := range 6000 {
		fmt.Fprintf(&long, "%d,a\n", i)
	}
	tests := []struct {
		name, second, code string
		row                int64
		column             string
	}{
		{"a text for a number", long.String() + "nine,b\n", fault.Conversion, 6001, "x"},
		{"a column is missing", "y\nb\n", "", 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			src := tree(t, map[string]string{"out/a.csv": "x,y\n1,a\n", "out/b.csv": test.second})
			s := memory.New()
			s.Create("dst", ints)
			_, err := Run(t.Context(), fromFiles(t, s, src), Options{Parallel: 1})
			f := fault.As(err)
			if f == nil || test.code != "" && f.Code != test.code || f.Row != test.row || test.column != "" && f.Column != test.column || !strings.Contains(f.Error(), "out/b.csv") {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestEmptyFilesHaveNoRows(t *testing.T) {
	src := tree(t, map[string]string{"out/_SUCCESS": "", "out/a.csv": "x\n1\n", "out/b.csv": ""})
	s := memory.New()
	mustRun(t, fromFiles(t, s, src), Options{})
	if _, rows := s.Rows("dst"); rows.Len() != 1 {
		t.Errorf("%d rows", rows.Len())
	}
}

func TestRowsOfDeletedFilesAreNotMissed(t *testing.T) {
	src := tree(t, map[string]string{"out/a.csv": "x\n1\n", "out/b.csv": "x\n2\n"})
	s := memory.New()
	job := fromFiles(t, s, src)
	job.Source.Files.DeleteAfter = true
	o := Options{RunID: "r", Checkpoints: &keeper{}}
	for range 2 { // the second attempt finds everything done and the files gone
		mustRun(t, job, o)
	}
	if _, rows := s.Rows("dst"); rows.Len() != 2 || len(fileNames(t, src)) != 0 {
		t.Errorf("%d rows, files %q", rows.Len(), fileNames(t, src))
	}
}

func TestNothingNewDoesNotTouchTheSink(t *testing.T) {
	s := memory.New()
	job := fromFiles(t, s, tree(t, map[string]string{"out/a.csv": "x\n1\n"}))
	job.Source.Files.ModifiedFrom = time.Now().Add(time.Hour)
	res, err := Run(t.Context(), job, Options{})
	if _, rows := s.Rows("dst"); err != nil || len(res.Warnings) != 1 || rows != nil {
		t.Errorf("%v, %+v", err, res)
	}
}

func TestPreviewShowsWhatTheSinkWouldGet(t *testing.T) {
	src := tree(t, map[string]string{"out/a.csv": "x,y\n1,\\N\n2,b\n", "out/b.csv": "x,y\n3,c\n"})
	job := fromFiles(t, memory.New(), src)
	job.Sink.Open = nil // must not be needed
	job.Mapping = []activity.Mapping{{Source: "y", Sink: "name"}, {Source: "x", Sink: "n", SinkType: batch.Type{Kind: batch.Int32}}}
	for rows, want := range map[int]string{2: "NULL 1 b 2 ", 10: "NULL 1 b 2 c 3 "} {
		got, err := Preview(t.Context(), job, rows, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, row := range got.Rows {
			for _, v := range row {
				if v == nil {
					text.WriteString("NULL ")
				} else {
					text.WriteString(*v + " ")
				}
			}
		}
		if text.String() != want || got.Columns[0].Name != "name" || got.Columns[1].Type.Kind != batch.Int32 {
			t.Errorf("%d rows: %s, %v", rows, text.String(), got.Columns)
		}
	}
	if _, err := Preview(t.Context(), binaryJob(t, src, src), 1, Options{}); fault.Code(err) != fault.Unsupported {
		t.Error(err)
	}
}

func TestDryRunReportsColumnsAndLosses(t *testing.T) {
	s := filled(t, 100)
	s.Create("dst", batch.Schema{
		{Name: "id", Type: batch.Type{Kind: batch.Int16}, Native: "smallint"},
		{Name: "name", Type: batch.Type{Kind: batch.String, Length: 10}, Nullable: true},
		{Name: "salary", Type: batch.Type{Kind: batch.Double}, Nullable: true},
		{Name: "born", Type: batch.Type{Kind: batch.Date}, Nullable: true},
		{Name: "active", Type: batch.Type{Kind: batch.Int32}, Nullable: true},
	})
	s.SetHooks(memory.Hooks{Write: func(context.Context, string, int64) error { t.Error("something was written"); return nil }})
	out, err := DryRun(t.Context(), memoryJob(t, s), Options{Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	if out.Partitions != 4 || out.Rows != 100 || out.Parallel != 4 || len(out.Columns) != 5 {
		t.Errorf("%+v", out)
	}
	id, name, born := out.Columns[0], out.Columns[1], out.Columns[3]
	if id.SourceType != "Int64" || id.SinkType != "smallint" || id.CanBeLost == "" || name.CanBeLost == "" || born.CanBeLost != "" {
		t.Errorf("%+v", out.Columns)
	}
}

func TestDryRunWithoutTheTable(t *testing.T) {
	s := filled(t, 100)
	job := memoryJob(t, s)
	out, err := DryRun(t.Context(), job, Options{})
	if err != nil || len(out.Warnings) != 0 || len(out.Columns) != 5 {
		t.Errorf("%v, %+v", err, out)
	}
	open := job.Sink.Open
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		sink, err := open(ctx, env)
		return struct{ store.Sink }{sink}, err // a sink that cannot inspect
	}
	out, err = DryRun(t.Context(), job, Options{})
	if err != nil || len(out.Warnings) != 1 || len(out.Columns) != 5 {
		t.Errorf("%v, %+v", err, out)
	}
	if schema, _ := s.Rows("dst"); schema != nil {
		t.Error("the table was created")
	}
}

func TestDryRunIntoFilesNamesThem(t *testing.T) {
	s, dir := filled(t, 100), t.TempDir()
	job := intoFiles(t, s, dir)
	job.Sink.Files.Name = "people.csv"
	out, err := DryRun(t.Context(), job, Options{})
	if err != nil || !slices.Equal(out.Files, []string{"out/people.csv"}) {
		t.Errorf("%v, %+v", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("the folder was made")
	}
}
