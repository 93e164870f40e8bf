package filesystem

import (
	"errors"
	"os"
	"syscall"
)

const (
	errSharingViolation  = syscall.Errno(32)
	errLockViolation     = syscall.Errno(33)
	errHandleDiskFull    = syscall.Errno(39)
	errDiskFull          = syscall.Errno(112)
	errWriteProtect      = syscall.Errno(19)
	errDirectory         = syscall.Errno(267)
	errFilenameExcedance = syscall.Errno(206)
)

func diskFull(err error) bool {
	return errors.Is(err, errDiskFull) || errors.Is(err, errHandleDiskFull)
}

func readOnly(err error) bool { return errors.Is(err, errWriteProtect) }
func notFolder(err error) bool {
	return errors.Is(err, errDirectory) || errors.Is(err, syscall.ENOTDIR)
}

func inUse(err error) bool {
	return errors.Is(err, errSharingViolation) || errors.Is(err, errLockViolation)
}
func nameTooLong(err error) bool { return errors.Is(err, errFilenameExcedance) }

// lock is what is known of the writer of a hidden file.
type lock int

const (
	lockHeld    lock = iota // ours now: no other writer lives
	lockTaken               // another writer lives
	lockUnknown             // only trying to remove the file tells
)

// tryLock does nothing: Windows removes no file that a living writer has open, so removing one is the proof.
func tryLock(*os.File) lock { return lockHeld }

// renameOpen closes first: Windows renames no open file.
func renameOpen(f *os.File, from, to string) error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// removeOpen closes first: Windows removes no open file.
func removeOpen(f *os.File, at string) error {
	if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return os.Remove(at)
}

// syncFolder has nothing to do: NTFS keeps names in its journal.
func syncFolder(string) error { return nil }
