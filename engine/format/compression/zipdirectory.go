package compression

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zip"

	"dmgateway/engine/fault"
)

// maxDirectory is how many files a zip has at most whose directory is taken into memory, at some 300 bytes each.
const maxDirectory = 100_000

// NewZip reads a zip of size bytes by its directory, as other programs do. ok is false, without error, where the directory
// is too long for memory: such an archive is read by [NewArchive] from its beginning. Reading at r goes on by itself from
// one call to the next but for steps to the directory and back. Close does not close r.
func NewZip(r io.ReaderAt, size int64) (a *Archive, ok bool, err error) {
	src := &source{}
	at := &sourceAt{r, size, src}
	a = newArchive(Zip, src)
	count, err := directoryCount(at, size)
	if err != nil {
		return nil, false, a.d.explain(err)
	}
	if count > maxDirectory {
		return nil, false, nil
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return nil, false, a.d.explain(err)
	}
	d := &zipDirectory{files: z.File}
	if err := d.check(size); err != nil {
		return nil, false, err
	}
	a.d.r, a.packed = d, func() int64 { return d.packed }
	a.d.close = d.close
	a.next = func() (member, error) {
		m, err := d.next(a.pass)
		return m, err
	}
	return a, true, nil
}

// sourceAt remembers errors of the reader, to tell them from damaged data.
type sourceAt struct {
	io.ReaderAt
	size int64
	src  *source
}

// ReadAt reads.
func (s *sourceAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size {
		return 0, io.ErrUnexpectedEOF // as damaged archives ask for
	}
	n, err := s.ReaderAt.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.src.err = err
	}
	return n, err
}

// directoryCount is how many files the end record says that there are; 0 where there is none, which others refuse.
func directoryCount(r io.ReaderAt, size int64) (uint64, error) {
	tail := make([]byte, min(size, 66_000)) // the longest end record, and the locator of a large one before it
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	at := bytes.LastIndex(tail, binary.LittleEndian.AppendUint32(nil, endOfCentral))
	if at < 0 || at+22 > len(tail) {
		return 0, nil
	}
	n := uint64(binary.LittleEndian.Uint16(tail[at+10:]))
	if n != 0xffff || at < 20 || binary.LittleEndian.Uint32(tail[at-20:]) != zip64Locator {
		return n, nil
	}
	var end [40]byte
	if _, err := r.ReadAt(end[:], int64(binary.LittleEndian.Uint64(tail[at-12:]))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if binary.LittleEndian.Uint32(end[:]) != zip64End {
		return n, nil
	}
	return binary.LittleEndian.Uint64(end[32:]), nil
}

const zip64Locator = 0x07064b50

// zipDirectory reads the files of a zip in the order of its directory.
type zipDirectory struct {
	files  []*zip.File
	body   io.ReadCloser
	packed int64 // bytes of the files so far, this one included
}

// check refuses a zip whose files share bytes: only bombs are made so.
func (z *zipDirectory) check(size int64) error {
	left := uint64(size)
	for _, f := range z.files {
		need := f.CompressedSize64 + localHeaderBytes
		if need > left || need < f.CompressedSize64 {
			return fault.New(fault.BadData, "the files in the zip archive overlap or are longer than it").Try("Check that the file is whole. Do not unpack an archive that you do not trust.")
		}
		left -= need
	}
	return nil
}

// next opens the next file; pass is told the names of links.
func (z *zipDirectory) next(pass func(string)) (member, error) {
	if err := z.close(); err != nil {
		return member{}, err
	}
	for len(z.files) > 0 {
		f := z.files[0]
		z.files = z.files[1:]
		switch {
		case folder(f.Name):
			continue
		case f.Flags&flagEncrypted != 0:
			return member{}, encrypted()
		case f.Mode().Type()&fs.ModeType != 0:
			pass(f.Name)
			continue
		}
		body, err := f.Open()
		if errors.Is(err, zip.ErrAlgorithm) {
			return member{}, badMethod(f.Method)
		}
		if err != nil {
			return member{}, err
		}
		z.body = body
		z.packed += int64(f.CompressedSize64)
		return member{f.Name, int64(f.UncompressedSize64)}, nil
	}
	return member{}, io.EOF
}

// Read reads the file that is open.
func (z *zipDirectory) Read(p []byte) (int, error) {
	if z.body == nil {
		return 0, io.EOF
	}
	return z.body.Read(p)
}

func (z *zipDirectory) close() error {
	if z.body == nil {
		return nil
	}
	err := z.body.Close()
	z.body = nil
	return err
}

func encrypted() error {
	return fault.New(fault.Unsupported, "the zip archive is encrypted").Try("Pack it without a password.")
}

func badMethod(method uint16) error {
	return fault.New(fault.Unsupported, "the zip archive uses method %d", method).Try("Pack it with deflate.")
}
