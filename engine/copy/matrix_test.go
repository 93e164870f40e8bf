package copy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/store/sftp"
	"dmgateway/engine/testserver"
)

// place is a file store with a folder of it that the test may fill.
type place struct {
	open store.OpenFiles
	root string
}

// places are all file stores.
func places(t testing.TB) map[string]func(t testing.TB) place {
	return map[string]func(testing.TB) place{
		"filesystem": func(t testing.TB) place { return place{folder(t, t.TempDir()), "root"} },
		"blob": func(t testing.TB) place {
			open, container := azurite(t)
			return place{open, container + "/root"}
		},
		"datalake": func(t testing.TB) place {
			m := regexp.MustCompile(`AccountKey=([^;]+);.*BlobEndpoint=([^;]+)`).FindStringSubmatch(testserver.Azurite(t))
			if m == nil {
				t.Skip("the account is given without address")
			}
			text, _ := json.Marshal(map[string]string{"url": m[2], "accountKey": m[1]})
			return place{blob.DataLake().Files.Open(object(t, string(text))), testserver.Container() + "/root"}
		},
		"sftp": func(t testing.TB) place {
			s := testserver.SSH(t)
			dir := fmt.Sprintf("%s/%s", s.Root, testserver.Container())
			if s.Private {
				t.Cleanup(func() { _ = os.RemoveAll(dir) })
			}
			return place{sftp.Definition().Files.Open(object(t, s.LinkedService(nil))), dir}
		},
	}
}

func (p place) files(t testing.TB) store.Files {
	t.Helper()
	f, err := p.open(t.Context(), store.Env{RunID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (p place) fill(t testing.TB, content map[string]string) {
	t.Helper()
	f := p.files(t)
	defer func() { _ = f.Close() }()
	for name, text := range content {
		w, err := f.Create(t.Context(), p.root+"/"+name, store.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(w, text)
		if err := errors.Join(err, w.Commit(t.Context()), w.Abort()); err != nil {
			t.Fatal(err)
		}
	}
}

// read is all files below a folder of the place.
func (p place) read(t testing.TB, below string) map[string]string {
	t.Helper()
	f := p.files(t)
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	err := f.List(t.Context(), p.root+"/"+below, true, func(v store.File) error {
		r, err := f.Open(context.WithoutCancel(t.Context()), v, 0, -1)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		out[strings.TrimPrefix(v.Path, p.root+"/")] = string(b)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (p place) job(behavior string, recursive bool) *activity.Job {
	return &activity.Job{
		Name:   "Copy files",
		Source: activity.Source{Type: "BinarySource", Files: &activity.FileSource{Open: p.open, Folder: p.root + "/in", Recursive: recursive}},
		Sink:   activity.Sink{Type: "BinarySink", Files: &activity.FileSink{Open: p.open, Folder: p.root + "/out", Behavior: behavior}},
	}
}

// TestAllSixCellsInEveryFileStore is copyBehavior times recursive, from and to each store.
func TestAllSixCellsInEveryFileStore(t *testing.T) {
	source := map[string]string{"in/File1.txt": "one", "in/File2.bin": "two", "in/Sub1/File3.txt": "three", "in/Sub1/File4.txt": "four", "in/Sub1/Deep/File5.txt": "five"}
	cells := []struct {
		recursive bool
		behavior  string
		want      map[string]string // path to content, or content to extension where names are generated
		generated bool
	}{
		{true, activity.PreserveHierarchy, map[string]string{"out/File1.txt": "one", "out/File2.bin": "two", "out/Sub1/File3.txt": "three", "out/Sub1/File4.txt": "four", "out/Sub1/Deep/File5.txt": "five"}, false},
		{false, activity.PreserveHierarchy, map[string]string{"out/File1.txt": "one", "out/File2.bin": "two"}, false},
		{true, activity.FlattenHierarchy, map[string]string{"one": ".txt", "two": ".bin", "three": ".txt", "four": ".txt", "five": ".txt"}, true},
		{false, activity.FlattenHierarchy, map[string]string{"one": ".txt", "two": ".bin"}, true},
		{true, activity.MergeFiles, map[string]string{"onetwofivethreefour": ".txt"}, true},
		{false, activity.MergeFiles, map[string]string{"onetwo": ".txt"}, true},
	}
	for name, at := range places(t) {
		t.Run(name, func(t *testing.T) {
			for _, cell := range cells {
				t.Run(fmt.Sprintf("%s recursive=%v", cell.behavior, cell.recursive), func(t *testing.T) {
					if name == "filesystem" || name == "sftp" { // the others leave idle connections to the process
						noLeaks(t)
					}
					p := at(t)
					p.fill(t, source)
					res, err := Run(t.Context(), p.job(cell.behavior, cell.recursive), Options{})
					if err != nil {
						t.Fatal(err)
					}
					got := p.read(t, "out")
					if len(got) != len(cell.want) || res.FilesWritten != int64(len(cell.want)) {
						t.Fatalf("%v, result %+v", got, res)
					}
					for path, content := range got {
						file := path[strings.LastIndexByte(path, '/')+1:]
						switch {
						case !cell.generated && cell.want[path] != content:
							t.Errorf("%s is %q", path, content)
						case cell.generated && (!generated.MatchString(file) || !strings.HasSuffix(file, cell.want[content]) || path != "out/"+file):
							t.Errorf("%s is %q", path, content)
						}
					}
				})
			}
		})
	}
}
