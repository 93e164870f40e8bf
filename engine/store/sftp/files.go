package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pkg/sftp"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// files is an opened server.
type files struct {
	server *server
	env    store.Env
	pool   *pool

	mu    sync.Mutex
	ready map[string]bool // folders that were made, and searched for leftovers
}

var (
	_ store.Files    = (*files)(nil)
	_ store.Searcher = (*files)(nil)
)

// open checks what can be checked without the server. The first request connects and signs in.
func (s *server) open(_ context.Context, env store.Env) (*files, error) {
	if s.kind != basic && s.keyPath == "" {
		if _, err := s.signer(env); err != nil {
			return nil, err
		}
	}
	return &files{server: s, env: env, pool: newPool(s, env), ready: map[string]bool{}}, nil
}

// Close ends the connections.
func (f *files) Close() error { return f.pool.close() }

// at is the path as the server takes it.
func at(p string) (string, error) {
	if strings.ContainsRune(p, 0) || slices.Contains(strings.Split(p, "/"), "..") {
		return "", fault.New(fault.BadInput, "the path leaves its folder or is none").At(p).Try("Use a path without \"..\".")
	}
	if p == "" {
		return ".", nil
	}
	return path.Clean(p), nil
}

func (f *files) do(ctx context.Context, what, p string, call func(*sftp.Client) error) error {
	if err := f.pool.do(ctx, call); err != nil {
		return f.server.explain(what, p, err)
	}
	return nil
}

// Stat describes one regular file.
func (f *files) Stat(ctx context.Context, p string) (store.File, error) {
	full, err := at(p)
	if err != nil {
		return store.File{}, err
	}
	var v store.File
	err = f.do(ctx, "look at file", p, func(c *sftp.Client) error {
		info, err := c.Stat(full)
		if err != nil {
			return notThere(err)
		}
		if !info.Mode().IsRegular() || isLeftover(path.Base(p)) {
			return fs.ErrNotExist
		}
		v = describe(p, info)
		return nil
	})
	return v, err
}

// Missing implements store.Searcher.
func (f *files) Missing(ctx context.Context, folder string) error {
	full, err := at(folder)
	if err != nil {
		return nil
	}
	err = f.do(ctx, "look at folder", folder, func(c *sftp.Client) error {
		_, err := c.Stat(full)
		return notThere(err)
	})
	if !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fault.New(fault.NotFound, "the folder %q does not exist", folder).At(folder).Because(err).
		Try("Check the dataset's folder; it counts from where the server puts the user, unless it begins with \"/\", and upper and lower case matter.")
}

