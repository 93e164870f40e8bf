package blob

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	// defaultBlock and defaultParallel were measured: larger or more do not upload faster.
	defaultBlock    = 8 << 20
	defaultParallel = 4
	minBlock        = 64 << 10
	maxBlock        = 100 << 20
	// memory bounds the blocks of one file that are filled or under way, in bytes.
	memory = 80 << 20
	// growEvery blocks the size doubles: a blob has at most 50,000, and nobody knows how large the file gets.
	growEvery = 10_000
	maxBlocks = 50_000
)

// containerName is what the service takes, with its own containers.
var containerName = regexp.MustCompile(`^([a-z0-9]([a-z0-9]|-[a-z0-9]){2,62}|\$root|\$web|\$logs)$`)

// Create uploads blocks as the bytes arrive; Commit makes a blob of them. A file of less than one block is sent in one
// request, with its MD5. Blocks are named by their content, so what an earlier attempt has staged is not sent again.
func (f *files) Create(ctx context.Context, p string, o store.CreateOptions) (store.FileWriter, error) {
	c, name, err := f.blob(p)
	if err != nil {
		return nil, err
	}
	if box, _, _ := strings.Cut(p, "/"); !containerName.MatchString(box) {
		return nil, fault.New(fault.BadInput, "the container's name is not possible").At(box).Try("%s", badName.hint)
	}
	w := &writer{account: f.account, path: p, container: c, blob: c.NewBlockBlobClient(name), block: o.BlockSize}
	if w.block <= 0 {
		w.block = defaultBlock
	}
	w.block = min(max(w.block, minBlock), maxBlock)
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	w.budget = min(int64(parallel+1)*w.block, max(memory, w.block))
	w.headers = &blob.HTTPHeaders{BlobContentType: to.Ptr("application/octet-stream")}
	if o.ContentType != "" {
		w.headers.BlobContentType = &o.ContentType
	}
	for name, value := range o.Metadata {
		if w.metadata == nil {
			w.metadata = make(map[string]*string, len(o.Metadata))
		}
		w.metadata[name] = &value
	}
	if o.Checked {
		w.sum = md5.New()
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.free = sync.NewCond(&w.mu)
	return w, nil
}

// writer uploads one blob. Write, Commit and Abort are called from one goroutine; stage runs in one for each block.
type writer struct {
	account   *account
	path      string
	container *container.Client
	blob      *blockblob.Client
	headers   *blob.HTTPHeaders
	metadata  map[string]*string
	block     int64     // size of the first blocks
	budget    int64     // bytes of all buffers
	sum       hash.Hash // of the whole file, where that is asked for
	staged    staged    // what the service holds already

	ctx    context.Context // of the uploads: ends with Create's, and with Abort
	cancel context.CancelFunc
	wg     sync.WaitGroup

	buf  []byte // being filled
	sent int    // blocks sent or under way
	done bool

	mu     sync.Mutex
	free   *sync.Cond
	blocks []string // their names, as they become known
	used   int64    // bytes of buffers under way
	spare  [][]byte // buffers to be filled again
	err    error    // the first failure
}

// size of the block that is filled now.
func (w *writer) size() int64 {
	return min(w.block<<(w.sent/growEvery), maxBlock)
}

// Write fills blocks and sends the full ones; it waits while too many are under way.
func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fmt.Errorf("write to %s: %w", w.path, fs.ErrClosed)
	}
	written := 0
	for len(p) > 0 {
		room := int(w.size()) - len(w.buf)
		n := min(room, len(p))
		w.take(n)
		w.buf = append(w.buf, p[:n]...)
		if w.sum != nil {
			_, _ = w.sum.Write(p[:n]) // never fails
		}
		p, written = p[n:], written+n
		if n < room {
			break
		}
		if err := w.send(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// take gets a buffer for n more bytes: a spare one, or one that grows with a small file.
func (w *writer) take(n int) {
	if len(w.buf)+n <= cap(w.buf) {
		return
	}
	size := int(w.size())
	if w.buf == nil {
		w.mu.Lock()
		if last := len(w.spare) - 1; last >= 0 {
			w.buf, w.spare = w.spare[last][:0], w.spare[:last]
		}
		w.mu.Unlock()
		if cap(w.buf) >= size {
			return
		}
		w.buf = nil
	}
	want := max(2*cap(w.buf), len(w.buf)+n, minBlock)
	if w.sent > 0 {
		want = size
	}
	grown := make([]byte, len(w.buf), min(want, size))
	copy(grown, w.buf)
	w.buf = grown
}

// send starts the upload of the filled block.
func (w *writer) send() error {
	if err := w.start(w.buf, nil); err != nil {
		return err
	}
	w.buf = nil
	return nil
}

// start starts the upload of a block once there is room for one more. free is called when buf is not needed any more;
// nil keeps it as a spare one.
func (w *writer) start(buf []byte, free func()) error {
	if w.sent >= maxBlocks {
		return fault.New(fault.StoreFailed, "the blob has more than %d blocks", maxBlocks).At(w.path).
			Try("Set blockSizeInMB to a larger size.")
	}
	stop := context.AfterFunc(w.ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.free.Broadcast()
	})
	defer stop()
	size := int64(cap(buf))
	w.mu.Lock()
	// One block's worth stays for the buffer that is filled next.
	for w.err == nil && w.ctx.Err() == nil && w.used > 0 && w.used+size+w.size() > w.budget {
		w.free.Wait()
	}
	err := w.err
	if err == nil {
		w.used += size
	}
	w.mu.Unlock()
	if err == nil {
		err = w.ctx.Err()
	}
	if err != nil {
		return err
	}
	n := w.sent
	w.sent++
	w.mu.Lock()
	w.blocks = append(w.blocks, "")
	w.mu.Unlock()
	w.wg.Go(func() { w.stage(n, buf, free) })
	return nil
}

// stage uploads one block, unless the service has it.
func (w *writer) stage(n int, buf []byte, free func()) {
	id, err := w.upload(n, buf)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocks[n] = id
	w.used -= int64(cap(buf))
	if free != nil {
		free()
	} else {
		w.spare = append(w.spare, buf)
	}
	if err != nil && w.err == nil {
		w.err = w.account.explain("write blob", w.path, err)
		w.cancel()
	}
	w.free.Broadcast()
}

func (w *writer) upload(n int, buf []byte) (id string, err error) {
	defer fault.Recover(&err)
	if err := w.staged.look(w.ctx, w.blob); err != nil {
		return "", err
	}
	id = w.staged.name(n, buf)
	if w.staged.has(id, int64(len(buf))) {
		return id, nil
	}
	var o *blockblob.StageBlockOptions
	if w.sum != nil {
		sum := md5.Sum(buf)
		o = &blockblob.StageBlockOptions{TransactionalValidation: blob.TransferValidationTypeMD5(sum[:])}
	}
	return id, w.inContainer(w.ctx, func() error {
		_, err := w.blob.StageBlock(withBlock(w.ctx, buf), id, streaming.NopCloser(bytes.NewReader(buf)), o)
		return err
	})
}

// inContainer sends something, and once more after making the container where that was missing.
func (w *writer) inContainer(ctx context.Context, send func() error) error {
	err := send()
	if !bloberror.HasCode(err, bloberror.ContainerNotFound) {
		return err
	}
	_, errCreate := w.container.Create(ctx, nil)
	if errCreate != nil && !bloberror.HasCode(errCreate, bloberror.ContainerAlreadyExists) {
		if r, ok := errors.AsType[*azcore.ResponseError](errCreate); ok && r.StatusCode == http.StatusForbidden {
			return err // that the container is missing says more than that this identity may not make it
		}
		return errCreate
	}
	return send()
}

// Commit makes the blob of what was written, replacing an older one.
func (w *writer) Commit(ctx context.Context) error {
	if w.done {
		return fmt.Errorf("commit %s: %w", w.path, fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.sent > 0 && len(w.buf) > 0 {
		if err := w.send(); err != nil {
			return err
		}
	}
	// Commit's context must be able to end the wait for the uploads, too.
	stop := context.AfterFunc(ctx, w.cancel)
	w.wg.Wait()
	stop()
	w.mu.Lock()
	err := w.err
	w.mu.Unlock()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	err = w.inContainer(ctx, func() error { return w.publish(ctx) })
	if err != nil {
		return w.account.explain("write blob", w.path, err)
	}
	w.end()
	return nil
}

// publish makes the blob: of the blocks, or in one request, which the service compares with the MD5 and keeps it.
func (w *writer) publish(ctx context.Context) error {
	if w.sent == 0 {
		sum := md5.Sum(w.buf)
		w.headers.BlobContentMD5 = sum[:]
		_, err := w.blob.Upload(ctx, streaming.NopCloser(bytes.NewReader(w.buf)), &blockblob.UploadOptions{
			HTTPHeaders: w.headers, Metadata: w.metadata, TransactionalValidation: blob.TransferValidationTypeMD5(sum[:]),
		})
		return err
	}
	if w.sum != nil {
		w.headers.BlobContentMD5 = w.sum.Sum(nil)
	}
	_, err := w.blob.CommitBlockList(ctx, w.blocks, &blockblob.CommitBlockListOptions{HTTPHeaders: w.headers, Metadata: w.metadata})
	return err
}

// end gives everything back.
func (w *writer) end() {
	w.done = true
	w.cancel()
	w.wg.Wait()
	w.buf, w.spare = nil, nil
}

// Abort stops the uploads. Blocks that no blob was made of stay for the next attempt; the service drops them after a
// week, or when the blob is written.
func (w *writer) Abort() error {
	if !w.done {
		w.end()
	}
	return nil
}
