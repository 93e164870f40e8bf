package logging

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of a log's files.
type Limits struct {
	// Size is how large the present file gets, in bytes.
	//
	// Default: 10 MiB.
	Size int64
	// Total is how much all files together may take.
	//
	// Default: 100 MiB.
	Total int64
	// Age is how long earlier files are kept.
	//
	// Default: 30 days.
	Age time.Duration
}

func (l Limits) filled() Limits {
	return Limits{Size: cmp.Or(l.Size, 10<<20), Total: cmp.Or(l.Total, 100<<20), Age: cmp.Or(l.Age, 30*24*time.Hour)}
}

const (
	stampLayout = "2006-01-02T15-04-05.000"
	// recheck is how often it is looked whether the present file is still there: another program may have moved it away.
	recheck = 5 * time.Second
)

// output is what the present file must be able to do; tests bring others.
type output interface {
	io.WriteCloser
	Stat() (fs.FileInfo, error)
}

// file is the log's present file and those before it. Write always succeeds.
type file struct {
	dir    string
	limits Limits
	now    func() time.Time
	open   func(path string) (output, error)

	mu      sync.Mutex // protects what follows
	out     output     // nil while it cannot be opened
	size    int64
	checked time.Time
	cut     bool  // the file ends within a line
	lost    int64 // lines that could not be written
	retry   int64 // size at which rotating is tried again after it failed
	closed  bool

	tidying sync.Mutex // compressing and removing, one at a time
	work    sync.WaitGroup
}

func openFile(dir string, limits Limits) *file {
	return &file{dir: dir, limits: limits.filled(), now: time.Now, open: openAppend}
}

func openAppend(path string) (output, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
}

func (f *file) path() string { return filepath.Join(f.dir, Current) }

// Write appends one line. What cannot be written is counted and told later.
func (f *file) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return len(line), nil
	}
	f.check()
	if f.out != nil && f.size > 0 && f.size+int64(len(line)) > max(f.limits.Size, f.retry) {
		f.rotate()
	}
	if f.lost > 0 && f.out != nil {
		note := fmt.Sprintf("{\"time\":%q,\"level\":\"WARN\",\"msg\":\"lines of the log were lost\",%q:%d,\"lines\":%d}\n",
			f.now().Format(time.RFC3339Nano), Key, LinesLost, f.lost)
		if f.put([]byte(note)) {
			f.lost = 0
		}
	}
	if f.out == nil || f.lost > 0 || !f.put(line) {
		f.lost++
	}
	return len(line), nil
}

// put writes one line; a line that was cut off before gets its end first.
func (f *file) put(line []byte) bool {
	if f.cut {
		line = append([]byte("\n"), line...)
	}
	n, err := f.out.Write(line)
	f.size += int64(n)
	if n > 0 {
		f.cut = n < len(line)
	}
	return err == nil
}

// check opens the present file where it is not open, or was moved or removed by another program.
func (f *file) check() {
	now := f.now()
	if f.out != nil {
		if now.Sub(f.checked) < recheck {
			return
		}
		f.checked = now
		mine, err := f.out.Stat()
		there, serr := os.Stat(f.path())
		if err == nil && serr == nil && os.SameFile(mine, there) {
			return
		}
		f.out.Close()
		f.out = nil
	}
	f.begin()
}

// begin opens the present file and looks how it ends: a crash may have cut its last line off.
func (f *file) begin() {
	f.checked = f.now()
	out, err := f.open(f.path())
	if err != nil {
		return
	}
	f.out, f.size, f.cut = out, 0, false
	if info, err := out.Stat(); err == nil {
		f.size = info.Size()
	}
	if r, ok := out.(io.ReaderAt); ok && f.size > 0 {
		last := make([]byte, 1)
		if _, err := r.ReadAt(last, f.size-1); err == nil {
			f.cut = last[0] != '\n'
		}
	}
}

// rotate gives the present file its time as name and begins a new one. Where that fails, because the disk is full or on
// Windows because another program reads the file, the present one goes on for a while.
func (f *file) rotate() {
	f.out.Close()
	f.out = nil
	stamp := f.now().UTC()
	var name string
	for {
		name = filepath.Join(f.dir, "gateway-"+stamp.Format(stampLayout)+".log")
		if _, err := os.Stat(name); err != nil {
			if _, err := os.Stat(name + ".gz"); err != nil {
				break
			}
		}
		stamp = stamp.Add(time.Millisecond)
	}
	f.retry = 0
	if err := os.Rename(f.path(), name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.retry = f.size + f.limits.Size/10
	}
	f.begin()
	f.work.Go(f.tidy)
}

// Close ends writing and waits for compressing.
func (f *file) Close() error {
	f.mu.Lock()
	f.closed = true
	out := f.out
	f.out = nil
	f.mu.Unlock()
	f.work.Wait()
	if out == nil {
		return nil
	}
	return out.Close()
}

// tidy compresses earlier files, removes what is too old or too much, and what an interrupted tidying left.
func (f *file) tidy() {
	f.tidying.Lock()
	defer f.tidying.Unlock()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		switch {
		case isEarlier(e.Name()) && strings.HasSuffix(e.Name(), ".log"):
			_ = compress(path) // it stays as it is, and is tried again at the next start
		case strings.HasPrefix(e.Name(), "gateway-") && strings.HasSuffix(e.Name(), ".tmp"):
			_ = os.Remove(path) // as above
		}
	}
	oldest := f.now().Add(-f.limits.Age)
	room := f.limits.Total - f.limits.Size // for the present file
	files := earlier(f.dir)
	slices.Reverse(files)
	for _, name := range files {
		path := filepath.Join(f.dir, name)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if room -= info.Size(); room < 0 || info.ModTime().Before(oldest) {
			_ = os.Remove(path) // as above
		}
	}
}

func isEarlier(name string) bool {
	return strings.HasPrefix(name, "gateway-") && (strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".log.gz"))
}

// earlier are the names of the files before the present one, the oldest first. A file that is there twice, because
// compressing it was interrupted before its end, is named once.
func earlier(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if isEarlier(e.Name()) {
			list = append(list, e.Name())
		}
	}
	slices.Sort(list) // x.log comes before x.log.gz
	return slices.CompactFunc(list, func(a, b string) bool { return a+".gz" == b })
}

// compress replaces a file by its gzip. It is whole before it gets its name.
func compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	tmp := path + ".gz.tmp"
	out, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Sync(), out.Close()); err == nil {
		if err = os.Chtimes(tmp, info.ModTime(), info.ModTime()); err == nil {
			err = os.Rename(tmp, path+".gz")
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	in.Close()
	return os.Remove(path)
}
