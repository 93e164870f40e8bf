package selfcheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFindings(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	disk := func(free, total uint64) []Finding {
		if f, low := full(free, total); low {
			return []Finding{f}
		}
		return nil
	}
	for _, c := range []struct {
		name  string
		found []Finding
		id    string // "" = nothing
		grave bool
		text  string
	}{
		{name: "a disk with room", found: disk(500<<30, 1<<40)},
		{name: "a big disk with little room", found: disk(1<<30, 1<<40), id: "disk"},
		{name: "a disk without room", found: disk(100<<20, 1<<40), id: "disk", grave: true},
		{name: "a small disk with enough room", found: disk(300<<20, 4<<30)},
		{name: "a clock that is right", found: clock(-time.Minute)},
		{name: "a clock that is ahead", found: clock(3 * time.Minute), id: "clock", text: "3m0s ahead of"},
		{name: "a clock that is far behind", found: clock(-time.Hour), id: "clock", grave: true, text: "1h0m0s behind"},
		{name: "a young certificate", found: certificate(now.Add(31*day), now)},
		{name: "no certificate", found: certificate(time.Time{}, now)},
		{name: "a certificate of a month", found: certificate(now.Add(30*day), now), id: "certificate", text: "in 30 days, on 2026-12-23"},
		{name: "a certificate of a day", found: certificate(now.Add(30*time.Hour), now), id: "certificate", text: "tomorrow"},
		{name: "a certificate of hours", found: certificate(now.Add(time.Hour), now), id: "certificate", text: "today"},
		{name: "an ended certificate", found: certificate(now.Add(-day), now), id: "certificate", grave: true, text: "until 2026-11-22"},
		{name: "the oldest kernel", found: system("linux", "3.2.0-4-amd64")},
		{name: "a newer kernel", found: system("linux", "6.1.0-18-amd64")},
		{name: "a kernel that is too old", found: system("linux", "2.6.32-754.el6"), id: "system", text: "Linux 3.2 or newer"},
		{name: "a new Windows", found: system("windows", "10.0.19045.4046 Build 19045.4046")},
		{name: "a Windows that is too old", found: system("windows", "6.3.9600 Build 9600"), id: "system", text: "version 6.3.9600"},
		{name: "a macOS that is too old", found: system("darwin", "11.7.10"), id: "system"},
		{name: "a system that says no number", found: system("linux", "unknown")},
		{name: "a system that nobody knows", found: system("plan9", "1")},
		{name: "enough memory", found: memory(2 << 30)},
		{name: "memory that nobody knows", found: memory(0)},
		{name: "little memory", found: memory(800 << 20), id: "memory", text: "800 MB"},
		{name: "hardly any memory", found: memory(256 << 20), id: "memory", grave: true},
	} {
		switch {
		case c.id == "" && len(c.found) != 0:
			t.Errorf("%s: %+v", c.name, c.found)
		case c.id != "" && (len(c.found) != 1 || c.found[0].ID != c.id || c.found[0].Grave != c.grave || !strings.Contains(c.found[0].Text, c.text)):
			t.Errorf("%s: %+v", c.name, c.found)
		}
	}
}

func TestFoldersThatCannotBeUsedAreFound(t *testing.T) {
	dir := t.TempDir()
	gone := filepath.Join(dir, "gone")
	found := folders(Place{Data: dir, Folders: []string{"", gone}})
	if len(found) != 1 || found[0].ID != "folder" || found[0].Grave || !strings.Contains(found[0].Text, gone) || strings.Count(found[0].Text, gone) != 1 {
		t.Errorf("%+v", found)
	}
	if found := folders(Place{Data: gone}); len(found) != 1 || !found[0].Grave {
		t.Errorf("%+v", found)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("the check leaves %v", left)
	}
	if os.Getuid() == 0 {
		return // root may write anywhere
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if found := folders(Place{Data: dir}); len(found) != 1 || !strings.Contains(found[0].Text, "permission denied") {
		t.Errorf("%+v", found)
	}
}

func TestARequirementThatIsNotMetHasItsWords(t *testing.T) {
	t.Parallel()
	for _, f := range append(system("linux", "2.4.1"), memory(1)...) {
		if f.ID == "" || f.Title == "" || f.Text == "" || f.Remedy == "" {
			t.Errorf("a finding without its words: %+v", f)
		}
	}
	if v, err := systemVersion(t.Context()); err != nil {
		t.Error(err)
	} else if _, _, ok := twoNumbers(v); !ok {
		t.Errorf("this system's version %q has no numbers", v)
	}
}

func TestLookAtThisMachine(t *testing.T) {
	for _, f := range Look(t.Context(), Place{Data: t.TempDir(), Now: time.Now(), CertificateEnds: time.Now().Add(time.Hour)}) {
		if f.ID == "" || f.Title == "" || f.Text == "" || f.Remedy == "" {
			t.Errorf("a finding without its words: %+v", f)
		}
	}
}
