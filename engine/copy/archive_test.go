package copy

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dmgateway/engine/activity"
	"dmgateway/engine/fault"
	"dmgateway/engine/format/compression"
)

// zipped is a zip of files, in the order of their names.
func zipped(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// tarred is a tar of files, with a symbolic link at its end where link is set.
func tarred(t testing.TB, files map[string]string, link bool) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o600, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.WriteString(w, files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if link {
		if err := w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var inArchive = map[string]string{"a.txt": "one", "d/b.txt": "two", "d/empty": "", "large.bin": strings.Repeat("0123456789abcdef", 400_000)}

func TestArchivesAreUnpacked(t *testing.T) {
	t.Parallel()
	sources := map[string]string{
		compression.Zip: zipped(t, inArchive), compression.Tar: tarred(t, inArchive, true), compression.TarGZip: gzipped(t, tarred(t, inArchive, true)),
	}
	for kind, data := range sources {
		for _, c := range []struct {
			name   string
			change func(*activity.Job)
			want   func(path string) string
		}{
			{"into a folder", func(*activity.Job) {}, func(p string) string { return "out/sub/x.arc/" + p }},
			{"side by side", func(j *activity.Job) { j.Source.Files.Spread = true }, func(p string) string { return "out/sub/" + p }},
			{"compressed again", func(j *activity.Job) { j.Sink.Files.Compression = compression.LZ4 }, func(p string) string { return "out/sub/x.arc/" + p + ".lz4" }},
			{"compared", func(j *activity.Job) { j.Verification.Checksum = true }, func(p string) string { return "out/sub/x.arc/" + p }},
		} {
			t.Run(kind+" "+c.name, func(t *testing.T) {
				t.Parallel()
				src, dst := tree(t, map[string]string{"in/sub/x.arc": data}), t.TempDir()
				job := binaryJob(t, src, dst)
				job.Source.Files.Compression = kind
				c.change(job)
				res, err := Run(t.Context(), job, Options{RunID: "r"})
				if err != nil {
					t.Fatal(err)
				}
				if res.FilesRead != 1 || res.FilesWritten != int64(len(inArchive)) || len(res.Files) != len(inArchive) {
					t.Errorf("%d files read, %d written: %q", res.FilesRead, res.FilesWritten, res.Files)
				}
				if linked := strings.Contains(strings.Join(res.Warnings, "\n"), "links"); linked != (kind != compression.Zip) {
					t.Errorf("warnings %q", res.Warnings)
				}
				got := readTree(t, dst)
				for p, text := range inArchive {
					have, ok := got[c.want(p)]
					if job.Sink.Files.Compression == "" && have != text || !ok {
						t.Errorf("%s: %d bytes, %v", p, len(have), ok)
					}
				}
				if len(got) != len(inArchive) {
					t.Errorf("the sink has %q", slices.Sorted(maps.Keys(got)))
				}
			})
		}
	}
}

func TestArchivesAreFlattenedAndMerged(t *testing.T) {
	t.Parallel()
	src := tree(t, map[string]string{"in/1.zip": zipped(t, map[string]string{"a.txt": "1", "d/b.csv": "2"}), "in/2.zip": zipped(t, map[string]string{"a.txt": "3"})})
	for behavior, want := range map[string][]string{activity.FlattenHierarchy: {"1", "2", "3"}, activity.MergeFiles: {"123"}} {
		dst := t.TempDir()
		job := binaryJob(t, src, dst)
		job.Source.Files.Compression, job.Sink.Files.Behavior = compression.Zip, behavior
		for range 2 { // a rerun replaces its own files
			if _, err := Run(t.Context(), job, Options{RunID: "r"}); err != nil {
				t.Fatal(err)
			}
		}
		got := slices.Sorted(maps.Values(readTree(t, dst)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", behavior, got)
		}
	}
}

func TestFilesOfTwoArchivesDoNotReplaceEachOther(t *testing.T) {
	t.Parallel()
	src := tree(t, map[string]string{"in/1.zip": zipped(t, map[string]string{"a.txt": "1"}), "in/2.zip": zipped(t, map[string]string{"a.txt": "2"})})
	job := binaryJob(t, src, t.TempDir())
	job.Source.Files.Compression, job.Source.Files.Spread = compression.Zip, true
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.Conflict {
		t.Errorf("side by side: %v", err)
	}
	dst := t.TempDir()
	job = binaryJob(t, src, dst)
	job.Source.Files.Compression = compression.Zip
	if _, err := Run(t.Context(), job, Options{}); err != nil || len(readTree(t, dst)) != 2 {
		t.Errorf("in folders: %v", err)
	}
	job.Sink.Files.Name = "one"
	if _, err := Run(t.Context(), job, Options{}); fault.Code(err) != fault.Conflict {
		t.Errorf("with one name: %v", err)
	}
}

func TestAnArchiveThatLeavesItsFolderWritesNothingOutside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../evil.txt", "/evil.txt", `..\evil.txt`} {
		dst := t.TempDir()
		job := binaryJob(t, tree(t, map[string]string{"in/x.tar": tarred(t, map[string]string{name: "x"}, false)}), dst)
		job.Source.Files.Compression = compression.Tar
		_, err := Run(t.Context(), job, Options{})
		if fault.Code(err) != fault.BadData || !strings.HasPrefix(fault.As(err).Target, "in/x.tar") || len(readTree(t, dst)) != 0 {
			t.Errorf("%q: %v, the sink has %q", name, err, readTree(t, dst))
		}
	}
}

// ending cancels after the first commit.
type ending struct {
	memoryCheckpoints
	stop context.CancelFunc
}

func (e *ending) Committed(ctx context.Context, p string, c PartitionCounts) error {
	defer e.stop()
	return e.memoryCheckpoints.Committed(ctx, p, c)
}

func TestUnpackingGoesOnBehindTheArchivesThatAreDone(t *testing.T) {
	t.Parallel()
	good := zipped(t, inArchive)
	src, dst := tree(t, map[string]string{"in/1.zip": good, "in/2.zip": good, "in/3.zip": good}), t.TempDir()
	job := binaryJob(t, src, dst)
	job.Source.Files.Compression = compression.Zip
	ctx, stop := context.WithCancel(t.Context())
	kept := &ending{stop: stop}
	if _, err := Run(ctx, job, Options{RunID: "r", Checkpoints: kept, Parallel: 1}); fault.Code(err) != fault.Cancelled {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dst, "out", "1.zip", "a.txt"), []byte("touched"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), job, Options{RunID: "r", Checkpoints: &kept.memoryCheckpoints, Attempt: 2, Parallel: 1})
	if err != nil || res.ResumedFrom != 1 || res.FilesWritten != 3*int64(len(inArchive)) {
		t.Fatalf("resumed from %d, %d files, %v", res.ResumedFrom, res.FilesWritten, err)
	}
	if got := readTree(t, dst); len(got) != 3*len(inArchive) || got["out/1.zip/a.txt"] != "touched" || got["out/2.zip/d/b.txt"] != "two" {
		t.Errorf("%d files", len(got))
	}
}

func TestRowsComeFromAllFilesOfAnArchive(t *testing.T) {
	t.Parallel()
	parts, want := map[string]string{"0-empty.csv": ""}, "id,v\n"
	for i := range 20 {
		parts[fmt.Sprintf("%02d.csv", i+1)] = fmt.Sprintf("id,v\n%d,x%d\n%d,y%d\n", i, i, i+100, i)
		want += fmt.Sprintf("%d,x%d\n%d,y%d\n", i, i, i+100, i)
	}
	for kind, data := range map[string]string{
		compression.Zip: zipped(t, parts), compression.Tar: tarred(t, parts, false), compression.TarGZip: gzipped(t, tarred(t, parts, false)),
	} {
		src, dst := tree(t, map[string]string{"in/x": data}), t.TempDir()
		job := binaryJob(t, src, dst)
		s, k := job.Source.Files, job.Sink.Files
		s.Format, s.FormatName, s.Compression = textFormat(t), "text", kind
		k.Format, k.FormatName, k.Name = textFormat(t), "text", "all.csv"
		res, err := Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(kind, err)
		}
		if got := readTree(t, dst)["out/all.csv"]; strings.ReplaceAll(strings.ReplaceAll(got, `"`, ""), "\r", "") != want || res.RowsRead != 40 || res.FilesRead != 1 {
			t.Errorf("%s: %d rows of %d files: %.100q", kind, res.RowsRead, res.FilesRead, got)
		}
		rows, err := Preview(t.Context(), job, 3, Options{})
		if err != nil || len(rows.Rows) != 3 {
			t.Errorf("%s: preview %v", kind, err)
		}
		// An error of the data names the file in the archive.
		parts := map[string]string{"a.csv": "id,v\n1,2\n", "b.csv": "id,v\n1,2,3,4\n"}
		job.Source.Files.Open = folder(t, tree(t, map[string]string{"in/x": zipped(t, parts)}))
		job.Source.Files.Compression = compression.Zip
		if _, err := Run(t.Context(), job, Options{}); err == nil || fault.As(err).Target != "in/x/b.csv" {
			t.Errorf("a ragged row: %v", err)
		}
	}
}
