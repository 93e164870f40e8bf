package compression

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
)

// newZipWriter writes an archive of one file.
func newZipWriter(w io.Writer, level int, entry string) (io.WriteCloser, error) {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return newParallel(w, deflated(level)), nil
	})
	f, err := z.Create(entry)
	if err != nil {
		return nil, err
	}
	return &zipWriter{f, z}, nil
}

type zipWriter struct {
	io.Writer
	z *zip.Writer
}

// Close writes the directory.
func (w *zipWriter) Close() error { return w.z.Close() }

// Signatures and flags of the archive format.
const (
	localHeader      = 0x04034b50
	centralHeader    = 0x02014b50
	endOfCentral     = 0x06054b50
	zip64End         = 0x06064b50
	dataDescriptor   = 0x08074b50
	flagEncrypted    = 1 << 0
	flagDescriptor   = 1 << 3
	methodStored     = 0
	methodDeflated   = 8
	localHeaderBytes = 30
)

// zipReader reads an archive from its beginning, without seeking to its directory. Folders are passed over.
type zipReader struct {
	in    *bufio.Reader
	body  io.Reader
	sum   hash.Hash32
	size  uint64
	entry entry
	found bool
	err   error
}

// entry is what a local header says.
type entry struct {
	name         string
	flags        uint16
	method       uint16
	crc          uint32
	packed, size uint64
	wide         bool // the lengths behind the data have eight bytes
}

// Read gives the bytes of the file that next has found.
func (z *zipReader) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	if z.body == nil {
		return 0, io.EOF
	}
	n, err := z.body.Read(p)
	z.sum.Write(p[:n])
	z.size += uint64(n)
	switch {
	case errors.Is(err, io.EOF):
		z.body = nil
		if z.err = z.finish(); z.err != nil {
			return n, z.err
		}
	case err != nil:
		z.err = err
		return n, err
	}
	if n == 0 && z.body == nil {
		return 0, io.EOF
	}
	return n, nil
}

// next goes to the next file, whatever is left of the one before; io.EOF behind the last.
func (z *zipReader) next() (string, error) {
	if z.body != nil {
		if _, err := io.Copy(io.Discard, z); err != nil {
			return "", err
		}
	}
	for z.err == nil {
		if z.err = z.open(); z.err != nil {
			break
		}
		if !folder(z.entry.name) {
			z.found = true
			return z.entry.name, nil
		}
		if _, err := io.Copy(io.Discard, z); err != nil {
			return "", err
		}
	}
	return "", z.err
}

func folder(name string) bool { return strings.HasSuffix(name, "/") || strings.HasSuffix(name, `\`) }

// open reads the next header; io.EOF where the directory begins.
func (z *zipReader) open() error {
	head, err := z.in.Peek(4)
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	switch binary.LittleEndian.Uint32(head) {
	case localHeader:
	case centralHeader, endOfCentral, zip64End:
		return z.directory()
	default:
		return errors.New("no zip archive")
	}
	if err := z.header(); err != nil {
		return err
	}
	return z.begin()
}

// directory reads the rest, which a whole archive has up to its end record.
func (z *zipReader) directory() error {
	tail := make([]byte, 0, 128<<10)
	buf := make([]byte, 32<<10)
	for {
		n, err := z.in.Read(buf)
		tail = append(tail, buf[:n]...)
		if len(tail) > 70_000 { // the end record has at most 65,557 bytes
			tail = append(tail[:0], tail[len(tail)-70_000:]...)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if !bytes.Contains(tail, binary.LittleEndian.AppendUint32(nil, endOfCentral)) {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

func (z *zipReader) header() error {
	var h [localHeaderBytes]byte
	if _, err := io.ReadFull(z.in, h[:]); err != nil {
		return err
	}
	le := binary.LittleEndian
	z.entry = entry{
		flags: le.Uint16(h[6:]), method: le.Uint16(h[8:]), crc: le.Uint32(h[14:]),
		packed: uint64(le.Uint32(h[18:])), size: uint64(le.Uint32(h[22:])),
	}
	rest := make([]byte, int(le.Uint16(h[26:]))+int(le.Uint16(h[28:])))
	if _, err := io.ReadFull(z.in, rest); err != nil {
		return err
	}
	z.entry.name = string(rest[:le.Uint16(h[26:])])
	z.entry.large(rest[le.Uint16(h[26:]):])
	return nil
}

// large takes sizes over 4 GiB from the extra field.
func (e *entry) large(extra []byte) {
	for len(extra) >= 4 {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[4:]
		if n > len(extra) {
			return
		}
		e.wide = e.wide || id == 1
		if id == 1 && n >= 16 {
			e.size, e.packed = binary.LittleEndian.Uint64(extra), binary.LittleEndian.Uint64(extra[8:])
		}
		extra = extra[n:]
	}
}

func (z *zipReader) begin() error {
	e := &z.entry
	switch {
	case e.flags&flagEncrypted != 0:
		return encrypted()
	case e.method == methodStored && e.flags&flagDescriptor == 0:
		z.body = io.LimitReader(z.in, int64(e.packed))
	case e.method == methodDeflated:
		z.body = flate.NewReader(z.in) // reads no byte too many from a *bufio.Reader
	default:
		return badMethod(e.method)
	}
	z.sum, z.size = crc32.NewIEEE(), 0
	return nil
}

// finish checks length and checksum of the file just read.
func (z *zipReader) finish() error {
	e := &z.entry
	if e.flags&flagDescriptor != 0 {
		if err := z.descriptor(); err != nil {
			return err
		}
	} else if z.size != e.size {
		return io.ErrUnexpectedEOF
	}
	if z.sum.Sum32() != e.crc {
		return errors.New("the checksum is wrong")
	}
	return nil
}

// descriptor reads the checksum and lengths that follow the data. Its signature is optional and its lengths have 4 or 8
// bytes: what follows it tells.
func (z *zipReader) descriptor() error {
	head, err := z.in.Peek(4)
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(head) == dataDescriptor {
		if _, err := z.in.Discard(4); err != nil {
			return err
		}
	}
	for _, n := range []int{12, 20} {
		d, err := z.in.Peek(n + 4)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		switch binary.LittleEndian.Uint32(d[n:]) {
		case localHeader, centralHeader:
			z.entry.crc = binary.LittleEndian.Uint32(d)
			_, err := z.in.Discard(n)
			return err
		}
	}
	return errors.New("no header follows the file")
}
