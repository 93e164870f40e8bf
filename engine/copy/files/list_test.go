package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// withContent is a file store that lists, and has one file with content.
type withContent struct {
	listing
	content string
}

func (w withContent) Open(_ context.Context, _ store.File, offset, _ int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(w.content[offset:])), nil
}

func (w withContent) Stat(ctx context.Context, p string) (store.File, error) {
	f, err := w.listing.Stat(ctx, p)
	if err != nil {
		return f, fault.New(fault.NotFound, "look at file").At(p).Because(fs.ErrNotExist)
	}
	return f, nil
}

func TestAListNamesTheFiles(t *testing.T) {
	t.Parallel()
	all := stored("c/list.txt", "c/in/b.csv", "c/in/a.csv", "c/in/sub/x y.csv")
	for name, test := range map[string]struct {
		content string
		skip    bool
		want    []string
		code    string
	}{
		"in its order":        {content: "b.csv\na.csv\n", want: []string{"c/in/b.csv", "c/in/a.csv"}},
		"any line ends":       {content: "\ufeffb.csv\r\n\r\n  sub\\x y.csv \r\na.csv", want: []string{"c/in/b.csv", "c/in/sub/x y.csv", "c/in/a.csv"}},
		"twice":               {content: "a.csv\n./a.csv\n/a.csv\n", want: []string{"c/in/a.csv"}},
		"missing":             {content: "a.csv\nno.csv\n", code: fault.NotFound},
		"missing, skipped":    {content: "no.csv\na.csv\n", skip: true, want: []string{"c/in/no.csv", "c/in/a.csv"}},
		"up":                  {content: "../secret\n", code: fault.BadData},
		"no list at all":      {content: strings.Repeat("x", 3*longLine), code: fault.BadData},
		"nothing in it":       {content: "\n\n", code: fault.NotFound},
		"wildcards mean none": {content: "*.csv\n", code: fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sel := &activity.FileSource{Folder: "c/in", List: "c/list.txt", Skip: activity.SkipFiles{Missing: test.skip}}
			got, err := Select(t.Context(), withContent{all, test.content}, sel)
			if fault.Code(err) != test.code {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			var paths []string
			for _, f := range got.Files {
				paths = append(paths, f.Path)
			}
			if !slices.Equal(paths, test.want) || got.Base != "c/in" {
				t.Errorf("got %q below %q", paths, got.Base)
			}
		})
	}
}

func TestALongListKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var names, paths []string
	for i := range 3*lookMost + 7 {
		names = append(names, fmt.Sprintf("%d.csv", (i*7)%(3*lookMost+7)))
		paths = append(paths, "in/"+names[i])
	}
	got, err := Select(t.Context(), withContent{stored(append([]string{"l"}, paths...)...), strings.Join(names, "\n")}, &activity.FileSource{Folder: "in", List: "l"})
	if err != nil || len(got.Files) != len(paths) {
		t.Fatal(err)
	}
	for i, f := range got.Files {
		if f.Path != paths[i] {
			t.Fatalf("file %d is %s, want %s", i, f.Path, paths[i])
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add("a.csv\nb/c.csv\r\n\\d")
	f.Fuzz(func(t *testing.T, content string) {
		l := newListReader(strings.NewReader(content))
		for {
			name, err := l.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && fault.Code(err) != fault.BadData {
					t.Error(err)
				}
				return
			}
			if up := path.Clean("/" + name); name == "" || path.IsAbs(name) || up != "/"+name {
				t.Errorf("%q gives %q", content, name)
			}
		}
	})
}

func TestFoldersBecomeColumns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, root, path, base, want string
	}{
		{"below the dataset's folder", "", "c/data/year=2026/month=03/f.csv", "c/data", "[year=2026 month=03]"},
		{"from a root on", "c/data/year=2026", "c/data/year=2026/month=03/f.csv", "c/data", "[month=03]"},
		{"a root without container", "data/year=2026", "c/data/year=2026/month=03/f.csv", "c/data", "[month=03]"},
		{"other folders between", "", "c/x/year=2026/y/month=3/f.csv", "c", "[year=2026 month=3]"},
		{"escapes", "", "a=b%2Fc/d=x%3Dy/e=1%/f.csv", "", "[a=b/c d=x=y e=1%]"},
		{"null", "", "a=__HIVE_DEFAULT_PARTITION__/f", "", "[a=NULL]"},
		{"none", "", "c/data/f.csv", "c/data", "[]"},
		{"the file's own name", "", "c/data/k=v", "c/data", "[]"},
		{"outside of the root", "c/other", "c/data/year=1/f", "c/data", "BadInput"},
	} {
		list, err := keys(&activity.FileSource{Discover: true, PartitionRoot: test.root}, test.path, test.base)
		got := fault.Code(err)
		if err == nil {
			var words []string
			for _, k := range list {
				if k.null {
					k.value = "NULL"
				}
				words = append(words, k.name+"="+k.value)
			}
			got = fmt.Sprint(words)
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
