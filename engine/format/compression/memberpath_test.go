package compression

import (
	"strings"
	"testing"
)

func TestPathsInArchivesAreMadeSafeOrRefused(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.csv": "a.csv", "./a.csv": "a.csv", "d//b/./c": "d/b/c", `d\e.txt`: "d/e.txt", "ü/€.txt": "ü/€.txt", "a:b": "",
		"10:30.csv": "10:30.csv", "a..b/...": "a..b/...", "d/ x": "d/ x", "Z\x81rich": "Zürich",
		"../a": "", "a/../../b": "", "a/..": "", `..\a`: "", `a\..\..\b`: "", "/etc/passwd": "", `\\server\share\x`: "",
		"C:/x": "", `c:x`: "", "": "", ".": "", "./": "", "a\x00b": "", "a\nb": "", strings.Repeat("x", maxName+1): "",
	} {
		got, err := memberPath(name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q: %q, %v; want %q", name, got, err, want)
		}
	}
}

func FuzzMemberPath(f *testing.F) {
	f.Add("../a")
	f.Add(`C:\x`)
	f.Fuzz(func(t *testing.T, name string) {
		p, err := memberPath(name)
		if err != nil {
			return
		}
		if p == "" || strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") {
			t.Errorf("%q became %q", name, p)
		}
		for part := range strings.SplitSeq(p, "/") {
			if part == "" || part == "." || part == ".." {
				t.Errorf("%q became %q", name, p)
			}
		}
		if again, err := memberPath(p); err != nil || again != p {
			t.Errorf("%q became %q and then %q, %v", name, p, again, err)
		}
	})
}
