package compression_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
)

// walked reads a whole archive; a zip by its directory.
func walked(kind string, data []byte) (names, texts []string, a *compression.Archive, err error) {
	if kind == "zip" {
		var ok bool
		if a, ok, err = compression.NewZip(bytes.NewReader(data), int64(len(data))); err == nil && !ok {
			err = errors.New("too many files")
		}
	} else {
		a, err = compression.NewArchive(strings.TrimPrefix(kind, "streamed "), bytes.NewReader(data))
	}
	if err != nil {
		return nil, nil, nil, err
	}
	defer a.Close()
	for {
		name, err := a.Next()
		if errors.Is(err, io.EOF) {
			return names, texts, a, nil
		}
		if err != nil {
			return names, texts, a, err
		}
		text, err := io.ReadAll(a)
		names, texts = append(names, name), append(texts, string(text))
		if err != nil {
			return names, texts, a, err
		}
	}
}

// rawTar is a tar of these headers; a file with a size gets as many bytes.
func rawTar(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Mode = 0o600
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, strings.Repeat("x", int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// patched replaces every occurrence of bytes, so that archives can say what no writer writes.
func patched(data []byte, from, to string) []byte {
	return bytes.ReplaceAll(data, []byte(from), []byte(to))
}

// sumOf is the CRC of a text as a zip has it.
func sumOf(text string) string {
	return string(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

func TestArchivesThatAreNotToBeTrustedAreRefused(t *testing.T) {
	t.Parallel()
	two := zipOf(t, named{"a", "one"}, named{"b", "two"})
	encryptedZip := bytes.Clone(two)
	for at := 0; ; {
		i := bytes.Index(encryptedZip[at:], []byte("PK\x01\x02"))
		if i < 0 {
			break
		}
		encryptedZip[at+i+8] |= 1
		at += i + 4
	}
	tarred := tarOf(t, named{"a", "one"}, named{"b", "two"})
	overlapping := bytes.Clone(two)
	if i := bytes.Index(overlapping, []byte("PK\x01\x02")); i > 0 {
		binary.LittleEndian.PutUint32(overlapping[i+20:], 1<<20)
	}
	for _, c := range []struct {
		name, kind string
		data       []byte
		code, says string
	}{
		{"a path that leaves", "zip", zipOf(t, named{"../evil", "x"}), fault.BadData, "leads out"},
		{"a path that leaves, streamed", "streamed zip", zipOf(t, named{"../evil", "x"}), fault.BadData, "leads out"},
		{"a path that leaves, tar", "tar", tarOf(t, named{"ok", "1"}, named{"d/../../evil", "x"}), fault.BadData, "leads out"},
		{"a whole path", "tar", tarOf(t, named{"/etc/passwd", "x"}), fault.BadData, "whole path"},
		{"a drive", "zip", zipOf(t, named{`C:\evil`, "x"}), fault.BadData, "drive"},
		{"backslashes", "zip", zipOf(t, named{`..\evil`, "x"}), fault.BadData, "leads out"},
		{"a name twice", "zip", zipOf(t, named{"a", "1"}, named{"./a", "2"}), fault.BadData, "two files"},
		{"a name twice, tar", "targzip", gzipOf(t, tarOf(t, named{"a", "1"}, named{"a", "2"})), fault.BadData, "two files"},
		{"a hard link", "tar", rawTar(t, tar.Header{Name: "a", Size: 3, Typeflag: tar.TypeReg}, tar.Header{Name: "b", Linkname: "a", Typeflag: tar.TypeLink}), fault.Unsupported, "as a link"},
		{"encrypted", "zip", encryptedZip, fault.Unsupported, "encrypted"},
		{"an unknown method", "zip", patched(patched(two, "PK\x01\x02\x14\x00\x14\x00\x08\x00\x08\x00", "PK\x01\x02\x14\x00\x14\x00\x08\x00\x63\x00"), "PK\x03\x04\x14\x00\x08\x00\x08\x00", "PK\x03\x04\x14\x00\x08\x00\x63\x00"), fault.Unsupported, "method 99"},
		{"files that overlap", "zip", overlapping, fault.BadData, "overlap"},
		{"no archive", "zip", []byte(strings.Repeat("text ", 100)), fault.BadData, "damaged"},
		{"nothing", "zip", nil, fault.BadData, "damaged"},
		{"a wrong sum", "zip", patched(two, sumOf("one"), sumOf("two")), fault.BadData, "damaged"},
		{"cut short", "zip", two[:len(two)-30], fault.BadData, "damaged"},
		{"cut in the middle", "streamed zip", two[:len(two)/2], fault.BadData, "damaged"},
		{"cut behind a file", "tar", tarred[:1024], fault.BadData, "cut short"},
		{"cut in a file", "tar", tarred[:514], fault.BadData, "cut short"},
		{"cut in a tar.gz", "targzip", gzipOf(t, tarred)[:60], fault.BadData, "cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := walked(c.kind, c.data)
			if fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %s with %q", err, c.code, c.says)
			}
		})
	}
}

func TestLinksAndDevicesArePassedOver(t *testing.T) {
	t.Parallel()
	tarred := rawTar(t, tar.Header{Name: "a", Size: 3, Typeflag: tar.TypeReg}, tar.Header{Name: "l", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink},
		tar.Header{Name: "dev", Typeflag: tar.TypeChar}, tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, tar.Header{Name: "b", Typeflag: tar.TypeReg})
	var zipped bytes.Buffer
	w := zip.NewWriter(&zipped)
	for name, mode := range map[string]fs.FileMode{"a": 0o644, "l": fs.ModeSymlink | 0o777} {
		h := &zip.FileHeader{Name: name}
		h.SetMode(mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(f, "xyz")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for kind, c := range map[string]struct {
		data  []byte
		names string
		count int
	}{"tar": {tarred, "a b", 3}, "zip": {zipped.Bytes(), "a", 1}} {
		names, _, a, err := walked(kind, c.data)
		if err != nil || strings.Join(names, " ") != c.names {
			t.Errorf("%s: %q, %v", kind, names, err)
			continue
		}
		if n, _ := a.Passed(); n != c.count {
			t.Errorf("%s: %d passed", kind, n)
		}
	}
}

// zeros is a file that is nothing but zeros.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(z.left, int64(len(p))))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

func TestBombsAreNoticedBeforeTheyFillADisk(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("zeros")
	if err == nil {
		_, err = io.Copy(f, &zeros{left: 600 << 20})
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, streamed := range []bool{false, true} {
		var a *compression.Archive
		if streamed {
			a, err = compression.NewArchive("zip", bytes.NewReader(b.Bytes()))
		} else {
			a, _, err = compression.NewZip(bytes.NewReader(b.Bytes()), int64(b.Len()))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Next(); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, a)
		if fault.Code(err) != fault.BadData || n > 300<<20 {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = a.Close()
	}
}

func TestArchivesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[string]string{"a.csv": "1,2\n", "d/empty": "", "d/ü.txt": strings.Repeat("text ", 20_000)}
	for name, text := range want {
		p := filepath.Join(dir, "in", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(out string, command ...string) []byte {
		tool, err := exec.LookPath(command[0])
		if err != nil {
			t.Logf("%s is not here", command[0])
			return nil
		}
		cmd := exec.Command(tool, command[1:]...)
		cmd.Dir = filepath.Join(dir, "in")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, text)
		}
		data, err := os.ReadFile(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	const python = `import sys, zipfile, os
z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED if sys.argv[2] == "d" else zipfile.ZIP_STORED)
for n in ["a.csv", "d/empty", "d/\u00fc.txt"]:
    with z.open(n, "w", force_zip64=True) as f:
        f.write(open(n, "rb").read())
z.close()`
	for i, c := range []struct {
		kind string
		data []byte
	}{
		{"zip", run("i.zip", "zip", "-q", "-r", "../i.zip", ".")},
		{"zip", run("py.zip", "python3", "-c", python, "../py.zip", "d")},
		{"zip", run("stored.zip", "python3", "-c", python, "../stored.zip", "s")},
		{"streamed zip", run("py2.zip", "python3", "-c", python, "../py2.zip", "d")},
		{"tar", run("g.tar", "tar", "-cf", "../g.tar", ".")},
		{"tar", run("p.tar", "tar", "--format=posix", "-cf", "../p.tar", ".")},
		{"targzip", run("g.tgz", "tar", "-czf", "../g.tgz", "a.csv", "d")},
	} {
		if c.data == nil {
			continue
		}
		names, texts, _, err := walked(c.kind, c.data)
		if err != nil || len(names) != len(want) {
			t.Errorf("%d %s: %q, %v", i, c.kind, names, err)
			continue
		}
		for j, n := range names {
			if want[n] != texts[j] {
				t.Errorf("%d %s: %s has %d bytes", i, c.kind, n, len(texts[j]))
			}
		}
	}
}

// FuzzArchive walks whatever it is given: no panic, no path that is unsafe, an end.
func FuzzArchive(f *testing.F) {
	files := []named{{"d/", ""}, {"d/a.csv", "1,2\n"}, {"empty", ""}, {"b", strings.Repeat("x", 1000)}}
	tarred := tarOf(f, files...)
	f.Add(0, zipOf(f, files...))
	f.Add(1, zipOf(f, files...))
	f.Add(2, tarred)
	f.Add(3, gzipOf(f, tarred))
	f.Fuzz(func(t *testing.T, kind int, data []byte) {
		kinds := []string{"zip", "streamed zip", "tar", "targzip"}
		names, texts, _, err := walked(kinds[uint(kind)%4], data)
		seen := map[string]bool{}
		for _, n := range names {
			if seen[n] || n == "" || n[0] == '/' || strings.Contains("/"+n+"/", "/../") {
				t.Errorf("the name %q", n)
			}
			seen[n] = true
		}
		if len(texts) < len(names)-1 {
			t.Errorf("%d texts of %d", len(texts), len(names))
		}
		if err != nil && fault.Code(err) == fault.Internal {
			t.Errorf("an error without code: %v", fmt.Sprintf("%T %v", err, err))
		}
	})
}

func TestAZipOfVeryManyFilesIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	const n = 100_001
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, err := w.Create(fmt.Sprintf("f%06d", i))
		if err == nil && i == n-1 {
			_, err = io.WriteString(f, "last")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := compression.NewZip(bytes.NewReader(b.Bytes()), int64(b.Len())); ok || err != nil {
		t.Errorf("by its directory: %v, %v", ok, err)
	}
	names, texts, _, err := walked("streamed zip", b.Bytes())
	if err != nil || len(names) != n || names[n-1] != "f100000" || texts[n-1] != "last" {
		t.Errorf("%d files, %v", len(names), err)
	}
}
