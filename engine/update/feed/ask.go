package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Why an answer was not taken.
var (
	errSilent   = errors.New("the server sends nothing any more")
	errSlow     = errors.New("the server answers too slowly")
	errRedirect = errors.New("the server sends elsewhere without HTTPS")
)

const (
	maxRedirects = 5
	// maxMetadata is the most that is read of any file of metadata, in bytes, whatever another one says of its length.
	maxMetadata = 8 << 20
)

// staySafe lets redirects lead only from HTTPS to HTTPS, or from this machine to itself.
func staySafe(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != "https" && (via[0].URL.Scheme == "https" || !onThisMachine(r.URL)) {
		return errRedirect
	}
	if len(via) > maxRedirects {
		return errors.New("the server sends from one address to the next without end")
	}
	return nil
}

// get asks for a file from byte offset on. The body gives up when nothing comes for a while; closing it ends everything.
func (c *Client) get(ctx context.Context, file string, offset int64) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(c.patience, func() { cancel(errSilent) })
	end := func() { watch.Stop(); cancel(nil) }
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath(file).String(), nil)
	if err != nil {
		end()
		return nil, err
	}
	r.Header.Set("User-Agent", "dmgateway")
	r.Header.Set("Accept-Encoding", "identity") // lengths are those of the files
	if offset > 0 {
		r.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	w, err := c.http.Do(r)
	if err != nil {
		err = because(ctx, err)
		end()
		return nil, err
	}
	w.Body = &body{ReadCloser: w.Body, ctx: ctx, alive: func() { watch.Reset(c.patience) }, end: end}
	return w, nil
}

// because replaces the error of a request that was ended by the reason for which it was ended.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

type body struct {
	io.ReadCloser
	ctx   context.Context // of the request that this is the answer to
	alive func()
	end   func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.alive()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = because(b.ctx, err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

// fetcher brings files of metadata to the TUF client: roots from what is kept, everything else from the feed. It
// implements go-tuf's fetcher.Fetcher.
type fetcher struct {
	c      *Client
	ctx    context.Context  // go-tuf's interface has none
	kept   map[int64][]byte // roots by version, from disk
	came   map[int64][]byte // roots by version, from the feed
	server time.Time        // the server's clock, zero until it told
	failed error            // why a request got no answer, or only a part of one
}

var rootFile = regexp.MustCompile(`^([1-9][0-9]{0,9})\.root\.json$`)

func (f *fetcher) DownloadFile(address string, maxLength int64, _ time.Duration) ([]byte, error) {
	name := path.Base(address)
	m := rootFile.FindStringSubmatch(name)
	if m == nil {
		return f.read(name, maxLength)
	}
	version, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil, err
	}
	if text := f.kept[version]; text != nil {
		return text, nil
	}
	text, err := f.read(name, maxLength)
	if none, ok := errors.AsType[*metadata.ErrDownloadHTTP](err); ok && none.StatusCode == http.StatusForbidden {
		none.StatusCode = http.StatusNotFound // some stores say so of what does not exist
	}
	if err == nil {
		f.came[version] = text
	}
	return text, err
}

func (f *fetcher) read(name string, maxLength int64) ([]byte, error) {
	w, err := f.c.get(f.ctx, "metadata/"+name, 0)
	if err != nil {
		f.failed = err
		return nil, err
	}
	defer w.Body.Close()
	if date, err := http.ParseTime(w.Header.Get("Date")); err == nil {
		f.server = date
	}
	if w.StatusCode != http.StatusOK {
		return nil, &metadata.ErrDownloadHTTP{StatusCode: w.StatusCode, URL: name}
	}
	maxLength = min(maxLength, maxMetadata)
	text, err := io.ReadAll(io.LimitReader(w.Body, maxLength+1))
	if err != nil {
		f.failed = err
		return nil, err
	}
	if int64(len(text)) > maxLength {
		return nil, &metadata.ErrDownloadLengthMismatch{Msg: fmt.Sprintf("%s is longer than %d bytes", name, maxLength)}
	}
	return text, nil
}
