//go:build !windows

package update

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestANewVersionProvesItselfAndStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if code := w.start(envInstall + "=" + release(t, "1.1.0")); code != 0 {
		t.Fatalf("code %d: %q", code, w.said())
	}
	if got := w.said(); !slices.Equal(got, []string{"1.1.0 on trial run again", "1.1.0 runs"}) {
		t.Errorf("said %q", got)
	}
	s := w.state()
	if s.Current != "1.1.0" || s.Trial != nil || s.Updated == nil || s.Updated.From != installed || s.Updated.Notes != "notes" || len(s.Failed) != 0 {
		t.Errorf("state %+v", s)
	}
	if code := w.start(); code != 0 || w.last() != "1.1.0 runs" {
		t.Errorf("the next start: code %d, %q", code, w.said())
	}
}

func TestAVersionThatDoesNotProveItselfIsUndoneOnceAndForAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ does, limit, why string }{
		{"crash", "1m", "exit status 3"},
		{"migrate and crash", "1m", "exit status 3"},
		{"hang", "300ms", "did not prove itself within 300ms"},
		{"leave", "1m", "ended before it had proved itself"},
	} {
		t.Run(test.does, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start() // makes the database
			if code := w.start(envInstall+"="+release(t, "1.1.0"), envDoes+"="+test.does, envLimit+"="+test.limit); code != 0 {
				t.Errorf("code %d", code)
			}
			if w.last() != installed+" runs" {
				t.Errorf("said %q", w.said())
			}
			s := w.state()
			if f := s.Failed["1.1.0"]; !strings.Contains(f.Why, test.why) || f.From != installed {
				t.Errorf("failed: %+v", s.Failed)
			}
			if s.Current != "" || s.Trial != nil || s.Failure == nil || s.Updated != nil {
				t.Errorf("state %+v", s)
			}
			told, err := Told(w.data)
			if err != nil || len(told) != 1 || told[0].Kind != RolledBack {
				t.Errorf("told %+v, %v", told, err)
			}
			if again, err := Told(w.data); err != nil || len(again) != 0 {
				t.Errorf("told again %+v, %v", again, err)
			}
			before := len(w.said())
			if w.start(); len(w.said()) != before+1 || w.last() != installed+" runs" {
				t.Errorf("the next start: %q", w.said()[before:])
			}
		})
	}
}

// The process is killed at each step from unpacking to confirming, whichever program makes that step. Each time a program
// starts afterwards, with a database that it understands.
func TestKilledAtEachStepAProgramStarts(t *testing.T) {
	t.Parallel()
	whole := newWorld(t)
	steps := filepath.Join(t.TempDir(), "steps")
	whole.start()
	good := release(t, "1.1.0")
	if code := whole.start(envInstall+"="+good, envSteps+"="+steps); code != 0 || whole.last() != "1.1.0 runs" {
		t.Fatalf("code %d: %q", code, whole.said())
	}
	text, err := os.ReadFile(steps)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(names) < 12 {
		t.Fatalf("only these steps: %q", names)
	}
	newer, tried := 0, 0
	for i, name := range names {
		if raceDetector && i%4 != 0 {
			continue
		}
		tried++
		t.Run(strconv.Itoa(i+1)+" "+name, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			w.start(envInstall+"="+good, envSteps+"="+filepath.Join(t.TempDir(), "steps"), envKill+"="+strconv.Itoa(i+1))
			for range 2 {
				if code := w.start(); code != 0 || !strings.HasSuffix(w.last(), " runs") {
					t.Fatalf("code %d: %q, %+v", code, w.said(), w.state())
				}
			}
			if s := w.state(); s.Trial != nil {
				t.Errorf("still on trial: %+v", s.Trial)
			}
			if w.last() == "1.1.0 runs" {
				newer++
				return
			}
			// A person installs it again.
			if code := w.start(envInstall + "=" + good); code != 0 || w.last() != "1.1.0 runs" {
				t.Errorf("again: code %d: %q", code, w.said())
			}
		})
	}
	if newer == 0 || newer == tried {
		t.Errorf("after %d of %d kills the new version ran", newer, tried)
	}
}

