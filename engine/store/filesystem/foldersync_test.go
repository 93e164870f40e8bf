package filesystem

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"dmgateway/engine/store"
)

func TestManyWritersCommitIntoFewFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := &files{root: dir, swept: map[string]bool{}}
	var work sync.WaitGroup
	for i := range 24 {
		work.Go(func() {
			for j := range 8 {
				p := fmt.Sprintf("d%d/%d-%d", i%3, i, j)
				w, err := f.Create(t.Context(), p, store.CreateOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := fmt.Fprint(w, p); err != nil {
					t.Error(err)
				}
				if j == 5 {
					err = w.Abort()
				} else {
					err = w.Commit(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	for i := range 24 {
		for j := range 8 {
			p := fmt.Sprintf("d%d/%d-%d", i%3, i, j)
			got, err := os.ReadFile(filepath.Join(dir, p))
			if j == 5 != os.IsNotExist(err) || j != 5 && string(got) != p {
				t.Errorf("%s: %q, %v", p, got, err)
			}
		}
	}
	if len(f.syncs.folders) != 0 {
		t.Errorf("%d folders are kept", len(f.syncs.folders))
	}
	if err := f.syncs.sync(filepath.Join(dir, "none")); err == nil && runtime.GOOS != "windows" {
		t.Error("a folder that is not there was synced")
	}
}
