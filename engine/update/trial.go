package update

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

// maxAttempts is how often a version on trial is started when the machine, not the version, cut its trial short.
const maxAttempts = 2

// Stage puts a kept version on trial: the next start of the program runs it. It takes a failure of it before as forgiven.
// connected says whether the present version is connected.
func Stage(data, version, from, notes string, connected bool) error {
	if err := os.RemoveAll(filepath.Join(data, folder, backupFolder)); err != nil {
		return failed("remove the former backup", data, err)
	}
	return edit(data, func(s *State) error {
		if _, kept := s.Kept[version]; !kept {
			return fault.New(fault.NotFound, "version %s is not kept here", version).At(version)
		}
		if !feed.Newer(version, from) {
			return fault.New(fault.Conflict, "version %s is not newer than %s", version, from).At(version)
		}
		delete(s.Failed, version)
		if s.Failure != nil && s.Failure.Version == version {
			s.Failure = nil
		}
		s.Trial = &Trial{Version: version, From: from, Notes: notes, Connected: connected}
		return nil
	})
}

// Confirm says that the version on trial has proved itself.
func Confirm(data, version string, now time.Time) error {
	var old []string
	err := edit(data, func(s *State) error {
		t := s.Trial
		if t == nil || t.Version != version || t.RollBack != "" {
			return fault.New(fault.Conflict, "version %s is not on trial any more", version).At(version)
		}
		s.Current = version
		s.Updated = &Updated{From: t.From, To: version, Notes: t.Notes, When: now.UTC()}
		s.Failure, s.Trial, s.Unconnected = nil, nil, nil
		for kept := range maps.Keys(s.Kept) {
			if kept != version && kept != t.From {
				old = append(old, kept)
			}
		}
		for _, v := range old {
			delete(s.Kept, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range old {
		_ = os.RemoveAll(filepath.Join(data, folder, v)) // not in the state any more; Keep tidies up too
	}
	return nil
}

// Answered says that the version on trial works but for the connection, which it waits for now. When that does not come in
// time, it need not be the version's fault.
func Answered(data, version string) error {
	return edit(data, func(s *State) error {
		if s.Trial == nil || s.Trial.Version != version || s.Trial.RollBack != "" {
			return fault.New(fault.Conflict, "version %s is not on trial any more", version).At(version)
		}
		s.Trial.Answered = true
		return nil
	})
}

// How often a version that did not get connected is tried by itself. Once could be chance: the factory may have come back
// just when the trial was over.
const (
	maxAlone       = 2 // while the version before could connect
	maxUnconnected = 5 // whoever could
)

// ConnectedBefore says that the version before was connected as soon as it was back, after version was undone because it
// was not. When that has happened twice, the version takes the blame and is not installed by itself again. blamed says so.
func ConnectedBefore(data, version string) (blamed bool, err error) {
	err = edit(data, func(s *State) error {
		u, known := s.Unconnected[version]
		f := s.Failure
		if !known || f == nil || f.Version != version || !f.Again {
			return nil // a person has seen to it
		}
		u.Alone++
		s.Unconnected[version] = u
		if blamed = u.Alone >= maxAlone; blamed {
			f.Again = false
			s.blame(*f)
		}
		return nil
	})
	return blamed && err == nil, err
}

// blame has a version not installed by itself again.
func (s *State) blame(f Failure) {
	if s.Failed == nil {
		s.Failed = map[string]Failure{}
	}
	s.Failed[f.Version] = f
	delete(s.Unconnected, f.Version)
}

// SetArgs keeps with what the version on trial, or after it failed the one before, is to be started.
func SetArgs(data string, args []string) error {
	return edit(data, func(s *State) error {
		if s.Trial != nil {
			s.Trial.Args = slices.Clone(args)
		}
		return nil
	})
}

// Dismiss forgets the last update and the last failure; versions that failed are still not tried by themselves.
func Dismiss(data string) error {
	return edit(data, func(s *State) error { s.Updated, s.Failure = nil, nil; return nil })
}

// Told gives what the starter did and nobody wrote down yet, and forgets it.
func Told(data string) ([]Event, error) {
	s, err := Load(data)
	if err != nil || len(s.Untold) == 0 {
		return nil, err
	}
	err = edit(data, func(now *State) error {
		s.Untold, now.Untold = now.Untold, nil
		return nil
	})
	return s.Untold, err
}

// rollBack makes everything as it was before the trial. It can be interrupted and repeated. The caller knows that no
// engine runs with the data directory.
func rollBack(data, why string, now time.Time) error {
	var t Trial
	err := edit(data, func(s *State) error {
		if s.Trial == nil {
			return fault.New(fault.Conflict, "no version is on trial")
		}
		if s.Trial.RollBack == "" {
			s.Trial.RollBack = why
		}
		t = *s.Trial
		return nil
	})
	if err != nil {
		return err
	}
	if err := restore(data, t.Version); err != nil {
		return err
	}
	return edit(data, func(s *State) error {
		f := Failure{Version: t.Version, From: t.From, Why: t.RollBack, When: now.UTC()}
		kind := RolledBack
		if t.Unconnected {
			u := s.Unconnected[t.Version]
			u.Times++
			if s.Unconnected == nil {
				s.Unconnected = map[string]Unconnected{}
			}
			s.Unconnected[t.Version], f.Again = u, u.Times < maxUnconnected
		}
		if f.Again {
			kind = NotConnected
		} else {
			s.blame(f)
		}
		s.Failure, s.Trial, s.Updated = &f, nil, nil
		s.Untold = append(s.Untold, Event{When: f.When, Kind: kind, Version: t.Version, Text: f.Why})
		return nil
	})
}
