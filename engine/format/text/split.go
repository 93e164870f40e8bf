package text

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

// splittable reports whether every row delimiter in a file ends a row, so that reading can begin anywhere: nothing can
// be quoted or escaped, and bytes are characters.
func (s *settings) splittable() bool {
	return s.quote == 0 && s.escape == 0 && s.charset == nil && len(s.row) <= 1
}

// Split plans parts of equal length. A part is the rows that begin in its range of bytes, "from-to". A file that can
// have row delimiters inside values is one part.
func (f *Format) Split(ctx context.Context, in format.Input, n int) ([]string, error) {
	if n > 1 {
		n = int(min(int64(n), in.Size/f.minPart))
	}
	if n <= 1 || !f.s.splittable() {
		return []string{""}, nil
	}
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.decoded { // a byte order mark named another encoding
		return []string{""}, nil
	}
	if _, err := src.columns(&f.s); err != nil {
		return nil, err
	}
	first := src.offset()
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
		return nil, fault.New(fault.Internal, "%q is no part of a text file", spec).At(in.Name)
	}
	cols, first, err := f.columns(ctx, in)
	if err != nil {
		return nil, err
	}
	src, err := f.openPart(ctx, in, from, from == first)
	if err != nil {
		return nil, err
	}
	r, err := newReader(src, &f.s, cols, want)
	if err != nil {
		src.Close()
		return nil, err
	}
	r.stop = to
	return r, nil
}

// columns finds the columns and where the first row begins.
func (f *Format) columns(ctx context.Context, in format.Input) ([]column, int64, error) {
	src, err := f.open(ctx, in, 0, -1)
	if err != nil {
		return nil, 0, err
	}
	defer src.Close()
	cols, err := src.columns(&f.s)
	return cols, src.offset(), err
}

// openPart opens at from, where a row begins when isRow, else at the first row that begins behind it.
func (f *Format) openPart(ctx context.Context, in format.Input, from int64, isRow bool) (*source, error) {
	if !isRow {
		from--
	}
	rc, err := in.Open(ctx, from, -1)
	if err != nil {
		return nil, err
	}
	src := newSource(ctx, in.Name, rc, newScanner(&f.s))
	src.from = from
	if isRow {
		return src, nil
	}
	// The byte before tells whether a row begins at from: if it ends a row, skipping "its line" stops right there.
	length, _, err := src.line()
	switch {
	case errors.Is(err, io.EOF):
	case err != nil:
		rc.Close()
		return nil, err
	default:
		src.pos += length
	}
	return src, nil
}
