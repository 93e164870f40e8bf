package compression

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"hash/maphash"
	"io"

	"github.com/klauspost/compress/gzip"

	"dmgateway/engine/fault"
)

// Archive is a file that holds files with names: zip, tar or tar.gz. It is used from one goroutine.
type Archive struct {
	d    *decompressor
	next func() (member, error)

	packed   func() int64 // bytes of the archive that what was read is made of
	unpacked int64
	seed     maphash.Seed
	names    map[uint64]struct{}
	size     int64
	passed   []string
	links    int
	trusting bool // names are not looked at
}

// member is a file in an archive as the archive has it.
type member struct {
	name string
	size int64 // < 0 where it is known only behind the file
}

// IsArchive reports whether a compression's files hold files with names.
func IsArchive(name string) bool {
	name, err := Find(name)
	return err == nil && (name == Zip || name == Tar || name == TarGZip)
}

// NewArchive reads the archive that r holds from its beginning to its end; errors are as [NewReader]'s. Close does not
// close r. A zip is read better by [NewZip] where that is possible.
func NewArchive(name string, r io.Reader) (*Archive, error) {
	found, err := Find(name)
	if err != nil {
		return nil, err
	}
	src := &source{r: r}
	a := newArchive(found, src)
	a.packed = func() int64 { return src.n }
	in := bufio.NewReaderSize(src, 64<<10)
	switch found {
	case Zip:
		z := &zipReader{in: in}
		a.d.r = z
		a.next = func() (member, error) {
			name, err := z.next()
			size := int64(-1)
			if z.entry.flags&flagDescriptor == 0 {
				size = int64(z.entry.size)
			}
			return member{name, size}, err
		}
	case Tar:
		end := &zeroTail{Reader: in}
		a.tar(end)
		next := a.next
		a.next = func() (member, error) {
			m, err := next()
			if errors.Is(err, io.EOF) && end.zeros < tarBlock {
				err = io.ErrUnexpectedEOF
			}
			return m, err
		}
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

// tarBlock is the least number of zeros that a tar ends in. Only they tell one that is cut behind a file; in a tar.gz the
// compression does.
const tarBlock = 512

// zeroTail counts the zeros at the end of what was read so far.
type zeroTail struct {
	io.Reader
	zeros int
}

// Read reads.
func (z *zeroTail) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	rest := len(bytes.TrimRight(p[:n], "\x00"))
	if rest > 0 {
		z.zeros = 0
	}
	z.zeros += n - rest
	return n, err
}

func newArchive(name string, src *source) *Archive {
	return &Archive{d: &decompressor{name: name, src: src}, seed: maphash.MakeSeed(), names: map[uint64]struct{}{}}
}

func (a *Archive) tar(in io.Reader) {
	z := tar.NewReader(in)
	a.d.r = z
	a.next = func() (member, error) {
		for {
			h, err := z.Next()
			if errors.Is(err, io.EOF) {
				_, err := io.Copy(io.Discard, in) // whatever stands behind the end mark must be whole too
				if err == nil {
					err = io.EOF
				}
				return member{}, err
			}
			if err != nil {
				return member{}, err
			}
			switch h.Typeflag {
			case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
				return member{h.Name, h.Size}, nil
			case tar.TypeDir, tar.TypeXGlobalHeader:
			case tar.TypeLink:
				return member{}, fault.New(fault.Unsupported, "the archive holds %q as a link to %q, which has its data", h.Name, h.Linkname).
					Try("Pack the files without hard links (tar --hard-dereference).")
			default: // symbolic links and devices
				a.pass(h.Name)
			}
		}
	}
}

// pass notes what is no file.
func (a *Archive) pass(name string) {
	if a.links++; len(a.passed) < maxPassed {
		a.passed = append(a.passed, name)
	}
}

const maxPassed = 5

// Passed tells how many symbolic links and devices have been passed over so far, and the names of the first five.
func (a *Archive) Passed() (count int, names []string) { return a.links, a.passed }

// Next goes to the next file and gives its path: relative, with "/" between its elements, without ".." and never twice in
// one archive. An archive that breaks these rules is refused with code BadData. io.EOF comes behind the last file.
func (a *Archive) Next() (string, error) {
	m, err := a.next()
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = a.d.explain(err)
		}
		return "", err
	}
	a.size = m.size
	if a.trusting {
		return m.name, nil
	}
	p, err := memberPath(m.name)
	if err != nil {
		return "", err
	}
	sum := maphash.String(a.seed, p)
	if _, twice := a.names[sum]; twice {
		return "", fault.New(fault.BadData, "the archive holds two files called %q", p).Try("Unpack the archive by hand and see which one is meant.")
	}
	a.names[sum] = struct{}{}
	return p, nil
}

// Size is the number of bytes of the file that Next has found, < 0 where it is known only behind them.
func (a *Archive) Size() int64 { return a.size }

// An archive that becomes more than bombBytes has at least one byte for every bombRatio of them: text seldom has one for
// fifty, a bomb less than one for a thousand.
const (
	bombBytes = 256 << 20
	bombRatio = 250
)

// Read reads the file that Next has found; io.EOF at its end.
func (a *Archive) Read(p []byte) (int, error) {
	n, err := a.d.Read(p)
	a.unpacked += int64(n)
	if a.unpacked > bombBytes && a.unpacked/bombRatio > a.packed() {
		return 0, fault.New(fault.BadData, "the archive grows to more than %d times its size", bombRatio).
			Try("It may be made to fill disks. Unpack it by hand if it is what it should be.")
	}
	return n, err
}

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
				Try("Remove fileName from the sink's dataset, so that each file gets its own name, or unpack the archive.")
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
	a.trusting = true // nobody uses the name
	if _, err := a.Next(); err != nil {
		if errors.Is(err, io.EOF) {
			err = fault.New(fault.BadData, "the %s archive holds no file", a.d.name)
		}
		_ = a.Close()
		return nil, err
	}
	return &single{Archive: a}, nil
}
