package credential

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
)

// store is a key store of a test.
type store struct {
	name   string
	keys   map[string]string
	broken error
	forget bool // takes keys without keeping them
}

func (s *store) Name() string { return s.name }

func (s *store) Get(id string) (string, error) { return s.keys[id], s.broken }

func (s *store) Set(id, key string) error {
	if s.broken != nil {
		return s.broken
	}
	if !s.forget {
		s.keys[id] = key
	}
	return nil
}

func (s *store) Remove(id string) error {
	delete(s.keys, id)
	return s.broken
}

func newStore() *store { return &store{name: "system", keys: map[string]string{}} }

func TestVaultKeepsSecretsEncrypted(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := OpenVault(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(v.Put("token", []byte("S3CRET")), v.Put("other", []byte("x")), v.Delete("other"), v.Delete("absent")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, vaultFile))
	if err != nil || bytes.Contains(data, []byte("S3CRET")) || bytes.Contains(data, []byte("token")) {
		t.Fatalf("the file shows %s, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(dir, vaultFile)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, vaultKeyFile)); err == nil {
		t.Error("there is a key file although the key store works")
	}
	again, err := OpenVault(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Get("token")
	if other, _ := again.Get("other"); err != nil || string(got) != "S3CRET" || other != nil || again.KeptIn() != "system" {
		t.Errorf("got %q %q in %s, %v", got, other, again.KeptIn(), err)
	}
	got[0] = 'X'
	if fresh, _ := again.Get("token"); string(fresh) != "S3CRET" {
		t.Error("a caller can change what the vault holds")
	}
}

func TestVaultFallsBackToAFile(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]*store{
		"broken": {name: "system", keys: map[string]string{}, broken: errors.New("no bus")}, "forgetful": {name: "system", keys: map[string]string{}, forget: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			v, err := OpenVault(dir, keys)
			if err != nil || v.KeptIn() != "file" {
				t.Fatal(v, err)
			}
			if err := v.Put("a", []byte("b")); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, vaultKeyFile))
			if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Fatal(info, err)
			}
			again, err := OpenVault(dir, newStore()) // another key store does not matter: the key is in the file
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := again.Get("a"); string(got) != "b" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestVaultSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, path string, keys *store)
		code  string
	}{
		{"key store locked", func(_ *testing.T, _ string, keys *store) { keys.broken = errKeyStoreSilent }, fault.StoreFailed},
		{"key gone", func(_ *testing.T, _ string, keys *store) { clear(keys.keys) }, fault.NotFound},
		{"another key", func(_ *testing.T, _ string, keys *store) {
			for id := range keys.keys {
				keys.keys[id] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
			}
		}, fault.BadData},
		{"cut short", func(t *testing.T, path string, _ *store) { truncate(t, path) }, fault.BadData},
		{"changed", func(t *testing.T, path string, _ *store) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(data, []byte(`"data": "`)) + 12
			data[at] ^= 3
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}, fault.BadData},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, keys := t.TempDir(), newStore()
			v, err := OpenVault(dir, keys)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Put("a", []byte("b")); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, vaultFile)
			c.spoil(t, path, keys)
			before, _ := os.ReadFile(path)
			if _, err := OpenVault(dir, keys); fault.Code(err) != c.code || fault.As(err).Hint == "" {
				t.Errorf("got %v", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the damaged vault was overwritten")
			}
		})
	}
}

func truncate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

func TestVaultKeepsWhatItHasWhenWritingFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := OpenVault(dir, newStore())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Put("a", []byte("b")); err != nil {
		t.Fatal(err)
	}
	v.path = filepath.Join(dir, "no", "folder", vaultFile)
	if err := v.Put("a", []byte("c")); fault.Code(err) != fault.StoreFailed {
		t.Errorf("got %v", err)
	}
	if got, _ := v.Get("a"); string(got) != "b" {
		t.Errorf("got %q", got)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAKeyStoreThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	ended := make(chan struct{})
	s := systemStore{timeout: time.Millisecond, available: func() bool { return true }}
	_, err := s.ask(func() (string, error) {
		defer close(ended)
		<-release
		return "late", nil
	})
	if !errors.Is(err, errKeyStoreSilent) {
		t.Errorf("got %v", err)
	}
	close(release)
	<-ended
	s.available = func() bool { return false }
	if _, err := s.ask(func() (string, error) { return "", errors.New("asked") }); err == nil || strings.Contains(err.Error(), "asked") {
		t.Errorf("asked without a bus: %v", err)
	}
}

func TestCertificateIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := OpenVault(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	c, err := LoadCertificate(v, "machine")
	if err != nil {
		t.Fatal(err)
	}
	if c.Leaf.Subject.CommonName != "Data Management Gateway machine" || KeyName(c.Leaf) != "RSA 3072" || c.Leaf.CheckSignature(c.Leaf.SignatureAlgorithm, c.Leaf.RawTBSCertificate, c.Leaf.Signature) != nil {
		t.Errorf("certificate %v", c.Leaf.Subject)
	}
	if p := c.Thumbprint(); len(p) != 40 || p != strings.ToUpper(p) {
		t.Errorf("thumbprint %s", p)
	}
	v, err = OpenVault(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadCertificate(v, "renamed")
	if err != nil || !again.Leaf.Equal(c.Leaf) || !again.key.(*rsa.PrivateKey).Equal(c.key) {
		t.Errorf("another certificate after a restart: %v", err)
	}
	for _, data := range [][]byte{c.PEM(), c.Leaf.Raw} {
		list, err := ParseCertificates(data)
		if err != nil || len(list) != 1 || !list[0].Equal(c.Leaf) {
			t.Errorf("parsed %v, %v", list, err)
		}
	}
	if _, err := ParseCertificates([]byte("hello")); fault.Code(err) != fault.BadInput {
		t.Errorf("no certificate: %v", err)
	}
	if err := v.Put(vaultCertificate, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCertificate(v, "m"); fault.Code(err) != fault.BadData {
		t.Errorf("damaged: %v", err)
	}
}
