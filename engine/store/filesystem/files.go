package filesystem

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// files is an opened root.
type files struct {
	env  store.Env
	root string
	any  bool // there is no root: paths are whole paths

	mu    sync.Mutex
	swept map[string]bool // real folders that were searched for leftovers

	buffers sync.Pool // of *bufio.Writer
	syncs   folderSyncs
}

var (
	_ store.Files    = (*files)(nil)
	_ store.Searcher = (*files)(nil)
)

// Close has nothing to end.
func (f *files) Close() error { return nil }

// full is the path below the root, without following links. A path that would leave the root is refused.
func (f *files) full(p string) (string, error) {
	local := filepath.FromSlash(p)
	if f.any {
		return f.whole(p, local)
	}
	if p == "" {
		return f.root, nil
	}
	if !filepath.IsLocal(local) || strings.ContainsRune(p, 0) || path.Clean(p) != p {
		return "", fault.New(fault.BadInput, "the path leaves its folder or is none").At(p).Try("Use a path below the linked service's host, without \"..\".")
	}
	return filepath.Join(f.root, local), nil
}

// whole takes a path without root: "/srv/data" comes as "srv/data", "D:\data" as "D:/data".
func (f *files) whole(p, local string) (string, error) {
	bad := fault.New(fault.BadInput, "the path is no whole path").At(p).Try("With the host \"localhost\" the dataset's folderPath is a whole path.")
	if strings.ContainsRune(p, 0) {
		return "", bad
	}
	if runtime.GOOS != "windows" {
		return filepath.Clean("/" + p), nil
	}
	drive := filepath.VolumeName(local)
	rest := strings.TrimLeft(local[len(drive):], `\`)
	if len(drive) != 2 || rest != "" && !filepath.IsLocal(rest) {
		return "", bad
	}
	return drive + `\` + rest, nil
}

// allowed asks the operator's rule about a full path and gives the path to use: with a rule, the one that links lead
// to, so that what was asked for is what is opened.
func (f *files) allowed(full string, write bool) (string, error) {
	if f.env.Allow == nil {
		return full, nil
	}
	real, err := resolve(full)
	if err != nil {
		return "", explain("open", full, err)
	}
	return real, f.env.Allowed(real, write)
}

// resolve follows links in a path whose last elements need not exist.
func resolve(full string) (string, error) {
	real, err := filepath.EvalSymlinks(full)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	if _, err := os.Lstat(full); err == nil {
		return "", fmt.Errorf("%s is a link to nowhere", full)
	}
	parent := filepath.Dir(full)
	if parent == full {
		return full, nil
	}
	if real, err = resolve(parent); err != nil {
		return "", err
	}
	return filepath.Join(real, filepath.Base(full)), nil
}

// place is full and allowed in one.
func (f *files) place(p string, write bool) (string, error) {
	full, err := f.full(p)
	if err != nil {
		return "", err
	}
	return f.allowed(full, write)
}

// Stat describes one regular file.
func (f *files) Stat(_ context.Context, p string) (store.File, error) {
	real, err := f.place(p, false)
	if err != nil {
		return store.File{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return store.File{}, explain("look at file", p, err)
	}
	if !info.Mode().IsRegular() || isLeftover(path.Base(p)) {
		return store.File{}, explain("look at file", p, fs.ErrNotExist)
	}
	return describe(p, info), nil
}

// Missing implements store.Searcher.
func (f *files) Missing(_ context.Context, folder string) error {
	real, err := f.place(folder, false)
	if err == nil {
		_, err = os.Stat(real)
	}
	if !errors.Is(err, fs.ErrNotExist) && !notFolder(err) {
		return nil
	}
	return fault.New(fault.NotFound, "the folder %q does not exist", folder).At(folder).Because(err).
		Try("Check the dataset's folder and the linked service's host; upper and lower case matter on some systems.")
}

func describe(p string, info fs.FileInfo) store.File {
	return store.File{Path: p, Size: info.Size(), Modified: info.ModTime().UTC(), ETag: etag(info)}
}

// etag changes whenever the file system says that the content did.
func etag(info fs.FileInfo) string {
	return fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())
}

// Open reads a part of a file and fails when it is not, or at the end no longer, the version that v describes.
func (f *files) Open(ctx context.Context, v store.File, offset, length int64) (io.ReadCloser, error) {
	real, err := f.place(v.Path, false)
	if err != nil {
		return nil, err
	}
	// Opening a pipe or device would wait for whoever is at its other end.
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
		return nil, explain("open file", v.Path, cmp.Or(err, fs.ErrNotExist))
	}
	file, err := os.Open(real)
	if err != nil {
		return nil, explain("open file", v.Path, err)
	}
	r := &reader{ctx: ctx, file: file, version: v, left: length}
	if err := r.same(); err != nil {
		file.Close()
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, explain("read file", v.Path, err)
	}
	return r, nil
}

// reader reads one version of a file.
type reader struct {
	ctx     context.Context // of Open: reading ends with it
	file    *os.File
	version store.File
	left    int64 // < 0 reads to the end
}

// same checks that the file is still what it was.
func (r *reader) same() error {
	info, err := r.file.Stat()
	if err != nil {
		return explain("look at file", r.version.Path, err)
	}
	if !info.Mode().IsRegular() {
		return explain("open file", r.version.Path, fs.ErrNotExist)
	}
	if r.version.ETag != "" && r.version.ETag != etag(info) {
		return fault.New(fault.Conflict, "the file was changed since it was found").At(r.version.Path).Try("Copy again when nothing writes to it.")
	}
	return nil
}

// Read gives io.EOF at the end of the part.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, r.end()
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.file.Read(p)
	if r.left > 0 {
		r.left -= int64(n)
	}
	if err == nil {
		return n, nil
	}
	if isEOF(err) {
		if n > 0 {
			return n, nil
		}
		return 0, r.end()
	}
	return n, explain("read file", r.version.Path, err)
}

func (r *reader) end() error {
	if err := r.same(); err != nil {
		return err
	}
	return io.EOF
}

// Close closes the file.
func (r *reader) Close() error { return r.file.Close() }

// Remove deletes a file.
func (f *files) Remove(_ context.Context, p string) error {
	full, err := f.full(p)
	if err != nil {
		return err
	}
	// A link is deleted itself, so only the folder that it is in is followed.
	dir, err := f.allowed(filepath.Dir(full), true)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	at := filepath.Join(dir, filepath.Base(full))
	if err := f.env.Allowed(at, true); err != nil {
		return err
	}
	info, err := os.Lstat(at)
	if err == nil && info.IsDir() {
		return fault.New(fault.Conflict, "delete file").At(p).Try("This is a folder.")
	}
	if err == nil {
		err = os.Remove(at)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) || notFolder(err) {
		return nil
	}
	return explain("delete file", p, err)
}
