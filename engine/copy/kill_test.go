package copy

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // verifies by other code than the store's

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/text"
	"dmgateway/engine/store"
	"dmgateway/engine/store/filesystem"
	"dmgateway/engine/store/postgres"
	"dmgateway/engine/store/sqlite"
	"dmgateway/engine/testserver"
)

// The kill tests copy in a process of their own, which is this test's program again, kill it with SIGKILL at random
// moments and start it again until the copy is done. Nothing survives but the files.

const (
	kills     = 20
	killRows  = 24_000
	killParts = 24
)

// victim is what the parent tells the process that it will kill.
type victim struct {
	Source string `json:"source"` // SQLite file with the table src
	Sink   string `json:"sink"`   // SQLite file, or a folder
	Kind   string `json:"kind"`   // table, files, split, binary
	State  string `json:"state"`  // the checkpoints' file
	Run    string `json:"run"`
}

const victimVariable = "DMGATEWAY_TEST_VICTIM"

// fileCheckpoints keeps a run's state in one file that is replaced atomically.
type fileCheckpoints struct {
	mu   sync.Mutex
	path string
	memoryCheckpoints
}

func (c *fileCheckpoints) Load(ctx context.Context) (State, error) {
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c.state)
	}
	return c.state, err
}

func (c *fileCheckpoints) save(ctx context.Context, change func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := change(); err != nil {
		return err
	}
	text, err := json.Marshal(c.state)
	if err != nil {
		return err
	}
	f, err := os.Create(c.path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(c.path+".new", c.path)
}

func (c *fileCheckpoints) Planned(ctx context.Context, p Plan) error {
	return c.save(ctx, func() error { return c.memoryCheckpoints.Planned(ctx, p) })
}

func (c *fileCheckpoints) Prepared(ctx context.Context) error {
	return c.save(ctx, func() error { return c.memoryCheckpoints.Prepared(ctx) })
}

func (c *fileCheckpoints) Committed(ctx context.Context, p string, n PartitionCounts) error {
	return c.save(ctx, func() error { return c.memoryCheckpoints.Committed(ctx, p, n) })
}

// slow is a source in many partitions that takes its time, so that a kill falls anywhere.
type slow struct{ store.Source }

func (s slow) Partitions(ctx context.Context, _ int) ([]store.Partition, error) {
	return s.Source.(store.Partitioner).Partitions(ctx, killParts)
}

func (s slow) Open(ctx context.Context, p store.Partition, want batch.Schema) (store.Reader, error) {
	r, err := s.Source.Open(ctx, p, want)
	return slowReader{r}, err
}

type slowReader struct{ store.Reader }

func (r slowReader) Next(ctx context.Context, b *batch.Batch) error {
	time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond) // the victim's pace, no synchronisation
	return r.Reader.Next(ctx, b)
}

// slowFiles are files that take their time.
type slowFiles struct{ store.Files }

func (s slowFiles) Stat(ctx context.Context, p string) (store.File, error) {
	time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond)
	return s.Files.Stat(ctx, p)
}

func (s slowFiles) Create(ctx context.Context, p string, o store.CreateOptions) (store.FileWriter, error) {
	time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond)
	return s.Files.Create(ctx, p, o)
}

func sqliteSpec(t testing.TB, path, table, act string) store.Spec {
	connection, _ := json.Marshal(`Data Source="` + path + `"`)
	return spec(t, fmt.Sprintf(`{"connectionString":%s}`, connection), fmt.Sprintf(`{"tableName":%q}`, table), act)
}

// textFormat is delimited text with quotes and a header.
func textFormat(t testing.TB) format.Format {
	return text.Definition().Decode(format.Spec{Dataset: object(t, `{"columnDelimiter":",","quoteChar":"\"","escapeChar":"\"","firstRowAsHeader":true,"nullValue":"\\N"}`)})
}

// folder is a file system below a folder.
func folder(t testing.TB, path string) store.OpenFiles {
	host, _ := json.Marshal(path)
	return filesystem.Definition().Files.Open(object(t, fmt.Sprintf(`{"host":%s}`, host)))
}

