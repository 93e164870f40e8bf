// Package compression wraps files that are compressed as a whole: gzip, deflate, bzip2, zip, zstd, snappy, lz4, tar and
// tar.gz.
package compression

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"dmgateway/engine/fault"
)

// The compressions by their names in plans.
const (
	None    = ""
	GZip    = "gzip"
	Deflate = "deflate" // raw, as .NET's DeflateStream writes; a zlib header is accepted on reading
	BZip2   = "bzip2"
	Zip     = "zip"     // written with one file
	Tar     = "tar"     // can only be read
	TarGZip = "targzip" // can only be read
	Zstd    = "zstd"
	Snappy  = "snappy" // framed
	LZ4     = "lz4"    // frames
)

// Levels, as Data Factory spells them.
const (
	Optimal = "Optimal"
	Fastest = "Fastest"
)

// Find gives the name used here for Data Factory's name of a compression, whatever its case: "ZipDeflate" is zip, "" and
// "none" are None. An unknown name is refused with code Unsupported.
func Find(name string) (string, error) {
	switch n := strings.ToLower(strings.TrimSpace(name)); n {
	case "", "none":
		return None, nil
	case GZip, Deflate, BZip2, Zip, Zstd, Snappy, LZ4, Tar, TarGZip:
		return n, nil
	case "zipdeflate":
		return Zip, nil
	case "zstandard":
		return Zstd, nil
	}
	return "", fault.New(fault.Unsupported, "the compression %q is not supported", name).
		Try("Use gzip, deflate, bzip2, ZipDeflate, TarGzip, tar, zstd, snappy or lz4.")
}

// Extension is what a compressed file's name ends in, with the dot; "" for None and unknown names.
func Extension(name string) string {
	name, err := Find(name)
	if err != nil {
		return ""
	}
	return map[string]string{GZip: ".gz", Deflate: ".deflate", BZip2: ".bz2", Zip: ".zip", Zstd: ".zst", Snappy: ".snappy", LZ4: ".lz4", Tar: ".tar", TarGZip: ".tar.gz"}[name]
}

// NewReader reads what r holds compressed. Data that is damaged or cut short is an error with code BadData; errors of r
// are passed on as they are. An archive must hold one file; [NewArchive] reads more. Close frees memory and does not close
// r. It may use goroutines until it is closed, one of which may be waiting in r.Read then: break that off before.
func NewReader(name string, r io.Reader) (io.ReadCloser, error) {
	name, err := Find(name)
	if err != nil {
		return nil, err
	}
	if name == None {
		return io.NopCloser(r), nil
	}
	if IsArchive(name) {
		s, err := newSingle(name, r)
		if err != nil {
			return nil, err
		}
		return newAhead(s), nil
	}
	d := &decompressor{name: name, src: &source{r: r}}
	in := bufio.NewReaderSize(d.src, 64<<10)
	switch name {
	case GZip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(in); err == nil {
			d.r, d.close = z, z.Close
		}
	case Deflate:
		d.r, err = newDeflateReader(in)
	case BZip2:
		d.r = bzip2.NewReader(in)
	case Zstd:
		var z *zstd.Decoder
		// The window bounds memory, whatever the file says; zstd --ultra --long needs no more than this.
		if z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true)); err == nil {
			d.r, d.close = z, func() error { z.Close(); return nil }
		}
	case Snappy:
		d.r = s2.NewReader(in)
	case LZ4:
		d.r = lz4.NewReader(in)
	}
	if err != nil {
		return nil, d.explain(err)
	}
	switch name {
	case GZip, Deflate, BZip2:
		return newAhead(d), nil
	}
	return d, nil
}

// wholeReader gives an error where bytes stand behind the end of a stream, which has no other way to tell that there
// is more: they would be lost without a word.
type wholeReader struct {
	io.Reader
	in *bufio.Reader // gives single bytes, so that nothing behind the end is taken
}

// Read reads.
func (r wholeReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		switch _, end := r.in.Peek(1); {
		case end == nil:
			err = errors.New("more bytes follow its end")
		case !errors.Is(end, io.EOF):
			err = end
		}
	}
	return n, err
}

