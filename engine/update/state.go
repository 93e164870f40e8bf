package update

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"dmgateway/engine/fault"
)

// Names in a data directory.
const (
	folder    = "programs"
	stateFile = "state.json"
	stateLock = "lock"
	// EngineLock is the file that a running engine holds locked.
	EngineLock = "engine.lock"
)

// Folder is where a data directory keeps programs.
func Folder(data string) string { return filepath.Join(data, folder) }

// format of the state file; a later one is not understood.
const format = 1

// State is what is known of the kept programs.
type State struct {
	Format int `json:"format"`
	// Current is the kept version that runs, "" = the installed one.
	Current string `json:"current,omitempty"`
	// Kept are the versions that lie here whole, by version.
	Kept map[string]Kept `json:"kept,omitempty"`
	// Trial is the version that is about to prove itself, or doing so.
	Trial *Trial `json:"trial,omitempty"`
	// Failed are versions that did not work here, by version. They are not installed by themselves again.
	Failed map[string]Failure `json:"failed,omitempty"`
	// Unconnected are versions that worked but for the connection, by version. They are installed by themselves again.
	Unconnected map[string]Unconnected `json:"unconnected,omitempty"`
	// Updated and Failure are the last update and the last failure until a person has dismissed them.
	Updated *Updated `json:"updated,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
	// Untold is what the starter did that nobody has written into the log yet.
	Untold []Event `json:"untold,omitempty"`
}

// Kept is one version of the program.
type Kept struct {
	Files map[string]File `json:"files"` // by name
}

// File is what a program's file has to be.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
}

// Trial is a version that has to prove itself.
type Trial struct {
	Version string `json:"version"`
	From    string `json:"from"` // the version that ran before
	Notes   string `json:"notes,omitempty"`
	// Connected says that the version before was connected, so that this one has to be, too.
	Connected bool `json:"connected,omitempty"`
	// Args start the program, nil = those of the starter.
	Args []string `json:"args,omitempty"`
	// Attempts is how often it was started, counted before each start.
	Attempts int `json:"attempts,omitempty"`
	// Answered says that it works but for the connection, which it still waits for.
	Answered bool `json:"answered,omitempty"`
	// Unconnected says that the connection is all that was missing when it was given up.
	Unconnected bool `json:"unconnected,omitempty"`
	// RollBack is why it failed, from then until everything is as it was before.
	RollBack string `json:"rollBack,omitempty"`
}

// Failure is a version that did not work, and why.
type Failure struct {
	Version string    `json:"version"`
	From    string    `json:"from"` // the version that came back
	Why     string    `json:"why"`
	When    time.Time `json:"when"`
	// Again says that it is installed by itself again: only the connection was missing, perhaps to anybody.
	Again bool `json:"again,omitempty"`
}

// Unconnected is how often a version did not get connected.
type Unconnected struct {
	Times int `json:"times"`
	// Alone is in how many of them the version before was connected as soon as it was back.
	Alone int `json:"alone,omitempty"`
}

// Updated is an update that has proved itself.
type Updated struct {
	From  string    `json:"from"`
	To    string    `json:"to"`
	Notes string    `json:"notes,omitempty"`
	When  time.Time `json:"when"`
}

// Event is something that happened before there was a log.
type Event struct {
	When    time.Time `json:"when"`
	Kind    string    `json:"kind"` // RolledBack, NotConnected, Refused
	Version string    `json:"version"`
	Text    string    `json:"text"`
}

// Kinds of events.
const (
	RolledBack   = "RolledBack"
	NotConnected = "NotConnected" // rolled back because it was not connected in time; it is installed by itself again
	Refused      = "Refused"
)

// Load reads the state of a data directory; the zero State where there is none.
func Load(data string) (State, error) {
	path := filepath.Join(data, folder, stateFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{Format: format}, nil
	}
	if err != nil {
		return State{}, fault.New(fault.Forbidden, "read which programs are kept").At(path).Because(err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil || s.Format != format {
		return State{}, fault.New(fault.BadData, "what is known of kept programs cannot be read").At(path).Because(err).
			Try("Remove the folder %s; the installed program runs then.", filepath.Join(data, folder))
	}
	return s, nil
}

// edit changes the state under its lock. What it has returned from is durable. An error of change leaves everything.
func edit(data string, change func(*State) error) error {
	dir := filepath.Join(data, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed("make the folder of kept programs", dir, err)
	}
	lock := flock.New(filepath.Join(dir, stateLock), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return failed("lock the folder of kept programs", dir, err)
	}
	defer lock.Close()
	s, err := Load(data)
	if err != nil {
		return err
	}
	if err := change(&s); err != nil {
		return err
	}
	s.Format = format
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, stateFile), append(text, '\n'))
}

// writeWhole puts a file in place whole or not at all.
func writeWhole(path string, text []byte) error {
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return failed("write", fresh, err)
	}
	err = step("write " + filepath.Base(path))
	if err == nil {
		_, err = f.Write(text)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = step("rename " + filepath.Base(path))
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return failed("write", path, errors.Join(err, removeIf(fresh)))
	}
	return syncFolder(filepath.Dir(path))
}

func removeIf(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// failed gives an error of the file system its code and remedy.
func failed(what, path string, err error) error {
	if isFull(err) {
		return fault.New(fault.DiskFull, "%s: the disk is full", what).At(path).Because(err).
			Try("Make space on the disk of the data directory, then try again.")
	}
	return fault.New(fault.Forbidden, "%s", what).At(path).Because(err).
		Try("Check that the user running the program owns the data directory.")
}

// step is told before each step that changes something. Tests make it fail, or end the process there.
var step = func(string) error { return nil }
