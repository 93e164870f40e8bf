package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"

	"dmgateway/engine/fault"
	"dmgateway/engine/journal"
)

// Names in a data directory.
const (
	lockFile    = "engine.lock"
	journalFile = "journal.db"
	vaultFile   = "vault.json"
)

// DefaultData is where the gateway's data lies unless a person says otherwise: the environment variable DMG_DATA, else
// the operating system's place for application data.
func DefaultData() string {
	if dir := os.Getenv("DMG_DATA"); dir != "" {
		return dir
	}
	const name = "Data Management Gateway"
	home, err := os.UserHomeDir()
	switch runtime.GOOS {
	case "windows":
		if dir := os.Getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, name)
		}
	case "darwin":
		if err == nil {
			return filepath.Join(home, "Library", "Application Support", name)
		}
	default:
		if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "dmgateway")
		}
		if err == nil {
			return filepath.Join(home, ".local", "share", "dmgateway")
		}
		return "/var/lib/dmgateway" // a service without a home
	}
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, name)
	}
	return filepath.Join(os.TempDir(), name)
}

// resolveData gives the absolute path of a data directory; "" is the default one.
func resolveData(dir string) (string, error) {
	if dir == "" {
		dir = DefaultData()
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fault.New(fault.BadInput, "the data directory cannot be used").At(dir).Because(err)
	}
	return abs, nil
}

// openJournal opens the journal so that only its owner can read it, also where others may pass through its folder.
func openJournal(ctx context.Context, path string) (*journal.Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite's own would be for everybody to read
	if err == nil {
		err = errors.Join(f.Chmod(0o600), f.Close())
	}
	if err != nil && runtime.GOOS != "windows" {
		return nil, fault.New(fault.Forbidden, "open the journal").At(path).Because(err).
			Try("Check that the user running the program owns the data directory.")
	}
	return journal.Open(ctx, path)
}

// claimData makes the data directory, for its owner alone, and locks it for this process.
func claimData(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.New(fault.Forbidden, "make the data directory").At(dir).Because(err).
			Try("Choose another place with --data, or give the user running the program the right to write there.")
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fault.New(fault.Forbidden, "lock the data directory").At(dir).Because(err).
			Try("Check that the user running the program owns the data directory.")
	}
	if !got {
		return nil, fault.New(fault.Conflict, "a gateway is running already with the data directory %s", dir).At(dir).
			Try("Use the one that runs, or give this one a data directory of its own with --data.")
	}
	return lock, nil
}
