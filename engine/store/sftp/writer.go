package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	// blockSize is written at once, by as many requests as that takes.
	blockSize = 1 << 20
	minBlock  = 32 << 10
	maxBlock  = 16 << 20
	// parallel blocks of a file under way, where the caller does not say.
	parallel = 3
	// writeTime is how long one block may take; Data Factory's default for operationTimeout.
	writeTime = time.Hour
	// again is how often a block is written again after the connection broke, with pauses from firstPause on.
	again      = 5
	firstPause = 200 * time.Millisecond
	// carefulBlocks are written one by one after a break.
	carefulBlocks = 16
)

// Create writes to a hidden file beside the target, which Commit renames; with Direct to the target itself. After a
// broken connection the same bytes are written again at the same place, by another connection.
func (f *files) Create(ctx context.Context, p string, o store.CreateOptions) (store.FileWriter, error) {
	target, err := at(p)
	if err != nil {
		return nil, err
	}
	if p == "" || isLeftover(path.Base(target)) {
		return nil, fault.New(fault.BadInput, "write file").At(p).Try("This cannot be the name of a file.")
	}
	if len(o.Metadata) > 0 {
		return nil, fault.New(fault.Unsupported, "write file").At(p).Because(errors.New("SFTP keeps no metadata of files"))
	}
	dir := path.Dir(target)
	if err := f.prepare(ctx, dir); err != nil {
		return nil, err
	}
	w := &writer{files: f, path: p, target: target, at: target, direct: o.Direct, block: blockSize, patience: o.Timeout}
	if !o.Direct {
		w.at = path.Join(dir, leftoverName(f.env.RunID, path.Base(target)))
	}
	if o.BlockSize > 0 {
		w.block = int(min(max(o.BlockSize, minBlock), maxBlock))
	}
	if w.patience <= 0 {
		w.patience = writeTime
	}
	n := o.Parallel
	if n <= 0 {
		n = parallel
	}
	w.slots = make(chan struct{}, n)
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	flags := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	if o.Direct {
		flags = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	}
	if err := w.begin(ctx, flags); err != nil {
		w.cancel(nil)
		return nil, err
	}
	return w, nil
}

// writer writes one file. Write, Commit and Abort are called from one goroutine; each block is written by another.
type writer struct {
	files    *files
	path     string // for people
	target   string
	at       string // where the bytes go
	direct   bool
	block    int
	patience time.Duration

	ctx    context.Context // of the blocks: ends with Create's, at the first failure, and with Abort
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	slots  chan struct{}

	buf  []byte // being filled
	sent int64
	done bool

	arrived   atomic.Int64 // blocks
	careful   atomic.Int32 // blocks that go one by one
	single    sync.Mutex   // held by the one of them that is written
	reopening sync.Mutex   // held by the one that opens the file again
	mu        sync.Mutex   // guards what follows
	spare     [][]byte
	h         *handle
}

var _ store.FileWriter = (*writer)(nil)

// handle is the open file on one connection.
type handle struct {
	conn *connection
	file *sftp.File
	once sync.Once
}

// openOn opens the file on a handle's connection.
func (w *writer) openOn(h *handle, flags int) (err error) {
	defer fault.Recover(&err)
	info, err := h.conn.sftp.Stat(w.target)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fault.New(fault.Conflict, "write file").At(w.path).Try("A folder or device has that name already.")
	case err == nil || errors.Is(err, fs.ErrNotExist):
		h.file, err = h.conn.sftp.OpenFile(w.at, flags)
	}
	return err
}

