package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/update/feed"
)

// desk is a release person's: keys, a feed, and what was built.
type desk struct {
	t               *testing.T
	keys, out, dist string
	now             time.Time
	printed, told   bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	d := &desk{
		t: t, keys: filepath.Join(dir, "keys"), out: filepath.Join(dir, "out"), dist: filepath.Join(dir, "dist"),
		now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC),
	}
	if err := os.Mkdir(d.dist, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// try runs the command on the desk's folders, and keeps what it printed and told.
func (d *desk) try(verb string, args ...string) error {
	d.printed.Reset()
	d.told.Reset()
	all := []string{verb, "-keys", d.keys, "-out", d.out}
	if verb == "release" {
		all = append(all, "-dist", d.dist)
	}
	return run(append(all, args...), &d.printed, &d.told, func() time.Time { return d.now })
}

func (d *desk) do(verb string, args ...string) string {
	d.t.Helper()
	if err := d.try(verb, args...); err != nil {
		d.t.Fatalf("%s: %v", verb, err)
	}
	return d.printed.String()
}

// fails wants an error with words in it.
func (d *desk) fails(words string, verb string, args ...string) {
	d.t.Helper()
	if err := d.try(verb, args...); err == nil || !strings.Contains(err.Error(), words) {
		d.t.Errorf("%s %v: got %v, want %q", verb, args, err, words)
	}
}

func (d *desk) write(file string, text []byte) {
	d.t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// build puts an archive into dist that holds files of those names.
func (d *desk) build(name string, files ...string) {
	d.t.Helper()
	var b bytes.Buffer
	if strings.HasSuffix(name, ".zip") {
		z := zip.NewWriter(&b)
		for _, file := range files {
			w, err := z.Create(file)
			d.check(err)
			_, err = io.WriteString(w, "program in "+name)
			d.check(err)
		}
		d.check(z.Close())
	} else {
		g := gzip.NewWriter(&b)
		a := tar.NewWriter(g)
		for _, file := range files {
			text := "program in " + name
			d.check(a.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(text)), Typeflag: tar.TypeReg}))
			_, err := io.WriteString(a, text)
			d.check(err)
		}
		d.check(a.Close())
		d.check(g.Close())
	}
	d.write(filepath.Join(d.dist, name), b.Bytes())
}

func (d *desk) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// offered is the version that a Linux program with the desk's root is offered.
func (d *desk) offered() string {
	d.t.Helper()
	root, err := base64.StdEncoding.DecodeString(strings.TrimSpace(d.do("root")))
	d.check(err)
	s := httptest.NewServer(http.FileServer(http.Dir(d.out)))
	defer s.Close()
	c, err := feed.New(feed.Options{
		URL: s.URL, Dir: d.t.TempDir(), Root: root, HTTP: s.Client(), OS: "linux", Arch: "amd64", Now: func() time.Time { return d.now },
	})
	d.check(err)
	r, err := c.Latest(d.t.Context(), feed.Stable, "node", "1.0.0")
	d.check(err)
	if r == nil {
		return ""
	}
	return r.Version
}

func TestAFirstReleaseMakesKeysAndFeedAndSaysSo(t *testing.T) {
	d := newDesk(t)
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "./dmgateway", "./dmgcmd")
	d.build("dmgateway_1.3.0_windows_amd64.zip", "dmgateway.exe", "dmgcmd.exe")
	d.write(filepath.Join(d.dist, "SHA256SUMS"), []byte("no archive"))
	d.fails("-rollout", "release")
	printed := d.do("release", "-rollout", "100")
	if !strings.Contains(d.told.String(), "NEW KEYS") {
		t.Errorf("told %q", d.told.String())
	}
	for _, want := range []string{"dmgateway_1.3.0_linux_amd64.tar.gz", "windows/amd64", "100 % since 2026-11-02 09:00 UTC", "valid until 2026-11-16"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not in %q", want, printed)
		}
	}
	if got := d.offered(); got != "1.3.0" {
		t.Errorf("got %q", got)
	}
	if runtime.GOOS != "windows" {
		for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
			info, err := os.Stat(filepath.Join(d.keys, role+".key"))
			d.check(err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s.key is %v", role, info.Mode())
			}
		}
	}
}

