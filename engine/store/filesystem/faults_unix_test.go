//go:build unix

package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

func TestErrorsOfTheSystem(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: fault.DiskFull, syscall.EDQUOT: fault.DiskFull, syscall.EROFS: fault.Forbidden, syscall.EACCES: fault.Forbidden, syscall.EPERM: fault.Forbidden,
		syscall.ENOENT: fault.NotFound, syscall.EBUSY: fault.Conflict, syscall.ENAMETOOLONG: fault.BadInput, syscall.EIO: fault.StoreFailed,
	} {
		err := explain("write file", "a/b", &fs.PathError{Op: "write", Path: "/srv/a/b", Err: errno})
		f := fault.As(err)
		if f.Code != want || f.Target != "a/b" || !errors.Is(err, errno) || (f.Hint == "") != (want == fault.StoreFailed) {
			t.Errorf("%v gives %+v", errno, f)
		}
		if again := fault.As(explain("outer", "c", err)); again != f {
			t.Error("a fault is explained twice")
		}
	}
}

func TestFolderWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may everything")
	}
	root := realDir(t)
	make1(t, filepath.Join(root, "locked", "file"), "x")
	if err := os.Chmod(filepath.Join(root, "locked"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "locked"), 0o700) })
	f := opened(t, root, store.Env{})
	if _, err := list(t, f, ""); fault.Code(err) != fault.Forbidden {
		t.Errorf("list: %v", err)
	}
	if err := put(t, f, "locked/new", "x"); fault.Code(err) != fault.Forbidden {
		t.Errorf("create: %v", err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	t.Parallel()
	root := realDir(t)
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Skip(err)
	}
	f := opened(t, root, store.Env{})
	if got, err := list(t, f, ""); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := f.Stat(t.Context(), "pipe"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := f.Open(t.Context(), store.File{Path: "pipe"}, 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := put(t, f, "pipe", "x"); fault.Code(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}
