package logging

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"dmgateway/engine/secret"
)

const (
	crashPending = "crash.pending"
	crashPrefix  = "crash-"
	maxCrash     = 4 << 20
	keptCrashes  = 10
)

// Crash is the file into which the Go runtime writes when this process dies of a panic. There it lies as the runtime wrote
// it, for its owner only, until the next start redacts it.
type Crash struct {
	path string
	once sync.Once
}

// CatchCrash looks what an earlier process left in a folder of logs, and catches this one's. found is the redacted file
// of an earlier crash, "" where there was none. Secrets that the process held are masked where it holds them again by now.
func CatchCrash(dir string, now time.Time) (c *Crash, found string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, crashPending)
	found, err = keepCrash(path, dir, now)
	if err != nil {
		return nil, "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, found, err
	}
	// The runtime keeps a descriptor of its own.
	if err := errors.Join(debug.SetCrashOutput(f, debug.CrashOptions{}), f.Close()); err != nil {
		return nil, found, err
	}
	return &Crash{path: path}, found, nil
}

// Close ends catching: the process ends in order.
func (c *Crash) Close() (err error) {
	c.once.Do(func() { err = errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), os.Remove(c.path)) })
	return err
}

// keepCrash redacts what an earlier process left, and gives it its name.
func keepCrash(pending, dir string, now time.Time) (string, error) {
	in, err := os.Open(pending)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxCrash))
	if err != nil || len(text) == 0 {
		return "", err // the machine stopped, or the process was killed
	}
	stamp := now.UTC()
	if info, err := in.Stat(); err == nil {
		stamp = info.ModTime().UTC()
	}
	name := filepath.Join(dir, crashPrefix+stamp.Format(stampLayout)+".txt")
	if err := os.WriteFile(name, []byte(secret.Redact(string(text))), 0o600); err != nil {
		return "", err
	}
	crashes := Crashes(dir)
	for _, old := range crashes[:max(0, len(crashes)-keptCrashes)] {
		_ = os.Remove(old) // it is tried again after the next crash
	}
	return name, nil
}

// Crashes are the redacted files of crashes in a folder of logs, the oldest first.
func Crashes(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), crashPrefix) && strings.HasSuffix(e.Name(), ".txt") {
			list = append(list, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(list)
	return list
}
