package feed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"dmgateway/engine/fault"
)

// Part ends the name of a file that is being downloaded.
const Part = ".part"

// Download fetches r into file, going on where a former, broken download into the same file ended, and checks length
// and hash. While it goes on the bytes are in file+[Part]; file appears whole or not at all. progress, which can be nil,
// is called from this goroutine with bytes done and in all, often. What does not match is removed. Errors are faults:
// fault.Unreachable (transient; a further call goes on where this one ended), fault.Cancelled (likewise), [Refused] (what
// came is not what was signed), fault.DiskFull.
func (c *Client) Download(ctx context.Context, r *Release, file string, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if !TargetName(r.Name) || r.Length <= 0 {
		return fault.New(fault.BadInput, "%q is no archive of a feed", r.Name).Try("Download what Latest offers.")
	}
	d := &download{c: c, r: r, path: file + Part, progress: progress}
	err := d.open()
	if err != nil {
		return err
	}
	begun := d.done > 0
	err = d.fill(ctx)
	if begun && fault.Is(err, Refused) {
		// The part may have been of something else: once more from the start.
		if err = d.restart(); err == nil {
			err = d.fill(ctx)
		}
	}
	return d.finish(file, err)
}

// download is a file on its way: its first done bytes are on disk and in hash.
type download struct {
	c        *Client
	r        *Release
	path     string
	progress func(done, total int64)

	f    *os.File
	done int64
	hash hash.Hash
}

// open takes what a former download left.
func (d *download) open() (err error) {
	if d.f, err = os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return notKept(d.path, err)
	}
	d.hash = sha256.New()
	info, err := d.f.Stat()
	if err == nil && info.Size() > d.r.Length {
		err = d.restart()
	} else if err == nil {
		d.done, err = io.Copy(d.hash, io.NewSectionReader(d.f, 0, info.Size()))
	}
	if err != nil {
		return errors.Join(notKept(d.path, err), d.f.Close())
	}
	return nil
}

func (d *download) restart() error {
	d.hash.Reset()
	d.done = 0
	if err := d.f.Truncate(0); err != nil {
		return notKept(d.path, err)
	}
	return nil
}

// fill brings the bytes that are missing, and checks the whole.
func (d *download) fill(ctx context.Context) error {
	d.progress(d.done, d.r.Length)
	if d.done < d.r.Length {
		if err := d.bring(ctx); err != nil {
			return err
		}
	}
	if sum := d.hash.Sum(nil); [sha256.Size]byte(sum) != d.r.SHA256 {
		return refused(fmt.Errorf("%s is not the archive that was signed: its SHA-256 hash is %x", d.r.Name, sum))
	}
	return nil
}

func (d *download) bring(ctx context.Context) error {
	file := TargetPath(d.r.Name, d.r.SHA256)
	w, err := d.c.get(ctx, file, d.done)
	if err != nil {
		return d.c.unreachable(ctx, err)
	}
	defer w.Body.Close()
	switch {
	case w.StatusCode == http.StatusOK:
		if d.done > 0 { // the server sends no parts
			if err := d.restart(); err != nil {
				return err
			}
		}
	case w.StatusCode == http.StatusPartialContent && d.done > 0:
		if from, _, _ := strings.Cut(strings.TrimPrefix(w.Header.Get("Content-Range"), "bytes "), "-"); from != strconv.FormatInt(d.done, 10) {
			return refused(fmt.Errorf("the server sent another part of %s than was asked for", d.r.Name))
		}
	case w.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return refused(fmt.Errorf("%s is shorter on the server than the feed says", d.r.Name))
	default:
		return d.c.status(w.StatusCode, file)
	}
	left := d.r.Length - d.done
	if w.ContentLength > left {
		return d.tooLong()
	}
	if err := d.copy(ctx, io.LimitReader(w.Body, left+1)); err != nil {
		return err
	}
	if d.done < d.r.Length {
		return refused(fmt.Errorf("%s is cut: %d bytes, and the feed says %d", d.r.Name, d.done, d.r.Length))
	}
	return nil
}

func (d *download) tooLong() error {
	return refused(fmt.Errorf("%s is longer on the server than the %d bytes that the feed says", d.r.Name, d.r.Length))
}

func (d *download) copy(ctx context.Context, from io.Reader) error {
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if d.done+int64(n) > d.r.Length {
			return d.tooLong()
		}
		if n > 0 {
			if _, err := d.f.WriteAt(piece[:n], d.done); err != nil {
				return notKept(d.path, err)
			}
			d.hash.Write(piece[:n]) // never fails
			d.done += int64(n)
			d.progress(d.done, d.r.Length)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return d.c.unreachable(ctx, err)
		}
	}
}

// finish gives the file its name, or, where it was refused, removes it.
func (d *download) finish(file string, err error) error {
	if err == nil {
		if err = d.f.Sync(); err != nil {
			err = notKept(d.path, err)
		}
	}
	if closed := d.f.Close(); err == nil && closed != nil {
		err = notKept(d.path, closed)
	}
	switch {
	case err == nil:
		if err := os.Rename(d.path, file); err != nil {
			return notKept(file, err)
		}
	case fault.Is(err, Refused):
		if gone := os.Remove(d.path); gone != nil {
			return errors.Join(err, notKept(d.path, gone))
		}
	}
	return err
}