// begin opens the file on a connection.
func (w *writer) begin(ctx context.Context, flags int) error {
	conn, err := w.files.pool.get(ctx)
	if err != nil {
		return w.files.server.explain("write file", w.path, err)
	}
	h := &handle{conn: conn}
	opened := make(chan error, 1)
	w.files.pool.wg.Go(func() {
		err := w.openOn(h, flags)
		opened <- err
		if err != nil {
			w.files.pool.put(conn)
		}
	})
	select {
	case err = <-opened:
	case <-ctx.Done():
		// Whatever was opened goes with the connection.
		conn.kill()
		return ctx.Err()
	}
	if err != nil {
		return w.files.server.explain("write file", w.path, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.h = h
	return nil
}

// give gives a handle's connection back.
func (w *writer) give(h *handle) {
	h.once.Do(func() { w.files.pool.put(h.conn) })
}

// Write fills blocks and sends the full ones; it waits while too many are under way.
func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fmt.Errorf("write to %s: %w", w.path, fs.ErrClosed)
	}
	written := 0
	for len(p) > 0 {
		if w.buf == nil {
			w.buf = w.take(len(p))
		}
		n := min(w.block-len(w.buf), len(p))
		w.buf = append(w.buf, p[:n]...)
		p, written = p[n:], written+n
		if len(w.buf) < w.block {
			break
		}
		if err := w.send(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// take gets an empty buffer: a spare one, or one that grows with a small file.
func (w *writer) take(n int) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := len(w.spare) - 1; last >= 0 {
		b := w.spare[last]
		w.spare = w.spare[:last]
		return b[:0]
	}
	if w.sent > 0 {
		n = w.block
	}
	return make([]byte, 0, min(n, w.block))
}

// send starts to write the filled block once there is room for one more.
func (w *writer) send() error {
	select {
	case w.slots <- struct{}{}:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	buf, offset := w.buf, w.sent
	w.buf = nil
	w.sent += int64(len(buf))
	w.wg.Go(func() {
		defer func() { <-w.slots }()
		if err := w.put(buf, offset); err != nil {
			w.cancel(err)
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.spare = append(w.spare, buf)
	})
	return nil
}

// put writes one block, again on another connection where one broke.
func (w *writer) put(buf []byte, offset int64) (err error) {
	defer fault.Recover(&err)
	err = w.repeat("write file", func(h *handle) error {
		_, err := h.file.WriteAt(buf, offset)
		return err
	})
	if err == nil {
		w.arrived.Add(1)
	}
	return err
}

// carefully lets blocks go one by one for a while after a connection broke: side by side on one that breaks soon again
// none of them may arrive.
func (w *writer) carefully() (done func()) {
	if w.careful.Load() <= 0 {
		return func() {}
	}
	w.single.Lock()
	w.careful.Add(-1)
	return w.single.Unlock
}

// repeat makes a call with the open file, and again after the connection broke, as long as any block arrives meanwhile
// and a few times more.
func (w *writer) repeat(what string, call func(*handle) error) error {
	pause, arrived := firstPause, w.arrived.Load()
	for try := 0; ; try++ {
		done := w.carefully()
		h, err := w.open()
		if err == nil {
			err = w.within(func() error { return call(h) }, h)
		}
		done()
		if err == nil {
			return nil
		}
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if n := w.arrived.Load(); n != arrived {
			try, pause, arrived = 0, firstPause, n
		}
		if try == again || !lost(err) && !fault.IsTransient(err) {
			return w.files.server.explain(what, w.path, err)
		}
		w.careful.Store(carefulBlocks)
		w.forget(h)
		select {
		case <-time.After(pause):
		case <-w.ctx.Done():
			return context.Cause(w.ctx)
		}
		pause *= 2
	}
}

// within waits for a call as long as the job wants and operationTimeout allows; a call that takes longer ends with its
// connection.
func (w *writer) within(call func() error, h *handle) error {
	timer := time.AfterFunc(w.patience, h.conn.kill)
	stop := context.AfterFunc(w.ctx, h.conn.kill)
	err := call()
	stop()
	if !timer.Stop() && err != nil {
		return fault.New(fault.StoreFailed, "the server took longer than %s for one request", w.patience).At(w.path).
			Try("Raise operationTimeout in the sink's storeSettings, or see why the server is slow.")
	}
	return err
}

// open gives the handle, a new one on another connection where the last was lost.
func (w *writer) open() (*handle, error) {
	w.mu.Lock()
	h := w.h
	w.mu.Unlock()
	if h != nil && h.conn.alive() {
		return h, nil
	}
	w.reopening.Lock()
	defer w.reopening.Unlock()
	w.mu.Lock()
	h = w.h
	w.mu.Unlock()
	if h != nil && h.conn.alive() {
		return h, nil
	}
	if h != nil {
		w.forget(h)
	}
	err := w.begin(w.ctx, os.O_WRONLY)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.h, err
}

// forget drops a handle whose connection broke.
func (w *writer) forget(h *handle) {
	if h == nil {
		return
	}
	h.conn.kill()
	w.give(h)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.h == h {
		w.h = nil
	}
}
