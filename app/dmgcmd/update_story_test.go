//go:build !windows

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dmgateway/engine"
	"dmgateway/engine/update"
	"dmgateway/packaging/feed/repository"
)

// Really different builds of dmgcmd, a signed feed that the factory serves, and a gateway that updates itself: to a
// version that works while a job runs, and to versions that do not work.
func TestUpdatesOfTheRealProgram(t *testing.T) {
	t.Parallel()
	b := buildVersions(t)
	t.Run("a version that works, then one that crashes", func(t *testing.T) { t.Parallel(); b.works(t) })
	t.Run("a version that hangs", func(t *testing.T) { t.Parallel(); b.hangs(t) })
	t.Run("a version that never connects", func(t *testing.T) { t.Parallel(); b.neverConnects(t) })
}

// How long the builds of this test let a version prove itself: where the limit is not to be reached, however slow the
// machine is, and where it is.
const (
	longTrial  = "10m"
	shortTrial = "45s"
)

// scratch is a folder for large files. It goes with the test, or with the next one if this one is killed.
func scratch(t *testing.T) string {
	t.Helper()
	const name = "dmg-updates-"
	left, err := filepath.Glob(filepath.Join(os.TempDir(), name+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), name), "-")
		if pid, err := strconv.Atoi(owner); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // somebody else may be doing it
		}
	}
	dir, err := os.MkdirTemp("", name+strconv.Itoa(os.Getpid())+"-") //nolint:usetesting // TempDir's name does not tell the next test whose it was
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

type builds struct {
	feed, keys string // empty, to be copied
	old, new   string // dmgcmd 1.0.0 and 1.1.0
	hasty      string // dmgcmd 1.0.0 with the short trial
}

func buildVersions(t *testing.T) builds {
	t.Helper()
	dir := scratch(t)
	b := builds{feed: filepath.Join(dir, "feed"), keys: filepath.Join(dir, "keys"), old: filepath.Join(dir, "old"), new: filepath.Join(dir, "new"), hasty: filepath.Join(dir, "hasty")}
	if _, err := repository.Create(repository.Options{Keys: repository.Keys{Dir: b.keys}, Out: b.feed}); err != nil {
		t.Fatal(err)
	}
	root, err := repository.Keys{Dir: b.keys}.RootJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, build := range []struct{ version, file, trial string }{{"1.0.0", b.old, longTrial}, {"1.0.0", b.hasty, shortTrial}, {"1.1.0", b.new, longTrial}} {
		flags := "-s -w -X dmgateway/engine.version=" + build.version + " -X dmgateway/engine/update.trialLimit=" + build.trial +
			" -X dmgateway/engine/update/feed.pinnedRoot=" + base64.StdEncoding.EncodeToString(root)
		args := []string{"build", "-ldflags", flags, "-o", build.file}
		if build.version != "1.0.0" {
			args = append(args, "-overlay", oneMoreMigration(t))
		}
		c := exec.Command("go", append(args, ".")...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return b
}

// schemaOfTests is the version of the migration that the newer build has and the older one does not know.
const schemaOfTests = 90001

// oneMoreMigration gives the journal another migration. The older version refuses a journal that has it.
func oneMoreMigration(t *testing.T) (overlay string) {
	t.Helper()
	dir := scratch(t)
	migrations, err := filepath.Abs("../../engine/journal/migrations")
	if err != nil {
		t.Fatal(err)
	}
	name := strconv.Itoa(schemaOfTests) + "_test.sql"
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(migrations, name): filepath.Join(dir, name)}})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	migration := "-- +goose Up\nCREATE TABLE of_tests (id INTEGER);\n"
	if err := errors.Join(os.WriteFile(overlay, text, 0o600), os.WriteFile(filepath.Join(dir, name), []byte(migration), 0o600)); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// schema is the version of the journal's last migration.
func (s *site) schema() (version int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "data", "journal.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(s.t.Context(), "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&version); err != nil {
		s.t.Fatal(err)
	}
	return version
}

