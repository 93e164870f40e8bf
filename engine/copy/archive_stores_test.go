package copy

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
	"dmgateway/engine/store"
	"dmgateway/engine/store/sftp"
	"dmgateway/engine/testserver"
)

// Archives come from stores over the network, by ranges and as streams, chosen by a pattern, and are deleted when their files are
// there.
func TestArchivesOfStoresOverTheNetwork(t *testing.T) {
	stores := map[string]func(t *testing.T) place{
		"blob": func(t *testing.T) place { open, container := azurite(t); return place{open, container + "/x"} },
		"sftp": func(t *testing.T) place {
			s := testserver.SSH(t)
			return place{sftp.Definition().Files.Open(object(t, s.LinkedService(nil))), s.Root + "/" + testserver.Container()}
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			at := open(t)
			content := map[string]string{"in/d/other.txt": "no archive"}
			for i := range 3 {
				content[fmt.Sprintf("in/d/%d.zip", i)] = zipped(t, inArchive)
			}
			src, dst := tree(t, content), t.TempDir()
			up := binaryJob(t, src, dst)
			up.Sink.Files.Open, up.Sink.Files.Folder = at.open, at.root
			if _, err := Run(t.Context(), up, Options{}); err != nil {
				t.Fatal(err)
			}
			down := binaryJob(t, src, dst)
			f := down.Source.Files
			f.Open, f.Folder, f.NamePattern, f.Compression, f.DeleteAfter = at.open, at.root, "*.zip", compression.Zip, true
			res, err := Run(t.Context(), down, Options{Parallel: 2})
			if err != nil {
				t.Fatal(err)
			}
			got := readTree(t, dst)
			if len(got) != 3*len(inArchive) || res.FilesRead != 3 || res.FilesWritten != int64(len(got)) {
				t.Errorf("%d files, result %+v", len(got), res)
			}
			for p, want := range inArchive {
				for i := range 3 {
					if have := got[fmt.Sprintf("out/d/%d.zip/%s", i, p)]; have != want {
						t.Errorf("%d.zip: %s has %d bytes", i, p, len(have))
					}
				}
			}
			files, err := at.open(t.Context(), store.Env{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = files.Close() }()
			var left []string
			err = files.List(t.Context(), at.root, true, func(f store.File) error { left = append(left, f.Path); return nil })
			if err != nil || len(left) != 1 || !strings.HasSuffix(left[0], "other.txt") {
				t.Errorf("%q are left, %v", left, err)
			}
		})
	}
}

// An archive that cannot be unpacked is not deleted; those that were are.
func TestDamagedArchivesAreNotDeleted(t *testing.T) {
	t.Parallel()
	good := zipped(t, inArchive)
	for _, behavior := range []string{activity.PreserveHierarchy, activity.MergeFiles} {
		src, dst := tree(t, map[string]string{"in/1.zip": good, "in/2.zip": good[:len(good)/2]}), t.TempDir()
		job := binaryJob(t, src, dst)
		job.Source.Files.Compression, job.Source.Files.DeleteAfter, job.Sink.Files.Behavior = compression.Zip, true, behavior
		if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.BadData {
			t.Errorf("%s: %v", behavior, err)
		}
		if left := readTree(t, src); left["in/2.zip"] == "" {
			t.Errorf("%s: the damaged archive is gone", behavior)
		}
	}
}

// An archive in an archive is a file like others, one without files a warning.
func TestArchivesWithinAndWithout(t *testing.T) {
	t.Parallel()
	inner := zipped(t, map[string]string{"deep/x.txt": "x"})
	src, dst := tree(t, map[string]string{
		"in/a/b/outer.zip": zipped(t, map[string]string{"d/e/inner.zip": inner, "d/plain": "p"}), "in/none.zip": zipped(t, nil),
		"in/folders.zip": zipped(t, map[string]string{"only/": "", "only/folders/": ""}),
	}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Compression, job.Source.Files.DeleteAfter = compression.Zip, true
	res, err := Run(t.Context(), job, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := readTree(t, dst)
	want := map[string]string{"out/a/b/outer.zip/d/e/inner.zip": inner, "out/a/b/outer.zip/d/plain": "p"}
	if !maps.Equal(got, want) {
		t.Errorf("the sink has %q", slices.Sorted(maps.Keys(got)))
	}
	warned := strings.Join(res.Warnings, "\n")
	if !strings.Contains(warned, "in/none.zip") || !strings.Contains(warned, "in/folders.zip") {
		t.Errorf("warnings %q", res.Warnings)
	}
	if left := readTree(t, src); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// Names in an archive are UTF-8, or code page 437 where they are not.
func TestNamesInArchives(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range []zip.FileHeader{{Name: "gr\x81n/\x9a.txt", NonUTF8: true}, {Name: "größe/日本.txt"}, {Name: `back\slash.txt`}} {
		f, err := w.CreateHeader(&h)
		if err == nil {
			_, err = io.WriteString(f, h.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dst := t.TempDir()
	job := binaryJob(t, tree(t, map[string]string{"in/x.zip": b.String()}), dst)
	job.Source.Files.Compression = compression.Zip
	if _, err := Run(t.Context(), job, Options{}); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(readTree(t, dst)))
	if want := []string{"out/x.zip/back/slash.txt", "out/x.zip/größe/日本.txt", "out/x.zip/grün/Ü.txt"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// More files than the old end record can count.
func TestAnArchiveOfVeryManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 70,000 files")
	}
	t.Parallel()
	const n = 70_000
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%03d/%d", i/1000, i)})
		if err == nil {
			_, err = fmt.Fprint(f, i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dst := t.TempDir()
	job := binaryJob(t, tree(t, map[string]string{"in/x.zip": b.String()}), dst)
	job.Source.Files.Compression, job.Sink.Files.Behavior = compression.Zip, activity.MergeFiles
	res, err := Run(t.Context(), job, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range n {
		fmt.Fprint(&want, i)
	}
	if got := slices.Collect(maps.Values(readTree(t, dst))); len(got) != 1 || got[0] != want.String() {
		t.Errorf("%d files, result %+v", len(got), res)
	}
}
