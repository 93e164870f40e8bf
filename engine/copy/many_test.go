package copy

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestManySmallFilesIntoBlobs copies as many files of 1 KB as DMGATEWAY_TEST_FILES says, and tells the time:
// DMGATEWAY_TEST_FILES=100000 go test -run ManySmallFilesIntoBlobs -v ./engine/copy.
func TestManySmallFilesIntoBlobs(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("DMGATEWAY_TEST_FILES"))
	if err != nil {
		t.Skip("DMGATEWAY_TEST_FILES is not set")
	}
	src := os.Getenv("DMGATEWAY_TEST_FOLDER")
	if src == "" {
		src = t.TempDir()
	}
	content := make([]byte, 1024)
	for i := range n {
		dir := filepath.Join(src, "in", fmt.Sprintf("%04d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		copy(content, strconv.Itoa(i))
		if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	job := binaryJob(t, src, t.TempDir())
	if os.Getenv("DMGATEWAY_TEST_SINK") != "folder" {
		open, container := azurite(t)
		job.Sink.Files.Open, job.Sink.Files.Folder = open, container
	}
	parallel, _ := strconv.Atoi(os.Getenv("DMGATEWAY_TEST_PARALLEL"))
	res, err := Run(t.Context(), job, Options{Parallel: parallel})
	if err != nil {
		t.Fatal(err)
	}
	if res.FilesWritten != int64(n) {
		t.Errorf("%d files", res.FilesWritten)
	}
	t.Logf("%d files in %.1f s, %d at once, %d MiB", n, res.CopyDuration, res.UsedParallelCopies, res.PeakMemory>>20)
}
