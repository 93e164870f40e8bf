package files

import (
	"context"
	"io"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// abortTime is how long taking back what was written may take when a partition is given up.
const abortTime = 10 * time.Second

// compressions are the ways to compress a whole file.
var compressions = []string{"gzip", "deflate", "bzip2", "zip", "zstd", "snappy", "lz4"}

func compressed(name string) bool { return name != "" && name != "none" }

func compressionExtension(name string) string { return "" }

func decompress(name string, r io.ReadCloser, _ int64) (io.ReadCloser, error) {
	return nil, fault.New(fault.Unsupported, "compression %s", name)
}

func compress(name, level, path string, w io.Writer) (io.WriteCloser, error) {
	return nil, fault.New(fault.Unsupported, "compression %s", name)
}

// NewCompressor makes the writer around a file's bytes that the sink asks for; without compression it passes them on.
// path names the file, for formats that keep names. It has to be closed; out is not.
func NewCompressor(o *activity.FileSink, path string, out io.Writer) (io.WriteCloser, error) {
	if !compressed(o.Compression) {
		return nopCloser{out}, nil
	}
	return compress(o.Compression, o.Level, path, out)
}

type nopCloser struct{ io.Writer }

// Close does nothing.
func (nopCloser) Close() error { return nil }

// OpenContent reads a file through its compression; count is told the bytes that come from the store.
func OpenContent(ctx context.Context, files store.Files, f store.File, compression string, count func(int)) (io.ReadCloser, error) {
	raw, err := OpenStream(ctx, files, f, 0, -1, nil)
	if err != nil {
		return nil, err
	}
	r := &countingReader{raw, count}
	if !compressed(compression) {
		return r, nil
	}
	return decompress(compression, r, f.Size)
}

type countingReader struct {
	io.ReadCloser
	count func(int)
}

// Read reads and counts.
func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.count(n)
	return n, err
}