func (v victim) job(t testing.TB) *activity.Job {
	job := &activity.Job{Name: "Killed"}
	if v.Kind == "binary" {
		open := folder(t, v.Sink)
		job.Source = activity.Source{Type: "BinarySource", Files: &activity.FileSource{Open: folder(t, v.Source), Recursive: true}}
		job.Sink = activity.Sink{Type: "BinarySink", Files: &activity.FileSink{Behavior: activity.PreserveHierarchy, Open: func(ctx context.Context, env store.Env) (store.Files, error) {
			f, err := open(ctx, env)
			return slowFiles{f}, err
		}}}
		return job
	}
	open := sqlite.Definition().Source(sqliteSpec(t, v.Source, "src", `{}`))
	job.Source = activity.Source{Type: "SQLiteSource", Open: func(ctx context.Context, env store.Env) (store.Source, error) {
		s, err := open(ctx, env)
		return slow{s}, err
	}}
	switch v.Kind {
	case "postgres":
		connection, _ := json.Marshal(v.Sink)
		job.Sink = activity.Sink{Type: "PostgreSqlSink", Open: postgres.Definition().Sink(spec(t, fmt.Sprintf(`{"connectionString":%s}`, connection),
			`{"tableName":"dst"}`, `{"tableOption":"autoCreate","preCopyScript":"DELETE FROM dst"}`))}
	case "table":
		job.Sink = activity.Sink{Type: "SQLiteSink", Open: sqlite.Definition().Sink(sqliteSpec(t, v.Sink, "dst", `{"tableOption":"autoCreate","preCopyScript":"DELETE FROM dst"}`))}
	default:
		sink := &activity.FileSink{Open: folder(t, v.Sink), Format: textFormat(t), FormatName: "text", Extension: ".csv", Behavior: activity.PreserveHierarchy, Folder: "out"}
		if v.Kind == "split" {
			sink.MaxRowsPerFile = 300
		}
		job.Sink = activity.Sink{Type: "DelimitedTextSink", Files: sink}
	}
	return job
}

