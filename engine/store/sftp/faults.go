package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"

	"github.com/pkg/sftp"

	"dmgateway/engine/fault"
)

// lost recognises the end of a connection: whatever was under way can be done again on another. The end of a file is
// none of its errors: only reading meets that, and looks again.
func lost(err error) bool {
	if errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, sftp.ErrSSHFxNoConnection) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	_, network := errors.AsType[*net.OpError](err)
	return network
}

// explain makes a fault of an error of the server or the connection; faults and cancellations stay as they are.
func (s *server) explain(what, p string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	f := fault.New(fault.StoreFailed, "%s", what).At(p).Because(err)
	status, _ := errors.AsType[*sftp.StatusError](err)
	switch {
	case lost(err):
		f.Cause = errors.New("the connection to " + s.address() + " broke")
		return f.Try("Check the network between the gateway and the server, and the server's log.").AsTransient()
	case errors.Is(err, fs.ErrNotExist):
		f.Code = fault.NotFound
		return f.Try("Check the dataset's folder and file name; a path that begins with / counts from the server's root, others from the user's folder.")
	case errors.Is(err, fs.ErrPermission):
		f.Code = fault.Forbidden
		return f.Try("Let the user %s use the folder on the server.", s.user)
	case status != nil:
		f.Cause = fmt.Errorf("the server answered %w", err)
		return f.Try("SFTP tells no more: the disk may be full, a quota reached, or the name not allowed; the server's log can say.")
	}
	return f
}

// unreachable is for errors before anybody could sign in.
func (s *server) unreachable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := fault.New(fault.Unreachable, "%s", what).At(s.address()).Because(err).AsTransient()
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		f.Cause = fmt.Errorf("the name %s cannot be found", dns.Name)
		f.Transient = !dns.IsNotFound
		return f.Try("Check the linked service's host, and this computer's network.")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		f.Cause = errors.New("nothing answers at this port")
		return f.Try("Check the linked service's port (SSH's is 22), and that the server runs.")
	}
	return f.Try("Check that this computer reaches the server: network and firewall; and that it is an SSH server.")
}
