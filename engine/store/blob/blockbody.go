package blob

import (
	"context"
	"io"
	"net"
	"net/http"

	"dmgateway/engine/outbound"
)

// blockKey finds the bytes of a block in the context of the request that sends it.
type blockKey struct{}

// withBlock says that the request's body is b.
func withBlock(ctx context.Context, b []byte) context.Context {
	return context.WithValue(ctx, blockKey{}, b)
}

// sender sends requests; bodies that are blocks in a form that plainConn knows, which the library's own wrapping hides.
type sender struct{ *http.Client }

// Do sends.
func (s sender) Do(r *http.Request) (*http.Response, error) {
	if b, ok := r.Context().Value(blockKey{}).([]byte); ok && r.ContentLength == int64(len(b)) {
		r = r.WithContext(r.Context()) // a copy: the library keeps its own body for its next try
		r.Body = &blockBody{rest: b}
		r.GetBody = func() (io.ReadCloser, error) { return &blockBody{rest: b}, nil }
	}
	return s.Client.Do(r)
}

// blockBody is a request's body that lies in memory as a whole.
type blockBody struct{ rest []byte }

// Read copies, where the connection does not take the bytes as they are.
func (b *blockBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close has nothing to end.
func (b *blockBody) Close() error { return nil }

// largestWrite is what is given to the system at once: so much that calls do not count, and little enough that a
// connection that is given up ends soon.
const largestWrite = 1 << 20

// plainConn is a connection that takes a block without copying it. By itself net/http would do so through a buffer of 32 KiB,
// which takes a fifth of an upload's CPU. Where there is TLS on top, it is a connection like others.
type plainConn struct{ *net.TCPConn }

// ReadFrom is what net/http sends a body by.
func (c plainConn) ReadFrom(r io.Reader) (sent int64, err error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	b, ok := limited.R.(*blockBody)
	if !ok {
		return c.TCPConn.ReadFrom(r)
	}
	for limited.N > 0 && len(b.rest) > 0 && err == nil {
		var n int
		n, err = c.Write(b.rest[:min(int64(len(b.rest)), limited.N, largestWrite)])
		b.rest = b.rest[n:]
		limited.N -= int64(n)
		sent += int64(n)
	}
	return sent, err
}

// plain makes connections plainConn where they are plain.
func plain(dial outbound.Dial) outbound.Dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if t, ok := c.(*net.TCPConn); ok {
			return plainConn{t}, err
		}
		return c, err
	}
}
