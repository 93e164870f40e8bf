package files

import (
	"bufio"
	"context"
	"errors"
	"io"

	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
)

// Archive is an archive of a store that is being read, file by file, from one goroutine. Errors about its data name it.
type Archive struct {
	*compression.Archive
	close func() error
	path  string
}

// OpenArchive opens an archive of the compression that name tells. A zip is read by its directory, by ranges of the file.
// count is told the bytes that come from the store.
func OpenArchive(ctx context.Context, files store.Files, f store.File, name string, count func(int)) (*Archive, error) {
	a, err := openArchive(ctx, files, f, name, count)
	if err != nil {
		return nil, inFile(err, f.Path)
	}
	return a, nil
}

func openArchive(ctx context.Context, files store.Files, f store.File, name string, count func(int)) (*Archive, error) {
	if kind, err := compression.Find(name); err == nil && kind == compression.Zip {
		r := &ranged{ctx: ctx, files: files, file: f, count: count}
		z, ok, err := compression.NewZip(r, f.Size)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		if ok {
			return &Archive{z, r.Close, f.Path}, nil
		}
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	raw, err := OpenStream(ctx, files, f, 0, -1, nil)
	if err != nil {
		return nil, err
	}
	a, err := compression.NewArchive(name, &countingReader{raw, count})
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return &Archive{a, raw.Close, f.Path}, nil
}

// Next goes to the next file in the archive and gives its path; io.EOF behind the last.
func (a *Archive) Next() (string, error) {
	name, err := a.Archive.Next()
	return name, inFile(err, a.path)
}

// Read reads the file that Next has found.
func (a *Archive) Read(p []byte) (int, error) {
	n, err := a.Archive.Read(p)
	return n, inFile(err, a.path)
}

// Close ends it.
func (a *Archive) Close() error { return errors.Join(a.Archive.Close(), a.close()) }

// ranged reads a stored file at any offset. What goes on where the last read ended comes from the same stream.
type ranged struct {
	ctx   context.Context // of the reading that this is a part of
	files store.Files
	file  store.File
	count func(int)

	body io.ReadCloser
	in   *bufio.Reader
	at   int64 // of the next byte of in
}

const (
	rangedBuffer = 64 << 10
	// rangedSkip is how far ahead reading on is better than another request.
	rangedSkip = 256 << 10
)

// ReadAt implements io.ReaderAt for one goroutine.
func (r *ranged) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 || offset > r.file.Size {
		return 0, fault.New(fault.BadData, "the archive says that it is longer than it is")
	}
	if offset == r.file.Size {
		return 0, io.EOF
	}
	if err := r.seek(offset); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.in, p)
	r.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (r *ranged) seek(offset int64) error {
	if gap := offset - r.at; r.body != nil && gap >= 0 && gap <= rangedSkip {
		n, err := r.in.Discard(int(gap))
		r.at += int64(n)
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	body, err := OpenStream(r.ctx, r.files, r.file, offset, -1, nil)
	if err != nil {
		return err
	}
	counted := &countingReader{body, r.count}
	if r.in == nil {
		r.in = bufio.NewReaderSize(nil, rangedBuffer)
	}
	r.in.Reset(counted)
	r.body, r.at = counted, offset
	return nil
}

// Close ends the stream.
func (r *ranged) Close() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}
