//go:build !windows

package update

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// exe ends the names of programs.
const exe = ""

// syncFolder makes what was renamed in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return failed("open", dir, err)
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some network file systems do it by themselves
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return failed("write", dir, err)
	}
	return nil
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// ownAlone refuses what this user does not own or others may write.
func ownAlone(path string, info os.FileInfo) error {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(sys.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user", path)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write %s", path)
	}
	return nil
}
