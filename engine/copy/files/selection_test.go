package files

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// listing is a file store that only lists.
type listing struct {
	store.Files
	files []store.File
}

func (l listing) List(_ context.Context, folder string, recursive bool, fn func(store.File) error) error {
	for _, f := range l.files {
		rest, ok := strings.CutPrefix(f.Path, folder)
		if folder != "" {
			rest, ok = strings.CutPrefix(f.Path, folder+"/")
		}
		if !ok || !recursive && strings.Contains(rest, "/") {
			continue
		}
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

func (l listing) Stat(_ context.Context, p string) (store.File, error) {
	for _, f := range l.files {
		if f.Path == p {
			return f, nil
		}
	}
	return store.File{}, fs.ErrNotExist
}

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func stored(paths ...string) listing {
	l := listing{}
	for i, p := range paths {
		l.files = append(l.files, store.File{Path: p, Size: 1, Modified: day.AddDate(0, 0, i)})
	}
	return l
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := stored("c/2025/01/a.csv", "c/2025/01/b.txt", "c/2025/02/a.csv", "c/2025/02/deep/x.csv", "c/2026/01/a.csv", "c/top.csv", "d/top.csv")
	tests := []struct {
		name string
		sel  activity.FileSource
		want []string
		base string
	}{
		{"one name", activity.FileSource{Folder: "c", Name: "top.csv"}, []string{"c/top.csv"}, "c"},
		{"a folder", activity.FileSource{Folder: "c"}, []string{"c/top.csv"}, "c"},
		{"a folder, recursive", activity.FileSource{Folder: "c/2025", Recursive: true}, []string{"c/2025/01/a.csv", "c/2025/01/b.txt", "c/2025/02/a.csv", "c/2025/02/deep/x.csv"}, "c/2025"},
		{"a name pattern", activity.FileSource{Folder: "c/2025/01", NamePattern: "*.csv"}, []string{"c/2025/01/a.csv"}, "c/2025/01"},
		{"a name pattern, recursive", activity.FileSource{Folder: "c/2025", NamePattern: "?.csv", Recursive: true}, []string{"c/2025/01/a.csv", "c/2025/02/a.csv", "c/2025/02/deep/x.csv"}, "c/2025"},
		{"a folder pattern", activity.FileSource{Folder: "c", FolderPattern: "*/01", NamePattern: "*"}, []string{"c/2025/01/a.csv", "c/2025/01/b.txt", "c/2026/01/a.csv"}, "c"},
		{"a folder pattern with a fixed part", activity.FileSource{Folder: "c/2025", FolderPattern: "2025/0?", NamePattern: "*.csv"}, []string{"c/2025/01/a.csv", "c/2025/02/a.csv"}, "c/2025"},
		{"a folder pattern, recursive", activity.FileSource{Folder: "c/2025", FolderPattern: "2025/*2", NamePattern: "*", Recursive: true}, []string{"c/2025/02/a.csv", "c/2025/02/deep/x.csv"}, "c/2025"},
		{"a folder pattern without wildcards", activity.FileSource{Folder: "c/2025/01", FolderPattern: "2025/01", NamePattern: "*.csv"}, []string{"c/2025/01/a.csv"}, "c/2025/01"},
		{"a prefix", activity.FileSource{Folder: "c", Prefix: "2025/0", Recursive: true}, []string{"c/2025/01/a.csv", "c/2025/01/b.txt", "c/2025/02/a.csv", "c/2025/02/deep/x.csv"}, "c/2025"},
		{"a prefix of names", activity.FileSource{Folder: "c", Prefix: "to"}, []string{"c/top.csv"}, "c"},
		{"changed from", activity.FileSource{Recursive: true, ModifiedFrom: day.AddDate(0, 0, 5)}, []string{"c/top.csv", "d/top.csv"}, ""},
		{"changed before", activity.FileSource{Recursive: true, ModifiedTo: day.AddDate(0, 0, 1)}, []string{"c/2025/01/a.csv"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Select(t.Context(), all, &test.sel)
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, f := range got.Files {
				paths = append(paths, f.Path)
			}
			if !slices.Equal(paths, test.want) || got.Base != test.base {
				t.Errorf("got %q below %q, want %q below %q", paths, got.Base, test.want, test.base)
			}
		})
	}
}

func TestSelectOfNothing(t *testing.T) {
	t.Parallel()
	all := stored("c/a.csv")
	for _, sel := range []activity.FileSource{{Folder: "c", Name: "b.csv"}, {Folder: "x"}, {Folder: "c", NamePattern: "*.txt"}} {
		if _, err := Select(t.Context(), all, &sel); fault.Code(err) != fault.NotFound {
			t.Errorf("%+v: %v", sel, err)
		}
	}
	got, err := Select(t.Context(), all, &activity.FileSource{Folder: "c", ModifiedFrom: day.AddDate(1, 0, 0)})
	if err != nil || len(got.Files) != 0 || got.Late != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Select(ctx, all, &activity.FileSource{Folder: "c"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"*", "anything.csv", true},
		{"*.csv", "a.csv", true},
		{"*.csv", "a.csv.gz", false},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "a1c2b", false},
		{"data?.csv", "data1.csv", true},
		{"data?.csv", "data.csv", true}, // zero or one
		{"data?.csv", "data12.csv", false},
		{"^*.csv", "*.csv", true},
		{"^*.csv", "a.csv", false},
		{"ü?", "ünï", false},
		{"ü??", "ünï", true},
		{"A.csv", "a.csv", false},
		{"", "", true},
		{"", "a", false},
	}
	for _, test := range tests {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) = %v", test.pattern, test.name, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c^*", "axxbc*")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 50 || len(name) > 50 {
			return
		}
		got := Match(pattern, name)
		if !wild(pattern) && !strings.Contains(pattern, "^") && strings.ToValidUTF8(pattern+name, "") == pattern+name && got != (pattern == name) {
			t.Errorf("Match(%q, %q) = %v", pattern, name, got)
		}
		if got && !Match("*"+pattern, "x"+name) {
			t.Errorf("%q matches %q, but *%q does not match x%q", pattern, name, pattern, name)
		}
	})
}

func TestNumberedNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"d/a.csv": "d/a_00007.csv", "d/a.csv.gz": "d/a_00007.csv.gz", "d.x/noext": "d.x/noext_00007"} {
		ext := ".csv"
		if strings.HasSuffix(in, ".gz") {
			ext = ".csv.gz"
		}
		if got := numbered(in, 7, ext); got != want {
			t.Errorf("numbered(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGroupsKeepOrderAndBounds(t *testing.T) {
	t.Parallel()
	var list []store.File
	for i := range 5000 {
		size := int64(1 << 10)
		if i%1000 == 0 {
			size = maxGroupBytes + 1
		}
		list = append(list, store.File{Path: string(rune('a' + i)), Size: size})
	}
	var flat []store.File
	for _, g := range Groups(list) {
		var size int64
		for _, f := range g {
			size += f.Size
		}
		if len(g) == 0 || len(g) > maxTogether || len(g) > 1 && size > maxGroupBytes {
			t.Errorf("a group of %d files with %d bytes", len(g), size)
		}
		flat = append(flat, g...)
	}
	if !slices.EqualFunc(flat, list, func(a, b store.File) bool { return a.Path == b.Path }) {
		t.Error("the groups are not the files in order")
	}
	if few := Groups(list[:10]); len(few) != 10 {
		t.Errorf("few files make %d groups", len(few))
	}
}
