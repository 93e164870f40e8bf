package files

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"dmgateway/engine/fault"
	"dmgateway/engine/format"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// counter counts bytes from several goroutines.
type counter = atomic.Int64

// input makes a stored file what formats read: with its size and at any offset, or as a stream where it is compressed.
func input(files store.Files, f store.File, name string, bytes *counter) format.Input {
	in := format.Input{Name: f.Path, Size: f.Size}
	in.Open = func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
		return OpenStream(ctx, files, f, offset, length, bytes)
	}
	if name == compression.None {
		return in
	}
	raw := in.Open
	in.Size = -1
	in.Open = func(ctx context.Context, _, _ int64) (io.ReadCloser, error) {
		r, err := raw(ctx, 0, -1)
		if err != nil {
			return nil, err
		}
		return decompress(name, r)
	}
	return in
}

// OpenStream reads a part of a file as Files.Open does, and goes on where it was when the connection breaks for a
// passing reason. A cancelled ctx ends a Read that waits. bytes, where not nil, counts.
func OpenStream(ctx context.Context, files store.Files, f store.File, offset, length int64, bytes *counter) (io.ReadCloser, error) {
	s := &stream{ctx: ctx, files: files, file: f, offset: offset, left: length, bytes: bytes}
	return s, s.open()
}

// stream is a ReadCloser over a file store that survives broken connections.
type stream struct {
	ctx    context.Context // of the reading that this stream is a part of; it ends with it
	files  store.Files
	file   store.File
	offset int64 // of the next byte
	left   int64 // bytes, < 0 to the end
	bytes  *counter

	mu     sync.Mutex // guards body against the cancel
	body   io.ReadCloser
	forget func() bool // stops waiting for the cancel
	broken int         // times in a row that no byte came
}

// maxBroken is how often a stream is opened again without any progress.
const maxBroken = 5

func (s *stream) open() error {
	body, err := s.files.Open(s.ctx, s.file, s.offset, s.left)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.body = body
	s.mu.Unlock()
	s.forget = context.AfterFunc(s.ctx, func() { _ = s.closeBody() })
	return nil
}

func (s *stream) closeBody() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body == nil {
		return nil
	}
	err := s.body.Close()
	s.body = nil
	return err
}

// Read reads on.
func (s *stream) Read(b []byte) (int, error) {
	for {
		s.mu.Lock()
		body := s.body
		s.mu.Unlock()
		if err := s.ctx.Err(); err != nil {
			return 0, err
		}
		if body == nil {
			return 0, io.ErrClosedPipe
		}
		n, err := body.Read(b)
		s.took(n)
		if n > 0 {
			if err != io.EOF { // reported by the next Read
				err = nil
			}
			return n, err
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if err := s.again(err); err != nil {
			return 0, err
		}
	}
}

func (s *stream) took(n int) {
	if n == 0 {
		return
	}
	s.broken = 0
	s.offset += int64(n)
	if s.left > 0 {
		s.left -= int64(n)
	}
	if s.bytes != nil {
		s.bytes.Add(int64(n))
	}
}

// again opens the rest of the file after an error that can pass.
func (s *stream) again(cause error) error {
	s.broken++
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if !fault.IsTransient(cause) || s.broken > maxBroken || s.left == 0 {
		return cause
	}
	s.forget()
	if err := s.closeBody(); err != nil && !fault.IsTransient(err) {
		return cause
	}
	return s.open()
}

// Close ends the stream.
func (s *stream) Close() error {
	if s.forget != nil {
		s.forget()
	}
	return s.closeBody()
}
