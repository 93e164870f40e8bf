package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DMG_DATA", filepath.Join(e.WorkDir, "data"))
			// No key store of the machine: a private key file lies in the data directory instead.
			e.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(e.WorkDir, "no-bus"))
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sqlite":    runSQL,
			"exitcode":  exitCodeOf,
			"waitfile":  waitFile,
			"json":      checkJSON,
			"fill":      fillIn,
			"waitstate": waitState,
		},
	})
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

// fillIn: fill FILE replaces $WORK in a file by the script's folder.
func fillIn(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := strings.ReplaceAll(ts.ReadFile(name), "$WORK", filepath.ToSlash(ts.Getenv("WORK")))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// waitState: waitstate STATE waits until the running engine of the script's data directory is in a state.
func waitState(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		var s struct{ State string }
		if ts.Exec("dmgcmd", "status", "--json") == nil && json.Unmarshal([]byte(ts.ReadFile("stdout")), &s) == nil && s.State == args[0] {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the state is %q, not %s", s.State, args[0])
		}
		time.Sleep(100 * time.Millisecond)
	}
}