func TestAReleaseIsRolledOutAndWithdrawn(t *testing.T) {
	d := newDesk(t)
	d.do("new")
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.do("release", "-rollout", "0")
	if got := d.offered(); got != "" {
		t.Errorf("at 0 %%: got %q", got)
	}
	d.do("rollout", "-version", "1.3.0", "-rollout", "100")
	if got := d.offered(); got != "1.3.0" {
		t.Errorf("at 100 %%: got %q", got)
	}
	d.do("withdraw", "-version", "1.3.0")
	if got := d.offered(); got != "" {
		t.Errorf("withdrawn: got %q", got)
	}
	d.fails("not in the feed", "rollout", "-version", "1.3.0", "-rollout", "10")
	d.fails("channel", "release", "-rollout", "100", "-channel", "nightly", "-version", "1.3.0")
}

func TestTheTimestampIsSignedAnewWithItsKeyAlone(t *testing.T) {
	d := newDesk(t)
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.do("release", "-rollout", "100")
	for _, role := range []string{"root", "targets", "snapshot"} {
		d.check(os.Remove(filepath.Join(d.keys, role+".key")))
	}
	d.now = d.now.AddDate(0, 6, 0) // long expired
	d.do("renew", "-valid", "7")
	if !strings.Contains(d.printed.String(), "valid until 2027-05-09") {
		t.Errorf("printed %q", d.printed.String())
	}
	if got := d.offered(); got != "1.3.0" {
		t.Errorf("got %q", got)
	}
	d.fails("targets.key is not there", "release", "-rollout", "100")
	d.fails("root.key is not there", "rotate", "-role", "timestamp")
}

func TestAPassphraseComesFromAFile(t *testing.T) {
	d := newDesk(t)
	pass := filepath.Join(t.TempDir(), "pass")
	d.write(pass, []byte("a long passphrase\n"))
	d.do("new", "-passphrase-file", pass)
	d.do("renew")
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.fails("-passphrase-file", "release", "-rollout", "1")
	d.write(pass, []byte("\n"))
	d.fails("no passphrase", "renew", "-passphrase-file", pass)
}

func TestBytesOfAVersionNeverChange(t *testing.T) {
	d := newDesk(t)
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.do("release", "-rollout", "10")
	d.do("release", "-rollout", "20")
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd", "more")
	d.fails("new version", "release", "-rollout", "20")
	if !strings.Contains(d.do("show"), "20 %") {
		t.Errorf("printed %q", d.printed.String())
	}
}

func TestArchivesThatAreNoneAreNotSigned(t *testing.T) {
	d := newDesk(t)
	d.do("new")
	d.fails("no archive such as", "release", "-rollout", "1")
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "bin/dmgcmd")
	d.fails("no dmgcmd at its top", "release", "-rollout", "1")
	d.build("dmgateway_1.3.0_windows_amd64.zip", "dmgcmd")
	d.check(os.Remove(filepath.Join(d.dist, "dmgateway_1.3.0_linux_amd64.tar.gz")))
	d.fails("no dmgcmd.exe at its top", "release", "-rollout", "1")
	for _, name := range []string{"dmgateway_1.3.0_windows_amd64.zip", "dmgateway_1.3.0_linux_amd64.tar.gz"} {
		d.build(name, "dmgcmd.exe", "dmgcmd")
		file := filepath.Join(d.dist, name)
		text, err := os.ReadFile(file)
		d.check(err)
		d.write(file, text[:len(text)-5])
		d.fails("cannot be unpacked", "release", "-rollout", "1")
		d.check(os.Remove(file))
	}
	d.build("dmgateway_dev_linux_amd64.tar.gz", "dmgcmd")
	d.fails("no archive such as", "release", "-rollout", "1")
	if !strings.Contains(d.told.String(), "dmgateway_dev_linux_amd64.tar.gz is left out") {
		t.Errorf("told %q", d.told.String())
	}
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.build("dmgateway_1.4.0_linux_amd64.tar.gz", "dmgcmd")
	d.fails("-version", "release", "-rollout", "1")
	d.do("release", "-rollout", "100", "-version", "1.4.0")
	if got := d.offered(); got != "1.4.0" {
		t.Errorf("got %q", got)
	}
}

