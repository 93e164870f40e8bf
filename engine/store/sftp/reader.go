package sftp

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/pkg/sftp"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

const (
	// readAhead is read at once, by as many requests as that takes, while the part before it is used.
	readAhead = 1 << 20
	firstRead = 64 << 10 // of a file of unknown length that may be small
)

// Open reads a part of a file and fails when it is not, or at the end no longer, the version that v describes.
func (f *files) Open(ctx context.Context, v store.File, offset, length int64) (io.ReadCloser, error) {
	full, err := at(v.Path)
	if err != nil {
		return nil, err
	}
	r := &reader{files: f, ctx: ctx, version: v, offset: offset, left: length, parts: make(chan part, 1)}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.conn, err = f.pool.get(ctx); err != nil {
		return nil, f.server.explain("open file", v.Path, err)
	}
	r.ctx, r.stop = context.WithCancel(ctx)
	opened := make(chan error, 1)
	f.pool.wg.Go(func() {
		err := r.open(full)
		opened <- err
		if err == nil {
			r.run()
		}
		f.pool.put(r.conn)
	})
	select {
	case err = <-opened:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		r.stop()
		return nil, f.server.explain("open file", v.Path, err)
	}
	return r, nil
}

// reader reads one version of a file. A goroutine reads ahead; it alone uses the file.
type reader struct {
	files   *files
	ctx     context.Context // of Open: reading ends with it
	version store.File
	conn    *connection
	file    *sftp.File
	offset  int64
	left    int64 // < 0 reads to the end

	parts   chan part // what was read ahead; closed after the last
	present part
	stop    context.CancelFunc // ends the reading ahead
}

// part is a piece of the file, and how it ends.
type part struct {
	data []byte
	err  error
}

func (r *reader) open(full string) (err error) {
	defer fault.Recover(&err)
	info, err := r.conn.sftp.Stat(full) // opening a pipe would wait for its other end
	if err != nil {
		return notThere(err)
	}
	if !info.Mode().IsRegular() {
		return fs.ErrNotExist
	}
	if r.file, err = r.conn.sftp.Open(full); err != nil {
		return err
	}
	if err := r.same(); err != nil {
		return errors.Join(err, r.file.Close())
	}
	return nil
}

// same checks that the file is still what it was.
func (r *reader) same() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	if r.version.ETag != "" && r.version.ETag != etag(info) {
		return fault.New(fault.Conflict, "the file was changed since it was found").At(r.version.Path).Try("Copy again when nothing writes to it.")
	}
	return nil
}

// run reads ahead until the end, an error, or until nobody wants more.
func (r *reader) run() {
	defer close(r.parts)
	defer func() { _ = r.file.Close() }()
	if err := r.pump(); err != nil {
		r.give(part{err: err})
	}
}

// pump gives part after part, the last one with its error; its own error is that of a defect.
func (r *reader) pump() (failure error) {
	defer fault.Recover(&failure)
	var buffers [3][]byte // one is used, one waits, one is filled
	for i := 0; ; i++ {
		size := r.want(i)
		if size == 0 {
			r.give(part{err: r.end()})
			return nil
		}
		b := buffers[i%3]
		if int64(cap(b)) < size {
			b = make([]byte, size)
			buffers[i%3] = b
		}
		n, err := r.file.ReadAt(b[:size], r.offset)
		r.offset += int64(n)
		if r.left > 0 {
			r.left -= int64(n)
		}
		if errors.Is(err, io.EOF) {
			err = r.end()
		}
		if !r.give(part{b[:n], err}) || err != nil {
			return nil
		}
	}
}

// want is how much to read next.
func (r *reader) want(round int) int64 {
	size := int64(readAhead)
	if round == 0 && r.version.Size == 0 {
		size = firstRead
	}
	if rest := r.version.Size - r.offset; r.version.Size > 0 {
		size = min(size, max(rest, 0)+1) // one more byte shows the end
	}
	if r.left >= 0 {
		size = min(size, r.left)
	}
	return size
}

// end is io.EOF where the file is still the same.
func (r *reader) end() error {
	if err := r.same(); err != nil {
		return err
	}
	return io.EOF
}

func (r *reader) give(p part) bool {
	select {
	case r.parts <- p:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// Read gives io.EOF at the end of the part.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.present.data) == 0 {
		if err := r.present.err; err != nil {
			if errors.Is(err, io.EOF) {
				return 0, io.EOF
			}
			return 0, r.files.server.explain("read file", r.version.Path, err)
		}
		var ok bool
		select {
		case r.present, ok = <-r.parts:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
		if !ok {
			if err := r.ctx.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
	}
	n := copy(p, r.present.data)
	r.present.data = r.present.data[n:]
	return n, nil
}

// Close ends the reading; the file is closed by the goroutine that uses it.
func (r *reader) Close() error {
	r.stop()
	return nil
}
