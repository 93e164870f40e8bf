package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dmgateway/engine/testserver"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the command "sqlite" of the scripts
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dmgcmd": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// freePort is a port that nobody listened on a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// grepProcesses looks for a text in the command lines of all processes, where the system shows them as files.
func grepProcesses(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: grepproc TEXT")
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	found := ""
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && bytes.Contains(text, []byte(args[0])) {
			found = line
		}
	}
	if (found != "") == neg {
		ts.Fatalf("%q in a command line: %q", args[0], found)
	}
}

// scriptParams are the same for all folders of scripts; env adds variables, and commands more commands.
func scriptParams(dir string, env map[string]string, commands map[string]func(*testscript.TestScript, bool, []string)) testscript.Params {
	all := map[string]func(*testscript.TestScript, bool, []string){
		"sqlite":    runSQL,
		"exitcode":  exitCodeOf,
		"waitfile":  waitFile,
		"json":      checkJSON,
		"fill":      fillIn,
		"waitstate": waitState,
		"grepdir":   grepDir,
		"grepproc":  grepProcesses,
		"waitjob":   waitJob,
		"waitlink":  waitLink,
	}
	maps.Copy(all, commands)
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DMG_DATA", filepath.Join(e.WorkDir, "data"))
			// No key store of the machine: a private key file lies in the data directory instead.
			e.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(e.WorkDir, "no-bus"))
			e.Setenv("HOME", e.WorkDir)
			port, err := freePort()
			if err != nil {
				return err
			}
			e.Setenv("FREEPORT", port)
			for name, value := range env {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: all,
	}
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, scriptParams("testdata/script", nil, nil))
}

func TestStores(t *testing.T) {
	t.Parallel()
	dsn, azure := testserver.Postgres(t), testserver.Azurite(t)
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	_, key, _ := strings.Cut(azure, "AccountKey=")
	key, _, _ = strings.Cut(key, ";")
	env := map[string]string{
		"PGHOST": c.Host, "PGPORT": fmt.Sprint(c.Port), "PGDATABASE": c.Database, "PGUSER": c.User, "PASSWORD": c.Password,
		"AZURE": azure, "ACCOUNTKEY": key,
	}
	run := func(ts *testscript.TestScript, _ bool, args []string) {
		conn, err := pgx.Connect(t.Context(), dsn)
		ts.Check(err)
		defer conn.Close(t.Context())
		for _, statement := range args {
			_, err := conn.Exec(t.Context(), statement)
			ts.Check(err)
		}
	}
	testscript.Run(t, scriptParams("testdata/stores", env, map[string]func(*testscript.TestScript, bool, []string){"postgres": run}))
}

// runSQL: sqlite FILE STATEMENT executes a statement; with ! it must fail.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sqlite FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	if _, err = db.Exec(args[1]); (err != nil) != neg {
		ts.Fatalf("sqlite: %v", err)
	}
}

// exitCodeOf: exitcode N COMMAND… runs a command that must exit with N.
func exitCodeOf(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// waitFile: waitfile FILE waits until a file exists.
func waitFile(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s has not appeared", args[0])
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// checkJSON: json FILE PATH VALUE compares one value of a JSON file ("stdout" is the last command's output). PATH is names
// and indices with dots between; with ! the values must differ. Without VALUE the value is put into the variable VALUE.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s is no JSON: %v", args[0], err)
	}
	for _, step := range strings.Split(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(at) {
				ts.Fatalf("no element %s", step)
			}
			v = at[i]
		default:
			ts.Fatalf("nothing at %s", step)
		}
	}
	text, ok := v.(string)
	if !ok {
		raw, err := json.Marshal(v)
		ts.Check(err)
		text = string(raw)
	}
	if len(args) == 2 {
		ts.Setenv("VALUE", text)
		return
	}
	if (text == args[2]) == neg {
		ts.Fatalf("%s is %q, want %q", args[1], text, args[2])
	}
}

// fillIn: fill FILE… replaces $NAME in files by the script's variables.
func fillIn(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(v string) string {
			if value := ts.Getenv(v); value != "" {
				return filepath.ToSlash(value)
			}
			return "$" + v
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// grepDir: grepdir FOLDER TEXT finds a text anywhere in a folder's files; with ! it must not be there.
func grepDir(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || args[1] == "" {
		ts.Fatalf("usage: grepdir FOLDER TEXT")
	}
	looked, found := 0, ""
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		if bytes.Contains(data, []byte(args[1])) {
			found = path
		}
		return nil
	})
	ts.Check(err)
	if looked == 0 {
		ts.Fatalf("there are no files in %s", args[0])
	}
	if (found != "") == neg {
		ts.Fatalf("the text is in %q", found)
	}
}

// waitState: waitstate STATE waits until the running engine of the script's data directory is in a state.
func waitState(ts *testscript.TestScript, _ bool, args []string) {
	waitField(ts, "state", args[0], "status", "--json")
}

// waitJob: waitjob ID STATUS waits until a job has a status.
func waitJob(ts *testscript.TestScript, _ bool, args []string) {
	waitField(ts, "status", args[1], "jobs", "show", args[0], "--json")
}

// waitLink: waitlink NAME waits until the factory hands out links for setting the credential of a linked service.
func waitLink(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(60 * time.Second)
	for ts.Exec("dmgcmd", "--data", "factory", "factory", "credential-link", args[0]) != nil {
		if time.Now().After(deadline) {
			ts.Fatalf("there is no link")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// waitField runs dmgcmd until one field of what it prints has a value.
func waitField(ts *testscript.TestScript, field, want string, command ...string) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		var v map[string]any
		if ts.Exec("dmgcmd", command...) == nil && json.Unmarshal([]byte(ts.ReadFile("stdout")), &v) == nil && v[field] == want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s is %q, not %s", field, v[field], want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
