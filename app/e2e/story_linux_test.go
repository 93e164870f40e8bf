package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine"
)

// TestTryItHere is the first minute with the program: a fresh machine, one click, and rows of a database lie in files.
func TestTryItHere(t *testing.T) {
	s := newSession(t)
	data := filepath.Join(s.home, "data")
	p := s.start("-data", data)
	icon := s.icon()
	s.until("the window", time.Minute, func() bool { return s.window() != "" })
	s.until("the tooltip", time.Minute, func() bool { return strings.Contains(s.Tooltip(t, icon), "Not registered") })

	s.front()
	s.click(what{text: "Try it here"})
	s.until("the connection", time.Minute, func() bool { return strings.Contains(s.Tooltip(t, icon), "Connected") })
	client, err := engine.Dial(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var jobs []engine.Job
	s.until("the copies", 2*time.Minute, func() bool {
		if jobs, err = client.Jobs(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if j.Status == engine.Failed || j.Status == engine.Cancelled {
				t.Fatalf("%s: %s %+v", j.Pipeline, j.Status, j.Result)
			}
			if j.Status != engine.Succeeded {
				return false
			}
		}
		return len(jobs) > 1
	})
	for _, j := range jobs {
		if j.Result.RowsRead == 0 || j.Result.RowsCopied != j.Result.RowsRead {
			t.Errorf("%s: %d rows read, %d copied", j.Pipeline, j.Result.RowsRead, j.Result.RowsCopied)
		}
	}
	files, err := filepath.Glob(filepath.Join(data, "sample", "result", "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("the result is %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() == 0 {
			t.Errorf("%s is empty: %v", f, err)
		}
	}

	s.closesToTheTray(data, icon)
	s.Click(t, icon, "Quit…")
	s.end(p, 30*time.Second)
}

// closesToTheTray closes the window, and brings it back by a second start and by the tray.
func (s *session) closesToTheTray(data, icon string) {
	s.t.Helper()
	s.hide()
	s.end(s.start("-data", data), 10*time.Second)
	s.until("the window after a second start", 20*time.Second, func() bool { return s.window() != "" })
	s.hide()
	s.Click(s.t, icon, "Open")
	s.until("the window after Open", 20*time.Second, func() bool { return s.window() != "" })
}

// TestWithoutOpenGLThereIsAPageAndATray starts it on a display that cannot draw its window.
func TestWithoutOpenGLThereIsAPageAndATray(t *testing.T) {
	s := newSession(t, "-extension", "GLX")
	visits := filepath.Join(s.home, "visits")
	bin := filepath.Join(s.home, "bin")
	script := "#!/bin/sh\necho \"$1\" >> '" + visits + "'\n"
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := s.start("-data", filepath.Join(s.home, "data"))
	icon := s.icon()
	visited := func() int {
		text, _ := os.ReadFile(visits)
		return strings.Count(string(text), "http://127.0.0.1:")
	}
	s.until("the page", time.Minute, func() bool { return visited() == 1 })
	s.Click(t, icon, "Open")
	s.until("the page again", time.Minute, func() bool { return visited() == 2 })
	if s.window() != "" {
		t.Error("there is a window all the same")
	}
	s.Click(t, icon, "Quit…")
	s.end(p, 30*time.Second)
}

// TestWithoutADisplayItSaysWhatToDo starts it where there is no screen at all.
func TestWithoutADisplayItSaysWhatToDo(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	s := &session{t: t, home: t.TempDir()}
	p := s.start("-data", filepath.Join(s.home, "data"))
	select {
	case err := <-p.ended:
		if err == nil || !strings.Contains(p.out.String(), "dmgcmd run") {
			t.Errorf("%v: %s", err, p.out)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for a display")
	}
}
