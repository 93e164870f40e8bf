package logging

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dmgateway/engine/fault"
)

// maxLine is how much of a line is read; the rest of a longer one is left out.
const maxLine = 1 << 20

// Query says which lines are wanted.
type Query struct {
	Since time.Time // zero = from the beginning; lines without a time go with the one before
	Level slog.Level
	Run   string // "" = of the whole gateway, else the log of one run
	// Problem is told what could not be read, a file that is damaged; reading goes on behind it. Nil is fine.
	Problem func(file string, err error)
}

// Read calls each with every line in a folder of logs that is wanted, the oldest first, and returns its error. Damaged
// lines and files are read as far as they go.
func Read(ctx context.Context, dir string, q Query, each func(Line) error) error {
	r := reader{q: q, each: each}
	for _, path := range filesOf(dir, q) {
		if err := r.file(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// Follow reads as [Read] does, and goes on with what is written then, until ctx ends; that is no error.
func Follow(ctx context.Context, dir string, q Query, each func(Line) error) error {
	r := reader{q: q, each: each}
	present := presentFile(dir, q)
	for _, path := range filesOf(dir, q) {
		if path != present {
			if err := r.file(ctx, path); err != nil {
				return err
			}
		}
	}
	err := r.follow(ctx, present)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func presentFile(dir string, q Query) string {
	if q.Run != "" {
		return JobFile(dir, q.Run)
	}
	return filepath.Join(dir, Current)
}

func filesOf(dir string, q Query) []string {
	var list []string
	if q.Run == "" {
		for _, name := range earlier(dir) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.ModTime().Before(q.Since) {
				continue
			}
			list = append(list, path)
		}
	}
	return append(list, presentFile(dir, q))
}

type reader struct {
	q    Query
	each func(Line) error
	last time.Time // of the last line that had one
	err  error     // of each
}

func (r *reader) problem(file string, err error) {
	if r.q.Problem != nil {
		r.q.Problem(file, err)
	}
}

func (r *reader) file(ctx context.Context, path string) error {
	in, err := OpenLog(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // rotated or removed meanwhile
	}
	if err != nil {
		r.problem(path, err)
		return nil
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, 64<<10)
	for ctx.Err() == nil {
		line, err := nextLine(lines)
		if len(line) > 0 && !r.take(line) {
			return r.err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			r.problem(path, err)
			return nil
		}
	}
	return fault.New(fault.Cancelled, "reading the log was cut off").Because(context.Cause(ctx))
}

// take hands a line over where it is wanted, and is false where no more are.
func (r *reader) take(raw []byte) bool {
	if len(bytes.TrimSpace(raw)) == 0 {
		return true
	}
	l := ParseLine(raw)
	if !l.Time.IsZero() {
		r.last = l.Time
	}
	if l.Level < r.q.Level || r.last.Before(r.q.Since) {
		return true
	}
	r.err = r.each(l)
	return r.err == nil
}

// nextLine is the next line with its end, cut to maxLine.
func nextLine(in *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		piece, err := in.ReadSlice('\n')
		if len(whole)+len(piece) <= maxLine {
			whole = append(whole, piece...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return whole, err
		}
	}
}

// followPause is how often it is looked whether there is more to read.
const followPause = 200 * time.Millisecond

// follow reads a file that grows, may not be there yet, and may be replaced by another of its name.
func (r *reader) follow(ctx context.Context, path string) error {
	t := time.NewTicker(followPause)
	defer t.Stop()
	var in *os.File
	defer func() {
		if in != nil {
			in.Close()
		}
	}()
	var rest []byte
	read := func() bool { // to the end of the file as it is now
		buf := make([]byte, 64<<10)
		for {
			n, err := in.Read(buf)
			rest = append(rest, buf[:n]...)
			for {
				line, more, ok := bytes.Cut(rest, []byte("\n"))
				if !ok {
					break
				}
				if !r.take(line) {
					return false
				}
				rest = more
			}
			if len(rest) > maxLine {
				rest = rest[:maxLine]
			}
			if err != nil {
				return true
			}
		}
	}
	for {
		there, err := os.Stat(path)
		if in != nil {
			mine, merr := in.Stat()
			at, serr := in.Seek(0, io.SeekCurrent)
			if err != nil || merr != nil || serr != nil || !os.SameFile(mine, there) || there.Size() < at {
				if !read() || len(rest) > 0 && !r.take(rest) {
					return r.err
				}
				in.Close()
				in, rest = nil, nil
			}
		}
		if in == nil && err == nil {
			if in, err = openShared(path); err != nil {
				in = nil
			}
		}
		if in != nil && !read() {
			return r.err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// OpenLog opens a file of the log, unpacking it where it is compressed.
func OpenLog(path string) (io.ReadCloser, error) {
	f, err := openShared(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return unpacked{z, f}, nil
}

type unpacked struct {
	*gzip.Reader
	file *os.File
}

func (u unpacked) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }
