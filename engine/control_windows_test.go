package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestTheControlPipeIsFoundByItsFileAloneAndGoesWithIt(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if _, err := dialControl(context.Background(), data); !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		t.Errorf("without a file: %v", err)
	}
	place := filepath.Join(data, controlPlace)
	for _, strange := range []string{"", `\\server\share\x`, `C:\secret`, `\\.\pipe\other`} {
		if err := os.WriteFile(place, []byte(strange), 0o600); err != nil {
			t.Fatal(err)
		}
		if conn, err := dialControl(context.Background(), data); err == nil {
			conn.Close()
			t.Errorf("%q was opened", strange)
		}
	}
	c := &controlServer{}
	l, err := c.listen(data)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}()
	conn, err := dialControl(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-accepted, conn.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := dialControl(context.Background(), data); err == nil {
		t.Error("a pipe is there after its end")
	}
}
