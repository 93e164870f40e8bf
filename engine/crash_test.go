package engine

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dmgateway/engine/credential"
	"dmgateway/engine/factory/wire"
)

// childData is the data directory of an engine in a process of its own, which the test kills.
const childData = "DMG_TEST_ENGINE_DATA"

// childMain is that process: an engine until standard input ends.
func childMain() {
	data := os.Getenv(childData)
	o := Options{Data: data, Version: "1.0.0", KeyStore: credential.FileKeyStore(filepath.Join(data, "vault.key"))}
	if dir := os.Getenv(childDeadly); dir != "" {
		var err error
		if o.stores, err = deadlyStores(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	e, err := Open(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := e.Close(); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// process is one that a test has started.
type process struct {
	*os.Process
	gone <-chan struct{} // closed when it has ended
}

// end kills it, if it still runs, and waits.
func (p process) end() {
	_ = p.Kill() // gone already, mostly
	<-p.gone
}

// child starts the process.
func child(t *testing.T, data string, env ...string) process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(append(os.Environ(), childData+"="+data), env...)
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = c.Wait() // how it ended is known
		close(gone)
	}()
	p := process{c.Process, gone}
	t.Cleanup(func() {
		stdin.Close()
		p.end()
	})
	return p
}

// reach dials the child's control socket as soon as it is there.
func reach(t *testing.T, data string) *Client {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		c, err := Dial(t.Context(), data)
		if err == nil {
			t.Cleanup(c.Close)
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // polling, with a deadline
	}
}

const crashRows = 300_000

// shop makes the source: a database with an ID and a text a row.
func shop(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT NOT NULL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO orders SELECT i, 'order number ' || i FROM n`, crashRows)
	if err != nil {
		t.Fatal(err)
	}
}

// Killed again and again at random moments and started again, a gateway ends its job with nothing lost and nothing twice.
func TestKillingTheProcessLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the test's processes cannot be killed there while their files are open")
	}
	w := newWorld(t)
	key := w.gateway("gw")
	dir := t.TempDir()
	shop(t, filepath.Join(dir, "shop.db"))
	data := filepath.Join(w.dir, "node")
	e := openEngine(t, data)
	if err := errors.Join(e.Register(t.Context(), key, "node", nil), e.SetSetting(t.Context(), SettingFolders, dir), e.Close()); err != nil {
		t.Fatal(err)
	}
	via := `"connectVia":{"referenceName":"gw","type":"IntegrationRuntimeReference"}`
	reference := func(name, typ string) string { return `{"referenceName":"` + name + `","type":"` + typ + `"}` }
	w.put(wire.LinkedServices, "Shop", `{"type":"SQLite",`+via+`,"typeProperties":{"connectionString":"Data Source=`+filepath.Join(dir, "shop.db")+`"}}`)
	w.put(wire.LinkedServices, "Copy", `{"type":"SQLite",`+via+`,"typeProperties":{"connectionString":"Data Source=`+filepath.Join(dir, "copy.db")+`"}}`)
	w.put(wire.LinkedServices, "Files", `{"type":"FileServer",`+via+`,"typeProperties":{"host":"`+dir+`"}}`)
	w.put(wire.Datasets, "orders", `{"type":"SQLiteTable","linkedServiceName":`+reference("Shop", "LinkedServiceReference")+`,"typeProperties":{"tableName":"orders"}}`)
	w.put(wire.Datasets, "copy", `{"type":"SQLiteTable","linkedServiceName":`+reference("Copy", "LinkedServiceReference")+`,"typeProperties":{"tableName":"copy"}}`)
	w.put(wire.Datasets, "files", `{"type":"DelimitedText","linkedServiceName":`+reference("Files", "LinkedServiceReference")+`,"typeProperties":{"location":{"type":"FileServerLocation","folderPath":"out"}}}`)
	copyTo := func(out, sink string) string {
		return `{"activities":[{"name":"c","type":"Copy","inputs":[` + reference("orders", "DatasetReference") + `],"outputs":[` + reference(out, "DatasetReference") + `],
			"typeProperties":{"parallelCopies":16,"source":{"type":"SQLiteSource"},"sink":` + sink + `}}]}`
	}
	w.put(wire.Pipelines, "to-table", copyTo("copy", `{"type":"SQLiteSink","tableOption":"autoCreate"}`))
	w.put(wire.Pipelines, "to-files", copyTo("files", `{"type":"DelimitedTextSink","storeSettings":{"type":"FileServerWriteSettings"},"formatSettings":{"type":"DelimitedTextWriteSettings","fileExtension":".csv"}}`))

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	table, tableJob := w.run("to-table")
	files, filesJob := w.run("to-files")
	hits, reached, idle := 0, map[string]int{}, map[string]int{}
	for range 5 {
		c := child(t, data)
		client := reach(t, data)
		// The random moment: somewhere in what is still running, from the first taken job on.
		for _, id := range []string{tableJob, filesJob} {
			waitJob(t, client, id, func(j Job) bool {
				if j.Progress != nil && j.Progress.Done > reached[id] {
					reached[id], idle[id] = j.Progress.Done, 0
				}
				// What is killed again and again without getting on is stopped: that is another test's.
				return ended(j) || j.Status == InProgress && idle[id] < mostDeaths-1
			})
		}
		time.Sleep(time.Duration(random.IntN(700)) * time.Millisecond)
		for _, id := range []string{tableJob, filesJob} {
			if j, err := client.Job(t.Context(), id); err == nil && !ended(j) {
				hits++
				idle[id]++
			}
		}
		c.end()
	}
	if hits < 2 {
		t.Errorf("only %d kills hit a running job: make the copy larger", hits)
	}
	child(t, data)
	for name, run := range map[string]string{"table": table, "files": files} {
		if d := w.wait(run); d.Status != Succeeded {
			t.Fatalf("%s: %+v", name, d)
		} else {
			var r Result
			if err := json.Unmarshal(d.Activities[0].Output, &r); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d kills, attempt %d, resumed from %d of %d partitions", name, hits, r.Attempt, r.ResumedFrom, r.Plan.Partitions)
		}
	}
	checkTable(t, filepath.Join(dir, "copy.db"))
	checkFiles(t, filepath.Join(dir, "out"))
}

func checkTable(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rows, different, right int
	err = db.QueryRow("SELECT count(*), count(DISTINCT id), count(CASE WHEN note = 'order number ' || id THEN 1 END) FROM copy").Scan(&rows, &different, &right)
	if err != nil || rows != crashRows || different != crashRows || right != crashRows {
		t.Errorf("the table has %d rows, %d different, %d right: %v", rows, different, right, err)
	}
}

func checkFiles(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	seen, rows := map[string]bool{}, 0
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		list, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, row := range list {
			if row[1] != "order number "+row[0] {
				t.Fatalf("%s: row %v", path, row)
			}
			seen[row[0]] = true
		}
		rows += len(list)
	}
	if rows != crashRows || len(seen) != crashRows {
		t.Errorf("%d files have %d rows, %d different", len(paths), rows, len(seen))
	}
}