// TestVictim is not a test of its own: it is the process that the kill tests start.
func TestVictim(t *testing.T) {
	told := os.Getenv(victimVariable)
	if told == "" {
		t.Skip("started by the kill tests only")
	}
	var v victim
	if err := json.Unmarshal([]byte(told), &v); err != nil {
		t.Fatal(err)
	}
	job := v.job(t)
	fmt.Println("victim copies")
	res, err := Run(t.Context(), job, Options{RunID: v.Run, Attempt: 1, Parallel: 2, Checkpoints: &fileCheckpoints{path: v.State}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Kind != "binary" && (res.RowsRead != killRows || res.RowsCopied != killRows || res.Consistency.VerificationResult != "Verified") {
		t.Errorf("result %+v", res)
	}
}

// untilKilled starts the victim and kills it some time after it began to copy; it tells whether the copy ended first.
func untilKilled(t *testing.T, v victim, after time.Duration) (done bool) {
	t.Helper()
	told, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestVictim$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), victimVariable+"="+string(told))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var said []string
	var killer *time.Timer
	for lines.Scan() {
		said = append(said, lines.Text())
		if strings.Contains(lines.Text(), "victim copies") {
			killer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	killed := killer != nil && !killer.Stop()
	if err != nil && !killed {
		t.Fatalf("the victim failed by itself: %v\n%s", err, strings.Join(said, "\n"))
	}
	return err == nil
}

// killAndResume kills copies until there were enough kills, and checks each copy that came to its end.
func killAndResume(t *testing.T, kind string, source string, check func(t *testing.T, sink string)) {
	t.Helper()
	killed, copies := 0, 0
	for killed < kills {
		copies++
		dir := t.TempDir()
		v := victim{Source: source, Sink: filepath.Join(dir, "sink"), Kind: kind, State: filepath.Join(dir, "state"), Run: fmt.Sprintf("run-%d", copies)}
		switch kind {
		case "table":
		case "postgres":
			v.Sink = testserver.PostgresConnectionString(testserver.Postgres(t))
		default:
			if err := os.Mkdir(v.Sink, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		// The time to live grows, so that a slow machine finishes too.
		for life := 60 * time.Millisecond; !untilKilled(t, v, rand.N(life)); life += life / 8 {
			killed++
		}
		check(t, v.Sink)
	}
	t.Logf("%d kills over %d copies", killed, copies)
}

// killSource is a SQLite file with the table src.
func killSource(t *testing.T) (path string, rows [][]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "source.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE src (id INTEGER PRIMARY KEY, name TEXT, amount REAL)`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range killRows {
		row := []string{fmt.Sprint(i + 1), fmt.Sprintf("name, \"%d\"", i), fmt.Sprint(float64(i) + 0.5)}
		rows = append(rows, row)
		if _, err := tx.Exec(`INSERT INTO src VALUES (?, ?, ?)`, i+1, row[1], float64(i)+0.5); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows, slices.Compare)
	return path, rows
}

func TestKilledCopyIntoATable(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source, want := killSource(t)
	killAndResume(t, "table", source, func(t *testing.T, sink string) {
		sameLines(t, readSQLite(t, sink), want)
	})
}

func TestKilledCopyIntoPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	testserver.Postgres(t) // skips where there is none
	source, want := killSource(t)
	killAndResume(t, "postgres", source, func(t *testing.T, sink string) {
		sameLines(t, readPostgres(t, sink), want)
	})
}

const readSink = `SELECT id, name, amount FROM dst`

// readPostgres reads the sink's table from a server given by an ADO-style connection string.
func readPostgres(t *testing.T, ado string) (got [][]string) {
	t.Helper()
	libpq := strings.NewReplacer(";", " ", "Host=", "host=", "Port=", "port=", "Database=", "dbname=", "Username=", "user=", "Password=", "password=", "SSLMode=", "sslmode=").Replace(ado)
	c, err := pgx.Connect(t.Context(), libpq)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	rows, err := c.Query(t.Context(), readSink)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, []string{fmt.Sprint(v[0]), fmt.Sprint(v[1]), fmt.Sprint(v[2])})
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return got
}

// readSQLite reads the sink's table from a file.
func readSQLite(t *testing.T, path string) (got [][]string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(readSink)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]string, 3)
		if err := rows.Scan(&row[0], &row[1], &row[2]); err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return got
}

func TestKilledCopyIntoFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source, want := killSource(t)
	for kind, count := range map[string]int{"files": killParts, "split": 4 * killParts} {
		t.Run(kind, func(t *testing.T) {
			killAndResume(t, kind, source, func(t *testing.T, sink string) {
				got, names := readFolder(t, filepath.Join(sink, "out"))
				if len(names) != count {
					t.Errorf("%d files, want %d: %q", len(names), count, names)
				}
				sameLines(t, got, want)
			})
		})
	}
}

// readFolder reads all delimited files of a folder; what is hidden is no file of the sink.
func readFolder(t *testing.T, dir string) (rows [][]string, names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		names = append(names, e.Name())
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(f).ReadAll()
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, lines[1:]...)
	}
	return rows, names
}

func sameLines(t *testing.T, got, want [][]string) {
	t.Helper()
	slices.SortFunc(got, slices.Compare)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Fatalf("row %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestKilledBinaryCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source := t.TempDir()
	want := map[string][]byte{}
	for i := range 40 {
		name := fmt.Sprintf("d%d/f%d.bin", i%4, i)
		data := make([]byte, 1000+rand.IntN(100_000))
		if i == 7 {
			data = make([]byte, 12<<20)
		}
		for j := range data {
			data[j] = byte(i + j*j>>3)
		}
		want[name] = data
		if err := errors.Join(os.MkdirAll(filepath.Join(source, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(source, name), data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	killAndResume(t, "binary", source, func(t *testing.T, sink string) {
		seen := 0
		err := filepath.WalkDir(sink, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			seen++
			rel, _ := filepath.Rel(sink, p)
			data, err := os.ReadFile(p)
			if err == nil && !slices.Equal(data, want[filepath.ToSlash(rel)]) {
				t.Errorf("%s has other bytes", rel)
			}
			return err
		})
		if err != nil || seen != len(want) {
			t.Errorf("%d files, want %d: %v", seen, len(want), err)
		}
	})
}