// notThere takes the ways of saying that there is no such path as one: a file where a folder would have to be is
// reported by OpenSSH as a plain failure.
func notThere(err error) error {
	if s, ok := errors.AsType[*sftp.StatusError](err); ok && s.FxCode() == sftp.ErrSSHFxFailure {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

func describe(p string, info fs.FileInfo) store.File {
	return store.File{Path: p, Size: info.Size(), Modified: info.ModTime().UTC(), ETag: etag(info)}
}

// etag changes with the size and with the second of the last change: SFTP tells no more.
func etag(info fs.FileInfo) string { return fmt.Sprintf("%x-%x", info.ModTime().Unix(), info.Size()) }

// List walks folders in the order of the paths.
func (f *files) List(ctx context.Context, folder string, recursive bool, fn func(store.File) error) error {
	return (&walk{files: f, recursive: recursive, fn: fn}).folder(ctx, folder)
}

// walk is one listing.
type walk struct {
	files     *files
	recursive bool
	fn        func(store.File) error
	above     []string // real paths of the folders that this one is in, known once a link was met
	linked    int      // links that the present folder is behind
}

// maxLinks bounds the links to folders behind each other, for servers that do not tell real paths.
const maxLinks = 16

// entry is a file or folder with what is needed to list it.
type entry struct {
	key  string // the path, with "/" at the end of a folder: sorting by it gives the order of all paths below
	path string
	info fs.FileInfo
	link bool
}

func (w *walk) folder(ctx context.Context, p string) error {
	list, err := w.read(ctx, p)
	if err != nil {
		return err
	}
	for i := range list {
		e := &list[i]
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.info.IsDir() {
			if err := w.fn(describe(e.path, e.info)); err != nil {
				return err
			}
			continue
		}
		again, err := w.again(ctx, e)
		if err != nil {
			return err
		}
		if again {
			continue
		}
		if e.link {
			w.linked++
		}
		if err := w.folder(ctx, e.path); err != nil {
			return err
		}
		if e.link {
			w.linked--
			w.above = w.above[:len(w.above)-1]
		}
	}
	return nil
}

// again recognises a link to a folder that it is in.
func (w *walk) again(ctx context.Context, e *entry) (bool, error) {
	if !e.link {
		return false, nil
	}
	if w.linked >= maxLinks {
		return true, nil
	}
	var target, here string
	err := w.files.do(ctx, "follow link", e.path, func(c *sftp.Client) (err error) {
		if target, err = c.RealPath(e.path); err != nil {
			return err
		}
		here, err = c.RealPath(path.Dir(e.path))
		return err
	})
	if err != nil {
		return false, err
	}
	if within(here, target) || slices.ContainsFunc(w.above, func(up string) bool { return within(up, target) }) {
		return true, nil
	}
	w.above = append(w.above, here)
	return false, nil
}

// within reports whether p is the folder or below it.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, strings.TrimSuffix(folder, "/")+"/")
}

// read gives a folder's files, and folders where they are wanted, in order; nothing where it is no folder.
func (w *walk) read(ctx context.Context, p string) ([]entry, error) {
	full, err := at(p)
	if err != nil {
		return nil, err
	}
	var list []entry
	err = w.files.do(ctx, "read folder", p, func(c *sftp.Client) error {
		infos, err := c.ReadDirContext(ctx, full)
		if err != nil {
			if info, errStat := c.Stat(full); errStat == nil && !info.IsDir() {
				return fs.ErrNotExist
			}
			return err
		}
		list = make([]entry, 0, len(infos))
		for _, info := range infos {
			e, ok, err := w.entry(c, p, info)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, e)
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return list, nil
}

// entry looks at one directory entry; ok is false for what is neither file nor folder, or not wanted.
func (w *walk) entry(c *sftp.Client, p string, info fs.FileInfo) (_ entry, ok bool, err error) {
	name := info.Name()
	if isLeftover(name) {
		return entry{}, false, nil
	}
	e := entry{path: below(p, name), info: info, link: info.Mode()&fs.ModeSymlink != 0}
	if !utf8.ValidString(name) {
		return entry{}, false, fault.New(fault.BadData, "the name of a file is no UTF-8").At(fmt.Sprintf("%q", e.path)).Try("Rename the file.")
	}
	if e.link {
		if e.info, err = c.Stat(e.path); err != nil {
			if lost(err) {
				return entry{}, false, err
			}
			return entry{}, false, nil // a link to nowhere
		}
	}
	e.key = e.path
	switch {
	case e.info.IsDir():
		e.key += "/"
		return e, w.recursive, nil
	case !e.info.Mode().IsRegular():
		return entry{}, false, nil
	}
	return e, true, nil
}

// below is a name in a folder.
func below(folder, name string) string {
	if folder == "" || strings.HasSuffix(folder, "/") {
		return folder + name
	}
	return folder + "/" + name
}

// Remove deletes a file.
func (f *files) Remove(ctx context.Context, p string) error {
	full, err := at(p)
	if err != nil {
		return err
	}
	err = f.do(ctx, "delete file", p, func(c *sftp.Client) error {
		info, err := c.Lstat(full)
		if err != nil {
			return notThere(err)
		}
		if info.IsDir() {
			return fault.New(fault.Conflict, "delete file").At(p).Try("This is a folder.")
		}
		return c.Remove(full)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