// newDeflateReader reads raw deflate, or zlib where its header is there: a raw stream does not begin like one.
func newDeflateReader(in *bufio.Reader) (io.Reader, error) {
	head, _ := in.Peek(2)
	if len(head) == 2 && head[0] == 0x78 && (int(head[0])<<8+int(head[1]))%31 == 0 {
		r, err := zlib.NewReader(in)
		return wholeReader{r, in}, err
	}
	return wholeReader{flate.NewReader(in), in}, nil
}

// source remembers its own error, to tell it from damaged data.
type source struct {
	r   io.Reader
	n   int64 // bytes read
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

type decompressor struct {
	name  string
	src   *source
	r     io.Reader
	close func() error
}

// Read gives decompressed bytes.
func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = d.explain(err)
	}
	return n, err
}

func (d *decompressor) explain(err error) error {
	switch {
	case d.src.err != nil:
		return d.src.err
	case fault.Is(err, fault.BadData), fault.Is(err, fault.Unsupported):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = io.ErrUnexpectedEOF
	}
	return fault.New(fault.BadData, "the %s data is damaged or cut short", d.name).Because(err).
		Try("Check that the file is whole and that the dataset names the right compression.")
}

// Close frees what reading took.
func (d *decompressor) Close() error {
	if d.close == nil {
		return nil
	}
	err := d.close()
	d.close = nil
	return err
}

// NewWriter compresses to w. level is Optimal or Fastest; "" is Optimal, but Fastest for zstd. Close completes the data and does not close w.
// Tar and TarGZip are refused with code Unsupported. A zip's one file is called "data"; see [NewNamedWriter].
func NewWriter(name, level string, w io.Writer) (io.WriteCloser, error) {
	return NewNamedWriter(name, level, "data", w)
}

// NewNamedWriter is [NewWriter] with the name of the file inside a zip.
func NewNamedWriter(name, level, entry string, w io.Writer) (io.WriteCloser, error) {
	name, err := Find(name)
	if err != nil {
		return nil, err
	}
	fast := strings.EqualFold(level, Fastest)
	if !fast && level != "" && !strings.EqualFold(level, Optimal) {
		return nil, fault.New(fault.Unsupported, "the compression level %q is not supported", level).Try("Use Optimal or Fastest.")
	}
	switch name {
	case GZip:
		return newParallel(w, gzipped(flateLevel(fast))), nil
	case Deflate:
		return newParallel(w, deflated(flateLevel(fast))), nil
	case Zip:
		return newZipWriter(w, flateLevel(fast), entry)
	case BZip2:
		if fast {
			return newParallel(w, bzipped(1)), nil
		}
		return newParallel(w, bzipped(9)), nil
	case Zstd:
		if fast || level == "" { // zstd's own default is quick too
			return newParallel(w, zstdFrames(zstd.SpeedFastest)), nil
		}
		return newParallel(w, zstdFrames(zstd.SpeedDefault)), nil
	case Snappy:
		return s2.NewWriter(w, s2.WriterSnappyCompat(), s2.WriterBlockSize(64<<10)), nil
	case LZ4:
		return newLZ4(w)
	case Tar, TarGZip:
		return nil, fault.New(fault.Unsupported, "%s can be read but not written", name).Try("Write gzip or zstd instead.")
	}
	return nopCloser{w}, nil
}

func flateLevel(fast bool) int {
	if fast {
		return flate.BestSpeed
	}
	return 6
}

// newLZ4 writes frames of blocks of 1 MiB with the quick method at either level: the slow one takes thirty times as long.
func newLZ4(w io.Writer) (io.WriteCloser, error) {
	z := lz4.NewWriter(w)
	if err := z.Apply(lz4.CompressionLevelOption(lz4.Fast), lz4.BlockSizeOption(lz4.Block1Mb), lz4.ConcurrencyOption(-1)); err != nil {
		return nil, err
	}
	return z, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