func TestAFeedThatSomebodyChangedIsNotSigned(t *testing.T) {
	d := newDesk(t)
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.do("release", "-rollout", "100")
	file := filepath.Join(d.out, "metadata", "2.targets.json")
	text, err := os.ReadFile(file)
	d.check(err)
	changed := bytes.Replace(text, []byte(`"percent":100`), []byte(`"percent":1`), 1)
	if bytes.Equal(changed, text) {
		t.Fatal("nothing was changed")
	}
	d.write(file, changed)
	for _, verb := range []string{"renew", "show", "withdraw"} {
		d.fails("not as it was signed", verb, "-version", "1.3.0")
	}
}

func TestKeysAreNeitherMadeTwiceNorServed(t *testing.T) {
	d := newDesk(t)
	d.do("new")
	d.fails("already", "new")
	d.check(os.RemoveAll(d.out))
	d.build("dmgateway_1.3.0_linux_amd64.tar.gz", "dmgcmd")
	d.fails("bring the feed back", "release", "-rollout", "1")
	d.keys = filepath.Join(d.out, "keys")
	d.fails("would be served", "new")
	if _, err := os.Stat(d.out); !os.IsNotExist(err) {
		t.Errorf("something was made (%v)", err)
	}
}

func TestKeysThatOthersMayReadAreNotUsed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are not modes there")
	}
	d := newDesk(t)
	d.do("new")
	d.check(os.Chmod(filepath.Join(d.keys, "timestamp.key"), 0o644))
	d.fails("chmod 600", "renew")
	d.check(os.Chmod(filepath.Join(d.keys, "timestamp.key"), 0o600))
	d.write(filepath.Join(d.keys, "timestamp.key"), []byte("no key"))
	d.fails("no key file", "renew")
}

func TestKeysOfAnotherFeedAreNotUsed(t *testing.T) {
	d := newDesk(t)
	d.do("new")
	other := filepath.Join(t.TempDir(), "other")
	if err := run([]string{"new", "-keys", other, "-out", filepath.Join(t.TempDir(), "out")}, io.Discard, io.Discard, time.Now); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(other, "timestamp.key"))
	d.check(err)
	d.write(filepath.Join(d.keys, "timestamp.key"), text)
	d.fails("is not the key that root 1 names", "renew")
}

func TestARotationKeepsTheOldKeyAside(t *testing.T) {
	d := newDesk(t)
	d.do("new")
	before, err := os.ReadFile(filepath.Join(d.keys, "root.key"))
	d.check(err)
	d.do("rotate", "-role", "root")
	kept, err := os.ReadFile(filepath.Join(d.keys, "root.key.old-1"))
	d.check(err)
	now, err := os.ReadFile(filepath.Join(d.keys, "root.key"))
	d.check(err)
	if !bytes.Equal(before, kept) || bytes.Equal(before, now) || !strings.Contains(d.told.String(), "NEW KEY of root") {
		t.Errorf("told %q", d.told.String())
	}
	d.fails("no role", "rotate", "-role", "leaf")
	left, err := filepath.Glob(filepath.Join(d.out, "*", ".new-*"))
	d.check(err)
	if len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestWhatIsNotUnderstoodChangesNothing(t *testing.T) {
	d := newDesk(t)
	d.fails("no command", "nonsense")
	d.fails("not understood", "new", "extra")
	d.fails("1 to 365", "new", "-valid", "0")
	d.fails("-since", "rollout", "-rollout", "1", "-version", "1.0.0", "-since", "soon")
	if err := run([]string{"new", "-keys", d.keys}, io.Discard, io.Discard, time.Now); err == nil {
		t.Error("-out was not asked for")
	}
	if err := run([]string{"-h"}, io.Discard, &d.told, time.Now); err != nil || !strings.Contains(d.told.String(), "feed rotate") {
		t.Errorf("help: %v %q", err, d.told.String())
	}
	if _, err := os.Stat(d.keys); !os.IsNotExist(err) {
		t.Errorf("something was made (%v)", err)
	}
	if _, err := os.Stat(d.out); !os.IsNotExist(err) {
		t.Errorf("something was made (%v)", err)
	}
}
