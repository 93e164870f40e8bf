package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
)

// testCertificate is made once: making an RSA key takes longer than most of these tests.
var testCertificate = sync.OnceValues(func() (*credential.Certificate, error) { return credential.NewCertificate("test") })

// seedCertificate gives a new data directory the test's certificate.
func seedCertificate(t *testing.T, data string, keys credential.KeyStore) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(data, vaultFileName)); err == nil {
		return
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := testCertificate()
	if err != nil {
		t.Fatal(err)
	}
	v, err := credential.OpenVault(data, keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := credential.SaveCertificate(v, c); err != nil {
		t.Fatal(err)
	}
}

// openEngine opens an engine on a data directory; the test closes it.
func openEngine(t *testing.T, data string, edit ...func(*Options)) *Engine {
	t.Helper()
	o := Options{Data: data, Version: "1.0.0", KeyStore: credential.FileKeyStore(filepath.Join(data, "vault.key")), endpointPort: -1}
	for _, e := range edit {
		e(&o)
	}
	seedCertificate(t, data, o.KeyStore)
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func value(t *testing.T, c Controller, name string) Setting {
	t.Helper()
	list, err := c.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no setting %s", name)
	return Setting{}
}

func TestSettingsAreCheckedKeptAndApplied(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	e := openEngine(t, data)
	for _, s := range definitions() {
		if got := value(t, e, s.Name); got.Value != got.Default || got.Help == "" || got.Kind == "" {
			t.Errorf("at first %+v", got)
		}
	}
	file := filepath.Join(data, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folders := t.TempDir() + string(os.PathListSeparator) + t.TempDir()
	for _, c := range []struct{ name, value, want, code string }{
		{"joblimit", "7", "7", ""},
		{"JobLimit", " 9 ", "9", ""},
		{"joblimit", "0", "", fault.BadInput},
		{"joblimit", "65", "", fault.BadInput},
		{"joblimit", "many", "", fault.BadInput},
		{"verbose", "ON", "true", ""},
		{"verbose", "perhaps", "", fault.BadInput},
		{"theme", "Dark", "dark", ""},
		{"theme", "pink", "", fault.BadInput},
		{"nodename", "machine 1", "machine 1", ""},
		{"nodename", strings.Repeat("x", 65), "", fault.BadInput},
		{"nodename", "a\nb", "", fault.BadInput},
		{"folders", folders, folders, ""},
		{"folders", "relative", "", fault.BadInput},
		{"folders", file, "", fault.BadInput},
		{"folders", filepath.Join(data, "missing"), "", fault.NotFound},
		{"notifications", "no", "false", ""},
		{"autostart", "off", "false", ""},
		{"bytelimit", " 20 m", "20M", ""},
		{"bytelimit", "0", "", fault.BadInput},
		{"bytelimit", "-1", "", fault.BadInput},
		{"bytelimit", "9999999999G", "", fault.BadInput},
		{"rowlimit", "1000", "1000", ""},
		{"connectionlimit", "three", "", fault.BadInput},
		{"memorylimit", "200MB", "200MB", ""},
		{"colour", "red", "", fault.NotFound},
	} {
		err := e.SetSetting(t.Context(), c.name, c.value)
		if fault.Code(err) != c.code || err != nil && (fault.As(err).Hint == "" || fault.As(err).Target == "") {
			t.Errorf("%s = %q: %v", c.name, c.value, err)
		}
		if err == nil && value(t, e, strings.ToLower(c.name)).Value != c.want {
			t.Errorf("%s = %q became %+v", c.name, c.value, value(t, e, strings.ToLower(c.name)))
		}
	}
	if s, _ := e.Status(t.Context()); s.Jobs.Limit != 9 {
		t.Errorf("limit %d", s.Jobs.Limit)
	}
	if e.level.Level() != slog.LevelDebug {
		t.Errorf("level %v", e.level.Level())
	}
	if v := e.limits.Values(); v != (LimitValues{BytesPerSecond: 20 << 20, RowsPerSecond: 1000, Memory: 200 << 20}) {
		t.Errorf("limits %+v", v)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openEngine(t, data)
	if value(t, e, "joblimit").Value != "9" || value(t, e, "folders").Value != folders || e.level.Level() != slog.LevelDebug || e.limits.Values().RowsPerSecond != 1000 {
		t.Error("settings were lost by a restart")
	}
	if err := e.SetSetting(t.Context(), "joblimit", ""); err != nil || value(t, e, "joblimit").Value != value(t, e, "joblimit").Default {
		t.Errorf("back to the default: %v", err)
	}
}

func TestJobsReachOnlyAllowedFolders(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a right that few have there")
	}
	data, allowed, secret := t.TempDir(), t.TempDir(), t.TempDir()
	e := openEngine(t, data)
	link := func(target, at string) string {
		t.Helper()
		if err := os.Symlink(target, at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, dir := range []string{filepath.Join(allowed, "sub"), filepath.Join(data, "sample")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	out := link(secret, filepath.Join(allowed, "out"))
	in := link(filepath.Join(allowed, "sub"), filepath.Join(secret, "in"))
	dangling := link(filepath.Join(secret, "later"), filepath.Join(allowed, "dangling"))
	if err := e.allowPath(filepath.Join(allowed, "x"), false); fault.Code(err) != fault.FolderNotAllowed || !strings.Contains(fault.As(err).Hint, `"folders"`) {
		t.Errorf("before anything is allowed: %v", err)
	}
	viaLink := link(allowed, filepath.Join(t.TempDir(), "via"))
	for _, setting := range []string{allowed, viaLink, secret + string(os.PathListSeparator) + allowed} {
		if err := e.SetSetting(t.Context(), "folders", setting); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			path string
			ok   bool
		}{
			{allowed, true},
			{filepath.Join(allowed, "new", "deep", "file.csv"), true},
			{filepath.Join(allowed, "..", filepath.Base(allowed), "a"), true},
			{filepath.Join(in, "a"), true},
			{filepath.Join(viaLink, "sub", "a"), true},
			{allowed + "2", false},
			{filepath.Join(allowed, "..", "a"), false},
			{dangling, false},
			{"/etc/passwd", false},
			{filepath.Join(out, "a"), strings.HasPrefix(setting, secret)},
		} {
			if err := e.allowPath(c.path, true); (err == nil) != c.ok || err != nil && fault.Code(err) != fault.FolderNotAllowed {
				t.Errorf("with %s: %s: %v", setting, c.path, err)
			}
		}
	}
	// Not even a folder around the data directory opens the gateway's own secrets; only the sample's is open.
	if err := e.SetSetting(t.Context(), "folders", filepath.Dir(data)); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{filepath.Join(data, "vault.json"): false, data: false, filepath.Join(data, "sample", "x"): false} {
		if err := e.allowPath(path, false); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := e.allowSample(t.Context(), filepath.Join(data, "sample")); err != nil {
		t.Fatal(err)
	}
	if err := e.allowPath(filepath.Join(data, "sample", "x"), true); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e = openEngine(t, data); e.allowPath(filepath.Join(data, "sample", "x"), true) != nil {
		t.Error("the sample's folder is closed after a restart")
	}
}