// Rolling back can be cut off at each step, too.
func TestRollingBackIsRepeatedUntilItIsDone(t *testing.T) {
	t.Parallel()
	good := release(t, "1.1.0")
	kill, every := 0, 1
	if raceDetector {
		every = 6
	}
	for {
		kill += every
		w := newWorld(t)
		w.start()
		steps := filepath.Join(t.TempDir(), "steps")
		w.start(envInstall+"="+good, envDoes+"=migrate and crash", envSteps+"="+steps, envKill+"="+strconv.Itoa(kill))
		text, err := os.ReadFile(steps)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "\n") < kill {
			break // nobody was killed any more
		}
		for range 2 {
			if code := w.start(envDoes + "=crash"); code != 0 || w.last() != installed+" runs" {
				t.Fatalf("killed at %d: code %d, %q", kill, code, w.said())
			}
		}
		if text, err := os.ReadFile(filepath.Join(w.data, "vault.json")); err != nil || string(text) != "old" {
			t.Errorf("vault.json: %q, %v", text, err)
		}
	}
	if kill < 15 {
		t.Errorf("only %d steps", kill)
	}
}

func TestANewerInstalledProgramWins(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	if err := edit(w.data, func(s *State) error { s.Current = "1.1.0"; return nil }); err != nil {
		t.Fatal(err)
	}
	if w.start(envVersion+"=1.2.0") != 0 || w.last() != "1.2.0 runs" {
		t.Errorf("said %q", w.said())
	}
	if s := w.state(); s.Current != "" {
		t.Errorf("current is still %s", s.Current)
	}
	if err := Stage(w.data, "1.1.0", "1.0.0", "", false); err != nil {
		t.Fatal(err)
	}
	if w.start(envVersion+"=1.1.0") != 0 || w.last() != "1.1.0 runs" || w.state().Trial != nil {
		t.Errorf("the same version installed: %q, %+v", w.said(), w.state())
	}
}

func TestACommandBesideTheGatewayTriesNothingOut(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	if err := Stage(w.data, "1.1.0", installed, "", false); err != nil {
		t.Fatal(err)
	}
	if w.start(envServes+"=no") != 0 || w.last() != installed+" runs" {
		t.Errorf("said %q", w.said())
	}
	if s := w.state(); s.Trial == nil || s.Trial.Attempts != 0 {
		t.Errorf("trial %+v", s.Trial)
	}
}

func TestTheStarterPassesSignalsOnAndForgivesTheTrial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.command(envInstall+"="+release(t, "1.1.0"), envDoes+"=hang")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.until(func() bool { return strings.HasPrefix(w.last(), "1.1.0 on trial") })
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // the state says what became of it
	if s := w.state(); s.Trial == nil || s.Trial.Attempts != 0 || len(s.Failed) != 0 {
		t.Errorf("state %+v", s)
	}
	if w.start() != 0 || w.last() != "1.1.0 runs" {
		t.Errorf("said %q", w.said())
	}
}

// until polls, with a deadline.
func (w *world) until(met func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !met(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("said %q", w.said())
		}
	}
}

func TestAfterTwoCutTrialsTheVersionBeforeRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	install := []string{envInstall + "=" + release(t, "1.1.0"), envDoes + "=hang"}
	for i := range maxAttempts {
		c := w.command(install...)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		w.until(func() bool { return strings.Count(strings.Join(w.said(), "\n"), "on trial") == i+1 })
		if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil { // starter and child, as a power cut
			t.Fatal(err)
		}
		_ = c.Wait()
		install = []string{envDoes + "=hang"}
	}
	if w.start(envDoes+"=hang") != 0 || w.last() != installed+" runs" || len(w.state().Failed) != 1 {
		t.Errorf("said %q, %+v", w.said(), w.state())
	}
}

func TestAProgramThatStartsAgainCannotLoop(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	if err := edit(w.data, func(s *State) error { s.Current = "1.1.0"; return nil }); err != nil {
		t.Fatal(err)
	}
	// A kept program that believes to be older than it is would start itself for ever.
	c := exec.Command(filepath.Join(w.data, folder, "1.1.0", Command), "run")
	c.Env = append(w.env[:len(w.env):len(w.env)], markEnv+"="+Mark{Version: "0.9.0"}.String())
	if out, err := c.CombinedOutput(); err != nil || w.last() != "1.1.0 runs" || len(w.said()) != 1 {
		t.Errorf("%v %s %q", err, out, w.said())
	}
}
