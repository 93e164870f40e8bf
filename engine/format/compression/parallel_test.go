package compression_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"dmgateway/engine/format/compression"
)

func TestWhatIsReadIsCompressedLikeWhatIsWritten(t *testing.T) {
	t.Parallel()
	shapes := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "the end comes with the data": iotest.DataErrReader,
	}
	for _, name := range []string{compression.GZip, compression.Zstd} {
		for _, size := range []int{0, 1, 512 << 10, 2 << 20, 2<<20 + 1} {
			data := sample(size)
			for shape, of := range shapes {
				var out bytes.Buffer
				w, err := compression.NewWriter(name, compression.Fastest, &out)
				if err != nil {
					t.Fatal(err)
				}
				from := w.(io.ReaderFrom)
				first := min(size, 1000)
				if _, err := w.Write(data[:first]); err != nil { // both ways, in turns
					t.Fatal(err)
				}
				n, err := from.ReadFrom(of(bytes.NewReader(data[first:])))
				if err != nil || n != int64(size-first) {
					t.Errorf("%s of %d bytes, %s: %d, %v", name, size, shape, n, err)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if got, err := decompress(name, &out); err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s of %d bytes, %s: %d came back, %v", name, size, shape, len(got), err)
				}
			}
		}
	}
}

func TestAReadersAndAWritersErrorsComeOutOfReading(t *testing.T) {
	t.Parallel()
	data := sample(9 << 20)
	broken := errors.New("the line is cut")
	w, err := compression.NewWriter(compression.Zstd, compression.Fastest, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.(io.ReaderFrom).ReadFrom(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || n != int64(len(data)) {
		t.Errorf("got %d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	w, err = compression.NewWriter(compression.Zstd, compression.Fastest, failing{broken})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.(io.ReaderFrom).ReadFrom(bytes.NewReader(bytes.Repeat(data, 3))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("close gives %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
