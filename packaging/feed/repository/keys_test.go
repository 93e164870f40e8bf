package repository

import (
	"os"
	"strings"
	"testing"
)

func TestRootAndTargetsKeysAreEncryptedWithAPassphrase(t *testing.T) {
	t.Parallel()
	k := Keys{Dir: t.TempDir(), Passphrase: []byte("a long passphrase"), weak: true}
	for role, want := range map[string]bool{Root: true, Targets: true, Snapshot: false, Timestamp: false} {
		made, err := k.create(role, k.file(role))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(k.file(role))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), encryptedKey); got != want {
			t.Errorf("%s: encrypted is %v", role, got)
		}
		read, err := k.signer(role)
		if err != nil {
			t.Fatal(err)
		}
		_, id, err := public(made)
		if err != nil {
			t.Fatal(err)
		}
		if _, again, err := public(read); err != nil || again != id {
			t.Errorf("%s: another key was read (%v)", role, err)
		}
	}
	for pass, want := range map[string]string{"": "-passphrase-file", "another": "the passphrase is another one"} {
		if _, err := (Keys{Dir: k.Dir, Passphrase: []byte(pass)}).signer(Targets); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with passphrase %q: got %v", pass, err)
		}
	}
	if _, err := k.create(Root, k.file(Root)); err == nil {
		t.Error("a key was overwritten")
	}
}
