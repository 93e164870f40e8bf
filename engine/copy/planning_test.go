package copy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/report"
	"dmgateway/engine/store"
	"dmgateway/engine/testserver"
)

// largeTable is 40 MB in 5,000 rows.
const largeTable = `CREATE TABLE src (id int PRIMARY KEY, x text); ALTER TABLE src ALTER x SET STORAGE PLAIN;
	INSERT INTO src SELECT i, repeat('x', 7000) FROM generate_series(1, 5000) i; ANALYZE src; CREATE TABLE dst (id int, x text)`

func TestLargeTablesAreDividedWhereTheJobSaysNothing(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	script(t, dsn, largeTable)
	files := &activity.FileSink{Open: folder(t, t.TempDir()), Format: textFormat(t), FormatName: "text", Extension: ".csv", Behavior: activity.PreserveHierarchy, Folder: "out"}
	for _, c := range []struct {
		name    string
		change  func(j *activity.Job, o *Options)
		parts   int
		because string
	}{
		{"nothing is said", func(*activity.Job, *Options) {}, 2, `2 ranges of "id"`},
		{"parallelCopies 1", func(j *activity.Job, _ *Options) { j.Parallel = 1 }, 1, "one copy at a time"},
		{"parallelCopies 5", func(j *activity.Job, _ *Options) { j.Parallel = 5 }, 5, `5 ranges of "id"`},
		{"into files", func(j *activity.Job, _ *Options) { j.Sink = activity.Sink{Type: "DelimitedTextSink", Files: files} }, 1, "one file"},
		{"into files by a person", func(j *activity.Job, o *Options) {
			j.Sink = activity.Sink{Type: "DelimitedTextSink", Files: files}
			o.Parallel = 3
		}, 3, "3 ranges"},
		{"an increment", func(j *activity.Job, o *Options) {
			j.Source.Watermark = &activity.Watermark{Column: "id"}
			o.Watermarks = marks{}
		}, 1, "leaves no row behind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			script(t, dsn, `TRUNCATE dst`)
			job, o := betweenTables(t, dsn, "src", "dst", `{}`, `{}`), Options{}
			c.change(job, &o)
			plan, err := DryRun(t.Context(), job, o)
			if err != nil || plan.Partitions != c.parts || !strings.Contains(plan.How, c.because) {
				t.Errorf("plan %d parts, %q, %v; want %d, %s", plan.Partitions, plan.How, err, c.parts, c.because)
			}
			res, err := Run(t.Context(), job, o)
			if err != nil || res.Plan.Partitions != c.parts || res.Plan.How != plan.How || res.RowsCopied != 5000 {
				t.Errorf("result %+v, %v", res, err)
			}
		})
	}
}

// marks are watermarks in memory.
type marks map[string]string

func (m marks) Mark(_ context.Context, key string) (string, error) { return m[key], nil }

func (m marks) SetMark(_ context.Context, key, _, to string) error {
	m[key] = to
	return nil
}

func TestPhysicalPartitionsThatAreNamedAreReadAloneWhateverTheParallelism(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	script(t, dsn, `CREATE TABLE src (id int) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF src FOR VALUES FROM (0) TO (10); CREATE TABLE high PARTITION OF src FOR VALUES FROM (10) TO (30);
		INSERT INTO src SELECT generate_series(0, 29); CREATE TABLE dst (id int)`)
	for _, parallel := range []int{0, 1, 4} {
		script(t, dsn, `TRUNCATE dst`)
		job := betweenTables(t, dsn, "src", "dst", `{"partitionOption":"PhysicalPartitionsOfTable","partitionSettings":{"partitionNames":["high"]}}`, `{}`)
		job.Parallel = parallel
		if res, err := Run(t.Context(), job, Options{}); err != nil || res.RowsCopied != 20 {
			t.Errorf("parallelCopies %d: %+v, %v", parallel, res, err)
		}
	}
}

