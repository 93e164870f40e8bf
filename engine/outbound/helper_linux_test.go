package outbound

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

func TestNoSecretReachesTheProgramThatIsAskedForSettings(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nPATH=/usr/bin:/bin\ncat /proc/$$/environ /proc/$$/cmdline > \"$0.seen\"\necho 0\n"
	if err := os.WriteFile(filepath.Join(dir, "gsettings"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	planted := []string{"planted-passphrase-1", "planted-password-2", "planted-key-3"}
	t.Setenv("DMG_PASSPHRASE", planted[0])
	t.Setenv("PGPASSWORD", planted[1])
	t.Setenv("ORDERS", planted[2])
	_, _ = gnomeRoutes(t.Context(), &url.URL{Scheme: "https", Host: "example.com"}) // what it answers is not the matter
	seen, err := os.ReadFile(filepath.Join(dir, "gsettings.seen"))
	if err != nil || !bytes.Contains(seen, []byte("PATH="+dir)) || !bytes.Contains(seen, []byte("gsettings")) {
		t.Fatalf("what it was given was not seen: %q, %v", seen, err)
	}
	for _, p := range planted {
		if bytes.Contains(seen, []byte(p)) {
			t.Errorf("%s is in its environment or arguments", p)
		}
	}
}
