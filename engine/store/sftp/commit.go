package sftp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"dmgateway/engine/fault"
)

const (
	// leftoverEnd ends the hidden names of files that are being written.
	leftoverEnd = ".dmgpart"
	// leftoverAge is when such a file of another run is given up: nobody can tell whether it is still being written.
	leftoverAge = 24 * time.Hour
	// abortTime is how long removing an unfinished file may take.
	abortTime = 10 * time.Second

	fsyncExtension  = "fsync@openssh.com"
	renameExtension = "posix-rename@openssh.com"
)

// process is in the names of this process's unfinished files, so that it does not take them for leftovers.
var process = func() string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}()

// runMark is in the names of a run's unfinished files.
func runMark(run string) string {
	h := sha256.Sum256([]byte(run))
	return hex.EncodeToString(h[:4])
}

// isLeftover recognises a file that is being written, or was when its writer died.
func isLeftover(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, leftoverEnd)
}

// leftoverName is a hidden name beside the target, not longer than file systems allow: ".name.run-process-id.dmgpart".
func leftoverName(run, base string) string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	const most = 255 - 2 - 26 - len(leftoverEnd)
	if len(base) > most {
		base = strings.ToValidUTF8(base[:most], "")
	}
	return "." + base + "." + runMark(run) + "-" + process + "-" + hex.EncodeToString(id[:]) + leftoverEnd
}

// abandoned recognises a leftover that can be removed: one of an earlier process of this run, whose job is ours now, or
// an old one.
func abandoned(run string, info fs.FileInfo) bool {
	name := info.Name()
	if !isLeftover(name) || !info.Mode().IsRegular() {
		return false
	}
	mark := strings.TrimSuffix(name, leftoverEnd)
	mark = mark[strings.LastIndexByte(mark, '.')+1:]
	if parts := strings.Split(mark, "-"); len(parts) == 3 && parts[0] == runMark(run) && parts[1] != process {
		return true
	}
	return time.Since(info.ModTime()) > leftoverAge
}

// prepare makes a folder with those above it and removes what dead writers have left in it, once.
func (f *files) prepare(ctx context.Context, dir string) error {
	f.mu.Lock()
	done := f.ready[dir]
	f.mu.Unlock()
	if done {
		return nil
	}
	var removed []string
	err := f.do(ctx, "make folder", dir, func(c *sftp.Client) error {
		infos, err := c.ReadDirContext(ctx, dir)
		if err != nil {
			if lost(err) || errors.Is(err, context.Canceled) {
				return err
			}
			return makeFolders(c, dir)
		}
		for _, info := range infos {
			if abandoned(f.env.RunID, info) && c.Remove(path.Join(dir, info.Name())) == nil {
				removed = append(removed, info.Name())
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.env.Log != nil && len(removed) > 0 {
		f.env.Log.Info("removed what an earlier copy left unfinished", "folder", dir, "files", removed)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready[dir] = true
	return nil
}

// makeFolders makes a folder and those above it; others may do so at the same time.
func makeFolders(c *sftp.Client, dir string) error {
	info, err := c.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fault.New(fault.Conflict, "make folder").At(dir).Try("A file has that name already.")
		}
		return nil
	}
	if parent := path.Dir(dir); parent != dir && parent != "." {
		if err := makeFolders(c, parent); err != nil {
			return err
		}
	}
	if err := c.Mkdir(dir); err != nil {
		if info, errStat := c.Stat(dir); errStat == nil && info.IsDir() {
			return nil
		}
		return err
	}
	return nil
}

// Commit makes the file durable where the server can, and visible.
func (w *writer) Commit(ctx context.Context) error {
	if w.done {
		return fmt.Errorf("commit %s: %w", w.path, fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { w.cancel(context.Cause(ctx)) })
	defer stop()
	if len(w.buf) > 0 {
		if err := w.send(); err != nil {
			return err
		}
	}
	w.wg.Wait()
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	w.done = true
	w.cancel(nil)
	w.spare = nil
	return nil
}

// finish closes the file, and gives it its name.
func (w *writer) finish() error {
	err := w.repeat("write file", func(h *handle) error {
		if _, ok := h.conn.sftp.HasExtension(fsyncExtension); ok {
			if err := h.file.Sync(); err != nil && lost(err) {
				return err
			}
		}
		info, err := h.file.Stat()
		if err != nil {
			return err
		}
		if info.Size() != w.sent {
			return fault.New(fault.StoreFailed, "%d bytes were written, but the server has %d", w.sent, info.Size()).At(w.path).
				Try("Check the server's disk, and whether something else writes to the file.")
		}
		if err := h.file.Close(); err != nil {
			return err
		}
		w.give(h)
		return nil
	})
	if err != nil || w.direct {
		return err
	}
	return w.name()
}

// name renames the file, again after the connection broke; then the name may have been given already.
func (w *writer) name() error {
	tried := false
	err := w.files.pool.do(w.ctx, func(c *sftp.Client) error {
		if tried {
			_, errHidden := c.Stat(w.at)
			info, err := c.Stat(w.target)
			if errors.Is(errHidden, fs.ErrNotExist) && err == nil && info.Size() == w.sent {
				return nil
			}
		}
		tried = true
		return rename(c, w.at, w.target)
	})
	if err != nil && w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if err != nil {
		return w.files.server.explain("write file", w.path, err)
	}
	return nil
}

// rename replaces the target at once where the server can; otherwise there is a moment without it.
func rename(c *sftp.Client, from, to string) error {
	if _, ok := c.HasExtension(renameExtension); ok {
		return c.PosixRename(from, to)
	}
	err := c.Rename(from, to)
	if err == nil || lost(err) {
		return err
	}
	if errRemove := c.Remove(to); errRemove != nil {
		return err
	}
	return c.Rename(from, to)
}

// Abort removes the unfinished file.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	w.mu.Lock()
	h := w.h
	w.mu.Unlock()
	// The blocks under way end by themselves soon; the connection, which others use as well, is worth waiting for.
	late := time.AfterFunc(abortTime, func() { w.cancel(fs.ErrClosed) })
	w.wg.Wait()
	late.Stop()
	w.cancel(fs.ErrClosed)
	w.buf, w.spare = nil, nil
	ctx, stop := context.WithTimeout(context.WithoutCancel(w.ctx), abortTime)
	defer stop()
	if h != nil {
		if h.conn.alive() {
			_ = h.file.Close()
		}
		w.give(h)
	}
	err := w.files.pool.do(ctx, func(c *sftp.Client) error { return c.Remove(w.at) })
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errClosed) {
		return nil
	}
	return w.files.server.explain("remove unfinished file", w.path, err)
}
