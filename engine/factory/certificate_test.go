package factory

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestTheServersCertificateIsRenewedWithItsKey(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	first, err := certificate(dir, "", "", hostsOf("factory.example:8051", "0.0.0.0:8051"), now)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, caCertFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "factory.example"} {
		if _, err := first.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Errorf("certificate for %s: %v", host, err)
		}
	}
	same, err := certificate(dir, "", "", hostsOf(), now.Add(24*time.Hour))
	if err != nil || !same.Leaf.Equal(first.Leaf) {
		t.Errorf("a good certificate was replaced (%v)", err)
	}
	for name, at := range map[string]time.Time{"nearly over": now.AddDate(0, 0, serverDays-30), "over": now.AddDate(2, 0, 0)} {
		renewed, err := certificate(dir, "", "", hostsOf(), at)
		if err != nil || renewed.Leaf.Equal(first.Leaf) {
			t.Fatalf("%s: not renewed (%v)", name, err)
		}
		a, _ := pinOf(first)
		b, _ := pinOf(renewed)
		if a != b {
			t.Errorf("%s: renewing changed the key that gateways pin", name)
		}
	}
	other, err := certificate(dir, "", "", hostsOf("new.example"), now)
	if err != nil || other.Leaf.VerifyHostname("new.example") != nil {
		t.Errorf("a new host is not in the certificate (%v)", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{caKeyFile, tlsKeyFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestSealedValuesBelongToTheirRow(t *testing.T) {
	t.Parallel()
	s, err := newSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.seal("a secret", "row 1")
	if text, err := s.open(sealed, "row 1"); err != nil || text != "a secret" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := s.open(sealed, "row 2"); err == nil {
		t.Error("a value of row 1 opens as row 2's")
	}
	other, err := newSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.open(sealed, "row 1"); err == nil {
		t.Error("another factory opens it")
	}
}

func TestADamagedSecretFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateKeyFile), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newSealer(dir); err == nil {
		t.Error("accepted")
	}
}
