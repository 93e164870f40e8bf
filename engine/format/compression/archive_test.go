package compression_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
)

type named struct{ name, text string }

func tarOf(t testing.TB, files ...named) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.text)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, files ...named) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		e, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(e, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchivesOfManyFiles(t *testing.T) {
	t.Parallel()
	files := []named{{"d/", ""}, {"d/a.csv", "1,2\n"}, {"empty", ""}, {"b", strings.Repeat("x", 100_000)}}
	tarred := tarOf(t, files...)
	for kind, data := range map[string][]byte{"ZipDeflate": zipOf(t, files...), "tar": tarred, "TarGzip": gzipOf(t, tarred)} {
		a, err := compression.NewArchive(kind, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var names, texts []string
		for {
			name, err := a.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(kind, err)
			}
			text, err := io.ReadAll(a)
			if err != nil {
				t.Fatal(kind, err)
			}
			names, texts = append(names, name), append(texts, string(text))
		}
		if got := strings.Join(names, " "); got != "d/a.csv empty b" {
			t.Errorf("%s: %q", kind, got)
		}
		if len(texts) != 3 || texts[0] != files[1].text || texts[2] != files[3].text {
			t.Errorf("%s: wrong texts", kind)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		// As the one file of a dataset it is refused, and so it is when it is cut short.
		if _, err := decompress(kind, bytes.NewReader(data)); fault.Code(err) != fault.BadData || !strings.Contains(err.Error(), "more than one") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestArchivesOfOneFile(t *testing.T) {
	t.Parallel()
	one := tarOf(t, named{"d/", ""}, named{"d/f", "text"})
	for kind, data := range map[string][]byte{"tar": one, "TarGzip": gzipOf(t, one)} {
		if got, err := decompress(kind, bytes.NewReader(data)); string(got) != "text" || err != nil {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
		if _, err := decompress(kind, bytes.NewReader(data[:len(data)/3])); fault.Code(err) != fault.BadData {
			t.Errorf("%s cut short: %v", kind, err)
		}
	}
	if _, err := decompress("tar", bytes.NewReader(tarOf(t))); fault.Code(err) != fault.BadData {
		t.Errorf("empty: %v", err)
	}
}

// Blocks are joined bit by bit: lengths around a block's, runs that grow, noise.
func TestBZip2OfAnyLength(t *testing.T) {
	t.Parallel()
	tool, _ := exec.LookPath("bzip2")
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, []int{0, 1, 5, 77_999, 78_000, 78_001, 156_000}[r.IntN(7)]+r.IntN(50))
		for i := range data {
			switch seed % 3 {
			case 0: // runs of four become five bytes
				data[i] = byte(i >> 2)
			case 1:
				data[i] = byte(r.Uint32())
			}
		}
		packed := compress(t, "bzip2", compression.Fastest, data)
		if got, err := decompress("bzip2", bytes.NewReader(packed)); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		if tool != "" {
			cmd := exec.Command(tool, "-dc")
			cmd.Stdin = bytes.NewReader(packed)
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("the bzip2 program: %v", err)
			}
		}
	}
}

// Closing in the middle ends the goroutine that reads ahead.
func TestReadersCanBeLeftEarly(t *testing.T) {
	t.Parallel()
	data := sample(3 << 20)
	for _, name := range writable {
		r, err := compression.NewReader(name, bytes.NewReader(compress(t, name, compression.Fastest, data)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
			t.Error(name, err)
		}
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(name, err)
		}
		again, err := compression.NewReader(name, bytes.NewReader(nil))
		if err == nil {
			again.Close() // without any Read
		}
	}
}
