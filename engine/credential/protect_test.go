package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dmgateway/engine/fault"
	"dmgateway/engine/secret"
)

func passphrase(text string) *Passphrase { return NewPassphrase(secret.New(text)) }

func given(p *Passphrase) func() (*Passphrase, error) {
	return func() (*Passphrase, error) { return p, nil }
}

const (
	goodPhrase  = "correct horse battery"
	otherPhrase = "staple battery horse"
)

func TestAPassphraseProtectsTheVault(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := openVault(dir, keys, given(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Put("token", []byte("S3CRET")); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(dir, vaultFile))
	if err != nil {
		t.Fatal(err)
	}
	oldKey := keys.keys[v.head.ID]
	if err := v.Protect(passphrase("short")); fault.Code(err) != fault.BadInput || v.KeptIn() != "system" {
		t.Errorf("a short passphrase: %v, kept in %s", err, v.KeptIn())
	}
	if err := v.Protect(passphrase(goodPhrase)); err != nil || v.KeptIn() != "passphrase" {
		t.Fatalf("%v, kept in %s", err, v.KeptIn())
	}
	if len(keys.keys) != 0 {
		t.Error("the key lies in the key store still")
	}
	data, err := os.ReadFile(filepath.Join(dir, vaultFile))
	if err != nil || bytes.Contains(data, []byte("S3CRET")) || bytes.Contains(data, []byte(goodPhrase)) {
		t.Errorf("the file shows %s, %v", data, err)
	}
	if err := v.Put("after", []byte("x")); err != nil {
		t.Fatal(err)
	}
	reopened := func(p *Passphrase) (*Vault, error) { return openVault(dir, keys, given(p)) }
	if _, err := reopened(nil); fault.Code(err) != fault.SignInFailed || !strings.Contains(fault.As(err).Hint, EnvPassphraseFile) {
		t.Errorf("without passphrase: %v", err)
	}
	if _, err := reopened(passphrase(otherPhrase)); fault.Code(err) != fault.SignInFailed || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong passphrase: %v", err)
	}
	// A key that lay open before opens nothing any more.
	keys.keys[v.head.ID] = oldKey
	if v, err = reopened(passphrase(goodPhrase)); err != nil {
		t.Fatal(err)
	}
	if got, _ := v.Get("token"); string(got) != "S3CRET" {
		t.Errorf("got %q", got)
	}
	key, err := decodeKey(oldKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Vault{path: v.path, head: v.head, items: map[string][]byte{}}).read(key); err == nil {
		t.Error("the former key opens the vault")
	}
	// Another passphrase, then none.
	if err := v.Protect(passphrase(otherPhrase)); err != nil {
		t.Fatal(err)
	}
	if _, err := reopened(passphrase(goodPhrase)); fault.Code(err) != fault.SignInFailed {
		t.Errorf("the passphrase before: %v", err)
	}
	if v, err = reopened(passphrase(otherPhrase)); err != nil {
		t.Fatal(err)
	}
	if err := v.Unprotect(); err != nil || v.KeptIn() != "system" {
		t.Fatalf("%v, kept in %s", err, v.KeptIn())
	}
	if v, err = reopened(nil); err != nil || v.KeptIn() != "system" {
		t.Fatal(err)
	}
	if got, _ := v.Get("after"); string(got) != "x" {
		t.Errorf("got %q", got)
	}
	before := keys.keys[v.head.ID]
	if err := v.Unprotect(); err != nil || keys.keys[v.head.ID] != before {
		t.Errorf("removing no passphrase changed the key: %v", err)
	}
	if bytes.Equal(old, data) {
		t.Error("nothing was encrypted anew")
	}
}

