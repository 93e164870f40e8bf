package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// laidOut is a folder of two files, with times and rights that differ from call to call.
func laidOut(t *testing.T, mode os.FileMode) []entry {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"program": "one", "papers/LICENSE": "two"} {
		if err := write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	papers, err := tree(filepath.Join(dir, "papers"), "")
	if err != nil {
		t.Fatal(err)
	}
	return append(papers, entry{name: "dmgcmd", from: filepath.Join(dir, "program"), mode: 0o755})
}

func TestArchivesAreTheSameBytesWhateverTheFilesLookLike(t *testing.T) {
	t.Parallel()
	for name, pack := range map[string]func(string, []entry, time.Time) error{"tar.gz": writeTarGz, "zip": writeZip} {
		var made [2][]byte
		for i, mode := range []os.FileMode{0o644, 0o600} {
			list := laidOut(t, mode)
			if i == 1 {
				slices.Reverse(list)
			}
			file := filepath.Join(t.TempDir(), "a")
			if err := pack(file, list, at); err != nil {
				t.Fatal(name, err)
			}
			var err error
			if made[i], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(made[0], made[1]) {
			t.Errorf("%s: two archives of the same differ", name)
		}
	}
}

func TestProgramsLieAtTheTopOfAnArchiveAndCanBeRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := laidOut(t, 0o600)
	if err := errors.Join(writeTarGz(filepath.Join(dir, "a.tar.gz"), list, at), writeZip(filepath.Join(dir, "a.zip"), list, at)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "a.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]os.FileMode{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h.FileInfo().Mode()
		if !h.ModTime.Equal(at) || h.Uid != 0 {
			t.Errorf("%s: %v, user %d", h.Name, h.ModTime, h.Uid)
		}
	}
	r, err := zip.OpenReader(filepath.Join(dir, "a.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, got := range []map[string]os.FileMode{found, modes(r)} {
		if len(got) != 2 || got["dmgcmd"] != 0o755 || got["LICENSE"] != 0o644 {
			t.Errorf("%v", got)
		}
	}
}

func modes(r *zip.ReadCloser) map[string]os.FileMode {
	found := map[string]os.FileMode{}
	for _, f := range r.File {
		found[f.Name] = f.Mode()
	}
	return found
}

func TestAnArchiveThatCannotBeWrittenLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.zip")
	if err := writeZip(file, []entry{{name: "x", from: filepath.Join(dir, "absent"), mode: 0o644}}, at); err == nil {
		t.Error("no error")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestChecksumsCoverEveryFileAndAreSigned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(filepath.Join(dir, "b.zip"), []byte("b")), write(filepath.Join(dir, "a.deb"), []byte("a")), write(filepath.Join(dir, "stage", "x"), nil)); err != nil {
		t.Fatal(err)
	}
	r := release{out: dir, key: key}
	for range 2 { // the second time the sums and the signature lie there already
		if err := r.sums(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err != nil {
		t.Fatal(err)
	}
	want := "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.deb\n3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.zip\n"
	if string(text) != want {
		t.Errorf("%s", text)
	}
	signature, err := os.ReadFile(filepath.Join(dir, sumsFile+".sig"))
	if err != nil || !ed25519.Verify(public, text, signature) {
		t.Errorf("the signature does not fit, %v", err)
	}
	r.key = ""
	if err := r.sums(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, sumsFile+".sig")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the signature of former sums stays: %v", err)
	}
	for _, wrong := range []string{filepath.Join(dir, "absent"), filepath.Join(dir, sumsFile)} {
		if _, err := readKey(wrong); err == nil {
			t.Errorf("%s passes for a key", wrong)
		}
	}
}

func TestOnlySemanticVersionsAreReleased(t *testing.T) {
	t.Parallel()
	for version, good := range map[string]bool{
		"1.2.3": true, "1.2.3-rc.1": true, "0.1.0-dev.366+gbcbf6c63a6b0": true,
		"": false, "1.2": false, "01.2.3": false, "b35544a-dirty": false, "1.2.3 ": false, "1.2.3-": false, "1.2.3/..": false,
	} {
		if versions.MatchString(version) != good {
			t.Errorf("%q", version)
		}
	}
}

func TestABillOfMaterialsHasTheCommitsTime(t *testing.T) {
	t.Parallel()
	text, err := dated(`{"metadata":{"timestamp":"2026-11-23T21:00:00Z"}}`, at)
	if err != nil || !strings.Contains(text, "2026-11-01T12:00:00Z") {
		t.Errorf("%s, %v", text, err)
	}
	if _, err := dated(`{"metadata":{}}`, at); err == nil {
		t.Error("no time is no error")
	}
}

func TestTheIconOfMacOSHasEverySize(t *testing.T) {
	t.Chdir("../..")
	icon, err := icns()
	if err != nil {
		t.Fatal(err)
	}
	if string(icon[:4]) != "icns" || int(binary.BigEndian.Uint32(icon[4:])) != len(icon) {
		t.Fatalf("head %q", icon[:8])
	}
	sizes := map[int]bool{}
	for rest := icon[8:]; len(rest) > 0; {
		n := int(binary.BigEndian.Uint32(rest[4:]))
		image, err := png.DecodeConfig(bytes.NewReader(rest[8:n]))
		if err != nil {
			t.Fatalf("%q: %v", rest[:4], err)
		}
		sizes[image.Width] = true
		rest = rest[n:]
	}
	if len(sizes) != 6 || !sizes[16] || !sizes[512] {
		t.Errorf("%v", sizes)
	}
}
