package credential

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestABackupOfALostVaultStillOpensAfterANewOneWasMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := FileKeyStore(filepath.Join(dir, vaultKeyFile))
	path := filepath.Join(dir, vaultFile)
	v, err := OpenVault(dir, keys)
	if err != nil || !v.Made() {
		t.Fatalf("the first vault: made %v, %v", v.Made(), err)
	}
	if err := v.Put("certificate", []byte("the old one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".backup"); err != nil {
		t.Fatal(err)
	}
	if v, err = OpenVault(dir, keys); err != nil || !v.Made() {
		t.Fatalf("the vault after the loss: made %v, %v", v.Made(), err)
	}
	// As the warning says: vault.json from the backup, and its key under its former name.
	former, err := filepath.Glob(filepath.Join(dir, vaultKeyFile+".former-*"))
	if err != nil || len(former) != 1 {
		t.Fatalf("former keys: %v, %v", former, err)
	}
	if info, err := os.Stat(former[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the former key is %v, %v", info.Mode(), err)
	}
	if err := os.Rename(path+".backup", path); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(former[0], filepath.Join(dir, vaultKeyFile)); err != nil {
		t.Fatal(err)
	}
	if v, err = OpenVault(dir, keys); err != nil || v.Made() {
		t.Fatalf("the vault of the backup: made %v, %v", v.Made(), err)
	}
	if got, err := v.Get("certificate"); err != nil || string(got) != "the old one" {
		t.Errorf("it holds %q, %v", got, err)
	}
}
