//go:build !windows

package update

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dmgateway/engine/fault"
)

func TestArchivesThatPointElsewhereOrAreIncompleteAreRefused(t *testing.T) {
	good := script("1.1.0")
	for name, test := range map[string]struct {
		entries []entry
		says    string
	}{
		"a path upwards":          {[]entry{{name: "../dmgcmd", body: good}, {name: Command, body: good}}, "lies outside"},
		"a hidden path upwards":   {[]entry{{name: "a/../../dmgcmd", body: good}, {name: Command, body: good}}, "lies outside"},
		"an absolute path":        {[]entry{{name: "/tmp/dmgcmd", body: good}}, "lies outside"},
		"a path of Windows":       {[]entry{{name: `..\dmgcmd`, body: good}, {name: Command, body: good}}, "lies outside"},
		"a symbolic link":         {[]entry{{name: Command, kind: tar.TypeSymlink, link: "/bin/sh"}}, "neither a file"},
		"a link beside it":        {[]entry{{name: Command, body: good}, {name: "x", kind: tar.TypeLink, link: "/etc/passwd"}}, "neither a file"},
		"a device":                {[]entry{{name: Command, kind: tar.TypeChar}}, "neither a file"},
		"no command":              {[]entry{{name: "README", body: "…"}}, "it has no dmgcmd"},
		"the command in a folder": {[]entry{{name: "bin/dmgcmd", body: good}}, "it has no dmgcmd"},
		"another program's name":  {[]entry{{name: "DMGCMD", body: good}}, "it has no dmgcmd"},
		"the command twice":       {[]entry{{name: Command, body: good}, {name: "./" + Command, body: good}}, "twice"},
		"another version":         {[]entry{{name: Command, body: script("1.0.9")}}, `it says that it is version "1.0.9"`},
		"one that does not run":   {[]entry{{name: Command, body: "\x7fELF not for this machine"}}, "does not run on this machine"},
		"one that fails":          {[]entry{{name: Command, body: "#!/bin/sh\necho broken >&2; exit 7\n"}}, "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			t.Setenv(envData, w.data)
			t.Setenv(envSelf, os.Args[0])
			err := Keep(t.Context(), w.data, "1.1.0", archive(t, test.entries...), Command)
			if fault.Code(err) != fault.BadData || !strings.Contains(err.Error(), test.says) || fault.As(err).Hint == "" {
				t.Errorf("got %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(w.data, folder, "1.*")); len(left) > 0 || len(w.state().Kept) > 0 {
				t.Errorf("left over: %q, %+v", left, w.state())
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(w.data), Command)); err == nil {
				t.Error("it was written outside")
			}
		})
	}
	t.Run("the desktop program is missing", func(t *testing.T) {
		w := newWorld(t)
		if err := Keep(t.Context(), w.data, "1.1.0", release(t, "1.1.0"), Desktop); err == nil || !strings.Contains(err.Error(), "it has no dmgateway") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too many files", func(t *testing.T) {
		w := newWorld(t)
		many := make([]entry, maxEntries+1)
		for i := range many {
			many[i].name = "f"
		}
		if err := Keep(t.Context(), w.data, "1.1.0", archive(t, many...), Command); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cut short", func(t *testing.T) {
		w := newWorld(t)
		file := release(t, "1.1.0")
		if err := os.Truncate(file, 100); err != nil {
			t.Fatal(err)
		}
		if err := Keep(t.Context(), w.data, "1.1.0", file, Command); fault.Code(err) != fault.BadData {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a version that is a path", func(t *testing.T) {
		w := newWorld(t)
		if err := Keep(t.Context(), w.data, "../1.1.0", release(t, "1.1.0"), Command); fault.Code(err) != fault.BadInput {
			t.Errorf("got %v", err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Keep(ctx, w.data, "1.1.0", release(t, "1.1.0"), Command); fault.Code(err) != fault.Cancelled {
			t.Errorf("got %v", err)
		}
	})
}

func TestAFullDiskIsSaidAndLeavesThePresentVersion(t *testing.T) {
	w := newWorld(t)
	t.Setenv(envData, w.data)
	t.Setenv(envSelf, os.Args[0])
	defer func(before func(string) error) { step = before }(step)
	for _, at := range []string{"unpack dmgcmd", "write state.json", "rename state.json"} {
		step = func(name string) error {
			if name == at {
				return &os.PathError{Op: "write", Path: name, Err: syscall.ENOSPC}
			}
			return nil
		}
		if err := Keep(t.Context(), w.data, "1.1.0", release(t, "1.1.0"), Command); fault.Code(err) != fault.DiskFull || fault.As(err).Hint == "" {
			t.Errorf("%s: got %v", at, err)
		}
		if left, _ := filepath.Glob(filepath.Join(w.data, folder, "*.new")); len(left) > 0 {
			t.Errorf("%s: left over: %q", at, left)
		}
		if IsKept(w.data, "1.1.0", Command) {
			t.Errorf("%s: it counts as kept", at)
		}
	}
	step = func(string) error { return nil }
	if err := Keep(t.Context(), w.data, "1.1.0", release(t, "1.1.0"), Command); err != nil || !IsKept(w.data, "1.1.0", Command) {
		t.Errorf("with space again: %v", err)
	}
}

// What somebody else could have written is not run, and what was changed is not either: the installed program runs.
func TestKeptProgramsThatSomebodyElseCouldHaveChangedAreNotRun(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"others may write the data directory": func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) },
		"others may write the folder":         func(dir string) error { return os.Chmod(dir, 0o722) },
		"others may write the version":        func(dir string) error { return os.Chmod(filepath.Join(dir, "1.1.0"), 0o770) },
		"others may write the program":        func(dir string) error { return os.Chmod(filepath.Join(dir, "1.1.0", Command), 0o777) },
		"the program is another one": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "1.1.0", Command), []byte("#!/bin/sh\necho evil\n"), 0o700)
		},
		"the program is longer": func(dir string) error {
			appendLine(filepath.Join(dir, "1.1.0", Command), "echo evil")
			return nil
		},
		"the program is gone": func(dir string) error { return os.Remove(filepath.Join(dir, "1.1.0", Command)) },
		"the program is a link": func(dir string) error {
			path := filepath.Join(dir, "1.1.0", Command)
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		},
		"the folder is a link": func(dir string) error { return errors.Join(os.Rename(dir, dir+".real"), os.Symlink(dir+".real", dir)) },
		"the state is damaged": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, stateFile), []byte(`{"format":1,`), 0o600)
		},
		"the state is of a later format": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, stateFile), []byte(`{"format":2}`), 0o600)
		},
		"somebody else owns the program": func(dir string) error {
			if os.Geteuid() != 0 {
				return os.Chmod(filepath.Join(dir, "1.1.0", Command), 0o777) // only root can give files away
			}
			return os.Chown(filepath.Join(dir, "1.1.0", Command), 12345, 12345)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep("1.1.0")
			if err := edit(w.data, func(s *State) error { s.Current = "1.1.0"; return nil }); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(w.data, folder)); err != nil {
				t.Fatal(err)
			}
			said := ""
			if code := w.start(); code != 0 || w.last() != installed+" runs" || !strings.HasPrefix(w.said()[0], "refused: ") {
				t.Errorf("code %d: %q", code, w.said())
			} else {
				said = w.said()[0]
			}
			if strings.Contains(said, "evil") {
				t.Error("it was run")
			}
		})
	}
}

func TestTheNextUpdateLeavesOneVersionToGoBackTo(t *testing.T) {
	w := newWorld(t)
	from := installed
	for _, version := range []string{"1.1.0", "1.2.0", "1.3.0"} {
		w.keep(version)
		if err := Stage(w.data, version, from, "", false); err != nil {
			t.Fatal(err)
		}
		if err := Confirm(w.data, version, time.Now()); err != nil {
			t.Fatal(err)
		}
		from = version
	}
	s := w.state()
	if len(s.Kept) != 2 || s.Current != "1.3.0" {
		t.Errorf("state %+v", s)
	}
	if left, _ := filepath.Glob(filepath.Join(w.data, folder, "1.*")); len(left) != 2 {
		t.Errorf("left: %q", left)
	}
	if err := Stage(w.data, "1.2.0", "1.3.0", "", false); fault.Code(err) != fault.Conflict {
		t.Errorf("a step back: %v", err)
	}
	if err := Confirm(w.data, "1.3.0", time.Now()); fault.Code(err) != fault.Conflict {
		t.Errorf("confirmed without a trial: %v", err)
	}
}
