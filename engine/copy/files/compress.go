package files

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"dmgateway/engine/activity"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// compressions are those that a file's name can show.
var compressions = []string{
	compression.GZip, compression.Deflate, compression.BZip2, compression.Zip, compression.Zstd, compression.Snappy, compression.LZ4,
	compression.Tar, compression.TarGZip,
}

// decompressed is a compressed stream and what it decompresses to; closing it closes both.
type decompressed struct {
	io.ReadCloser
	raw io.Closer
}

// Close ends both.
func (d decompressed) Close() error { return errors.Join(d.ReadCloser.Close(), d.raw.Close()) }

// decompress reads what raw holds; raw is closed with the result, or at once on an error.
func decompress(name string, raw io.ReadCloser) (io.ReadCloser, error) {
	if name == compression.None {
		return raw, nil
	}
	r, err := compression.NewReader(name, raw)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return decompressed{r, raw}, nil
}

// NewCompressor makes the writer around a file's bytes that the sink asks for; without compression it passes them on.
// name is the file's path, for archives that keep names. It has to be closed; out is not.
func NewCompressor(o *activity.FileSink, name string, out io.Writer) (io.WriteCloser, error) {
	entry, _ := strings.CutSuffix(path.Base(name), compression.Extension(o.Compression))
	return compression.NewNamedWriter(o.Compression, o.Level, entry, out)
}

// OpenContent reads a file through its compression, which name tells; count is told the bytes that come from the store.
// Errors about the data name the file.
func OpenContent(ctx context.Context, files store.Files, f store.File, name string, count func(int)) (io.ReadCloser, error) {
	raw, err := OpenStream(ctx, files, f, 0, -1, nil)
	if err != nil {
		return nil, err
	}
	r, err := decompress(name, &countingReader{raw, count})
	if err != nil {
		return nil, inFile(err, f.Path)
	}
	return &content{r, f.Path}, nil
}

// content names the file in errors about its data.
type content struct {
	io.ReadCloser
	path string
}

// Read reads.
func (c *content) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	return n, inFile(err, c.path)
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