func TestOneLargeTextFileGoesIntoATableInParallel(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	script(t, dsn, `CREATE TABLE dst (id int, name text)`)
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("id,name\n")
	const rows = 60_000
	for i := range rows {
		fmt.Fprintf(&text, "%d,\"%s\n\"\n", i, strings.Repeat("n", 300))
	}
	if err := os.WriteFile(filepath.Join(dir, "large.csv"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	job := betweenTables(t, dsn, "dst", "dst", `{}`, `{}`)
	job.Source = activity.Source{Type: "DelimitedTextSource", Files: &activity.FileSource{Open: folder(t, dir), Format: textFormat(t), FormatName: "text", Name: "large.csv"}}
	res, err := Run(t.Context(), job, Options{})
	if err != nil || res.RowsCopied != rows || res.Plan.Partitions < 2 || res.UsedParallelCopies < 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := script(t, dsn, `SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(id) FROM dst`); got != fmt.Sprintf("%d %d %d", rows, rows, rows*(rows-1)/2) {
		t.Errorf("the table has %s", got)
	}
}

// TestAPartitionThatFailsAloneIsCopiedAgainAlone lets one of four partitions fail, at first for a passing reason and then
// for good, and looks at the counts of the run that goes on.
func TestAPartitionThatFailsAloneIsCopiedAgainAlone(t *testing.T) {
	t.Parallel()
	dsn := testserver.Postgres(t)
	script(t, dsn, `CREATE TABLE src (id int PRIMARY KEY, x text); INSERT INTO src SELECT i, 'x' FROM generate_series(1, 4000) i; CREATE TABLE dst (id int, x text)`)
	job := betweenTables(t, dsn, "src", "dst", `{}`, `{}`)
	open := job.Sink.Open
	var mu sync.Mutex
	opened, fail := map[string]int{}, "for good"
	job.Sink.Open = func(ctx context.Context, env store.Env) (store.Sink, error) {
		k, err := open(ctx, env)
		return pickySink{k.(allOfASink), func(p string) error {
			mu.Lock()
			defer mu.Unlock()
			opened[p]++
			switch {
			case p != "range-2":
				return nil
			case fail == "for good":
				return fault.New(fault.StoreFailed, "no")
			case fail == "once" && opened[p] == 1:
				return fault.New(fault.StoreFailed, "not yet").AsTransient()
			}
			return nil
		}}, err
	}
	kept := &keeper{}
	o := Options{RunID: "run", Checkpoints: kept, Parallel: 4, retry: quick}
	res, err := Run(t.Context(), job, o)
	if err == nil || res.Status != report.Failed {
		t.Fatalf("%+v, %v", res, err)
	}
	before := len(kept.state.Done)
	opened, fail = map[string]int{}, "once"
	o.Attempt = 2
	res, err = Run(t.Context(), job, o)
	if err != nil || res.RowsRead != 4000 || res.RowsCopied != 4000 || res.ResumedFrom != before || opened["range-2"] != 2 {
		t.Errorf("%d were done: %+v, %v; opened %v", before, res, err, opened)
	}
	if got := script(t, dsn, `SELECT count(*) || ' ' || count(DISTINCT id) FROM dst`); got != "4000 4000" {
		t.Errorf("the table has %s", got)
	}
}

// allOfASink is what the sink of PostgreSQL can do.
type allOfASink interface {
	store.Sink
	store.Resumer
	store.BulkSink
}

// pickySink asks before it opens a partition.
type pickySink struct {
	allOfASink
	ask func(partition string) error
}

func (k pickySink) Open(ctx context.Context, p store.Partition) (store.Writer, error) {
	if err := k.ask(p.ID); err != nil {
		return nil, err
	}
	return k.allOfASink.Open(ctx, p)
}

func (k pickySink) OpenBulk(ctx context.Context, p store.Partition) (store.BulkWriter, error) {
	if err := k.ask(p.ID); err != nil {
		return nil, err
	}
	return k.allOfASink.OpenBulk(ctx, p)
}
