package json

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dmgateway/engine/batch"
	"dmgateway/engine/fault"
	"dmgateway/engine/format"
)

const minPart = 4 << 20

// Split plans parts of equal length of a file whose documents are a line each, as far as its beginning tells. A part is
// the lines that begin in its range of bytes, "from-to". Any other file is one part.
func (f *Format) Split(ctx context.Context, in format.Input, n int) ([]string, error) {
	if n > 1 {
		n = int(min(int64(n), in.Size/f.minPart))
	}
	if n <= 1 {
		return []string{""}, nil
	}
	src, err := open(ctx, in, &f.s, 0)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.decoded {
		return []string{""}, nil
	}
	count, lines, err := sample(src, nil, nil, 0, func(*records) {})
	if err != nil {
		return nil, err
	}
	if count < 2 || !lines {
		return []string{""}, nil
	}
	first := src.from + int64(src.pos)
	size := (in.Size - first) / int64(n)
	parts := make([]string, n)
	for i := range parts {
		from, to := first+int64(i)*size, first+int64(i+1)*size
		if i == n-1 {
			to = in.Size
		}
		parts[i] = fmt.Sprintf("%d-%d", from, to)
	}
	return parts, nil
}

// ReadPart reads one part of Split's. Rows in errors are counted from 1 within the part.
func (f *Format) ReadPart(ctx context.Context, in format.Input, spec string, want batch.Schema) (format.Reader, error) {
	if spec == "" {
		return f.Read(ctx, in, want)
	}
	var from, to int64
	if n, err := fmt.Sscanf(spec, "%d-%d", &from, &to); n != 2 || err != nil || from < 0 || to < from {
		return nil, fault.New(fault.Internal, "%q is no part of a JSON file", spec).At(in.Name)
	}
	l, first, err := f.head(ctx, in)
	if err != nil {
		return nil, err
	}
	src, err := f.openPart(ctx, in, from, from == first)
	if err != nil {
		return nil, err
	}
	r, err := newReader(in, src, &f.s, l, want)
	if err != nil {
		src.Close()
		return nil, err
	}
	r.docs.part, r.docs.lines, r.docs.stop, r.docs.large = true, true, to, 0
	if src.from+int64(src.pos) >= to { // a line goes through the whole part
		src.last, src.end = true, src.pos
	}
	return r, nil
}

// head looks at the beginning of the file, and says where the text begins.
func (f *Format) head(ctx context.Context, in format.Input) (*layout, int64, error) {
	src, err := open(ctx, in, &f.s, 0)
	if err != nil {
		return nil, 0, err
	}
	defer src.Close()
	l, err := f.layout(src)
	return l, src.from + int64(src.pos), err
}

// openPart opens at from, where a line begins when isLine, else at the first line that begins there or behind it.
func (f *Format) openPart(ctx context.Context, in format.Input, from int64, isLine bool) (*source, error) {
	if isLine {
		return open(ctx, in, &f.s, from)
	}
	src, err := open(ctx, in, &f.s, from-1) // the byte before tells whether a line begins at from
	if err != nil {
		return nil, err
	}
	if err := src.line(); err != nil && !errors.Is(err, io.EOF) {
		src.Close()
		return nil, err
	}
	return src, nil
}