func TestAFailureWhileProtectingLosesNothing(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := openVault(dir, keys, given(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Put("token", []byte("S3CRET")); err != nil {
		t.Fatal(err)
	}
	opens := func(what string, p *Passphrase) {
		t.Helper()
		again, err := openVault(dir, keys, given(p))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got, _ := again.Get("token"); string(got) != "S3CRET" {
			t.Errorf("%s: got %q", what, got)
		}
		if got, _ := v.Get("token"); string(got) != "S3CRET" {
			t.Errorf("%s: the open one has %q", what, got)
		}
	}
	path := v.path
	v.path = filepath.Join(dir, "no", "folder")
	if err := v.Protect(passphrase(goodPhrase)); fault.Code(err) != fault.StoreFailed {
		t.Errorf("got %v", err)
	}
	v.path = path
	opens("a vault that cannot be written", nil)
	if err := v.Protect(passphrase(goodPhrase)); err != nil {
		t.Fatal(err)
	}
	// No key store takes the key: the passphrase stays.
	keys.broken = errors.New("locked")
	v.stores = []KeyStore{keys}
	if err := v.Unprotect(); fault.Code(err) != fault.StoreFailed || v.KeptIn() != "passphrase" {
		t.Errorf("got %v", err)
	}
	opens("a key store that is locked", passphrase(goodPhrase))
}

func TestANewVaultIsProtectedWhereAPassphraseIsThere(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newStore()
	v, err := openVault(dir, keys, given(passphrase(goodPhrase)))
	if err != nil || v.KeptIn() != "passphrase" || len(keys.keys) != 0 {
		t.Fatalf("kept in %v, %v", v, err)
	}
	if _, err := openVault(dir, keys, given(passphrase(goodPhrase))); err != nil {
		t.Error(err)
	}
	// One that exists is not protected behind a person's back.
	plain := t.TempDir()
	for _, p := range []*Passphrase{nil, passphrase(goodPhrase)} {
		if v, err := openVault(plain, newFileStore(plain), given(p)); err != nil || v.KeptIn() != "file" {
			t.Errorf("%v", err)
		}
	}
	if _, err := openVault(t.TempDir(), keys, given(passphrase("x"))); fault.Code(err) != fault.BadInput {
		t.Errorf("a new vault with a short passphrase: %v", err)
	}
}

func newFileStore(dir string) KeyStore { return FileKeyStore(filepath.Join(dir, vaultKeyFile)) }

func TestParametersOfAPassphraseInADamagedVaultAreBounded(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*wrapped){
		"too much memory":      func(w *wrapped) { w.Memory = 1 << 31 },
		"too many rounds":      func(w *wrapped) { w.Time = 1 << 31 },
		"no threads":           func(w *wrapped) { w.Threads = 0 },
		"no salt":              func(w *wrapped) { w.Salt = nil },
		"another function":     func(w *wrapped) { w.KDF = "md5" },
		"a nonce that is none": func(w *wrapped) { w.Nonce = []byte{1} },
		"no key":               func(w *wrapped) { w.Key = nil },
	} {
		dir := t.TempDir()
		v, err := openVault(dir, newStore(), given(passphrase(goodPhrase)))
		if err != nil {
			t.Fatal(err)
		}
		edit(v.head.Wrapped)
		if err := v.Put("a", []byte("b")); err != nil {
			t.Fatal(err)
		}
		if _, err := openVault(dir, newStore(), given(passphrase(goodPhrase))); err == nil || fault.Code(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	head, err := json.Marshal(vaultHead{Version: vaultVersion, ID: "x", KeyIn: keyInPassphrase})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, vaultFile), head, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openVault(dir, newStore(), given(passphrase(goodPhrase))); fault.Code(err) != fault.BadData {
		t.Errorf("without a wrapped key: %v", err)
	}
}

func TestThePassphraseIsFoundWhereItIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"CREDENTIALS_DIRECTORY", EnvPassphraseFile, EnvPassphrase} {
		t.Setenv(name, "")
	}
	expect := func(what, text, kind string) {
		t.Helper()
		p, err := FindPassphrase()
		if err != nil || p == nil || p.text.Reveal() != text || p.kind != kind {
			t.Errorf("%s: %+v, %v", what, p, err)
		}
	}
	if p, err := FindPassphrase(); p != nil || err != nil {
		t.Errorf("found %v, %v", p, err)
	}
	t.Setenv(EnvPassphrase, "from the environment")
	expect("environment", "from the environment", "passphrase")
	t.Setenv(EnvPassphraseFile, write("file", "from a file\r\n"))
	expect("file", "from a file", "passphrase")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	expect("no credential of that name", "from a file", "passphrase")
	write(SystemdCredential, "from systemd\n")
	expect("systemd", "from systemd", "credential")
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	for name, path := range map[string]string{"empty": write("empty", "\n"), "absent": filepath.Join(dir, "absent"), "a folder": dir, "huge": write("huge", strings.Repeat("x", maxPassphrase+1))} {
		t.Setenv(EnvPassphraseFile, path)
		if _, err := FindPassphrase(); fault.Code(err) != fault.BadInput || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
