package update

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"dmgateway/engine/fault"
	"dmgateway/engine/update/feed"
)

// markEnv is how a starter tells a program that it was started by one. Nothing is started by a program that has it, so
// that programs cannot start each other for ever.
const markEnv = "DMGATEWAY_STARTED"

func isMark(entry string) bool { return strings.HasPrefix(entry, markEnv+"=") }

// Mark is what a starter tells.
type Mark struct {
	Version string `json:"version"`           // the version that it starts
	Trial   bool   `json:"trial,omitempty"`   // it has to prove itself
	Waits   bool   `json:"waits,omitempty"`   // the starter is the parent and starts again on ExitRestart
	Starter string `json:"starter,omitempty"` // the installed program
}

// String is the mark as it stands in the environment.
func (m Mark) String() string {
	text, _ := json.Marshal(m) // strings and bools
	return string(text)
}

// ExitRestart is the exit code by which a program asks its starter to be started again.
const ExitRestart = 85

// Program is the running program as a starter.
type Program struct {
	Data    string   // the data directory
	Version string   // of this program
	Name    string   // Desktop or Command
	Args    []string // after the program's name
	// Serves says that an engine will run: only then is a version tried out.
	Serves bool

	// Refused is why a kept program was not run.
	Refused error
	mark    Mark
	self    string
	now     func() time.Time
	limit   time.Duration // of a trial
}

// trialLimit is how long a version on trial may take to prove itself. The linker sets a shorter one for tests of whole
// programs: -ldflags '-X dmgateway/engine/update.trialLimit=10s'.
var trialLimit = "3m"

func limit() time.Duration {
	d, err := time.ParseDuration(trialLimit)
	if err != nil {
		return 3 * time.Minute
	}
	return d
}

// Start runs the version that should run instead of this one, if another should. done is false where this one should; it
// goes on then. It is the first thing that a program does, before it opens anything.
func (p *Program) Start() (code int, done bool) {
	p.self, _ = os.Executable()
	text := os.Getenv(markEnv)
	_ = os.Unsetenv(markEnv) // what this program starts begins anew
	if text != "" {
		if err := json.Unmarshal([]byte(text), &p.mark); err == nil && p.mark.Version == p.Version {
			return 0, false
		}
		p.mark = Mark{}
		return 0, false
	}
	return p.startNewest()
}

// startNewest decides again and again until a program has ended that does not want to be started again.
func (p *Program) startNewest() (code int, done bool) {
	if p.now == nil {
		p.now = time.Now
	}
	if p.limit == 0 {
		p.limit = limit()
	}
	if _, err := os.Lstat(filepath.Join(p.Data, folder, stateFile)); err != nil || !feed.IsRelease(strings.TrimPrefix(p.Version, "v")) {
		return 0, false
	}
	if p.Refused = secure(p.Data); p.Refused != nil {
		return 0, false
	}
	for {
		s, err := Load(p.Data)
		if err != nil {
			p.Refused = err
			return 0, false
		}
		var again bool
		if s.Trial != nil && p.Serves && !p.engineRuns() {
			code, done, again = p.trial(s)
		} else {
			code, done, again = p.current(s)
		}
		if !again {
			return code, done
		}
	}
}

// engineRuns reports whether another process serves the data directory. Then nothing is tried out.
func (p *Program) engineRuns() bool {
	lock := flock.New(filepath.Join(p.Data, EngineLock), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err == nil && got {
		_ = lock.Close()
	}
	return err == nil && !got
}

// current runs the kept version, if it is newer than this one.
func (p *Program) current(s State) (code int, done, again bool) {
	if !feed.Newer(s.Current, p.Version) {
		if s.Current != "" && p.Serves { // a newer one was installed
			p.note(edit(p.Data, func(s *State) error { s.Current = ""; return nil }))
		}
		return 0, false, false
	}
	if err := verify(p.Data, s, s.Current, p.Name); err != nil {
		p.Refused = err
		return 0, false, false
	}
	code, err := p.run(s.Current, p.Args, Mark{Version: s.Current, Starter: p.self}) //nolint:staticcheck // the error is never nil on Unix
	if err != nil {                                                                  //nolint:staticcheck // on Windows it can be nil
		p.Refused = err
		return 0, false, false
	}
	return code, true, code == ExitRestart
}

// trial lets the version on trial prove itself, or undoes it.
func (p *Program) trial(s State) (code int, done, again bool) {
	t := s.Trial
	if t.Args != nil {
		p.Args = t.Args
	}
	switch {
	case t.RollBack != "":
		return p.undo(t.RollBack)
	case !feed.Newer(t.Version, p.Version): // a newer one was installed in the meantime
		p.note(edit(p.Data, func(s *State) error { s.Trial = nil; return nil }))
		return 0, false, p.Refused == nil
	case t.Attempts >= maxAttempts:
		return p.undo("it ended before it had proved itself, each of the times that it was started")
	}
	if err := verify(p.Data, s, t.Version, p.Name); err != nil {
		return p.undo(fault.As(err).Error())
	}
	count := func(by int) error {
		return edit(p.Data, func(s *State) error {
			if s.Trial == nil {
				return errors.New("no version is on trial")
			}
			s.Trial.Attempts += by
			s.Trial.Answered = false
			return nil
		})
	}
	if err := count(+1); err != nil {
		p.Refused = err
		return p.current(s)
	}
	if err := step("start"); err != nil {
		return p.undo(err.Error())
	}
	code, end := p.supervise(t.Version)
	switch end.how {
	case confirmed:
		return code, true, code == ExitRestart
	case interrupted: // by whoever ended this program: not the version's fault
		p.note(count(-1))
		return code, true, false
	}
	return p.undo(end.why)
}

// undo rolls back and goes on with the version before.
func (p *Program) undo(why string) (code int, done, again bool) {
	lock := flock.New(filepath.Join(p.Data, EngineLock), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		p.Refused = failed("undo the update", p.Data, err)
		return 0, false, false
	}
	err := rollBack(p.Data, why, p.now())
	if err = errors.Join(err, lock.Close()); err != nil {
		p.Refused = err
		return 0, false, false
	}
	return 0, false, true
}

func (p *Program) note(err error) {
	if err != nil {
		p.Refused = err
	}
}

// OnTrial reports whether this program has to prove itself.
func (p *Program) OnTrial() bool { return p.mark.Trial }

// Restart starts the version that should run now, in place of this one, with args. The engine is closed. It returns the
// code with which the program has to end at once.
func (p *Program) Restart(args []string) int {
	if err := SetArgs(p.Data, args); err != nil {
		p.Refused = err // it is started as before
	}
	if p.mark.Waits {
		return ExitRestart
	}
	p.Args = slices.Clone(args)
	starter := p.mark.Starter
	if starter == "" {
		starter = p.self
	}
	return p.again(starter)
}
