package compression

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"

	"dmgateway/engine/fault"
)

// Archive is a file that holds files with names: zip, tar or tar.gz. It is read from its beginning to its end.
type Archive struct {
	d    *decompressor
	next func() (string, error)
}

// IsArchive reports whether a compression's files hold files with names.
func IsArchive(name string) bool {
	name, err := Find(name)
	return err == nil && (name == Zip || name == Tar || name == TarGZip)
}

// NewArchive reads the archive that r holds; errors are as [NewReader]'s. Close does not close r.
func NewArchive(name string, r io.Reader) (*Archive, error) {
	found, err := Find(name)
	if err != nil {
		return nil, err
	}
	a := &Archive{d: &decompressor{name: found, src: &source{r: r}}}
	in := bufio.NewReaderSize(a.d.src, 64<<10)
	switch found {
	case Zip:
		z := &zipReader{in: in}
		a.d.r, a.next = z, z.next
	case Tar:
		a.tar(in)
	case TarGZip:
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, a.d.explain(err)
		}
		a.d.close = z.Close
		a.tar(z)
	default:
		return nil, fault.New(fault.Internal, "%q is no archive", name)
	}
	return a, nil
}

func (a *Archive) tar(in io.Reader) {
	z := tar.NewReader(in)
	a.d.r = z
	a.next = func() (string, error) {
		for {
			h, err := z.Next()
			if errors.Is(err, io.EOF) {
				_, err := io.Copy(io.Discard, in) // whatever stands behind the end mark must be whole too
				if err == nil {
					err = io.EOF
				}
				return "", err
			}
			if err != nil {
				return "", err
			}
			if h.Typeflag == tar.TypeReg { // folders, links and devices hold no data
				return h.Name, nil
			}
		}
	}
}

// Next goes to the next file and gives its name as the archive has it, which may have folders and must not be trusted as
// a path. io.EOF comes behind the last file.
func (a *Archive) Next() (string, error) {
	name, err := a.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return "", a.d.explain(err)
	}
	return name, err
}

// Read reads the file that Next has found; io.EOF at its end.
func (a *Archive) Read(p []byte) (int, error) { return a.d.Read(p) }

// Close frees what reading took.
func (a *Archive) Close() error { return a.d.Close() }

// single reads an archive of one file. Another file in it is an error: rows of two files are not one file.
type single struct {
	*Archive
	err error
}

// Read gives the file's bytes.
func (s *single) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.Archive.Read(p)
	if errors.Is(err, io.EOF) {
		s.err = io.EOF
		if name, e := s.Next(); e == nil {
			s.err = fault.New(fault.BadData, "the archive holds more than one file (%q)", name).
				Try("Unpack the archive, or copy it as it is without a format.")
		} else if !errors.Is(e, io.EOF) {
			s.err = e
		}
		return n, s.err
	}
	return n, err
}

func newSingle(name string, r io.Reader) (io.ReadCloser, error) {
	a, err := NewArchive(name, r)
	if err != nil {
		return nil, err
	}
	if _, err := a.Next(); err != nil {
		if errors.Is(err, io.EOF) {
			err = fault.New(fault.BadData, "the %s archive holds no file", a.d.name)
		}
		_ = a.Close()
		return nil, err
	}
	return &single{Archive: a}, nil
}
