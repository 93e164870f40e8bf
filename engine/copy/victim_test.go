package copy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/batch"
	"dmgateway/engine/format"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/format/parquet"
	"dmgateway/engine/format/text"
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/store/filesystem"
	"dmgateway/engine/store/mysql"
	"dmgateway/engine/store/postgres"
	"dmgateway/engine/store/sqlite"
)

// victim is what the parent tells the process that it will kill.
type victim struct {
	Source string `json:"source"` // SQLite file or connection string, with the table src
	Sink   string `json:"sink"`   // SQLite file, connection string, folder, or connection string and container, each on a line
	Kind   string `json:"kind"`   // table, staged, postgres, upsert, bulk, mariadb, mariadb upsert, files, split, parquet, blob, binary, binary blob, unpack
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

// ofFiles tells whether files are copied as they are.
func (v victim) ofFiles() bool {
	return v.Kind == "binary" || v.Kind == "binary blob" || v.Kind == "unpack"
}

// files are those of the sink, and the container.
func (v victim) files(t testing.TB) (store.OpenFiles, string) {
	text, container, ok := strings.Cut(v.Sink, "\n")
	if !ok {
		return folder(t, v.Sink), ""
	}
	connection, _ := json.Marshal(text)
	return blob.Definition().Files.Open(object(t, fmt.Sprintf(`{"connectionString":%s}`, connection))), container
}

func (v victim) job(t testing.TB) *activity.Job {
	job := &activity.Job{Name: "Killed"}
	if v.ofFiles() {
		open, container := v.files(t)
		job.Source = activity.Source{Type: "BinarySource", Files: &activity.FileSource{Open: folder(t, v.Source), Recursive: true}}
		job.Sink = activity.Sink{Type: "BinarySink", Files: &activity.FileSink{Behavior: activity.PreserveHierarchy, Folder: container, Open: func(ctx context.Context, env store.Env) (store.Files, error) {
			f, err := open(ctx, env)
			return slowFiles{f}, err
		}}}
		if v.Kind == "unpack" {
			job.Source.Files.Compression, job.Source.Files.DeleteAfter = compression.Zip, true
		}
		return job
	}
	open := sqlite.Definition().Source(sqliteSpec(t, v.Source, "src", `{}`))
	job.Source = activity.Source{Type: "SQLiteSource", Open: func(ctx context.Context, env store.Env) (store.Source, error) {
		s, err := open(ctx, env)
		return slow{s}, err
	}}
	if v.Kind == "bulk" {
		connection, _ := json.Marshal(v.Source)
		linked := fmt.Sprintf(`{"connectionString":%s}`, connection)
		job.Source = activity.Source{Type: "PostgreSqlSource", Open: postgres.Definition().Source(spec(t, linked, `{"tableName":"src"}`, `{}`))}
	}
	switch v.Kind {
	case "upsert":
		connection, _ := json.Marshal(v.Sink)
		job.Sink = activity.Sink{Type: "PostgreSqlSink", Open: postgres.Definition().Sink(spec(t, fmt.Sprintf(`{"connectionString":%s}`, connection),
			`{"tableName":"dst"}`, `{"writeBehavior":"Upsert","upsertSettings":{"keys":["id"]},"tableOption":"autoCreate","preCopyScript":"INSERT INTO dst SELECT i, 'old', 0 FROM generate_series(1, 5000) i ON CONFLICT DO NOTHING"}`))}
	case "postgres", "bulk":
		connection, _ := json.Marshal(v.Sink)
		job.Sink = activity.Sink{Type: "PostgreSqlSink", Open: postgres.Definition().Sink(spec(t, fmt.Sprintf(`{"connectionString":%s}`, connection),
			`{"tableName":"dst"}`, `{"tableOption":"autoCreate","preCopyScript":"DELETE FROM dst"}`))}
	case "mariadb", "mariadb upsert":
		connection, _ := json.Marshal(v.Sink)
		how := `{"tableOption":"autoCreate","preCopyScript":"DELETE FROM dst"}`
		if v.Kind == "mariadb upsert" {
			how = `{"writeBehavior":"upsert","upsertSettings":{"keys":["id"]},"tableOption":"autoCreate","preCopyScript":"INSERT IGNORE INTO dst SELECT seq, 'old', 0 FROM seq_1_to_5000"}`
		}
		job.Sink = activity.Sink{Type: "MySqlSink", Open: mysql.Definition().Sink(spec(t, fmt.Sprintf(`{"connectionString":%s}`, connection), `{"tableName":"dst"}`, how))}
	case "table", "staged":
		job.Sink = activity.Sink{Type: "SQLiteSink", Open: sqlite.Definition().Sink(sqliteSpec(t, v.Sink, "dst", `{"tableOption":"autoCreate","preCopyScript":"DELETE FROM dst"}`))}
		if v.Kind == "staged" {
			if err := os.MkdirAll(v.Sink+"-stage", 0o755); err != nil {
				t.Fatal(err)
			}
			job.Staging = &activity.Staging{Type: "FileServer", Open: folder(t, v.Sink+"-stage"), Folder: "x", Compress: true}
		}
	default:
		open, container := v.files(t)
		sink := &activity.FileSink{Open: open, Format: textFormat(t), FormatName: "text", Extension: ".csv", Behavior: activity.PreserveHierarchy, Folder: path.Join(container, "out")}
		switch v.Kind {
		case "split":
			sink.MaxRowsPerFile = 300
		case "parquet":
			sink.Format, sink.FormatName, sink.Extension = parquet.Definition().Decode(format.Spec{Dataset: object(t, `{}`)}), "parquet", ".parquet"
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
	if !v.ofFiles() && (res.RowsRead != killRows || res.RowsCopied != killRows || res.Consistency.VerificationResult != "Verified") {
		t.Errorf("result %+v", res)
	}
}
