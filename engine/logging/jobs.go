package logging

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxJobLog is how large the log of one run gets, in bytes.
const maxJobLog = 1 << 20

// runID is what a run's ID may be to become a file's name.
var runID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// JobFile is where the lines of a run are, in a folder of logs; "" for what is no run's ID.
func JobFile(dir, run string) string {
	if !runID.MatchString(run) {
		return ""
	}
	return filepath.Join(dir, JobsFolder, run+".log")
}

// jobFiles are the logs of runs. A file is opened for each line: a job logs a few.
type jobFiles struct {
	dir string

	mu   sync.Mutex
	full map[string]bool
}

func newJobFiles(dir string) *jobFiles { return &jobFiles{dir: dir, full: map[string]bool{}} }

// write appends a line as long as the file is not full. What fails is in the gateway's log all the same.
func (j *jobFiles) write(run string, line []byte) {
	path := JobFile(j.dir, run)
	if path == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full[run] {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	if info.Size()+int64(len(line)) > maxJobLog {
		if len(j.full) > 1000 {
			clear(j.full)
		}
		j.full[run] = true
		if info.Size() < maxJobLog { // once
			line = []byte(`{"msg":"the log of this run is full; further lines are in the gateway's log"}` + strings.Repeat(" ", int(maxJobLog-info.Size())) + "\n")
		} else {
			return
		}
	}
	_, _ = f.Write(line) // as above
}

// prune removes the logs of runs that nobody needs any more.
func (j *jobFiles) prune(before time.Time, keep int) {
	dir := filepath.Join(j.dir, JobsFolder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ".log") {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for i, info := range infos {
		if i >= keep || info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, info.Name())) // it is tried again at the next start
		}
	}
}
