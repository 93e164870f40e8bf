package feed

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"dmgateway/engine/fault"
)

// clockSlack is how much clocks may differ before that is worth a word.
const clockSlack = 24 * time.Hour

const keepsGoing = "The installed version goes on as it is. "

// refused is of a feed that is not believed.
func refused(why error) *fault.Error {
	return fault.New(Refused, "the update feed is not to be trusted").Because(why).
		Try(keepsGoing + "Check the address of the feed, and whether a proxy or a sign-in page answers in its place; if it stays so, tell whoever runs the feed.")
}

func clockIsBehind(now, signed time.Time) *fault.Error {
	return fault.New(Refused, "the update feed is of the future").
		Because(fmt.Errorf("it was signed at %s, and this computer's clock says %s", moment(signed), moment(now))).
		Try("Set the clock of this computer, then check for updates again.")
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// explain makes a fault of what the TUF client said. u can be nil.
func (c *Client) explain(f *fetcher, u *updater.Updater, err error) error {
	if status, ok := errors.AsType[*metadata.ErrDownloadHTTP](err); ok {
		return c.status(status.StatusCode, "metadata/"+status.URL)
	}
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case f.failed != nil:
		return c.unreachable(f.ctx, f.failed)
	case errors.As(err, &file), errors.As(err, &link), isFull(err):
		return notKept(c.o.Dir, err)
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return c.expired(f, u, err)
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return refused(fmt.Errorf("it is older than what it said before, or its parts do not belong together: %w", err))
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}):
		return refused(fmt.Errorf("it is not signed by the keys that this program trusts: %w", err))
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}), errors.Is(err, &metadata.ErrDownloadLengthMismatch{}):
		return refused(fmt.Errorf("its parts do not belong together, or one is cut or too long: %w", err))
	}
	return refused(err)
}

// expired tells a frozen feed from a wrong clock as well as can be.
func (c *Client) expired(f *fetcher, u *updater.Updater, err error) error {
	now := c.o.Now()
	if u != nil {
		if t := u.GetTrustedMetadataSet().Timestamp; t != nil && t.Signed.IsExpired(now) {
			err = fmt.Errorf("it was to be signed anew before %s, and this computer's clock says %s", moment(t.Signed.Expires), moment(now))
		}
	}
	e := fault.New(Refused, "the update feed has expired").Because(err)
	if !f.server.IsZero() && now.Sub(f.server).Abs() > clockSlack {
		return e.Try("Set the clock of this computer, then check for updates again: the feed's server says that it is %s.", moment(f.server))
	}
	return e.Try(keepsGoing + "If the clock of this computer is right, the feed was not signed anew in time or somebody holds it back: tell whoever runs the feed.")
}

// status makes a fault of an answer that is no file.
func (c *Client) status(code int, file string) error {
	switch {
	case code == http.StatusNotFound && file == "metadata/timestamp.json":
		return fault.New(fault.NotFound, "there is no update feed at %s", c.base).Try("Check the address of the feed.")
	case code == http.StatusNotFound || code == http.StatusGone:
		return refused(fmt.Errorf("%s is missing there", file))
	}
	e := fault.New(fault.Unreachable, "ask the update feed for %s: the server answered %d %s", file, code, http.StatusText(code)).At(c.base.Host)
	if code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout {
		return e.AsTransient().Try("It is tried again later.")
	}
	return e.Try("Check the address of the feed, and whether a proxy or a sign-in page answers in its place.")
}

// unreachable makes a fault of a failed request.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if errors.Is(err, errRedirect) {
		return refused(errRedirect)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSlow) {
		return fault.New(fault.Cancelled, "asking the update feed was stopped").Because(cause)
	}
	e := fault.New(fault.Unreachable, "reach the update feed").At(c.base.Host).Because(err).AsTransient()
	if way, ok := errors.AsType[*fault.Error](err); ok && way.Hint != "" {
		return e.Try("%s", way.Hint) // the way out knows better
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok && bad.Reason == x509.Expired {
		return e.Try("The certificate of the feed's server counts as expired or not yet valid here. Check the clock of this computer: it says %s.", moment(c.o.Now()))
	}
	return e.Try("Check the network with Check network, and the proxy; it is tried again later.")
}

// notKept is of a file of this computer that could not be written.
func notKept(path string, err error) error {
	if isFull(err) {
		return fault.New(fault.DiskFull, "keep what the update feed sent: the disk is full").At(path).Because(err).Try("Make room on the disk of %s.", path)
	}
	return fault.New(fault.Forbidden, "keep what the update feed sent").At(path).Because(err).Try("Check who may write in %s.", path)
}
