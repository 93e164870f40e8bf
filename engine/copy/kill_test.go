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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // verifies by other code than the store's

	"dmgateway/engine/testserver"
)

// The kill tests copy in a process of their own, which is this test's program again, kill it with SIGKILL at random
// moments and start it again until the copy is done. Nothing survives but the files.

const (
	kills     = 20
	killRows  = 24_000
	killParts = 24
)

// wantedKills is how often each kind of copy is killed: DMGATEWAY_TEST_KILLS, else kills.
func wantedKills() int {
	if n, err := strconv.Atoi(os.Getenv("DMGATEWAY_TEST_KILLS")); err == nil {
		return n
	}
	return kills
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
	for killed < wantedKills() {
		copies++
		dir := t.TempDir()
		v := victim{Source: source, Sink: filepath.Join(dir, "sink"), Kind: kind, State: filepath.Join(dir, "state"), Run: fmt.Sprintf("run-%d", copies)}
		switch kind {
		case "table", "staged":
		case "postgres", "upsert", "bulk":
			v.Sink = testserver.PostgresConnectionString(testserver.Postgres(t))
		case "mariadb", "mariadb upsert":
			v.Sink = testserver.MariaDBConnectionString(testserver.MariaDB(t))
		case "blob", "binary blob":
			v.Sink = testserver.Azurite(t) + "\n" + testserver.Container()
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
	defer func() { _ = db.Close() }()
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

func TestKilledStagedCopy(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	t.Parallel()
	source, want := killSource(t)
	killAndResume(t, "staged", source, func(t *testing.T, sink string) {
		sameLines(t, readSQLite(t, sink), want)
		if left := filesIn(t, sink+"-stage"); len(left) > 0 {
			t.Errorf("staged files are left: %q", left)
		}
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

// TestKilledUpsert kills copies that replace rows which are there already, some of them, with old values.
func TestKilledUpsert(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	testserver.Postgres(t)
	source, want := killSource(t)
	killAndResume(t, "upsert", source, func(t *testing.T, sink string) {
		sameLines(t, readPostgres(t, sink), want)
	})
}

// TestKilledBytesThatPass kills copies from PostgreSQL to PostgreSQL that decode nothing.
func TestKilledBytesThatPass(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	dsn := testserver.Postgres(t)
	script(t, dsn, fmt.Sprintf(`CREATE TABLE src (id bigint PRIMARY KEY, name text, amount double precision);
		INSERT INTO src SELECT i + 1, 'name, "' || i || '"', i + 0.5 FROM generate_series(0, %d) i`, killRows-1))
	var want [][]string
	for i := range killRows {
		want = append(want, []string{fmt.Sprint(i + 1), fmt.Sprintf("name, \"%d\"", i), fmt.Sprint(float64(i) + 0.5)})
	}
	slices.SortFunc(want, slices.Compare)
	killAndResume(t, "bulk", testserver.PostgresConnectionString(dsn), func(t *testing.T, sink string) {
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
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
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
	defer func() { _ = db.Close() }()
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
	source, want := killFiles(t)
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

// killFiles is a folder of files, one of them large, and what is in each.
func killFiles(t *testing.T) (source string, want map[string][]byte) {
	t.Helper()
	source, want = t.TempDir(), map[string][]byte{}
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
	return source, want
}
