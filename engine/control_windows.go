package engine

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipePrefix is how every control pipe's name begins. The rest is chosen by chance at each start and stands in a file of
// the data directory, so that nobody else can have made a pipe of that name before.
const pipePrefix = `\\.\pipe\dmgateway-`

// listen opens the control pipe, for this user, administrators and the system, not over the network. Windows before
// 2019's server has no Unix sockets.
func (c *controlServer) listen(data string) (net.Listener, error) {
	place := filepath.Join(data, controlPlace)
	if err := removeOld(place); err != nil {
		return nil, noControl(place, err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, noControl(place, err)
	}
	name := pipePrefix + rand.Text()
	listener, err := winio.ListenPipe(name, &winio.PipeConfig{
		SecurityDescriptor: "D:P(D;;GA;;;NU)(A;;GA;;;" + user.User.Sid.String() + ")(A;;GA;;;BA)(A;;GA;;;SY)",
	})
	if err != nil {
		return nil, noControl(name, err)
	}
	fillFirst(name)
	if err := os.WriteFile(place, []byte(name), 0o600); err != nil {
		_ = listener.Close() // the first failure is the one to tell
		return nil, noControl(place, err)
	}
	c.remove = []string{place}
	return listener, nil
}

// fillFirst takes the instance of the pipe with which go-winio claims the name. Nobody answers on it. Since Windows 8 it
// takes no client either, and the call ends with "pipe busy"; in Windows 7 and in Wine it takes the first client, which would
// wait for ever. This is that client, before anybody else knows the name. Whatever the call answers, the pipe is good.
func fillFirst(name string) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return
	}
	const nobody = windows.SECURITY_SQOS_PRESENT | windows.SECURITY_ANONYMOUS
	if pipe, err := windows.CreateFile(path, 0, 0, nil, windows.OPEN_EXISTING, nobody, 0); err == nil {
		_ = windows.CloseHandle(pipe)
	}
}

// dialControl connects to the control pipe of a data directory. What is no pipe of this program is not opened.
func dialControl(ctx context.Context, data string) (net.Conn, error) {
	path := socketOf(data)
	if !strings.HasPrefix(path, pipePrefix) {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: windows.ERROR_FILE_NOT_FOUND}
	}
	conn, err := winio.DialPipeContext(ctx, path)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: err}
	}
	return conn, nil
}

// socketOf finds the control pipe of a data directory; where none runs it is the file that would name it.
func socketOf(data string) string {
	place := filepath.Join(data, controlPlace)
	if name, err := os.ReadFile(place); err == nil {
		return strings.TrimSpace(string(name))
	}
	return place
}
