package compression_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	"compress/zlib"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var writable = []string{compression.None, compression.GZip, compression.Deflate, compression.BZip2, compression.Zip, compression.Zstd, compression.Snappy, compression.LZ4}

func sample(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, n)
	for len(b) < n {
		b = append(b, strings.Repeat("row ", r.IntN(5))...)
		b = append(b, byte(r.Uint32()))
	}
	return b[:n]
}

func compress(t testing.TB, name, level string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := compression.NewWriter(name, level, &out)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 100_000 { // pieces of another size than the blocks
		if _, err := w.Write(data[i:min(i+100_000, len(data))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decompress(name string, r io.Reader) ([]byte, error) {
	z, err := compression.NewReader(name, r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(z)
	return data, errors.Join(err, z.Close())
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range writable {
		for _, level := range []string{"", compression.Optimal, "fastest"} {
			for _, size := range []int{0, 1, 512 << 10, 512<<10 + 1, 1_300_000} {
				data := sample(size)
				packed := compress(t, name, level, data)
				got, err := decompress(name, iotest.HalfReader(bytes.NewReader(packed)))
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s %s of %d bytes: %d bytes, %v", name, level, size, len(got), err)
				}
				if size > 1000 && name != compression.None && len(packed) > size*3/4 {
					t.Errorf("%s %s: %d bytes of %d", name, level, len(packed), size)
				}
			}
		}
	}
}

// The standard library reads what is written here, as one gzip member and one deflate stream.
func TestOthersReadIt(t *testing.T) {
	t.Parallel()
	data := sample(1_200_000)
	z, err := stdgzip.NewReader(bytes.NewReader(compress(t, compression.GZip, "", data)))
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, data) {
		t.Errorf("gzip: %d bytes, %v", len(got), err)
	}
	if got, err := io.ReadAll(flate.NewReader(bytes.NewReader(compress(t, compression.Deflate, "", data)))); err != nil || !bytes.Equal(got, data) {
		t.Errorf("deflate: %d bytes, %v", len(got), err)
	}
	archive := compress(t, compression.Zip, "", data)
	a, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(a.File) != 1 || a.File[0].Name != "data" {
		t.Fatalf("zip: %v", err)
	}
	f, err := a.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, data) {
		t.Errorf("zip: %d bytes, %v", len(got), err)
	}
}

func TestDamagedOrCutShortIsBadData(t *testing.T) {
	t.Parallel()
	data := sample(200_000)
	for _, name := range writable[1:] {
		packed := compress(t, name, "", data)
		for _, cut := range []int{0, 3, len(packed) / 2, len(packed) - 1} {
			if name == compression.Zip && cut == len(packed)-1 {
				cut = len(packed) - 22 // the end record
			}
			if name == compression.Snappy && cut < 10 || name == compression.Zstd && cut == 0 || name == compression.LZ4 && cut == 0 {
				continue // nothing at all is an empty stream of these
			}
			if _, err := decompress(name, bytes.NewReader(packed[:cut])); fault.Code(err) != fault.BadData {
				t.Errorf("%s cut to %d of %d: %v", name, cut, len(packed), err)
			}
		}
		if name == compression.Deflate {
			continue // has no checksum
		}
		bad := bytes.Clone(packed)
		for i := len(bad) / 2; i < len(bad)/2+20; i++ {
			bad[i] ^= 0x55
		}
		if got, err := decompress(name, bytes.NewReader(bad)); fault.Code(err) != fault.BadData {
			t.Errorf("%s damaged: %v, equal %v", name, err, bytes.Equal(got, data))
		}
	}
}

func TestBytesBehindDeflateAreNotLost(t *testing.T) {
	var raw, zl bytes.Buffer
	w, err := compression.NewWriter(compression.Deflate, "", &raw)
	if err != nil {
		t.Fatal(err)
	}
	z := zlib.NewWriter(&zl)
	for _, w := range []io.WriteCloser{w, z} {
		if _, err := w.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, packed := range [][]byte{raw.Bytes(), zl.Bytes()} {
		r, err := compression.NewReader(compression.Deflate, bytes.NewReader(slices.Repeat(packed, 2)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); fault.Code(err) != fault.BadData {
			t.Errorf("two streams, one behind the other: %q, %v", b, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSourceErrorsPassThrough(t *testing.T) {
	t.Parallel()
	broken := errors.New("line dropped")
	for _, name := range writable {
		packed := compress(t, name, "", sample(300_000))
		r := io.MultiReader(bytes.NewReader(packed[:len(packed)/2]), iotest.ErrReader(broken))
		if _, err := decompress(name, r); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestZlibHeaderIsAcceptedAsDeflate(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	z.Close()
	if got, err := decompress("Deflate", &b); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBZip2OfAnotherProgram(t *testing.T) {
	t.Parallel()
	packed := "BZh91AY&SY\x19\x31\x65\x3d\x00\x00\x00\x81\x00\x02\x44\xa0\x00\x21\x9a\x68\x33\x4d\x07\x33\x8b\xb9\x22\x9c\x28\x48\x0c\x98\xb2\x9e\x80"
	if got, err := decompress("BZip2", strings.NewReader(packed+packed)); string(got) != "hellohello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestZipOfOtherShapes(t *testing.T) {
	t.Parallel()
	build := func(f func(w *zip.Writer)) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f(w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	add := func(w *zip.Writer, h *zip.FileHeader, text string) {
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, want, code string
		archive          []byte
	}{
		{"folder before the file", "text", "", build(func(w *zip.Writer) {
			add(w, &zip.FileHeader{Name: "d/"}, "")
			add(w, &zip.FileHeader{Name: "d/f", Method: zip.Deflate}, "text")
		})},
		{"stored with sizes", "text", "", build(func(w *zip.Writer) {
			h := &zip.FileHeader{Name: "f", CRC32: crc32.ChecksumIEEE([]byte("text")), CompressedSize64: 4, UncompressedSize64: 4}
			f, err := w.CreateRaw(h)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte("text")); err != nil {
				t.Fatal(err)
			}
		})},
		{"two files", "", fault.BadData, build(func(w *zip.Writer) {
			add(w, &zip.FileHeader{Name: "a", Method: zip.Deflate}, "text")
			add(w, &zip.FileHeader{Name: "b", Method: zip.Deflate}, "text")
		})},
		{"no file", "", fault.BadData, build(func(*zip.Writer) {})},
		{"no archive", "", fault.BadData, []byte("this is no archive at all")},
	} {
		got, err := decompress("ZipDeflate", bytes.NewReader(c.archive))
		if c.code == "" && (err != nil || string(got) != c.want) || c.code != "" && fault.Code(err) != c.code {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestNamesAndExtensions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "None": "", "GZip": ".gz", "deflate": ".deflate", "BZIP2": ".bz2", "ZipDeflate": ".zip", "zstd": ".zst", "Snappy": ".snappy", "lz4": ".lz4", "TarGzip": ".tar.gz", "7z": ""} {
		if got := compression.Extension(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for _, f := range []func() error{
		func() error { _, err := compression.Find("7z"); return err },
		func() error { _, err := compression.NewReader("rar", strings.NewReader("")); return err },
		func() error { _, err := compression.NewWriter("gzip", "Smallest", io.Discard); return err },
		func() error { _, err := compression.NewWriter("TarGZip", "", io.Discard); return err },
	} {
		if err := f(); fault.Code(err) != fault.Unsupported {
			t.Error(err)
		}
	}
}

func FuzzReader(f *testing.F) {
	for i, name := range writable {
		f.Add(uint8(i+2), compress(f, name, "", []byte("some text some text")))
	}
	f.Fuzz(func(_ *testing.T, which uint8, data []byte) {
		names := append([]string{compression.Tar, compression.TarGZip}, writable...)
		r, err := compression.NewReader(names[int(which)%len(names)], bytes.NewReader(data))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		r.Close()
	})
}

func BenchmarkWriter(b *testing.B) {
	data := sample(8 << 20)
	for _, name := range writable[1:] {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				compress(b, name, "", data)
			}
		})
	}
}
