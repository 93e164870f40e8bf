package filesystem

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	// leftoverEnd ends the hidden names of files that are being written.
	leftoverEnd = ".dmgpart"
	// leftoverAge is when such a file is given up where nobody can tell whether it is still being written.
	leftoverAge = 24 * time.Hour
	// bufferSize gathers small writes; larger ones go straight to the file.
	bufferSize = 256 << 10
	// writebackEvery bytes the system is asked to write to the disk, so that Commit has less to wait for.
	writebackEvery = 16 << 20
)

// isLeftover recognises a file that is being written, or was when its writer died.
func isLeftover(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, leftoverEnd)
}

// leftoverName is a hidden name beside the target, not longer than file systems allow.
func leftoverName(base string) string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	const most = 255 - 1 - 1 - 16 - len(leftoverEnd)
	if len(base) > most {
		base = strings.ToValidUTF8(base[:most], "")
	}
	return "." + base + "." + hex.EncodeToString(id[:]) + leftoverEnd
}

// Create writes to a hidden file beside the target, which Commit renames. BlockSize, Parallel and ContentType mean
// nothing here.
func (f *files) Create(_ context.Context, p string, _ store.CreateOptions) (store.FileWriter, error) {
	target, err := f.place(p, true)
	if err != nil {
		return nil, err
	}
	if p == "" || isLeftover(filepath.Base(target)) {
		return nil, fault.New(fault.BadInput, "write file").At(p).Try("This cannot be the name of a file.")
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Conflict, "write file").At(p).Try("A folder or device has that name already.")
	}
	dir := filepath.Dir(target)
	if err := makeFolders(dir); err != nil {
		return nil, explain("make folder", filepath.ToSlash(filepath.Dir(p)), err)
	}
	f.sweep(dir)
	for range 10 {
		w, err := f.create(p, target)
		if err != nil {
			return nil, explain("write file", p, err)
		}
		if w != nil {
			return w, nil
		}
	}
	return nil, fault.New(fault.Conflict, "write file").At(p).Try("Another program removes hidden files in this folder at once.").AsTransient()
}

// create makes the hidden file; nil where a sweeping process was faster than the lock.
func (f *files) create(p, target string) (*writer, error) {
	at := filepath.Join(filepath.Dir(target), leftoverName(filepath.Base(target)))
	file, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // G302: what a job writes is for others to read, as far as the umask lets them
	if err != nil {
		return nil, err
	}
	held := tryLock(file) != lockTaken
	here, errHere := os.Lstat(at)
	mine, errMine := file.Stat()
	if !held || errHere != nil || errMine != nil || !os.SameFile(here, mine) {
		file.Close()
		_ = os.Remove(at)
		return nil, nil
	}
	return &writer{files: f, path: p, target: target, at: at, file: file, buf: f.buffer(file)}, nil
}

// buffer is one to write to a file by; Commit and Abort give it back.
func (f *files) buffer(to io.Writer) *bufio.Writer {
	if b, ok := f.buffers.Get().(*bufio.Writer); ok {
		b.Reset(to)
		return b
	}
	return bufio.NewWriterSize(to, bufferSize)
}

// makeFolders makes a folder and those above it, and makes their names durable.
func makeFolders(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeFolders(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if info, errStat := os.Stat(dir); errStat == nil && info.IsDir() {
			return nil // somebody else made it meanwhile
		}
		return err
	}
	return syncFolder(parent)
}

// sweep removes what dead writers left in a folder. It looks once, and says nothing of what it cannot remove: that
// harms no copy.
func (f *files) sweep(dir string) {
	f.mu.Lock()
	done := f.swept[dir]
	f.swept[dir] = true
	f.mu.Unlock()
	if done {
		return
	}
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			if isLeftover(name) && abandoned(filepath.Join(dir, name)) && f.env.Log != nil {
				f.env.Log.Info("removed what an earlier copy left unfinished", "file", filepath.Join(dir, name))
			}
		}
		if err != nil {
			return
		}
	}
}

// abandoned removes a leftover whose writer is dead and reports whether it did.
func abandoned(at string) bool {
	info, err := os.Lstat(at)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := os.OpenFile(at, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	switch tryLock(file) {
	case lockTaken:
		return false
	case lockUnknown:
		if time.Since(info.ModTime()) < leftoverAge {
			return false
		}
	}
	return removeOpen(file, at) == nil
}

// writer writes one file.
type writer struct {
	files  *files
	path   string
	target string
	at     string
	file   *os.File
	buf    *bufio.Writer
	done   bool

	written atomic.Int64 // bytes
}

var (
	_ store.FileWriter = (*writer)(nil)
	_ io.WriterAt      = (*writer)(nil)
)

// Write adds bytes.
func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fmt.Errorf("write to %s: %w", w.path, fs.ErrClosed)
	}
	n, err := w.buf.Write(p)
	if err != nil {
		return n, explain("write file", w.path, err)
	}
	w.wrote(n)
	return n, nil
}

// wrote sends what was written on its way to the disk, every now and then.
func (w *writer) wrote(n int) {
	if all := w.written.Add(int64(n)); all/writebackEvery > (all-int64(n))/writebackEvery {
		startWriteback(w.file)
	}
}

// WriteAt writes bytes where they belong; a file that is written that way gets none by Write.
func (w *writer) WriteAt(p []byte, offset int64) (int, error) {
	if w.done {
		return 0, fmt.Errorf("write to %s: %w", w.path, fs.ErrClosed)
	}
	n, err := w.file.WriteAt(p, offset)
	if err != nil {
		return n, explain("write file", w.path, err)
	}
	w.wrote(n)
	return n, nil
}

// Commit makes the file durable and visible, in this order.
func (w *writer) Commit(ctx context.Context) error {
	if w.done {
		return fmt.Errorf("commit %s: %w", w.path, fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := w.buf.Flush()
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		err = renameOpen(w.file, w.at, w.target)
	}
	if err != nil {
		_ = w.Abort()
		return explain("write file", w.path, err)
	}
	w.end()
	if err := w.files.syncs.sync(filepath.Dir(w.target)); err != nil {
		return explain("write file", w.path, err)
	}
	return nil
}

// end gives the buffer back.
func (w *writer) end() {
	w.done = true
	w.buf.Reset(nil)
	w.files.buffers.Put(w.buf)
	w.buf = nil
}

// Abort removes the hidden file.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.end()
	err := removeOpen(w.file, w.at)
	if errClose := w.file.Close(); err == nil && !errors.Is(errClose, fs.ErrClosed) {
		err = errClose
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("remove unfinished file", w.path, err)
	}
	return nil
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