// site is a factory with its feed, and one gateway.
type site struct {
	t               *testing.T
	b               builds
	dir, feed, keys string
	env             []string
	factory, run    *exec.Cmd
}

func (b builds) site(t *testing.T) *site {
	t.Helper()
	dir := scratch(t)
	s := &site{t: t, b: b, dir: dir, feed: filepath.Join(dir, "feed"), keys: filepath.Join(dir, "keys")}
	for from, to := range map[string]string{b.feed: s.feed, b.keys: s.keys} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range repository.Roles() { // keys that others may read are refused
		if err := os.Chmod(filepath.Join(s.keys, role+".key"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(), "DMG_DATA="+filepath.Join(dir, "data"), "HOME="+dir, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(dir, "no-bus"))
	s.factory = s.command(b.old, "--data", filepath.Join(dir, "fdata"), "factory", "serve", "--listen", "127.0.0.1:0", "--ready-file", filepath.Join(dir, "ready.json"), "--feed", s.feed)
	s.begin(s.factory)
	s.until("the factory serves", func() bool { _, err := os.Stat(filepath.Join(dir, "ready.json")); return err == nil })
	key := strings.TrimSpace(s.do("--data", filepath.Join(dir, "fdata"), "factory", "gateway", "new", "plant1"))
	s.do("register", key, "--node", "node-a")
	s.do("settings", "folders", dir)
	s.do("settings", "endpoint", "false")
	s.run = s.command(b.old, "run")
	s.run.Stderr = os.Stderr
	s.begin(s.run)
	s.until("the gateway is connected", func() bool { return s.status().State == engine.Connected })
	return s
}

func (s *site) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Env, c.Dir = s.env, s.dir
	return c
}

// begin starts a program that is ended at the test's end, with all that it has started.
func (s *site) begin(c *exec.Cmd) {
	s.t.Helper()
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { defer close(gone); _ = c.Wait() }() // its code does not matter
	s.t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(2 * time.Minute):
			s.t.Error("a program did not end when it was asked to")
		}
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-gone
	})
}

// try runs a command of the installed program, which is the old one.
func (s *site) try(args ...string) (string, error) {
	var out, told bytes.Buffer
	c := s.command(s.b.old, args...)
	c.Stdout, c.Stderr = &out, &told
	err := c.Run()
	if err != nil {
		err = fmt.Errorf("dmgcmd %s: %w: %s", strings.Join(args, " "), err, told.String())
	}
	return out.String(), err
}

func (s *site) do(args ...string) string {
	s.t.Helper()
	out, err := s.try(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *site) status() (v engine.Status) {
	if out, err := s.try("status", "--json"); err == nil {
		_ = json.Unmarshal([]byte(out), &v) // the zero value is no answer
	}
	return v
}

func (s *site) until(what string, met func() bool) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Minute); !met(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not in time: %s", what)
		}
	}
}

// offer puts a version into the feed; its dmgcmd is the given file.
func (s *site) offer(version string, program []byte) {
	s.t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		s.t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "dmgcmd", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		s.t.Fatal(err)
	}
	w.Close()
	z.Close()
	dist := scratch(s.t)
	if err := os.WriteFile(filepath.Join(dist, "dmgateway_"+version+"_"+runtime.GOOS+"_"+runtime.GOARCH+".tar.gz"), out.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	archives, err := repository.Archives(dist, version, s.t.Logf)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := repository.Open(repository.Options{Keys: repository.Keys{Dir: s.keys}, Out: s.feed})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.Add(archives, repository.Terms{Channel: "stable", Percent: 100, Notes: "what is new in " + version}); err != nil {
		s.t.Fatal(err)
	}
}

// broken is a program that says its version and then does something else.
func broken(version, does string) []byte {
	return []byte("#!/bin/sh\nif [ \"$1\" = version ]; then echo '{\"version\":\"" + version + "\"}'; exit 0; fi\n" + does + "\n")
}

