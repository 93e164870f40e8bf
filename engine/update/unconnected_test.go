//go:build !windows

package update

import (
	"strings"
	"testing"
	"time"
)

// missTheConnection puts 1.1.0 on trial, and undoes it after it has answered and not connected.
func (w *world) missTheConnection() {
	w.t.Helper()
	err := Stage(w.data, "1.1.0", installed, "", true)
	if err == nil {
		err = Answered(w.data, "1.1.0")
	}
	if err == nil {
		err = giveUp(w.data, "1.1.0", "it hung", "it was not connected")
	}
	if err == nil {
		err = rollBack(w.data, "whatever the starter says later", time.Now())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestAVersionThatIsOnlyNotConnectedIsUndoneWithoutBlame(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	w.missTheConnection()
	s := w.state()
	if f := s.Failure; f == nil || !f.Again || f.Why != "it was not connected" || f.From != installed || s.Trial != nil || len(s.Failed) != 0 {
		t.Errorf("state %+v", s)
	}
	if told, err := Told(w.data); err != nil || len(told) != 1 || told[0].Kind != NotConnected {
		t.Errorf("told %+v, %v", told, err)
	}
	if w.start() != 0 || w.last() != installed+" runs" {
		t.Errorf("said %q", w.said())
	}
	// The next time it works, and all is forgotten.
	if err := Stage(w.data, "1.1.0", installed, "", true); err != nil {
		t.Fatal(err)
	}
	if w.start() != 0 || w.last() != "1.1.0 runs" {
		t.Errorf("said %q", w.said())
	}
	if s := w.state(); s.Current != "1.1.0" || s.Failure != nil || len(s.Unconnected) != 0 {
		t.Errorf("state %+v", s)
	}
}

func TestAVersionTakesTheBlameWhenTheOneBeforeCouldConnectTwice(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	for i, want := range []bool{false, true} {
		w.missTheConnection()
		if blamed, err := ConnectedBefore(w.data, "1.1.0"); err != nil || blamed != want {
			t.Fatalf("undone %d times: blamed %v, %v", i+1, blamed, err)
		}
	}
	s := w.state()
	if _, failed := s.Failed["1.1.0"]; !failed || s.Failure == nil || s.Failure.Again || len(s.Unconnected) != 0 {
		t.Errorf("state %+v", s)
	}
	// A person tries it again: it begins anew.
	w.missTheConnection()
	if s := w.state(); len(s.Failed) != 0 || s.Unconnected["1.1.0"] != (Unconnected{Times: 1}) {
		t.Errorf("state %+v", s)
	}
	if err := Dismiss(w.data); err != nil {
		t.Fatal(err)
	}
	if blamed, err := ConnectedBefore(w.data, "1.1.0"); err != nil || blamed || w.state().Unconnected["1.1.0"].Alone != 0 {
		t.Errorf("after a person has seen it: %v, %v", blamed, err)
	}
}

func TestAVersionThatNeverConnectsIsNotTriedForEver(t *testing.T) {
	w := newWorld(t)
	w.keep("1.1.0")
	for i := range maxUnconnected {
		if _, failed := w.state().Failed["1.1.0"]; failed {
			t.Fatalf("blamed after %d", i)
		}
		w.missTheConnection()
	}
	if s := w.state(); s.Failure == nil || s.Failure.Again || len(s.Failed) != 1 || s.Untold[maxUnconnected-1].Kind != RolledBack {
		t.Errorf("state %+v", s)
	}
}

func TestOnlyTheConnectionCanBeMissingWithoutBlame(t *testing.T) {
	for name, prepare := range map[string]func(data string) error{
		"it did not answer":             func(data string) error { return Stage(data, "1.1.0", installed, "", true) },
		"nothing else was to be proved": func(data string) error { return stageAndAnswer(data, false) },
		"it answered when it was started before, and not now": func(data string) error {
			err := stageAndAnswer(data, true)
			if err == nil {
				err = edit(data, func(s *State) error { s.Trial.Attempts = 1; return nil })
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep("1.1.0")
			if err := prepare(w.data); err != nil {
				t.Fatal(err)
			}
			if code := w.start(envDoes+"=hang", envLimit+"=300ms"); code != 0 || w.last() != installed+" runs" {
				t.Errorf("code %d, %q", code, w.said())
			}
			s := w.state()
			if f := s.Failed["1.1.0"]; !strings.Contains(f.Why, "did not prove itself") || f.Again || len(s.Unconnected) != 0 {
				t.Errorf("state %+v", s)
			}
		})
	}
	w := newWorld(t)
	if err := Answered(w.data, "1.1.0"); err == nil {
		t.Error("a version that is not on trial answers")
	}
}

func stageAndAnswer(data string, connected bool) error {
	if err := Stage(data, "1.1.0", installed, "", connected); err != nil {
		return err
	}
	return Answered(data, "1.1.0")
}
