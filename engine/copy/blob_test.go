package copy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/store"
	"dmgateway/engine/store/blob"
	"dmgateway/engine/testserver"
)

// azurite is Azure's storage emulator, and a container of it that is this test's own.
func azurite(t testing.TB) (open store.OpenFiles, container string) {
	connection, _ := json.Marshal(testserver.Azurite(t))
	return blob.Definition().Files.Open(object(t, fmt.Sprintf(`{"connectionString":%s}`, connection))), testserver.Container()
}

func TestFilesGoToBlobStorageAndBack(t *testing.T) {
	open, container := azurite(t)
	large := strings.Repeat("0123456789abcdef", 12<<16)
	src, dst := tree(t, map[string]string{"in/a.txt": "one", "in/sub/b.bin": large, "in/sub/empty": ""}), t.TempDir()
	up, down := binaryJob(t, src, dst), binaryJob(t, src, dst)
	up.Sink.Files.Open, up.Sink.Files.Folder = open, container+"/data"
	down.Source.Files.Open, down.Source.Files.Folder, down.Source.Files.DeleteAfter = open, container+"/data", true
	for _, job := range []*activity.Job{up, down} {
		res, err := Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if res.FilesRead != 3 || res.FilesWritten != 3 || res.DataRead != int64(len(large)+3) || res.DataWritten != res.DataRead {
			t.Errorf("result %+v", res)
		}
	}
	got := readTree(t, dst)
	if len(got) != 3 || got["out/a.txt"] != "one" || got["out/sub/b.bin"] != large {
		t.Errorf("%d files came back", len(got))
	}
	fs, err := open(t.Context(), store.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fs.Close() }()
	err = fs.List(t.Context(), container, true, func(f store.File) error { return fmt.Errorf("%s is left", f.Path) })
	if err != nil {
		t.Error(err)
	}
}

func TestRowsGoToBlobStorageAndBack(t *testing.T) {
	open, container := azurite(t)
	s := filled(t, 20_000)
	up, down := intoFiles(t, s, t.TempDir()), fromFiles(t, s, t.TempDir())
	k := up.Sink.Files
	k.Open, k.Folder, k.MaxRowsPerFile, k.Prefix, k.Compression = open, container+"/people", 8000, "p", "gzip"
	res, err := Run(t.Context(), up, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{container + "/people/p_00000.csv.gz", container + "/people/p_00001.csv.gz", container + "/people/p_00002.csv.gz"}
	if !slices.Equal(res.Files, want) {
		t.Errorf("files %q", res.Files)
	}
	f := down.Source.Files
	f.Open, f.Folder, f.FolderPattern, f.NamePattern, f.Compression = open, container+"/people", "people", "p_*.csv.gz", "gzip"
	s.Create("dst", people)
	mustRun(t, down, Options{Parallel: 3})
	sameTables(t, s)
}
