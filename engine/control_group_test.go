package engine

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"testing"

	"dmgateway/engine/fault"
)

func TestOnlyTheUserAndANamedGroupCanOpenTheControlSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no groups for sockets")
	}
	t.Parallel()
	e := openEngine(t, filepath.Join(t.TempDir(), "data"))
	socket := socketOf(e.Data())
	mode := func(path string) os.FileMode {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(socket); got != 0o600 {
		t.Errorf("the socket is %o at first", got)
	}
	if got := mode(e.Data()); got != 0o700 {
		t.Errorf("the data directory is %o at first", got)
	}
	if err := e.SetSetting(t.Context(), SettingControlGroup, "no-such-group-here"); !fault.Is(err, fault.BadInput) {
		t.Errorf("a group that does not exist: %v", err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Skip("this user's group has no name")
	}
	if err := e.SetSetting(t.Context(), SettingControlGroup, group.Name); err != nil {
		t.Fatal(err)
	}
	if got := mode(socket); got != 0o660 {
		t.Errorf("with a group the socket is %o", got)
	}
	if got := mode(e.Data()); got != 0o710 {
		t.Errorf("with a group the data directory is %o", got)
	}
	// The group may pass through the folder: nothing else in it may be open to it.
	err = filepath.WalkDir(e.Data(), func(path string, d os.DirEntry, err error) error {
		if err != nil || path == e.Data() || path == socket {
			return err
		}
		if got := mode(path); got&0o077 != 0 {
			t.Errorf("%s is %o", path, got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := e.SetSetting(t.Context(), SettingControlGroup, ""); err != nil {
		t.Fatal(err)
	}
	if got := mode(socket); got != 0o600 {
		t.Errorf("without a group again the socket is %o", got)
	}
}
