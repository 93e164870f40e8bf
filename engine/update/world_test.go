//go:build !windows

package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The programs of these tests are this test's own binary, in processes of their own. What they do stands in the
// environment.
const (
	envData    = "UPT_DATA"    // the data directory; this process is a program then
	envVersion = "UPT_VERSION" // which one it is; not set for the installed one
	envSelf    = "UPT_SELF"    // this binary
	envSteps   = "UPT_STEPS"   // file that gets a line for each step
	envKill    = "UPT_KILL"    // the process that makes this line is killed
	envInstall = "UPT_INSTALL" // archive that the installed program installs
	envDoes    = "UPT_DOES"    // what the version on trial does
	envLimit   = "UPT_LIMIT"
	envServes  = "UPT_SERVES"

	installed = "1.0.0"
)

func TestMain(m *testing.M) {
	if data := os.Getenv(envData); data != "" {
		os.Exit(program(data))
	}
	goleak.VerifyTestMain(m)
}

// program is a program of any version: it opens its database, which its version migrates, and says that it ran.
func program(data string) int {
	version := os.Getenv(envVersion)
	if version == "" {
		version = installed
	}
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Printf(`{"version":%q}`, version)
		return 0
	}
	if file := os.Getenv(envSteps); file != "" {
		step = func(name string) error { return countStep(file, name) }
	}
	limit, err := time.ParseDuration(os.Getenv(envLimit))
	if err != nil {
		limit = time.Minute
	}
	p := &Program{Data: data, Version: version, Name: Command, Args: os.Args[1:], Serves: os.Getenv(envServes) != "no", limit: limit}
	os.Unsetenv(envVersion) // of whatever it starts another one decides
	if code, done := p.Start(); done {
		return code
	}
	if p.Refused != nil {
		say(data, "refused: %v", p.Refused)
	}
	if archive := os.Getenv(envInstall); archive != "" && version == installed {
		os.Unsetenv(envInstall)
		if err := install(data, archive); err != nil {
			say(data, "not installed: %v", err)
			return 4
		}
		return p.Restart(append(p.Args, "again"))
	}
	if p.OnTrial() {
		say(data, "%s on trial %s", version, strings.Join(p.Args, " "))
		return tryOut(data, version)
	}
	if err := migrate(data, version); err != nil {
		say(data, "%s cannot start: %v", version, err)
		return 9
	}
	say(data, "%s runs", version)
	return 0
}

func install(data, archive string) error {
	file, err := Download(data, "dmgateway_1.1.0.tar.gz")
	if err == nil {
		err = copyFile(archive, file)
	}
	if err == nil {
		err = Keep(context.Background(), data, "1.1.0", file, Command)
	}
	if err == nil {
		err = Stage(data, "1.1.0", installed, "notes", true)
	}
	return err
}

// tryOut is what a version on trial does.
func tryOut(data, version string) int {
	does := os.Getenv(envDoes)
	switch does {
	case "crash":
		return 3
	case "hang":
		select {}
	case "leave":
		return 0
	}
	err := Backup(context.Background(), data, version, []Database{{Path: "journal.db", Schema: schemaOf(version)}}, []string{"vault.json", "absent.json"})
	if err == nil {
		err = step("migrate")
	}
	if err == nil {
		err = migrate(data, version)
	}
	if err == nil && does == "migrate and crash" {
		return 3
	}
	if err == nil {
		err = Confirm(data, version, time.Now())
	}
	if err != nil {
		say(data, "%s: %v", version, err)
		return 5
	}
	say(data, "%s runs", version)
	if does == "wait" {
		select {}
	}
	return 0
}

func schemaOf(version string) int64 {
	if version == installed {
		return 1
	}
	return 2
}

// migrate opens the database, as a version does that knows schemas up to its own.
func migrate(data, version string) error {
	db, err := sql.Open("sqlite", filepath.Join(data, "journal.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var now sql.NullInt64
	_, err = db.Exec("PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS goose_db_version (version_id INTEGER, is_applied INTEGER)")
	if err == nil {
		err = db.QueryRow("SELECT max(version_id) FROM goose_db_version").Scan(&now)
	}
	switch {
	case err != nil:
		return err
	case now.Int64 > schemaOf(version):
		return fmt.Errorf("the database has schema %d", now.Int64)
	case now.Int64 < schemaOf(version):
		_, err = db.Exec("INSERT INTO goose_db_version VALUES (?, 1)", schemaOf(version))
	}
	return err
}

func appendLine(file, line string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line + "\n")
	}
	if err != nil {
		panic(err)
	}
	f.Close()
}

func say(data, format string, args ...any) {
	appendLine(filepath.Join(data, "said"), fmt.Sprintf(format, args...))
}

func countStep(file, name string) error {
	appendLine(file, name)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strconv.Itoa(bytes.Count(text, []byte("\n"))) == os.Getenv(envKill) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return nil
}

// world is a data directory with an installed program.
type world struct {
	t    *testing.T
	data string
	env  []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, data: t.TempDir()}
	if err := os.Chmod(w.data, 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = append(os.Environ(), envData+"="+w.data, envSelf+"="+self)
	if err := os.WriteFile(filepath.Join(w.data, "vault.json"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// command is the installed program.
func (w *world) command(env ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], "run")
	c.Env, c.Stderr = append(w.env[:len(w.env):len(w.env)], env...), os.Stderr
	return c
}

// start starts the installed program, waits, and gives the exit code, -1 for a killed one.
func (w *world) start(env ...string) int {
	w.t.Helper()
	c := w.command(env...)
	_ = c.Run() // the code says how
	return c.ProcessState.ExitCode()
}

// said is what programs said, the last line first to look at.
func (w *world) said() []string {
	text, _ := os.ReadFile(filepath.Join(w.data, "said"))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func (w *world) last() string { s := w.said(); return s[len(s)-1] }

func (w *world) state() State {
	w.t.Helper()
	s, err := Load(w.data)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// script is a program of a version: this test's binary.
func script(version string) string {
	return "#!/bin/sh\n" + envVersion + "=" + version + ` exec "$` + envSelf + "\" \"$@\"\n"
}

type entry struct {
	name, body string
	kind       byte
	link       string
}

// archive writes a tar.gz.
func archive(t *testing.T, entries ...entry) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(e.body)), Linkname: e.link}
		if e.kind != 0 {
			h.Typeflag = e.kind
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	file := filepath.Join(t.TempDir(), "release.tar.gz")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// release is a good archive of a version.
func release(t *testing.T, version string) string {
	t.Helper()
	return archive(t, entry{name: "LICENSE", body: "…"}, entry{name: Command, body: script(version)})
}

// keep keeps a version without a program's help.
func (w *world) keep(version string) {
	w.t.Helper()
	w.t.Setenv(envData, w.data) // the new version is asked for its version
	w.t.Setenv(envSelf, os.Args[0])
	if err := Keep(w.t.Context(), w.data, version, release(w.t, version), Command); err != nil {
		w.t.Fatal(err)
	}
}
