//go:build unix

package filesystem

import (
	"errors"
	"os"
	"syscall"
)

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func readOnly(err error) bool    { return errors.Is(err, syscall.EROFS) }
func notFolder(err error) bool   { return errors.Is(err, syscall.ENOTDIR) }
func inUse(err error) bool       { return errors.Is(err, syscall.ETXTBSY) || errors.Is(err, syscall.EBUSY) }
func nameTooLong(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }

// lock is what is known of the writer of a hidden file.
type lock int

const (
	lockHeld    lock = iota // ours now: no other writer lives
	lockTaken               // another writer lives
	lockUnknown             // the file system has no locks
)

// tryLock locks a file until it is closed or its process ends.
func tryLock(f *os.File) lock {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return lockHeld
	case errors.Is(err, syscall.EWOULDBLOCK):
		return lockTaken
	}
	return lockUnknown
}

// renameOpen renames before it closes, so that the lock lasts until the name is gone.
func renameOpen(f *os.File, from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return f.Close()
}

// removeOpen removes a file that is still open; the caller closes it.
func removeOpen(_ *os.File, at string) error { return os.Remove(at) }

// syncFolder makes the names in a folder durable. Some network file systems cannot; that is no error.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil // a folder can be writable without being readable
		}
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
