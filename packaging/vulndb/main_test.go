package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func entry(id, name, more string) string {
	return `{"id":"` + id + `","modified":"2026-01-0` + id[len(id)-1:] + `T00:00:00Z",` + more + ` "affected":[{"package":{"name":"` + name + `"}},{"package":{"name":"` + name + `"}}]}`
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestACopyHasTheEntriesOfModulesInUse(t *testing.T) {
	dir := folder(t, map[string]string{
		"go.sum":            "example.com/used v1.0.0 h1:x=\nexample.com/used v1.0.0/go.mod h1:y=\n",
		"GO-2026-0001.json": entry("GO-2026-0001", "example.com/used", `"aliases":["CVE-1"],`),
		"GO-2026-0002.json": entry("GO-2026-0002", "stdlib", ""),
		"GO-2026-0003.json": entry("GO-2026-0003", "example.com/used", `"withdrawn":"2026-01-01T00:00:00Z",`),
		"GO-2026-0004.json": entry("GO-2026-0004", "example.com/other", ""),
	})
	c, err := collect(dir, filepath.Join(dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	c.modified = time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)
	out := t.TempDir()
	old := filepath.Join(out, "ID", "GO-2000-0001.json")
	if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.write(out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"index/db.json":      `{"modified":"2026-01-04T00:00:00Z"}`,
		"index/vulns.json":   `[{"id":"GO-2026-0001","modified":"2026-01-01T00:00:00Z","aliases":["CVE-1"]},{"id":"GO-2026-0002","modified":"2026-01-02T00:00:00Z"}]`,
		"index/modules.json": `[{"path":"example.com/used","vulns":[{"id":"GO-2026-0001","modified":"2026-01-01T00:00:00Z"}]},{"path":"stdlib","vulns":[{"id":"GO-2026-0002","modified":"2026-01-02T00:00:00Z"}]}]`,
	} {
		if got, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(got) != want {
			t.Errorf("%s is %s, %v", name, got, err)
		}
	}
	if list, _ := os.ReadDir(filepath.Join(out, "ID")); len(list) != 2 {
		t.Errorf("entries %v", list)
	}
}

func TestWhatIsNoDatabaseIsRefused(t *testing.T) {
	sum := "example.com/used v1.0.0 h1:x=\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no entries":     {map[string]string{"go.sum": sum}, "no GO-*.json"},
		"none matters":   {map[string]string{"go.sum": sum, "GO-2026-0004.json": entry("GO-2026-0004", "example.com/other", "")}, "none of the 1 entries"},
		"not JSON":       {map[string]string{"go.sum": sum, "GO-2026-0001.json": "{"}, "GO-2026-0001.json"},
		"another's name": {map[string]string{"go.sum": sum, "GO-2026-0001.json": entry("GO-2026-0002", "stdlib", "")}, "no entry of that name"},
		"no go.sum":      {map[string]string{"GO-2026-0001.json": entry("GO-2026-0001", "stdlib", "")}, "go.sum"},
	} {
		dir := folder(t, c.files)
		if _, err := collect(dir, filepath.Join(dir, "go.sum")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&copied{}).write(""); err == nil {
		t.Error("a copy without a folder is made")
	}
}