func (s *site) read(path string) []byte {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (b builds) works(t *testing.T) {
	s := b.site(t)
	s.slowJob()
	s.offer("1.1.0", s.read(b.new))
	if out := s.do("update", "check", "--json"); !strings.Contains(out, `"available": "1.1.0"`) || !strings.Contains(out, "what is new in 1.1.0") {
		t.Fatalf("check: %s", out)
	}
	show := []string{"--data", filepath.Join(s.dir, "fdata"), "factory", "gateway", "show", "plant1"}
	s.until("the factory knows when", func() bool { return strings.Contains(s.do(show...), "1.1.0 will be installed at") })

	run := strings.TrimSpace(s.do("--data", filepath.Join(s.dir, "fdata"), "factory", "run", "Slow"))
	s.until("the job runs", func() bool { return s.status().Jobs.Running == 1 })
	if out := s.do("update", "install"); !strings.Contains(out, "Updated from 1.0.0 to 1.1.0") {
		t.Fatalf("install: %s", out)
	}
	st := s.status()
	if st.Version != "1.1.0" || st.Update.Updated == nil || st.Update.Updated.From != "1.0.0" || st.Update.Updated.Notes != "what is new in 1.1.0" {
		t.Errorf("status %+v", st.Update)
	}
	var jobs []engine.Job
	if err := json.Unmarshal([]byte(s.do("jobs", "--json")), &jobs); err != nil || len(jobs) != 1 {
		t.Fatalf("run %s: jobs %+v, %v", run, jobs, err)
	}
	if j := jobs[0]; j.Status != engine.Succeeded || j.Attempt != 1 || !j.Ended.Before(st.Update.Updated.When) {
		t.Errorf("the job that ran: %+v", j)
	}
	if got := strings.TrimSpace(s.do("settings", "rowlimit")); got != slowRows {
		t.Errorf("rowlimit is %q", got)
	}
	if got := s.schema(); got != schemaOfTests {
		t.Errorf("the journal has schema %d", got)
	}
	s.until("the new version takes jobs", func() bool { st = s.status(); return st.State == engine.Connected })
	s.until("the factory sees the new version", func() bool { return strings.Contains(s.do(show...), "1.1.0") })

	// The next version crashes: this one, which is a kept one, comes back.
	s.offer("1.2.0", broken("1.2.0", "exit 3"))
	_, err := s.try("update", "install")
	if err == nil || !strings.Contains(err.Error(), "UpdateUndone") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("install 1.2.0: %v", err)
	}
	s.undone("1.1.0", "1.2.0")
	if out := s.do("update", "check", "--json"); strings.Contains(out, `"scheduled": "`) {
		t.Errorf("it would try again by itself: %s", out)
	}
	s.until("the factory knows", func() bool { return strings.Contains(s.do(show...), "update undone: Version 1.2.0") })
}

// slowRows is how many rows a second the gateway may copy, and the job has four times as many.
const slowRows = "2000"

func (s *site) slowJob() {
	s.t.Helper()
	s.do("settings", "rowlimit", slowRows)
	rows, err := strconv.Atoi(slowRows)
	if err != nil {
		s.t.Fatal(err)
	}
	var text strings.Builder
	text.WriteString("id\n")
	for i := range 4 * rows {
		fmt.Fprintln(&text, i)
	}
	via := `"connectVia":{"referenceName":"plant1","type":"IntegrationRuntimeReference"}`
	set := func(file string) string {
		return `{"type":"DelimitedText","linkedServiceName":{"referenceName":"Files","type":"LinkedServiceReference"},"typeProperties":{"firstRowAsHeader":true,"location":{"type":"FileServerLocation","fileName":"` + file + `"}}}`
	}
	for name, body := range map[string]string{
		"in.csv":                   text.String(),
		"linkedService/Files.json": `{"name":"Files","properties":{"type":"FileServer",` + via + `,"typeProperties":{"host":"` + s.dir + `"}}}`,
		"dataset/In.json":          `{"name":"In","properties":` + set("in.csv") + `}`,
		"dataset/Out.json":         `{"name":"Out","properties":` + set("out.csv") + `}`,
		"pipeline/Slow.json": `{"name":"Slow","properties":{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"In","type":"DatasetReference"}],"outputs":[{"referenceName":"Out","type":"DatasetReference"}],
			"typeProperties":{"source":{"type":"DelimitedTextSource"},"sink":{"type":"DelimitedTextSink","formatSettings":{"type":"DelimitedTextWriteSettings","fileExtension":".csv"}}}}]}}`,
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.do("--data", filepath.Join(s.dir, "fdata"), "factory", "apply", "linkedService", "dataset", "pipeline")
}

// undone checks that a version runs again, and that the one that failed was told everywhere.
func (s *site) undone(runs, failed string) {
	s.t.Helper()
	s.until(runs+" runs again", func() bool { return s.status().Version == runs })
	st := s.status()
	if st.Update.State != engine.UpdateFailed || !strings.Contains(st.Update.Problem, failed) || st.Update.Remedy == "" {
		s.t.Errorf("status %+v", st.Update)
	}
	warned := false
	for _, w := range st.Warnings {
		warned = warned || w.ID == "update" && strings.Contains(w.Text, failed) && w.Remedy != ""
	}
	if !warned {
		s.t.Errorf("warnings %+v", st.Warnings)
	}
	if log := s.do("logs", "--level", "error"); !strings.Contains(log, "undone") || !strings.Contains(log, failed) {
		s.t.Errorf("the log: %s", log)
	}
}

func (b builds) hangs(t *testing.T) {
	b.old = b.hasty
	s := b.site(t)
	s.offer("1.1.0", broken("1.1.0", "exec sleep 1000"))
	if _, err := s.try("update", "install"); err == nil || !strings.Contains(err.Error(), "did not prove itself within "+shortTrial) {
		t.Errorf("install: %v", err)
	}
	s.undone("1.0.0", "1.1.0")
	s.until("it is connected again", func() bool { return s.status().State == engine.Connected })
}

func (b builds) neverConnects(t *testing.T) {
	b.old = b.hasty
	s := b.site(t)
	s.slowJob()
	s.do("--data", filepath.Join(s.dir, "fdata"), "factory", "run", "Slow", "--wait")
	before := s.do("jobs", "--json")
	schema := s.schema()
	// The new version works, but the factory is gone by the time it starts: it is undone with what it changed in the journal,
	// but takes no blame.
	s.offer("1.1.0", broken("1.1.0", "kill "+strconv.Itoa(s.factory.Process.Pid)+" 2>/dev/null\nexec "+b.new+` "$@"`))
	if _, err := s.try("update", "install"); err == nil || !strings.Contains(err.Error(), "was not connected within "+shortTrial) || !strings.Contains(err.Error(), "tried again by itself") {
		t.Errorf("install: %v", err)
	}
	s.undone("1.0.0", "1.1.0")
	if backup := string(s.read(filepath.Join(update.Folder(filepath.Join(s.dir, "data")), "backup", "manifest.json"))); !strings.Contains(backup, `"journal.db"`) {
		t.Errorf("the backup: %s", backup)
	}
	if after := s.do("jobs", "--json"); after != before || !strings.Contains(after, `"Succeeded"`) {
		t.Errorf("the jobs were\n%s\nand are\n%s", before, after)
	}
	if got := s.schema(); got != schema {
		t.Errorf("the journal had schema %d, has %d", schema, got)
	}
	kept, err := update.Load(filepath.Join(s.dir, "data"))
	if err != nil || len(kept.Failed) != 0 || kept.Unconnected["1.1.0"].Times != 1 {
		t.Errorf("kept %+v, %v", kept, err)
	}
}
