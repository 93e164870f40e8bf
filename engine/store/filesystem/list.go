package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"dmgateway/engine/fault"
	"dmgateway/engine/store"
)

// List walks folders in the order of the paths. With a rule, links that lead out of the allowed folders are not followed
// and not listed, and the log says how many.
func (f *files) List(ctx context.Context, folder string, recursive bool, fn func(store.File) error) error {
	real, err := f.place(folder, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	w := &walk{files: f, recursive: recursive, fn: fn}
	err = w.folder(ctx, folder, real)
	if w.outside > 0 && f.env.Log != nil {
		f.env.Log.Warn("links were not followed that lead out of the folders which jobs may use", "links", w.outside, "first", w.firstOut)
	}
	return err
}

// walk is one listing.
type walk struct {
	files     *files
	recursive bool
	fn        func(store.File) error
	above     []fs.FileInfo // the folders that this one is in, to notice links that lead up
	outside   int           // links that were not followed
	firstOut  string        // path of the first of them
}

func (w *walk) folder(ctx context.Context, p, real string) error {
	info, err := os.Stat(real)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || notFolder(err) {
			return nil
		}
		return explain("read folder", p, err)
	}
	if !info.IsDir() {
		return nil
	}
	for _, up := range w.above {
		if os.SameFile(up, info) {
			return nil // its files are being listed already
		}
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()

	list, err := w.names(ctx, p, real)
	if err != nil {
		return err
	}
	for i := range list.len() {
		if err := w.visit(ctx, p, real, list.at(i)); err != nil {
			return err
		}
	}
	return nil
}

// entry is a file or folder with what is needed to list it.
type entry struct {
	name string // with "/" at the end of a folder: sorting by it gives the order of all paths below
	link bool
}

// names gives what is in a folder, in order.
func (w *walk) names(ctx context.Context, p, real string) (*entries, error) {
	d, err := os.Open(real)
	if err != nil {
		return nil, explain("read folder", p, err)
	}
	defer d.Close()
	list := &entries{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some, err := d.ReadDir(1024)
		for _, e := range some {
			known, ok, err := w.entry(p, real, e)
			if err != nil {
				return nil, err
			}
			if ok && !list.add(known) {
				return nil, fault.New(fault.Unsupported, "the folder holds too many files").At(p).Try("Spread them over subfolders.")
			}
		}
		if isEOF(err) {
			break
		}
		if err != nil {
			return nil, explain("read folder", p, err)
		}
	}
	list.sort()
	return list, nil
}

// entry looks at one directory entry; ok is false for what is neither file nor folder, or not wanted.
func (w *walk) entry(p, real string, e fs.DirEntry) (_ entry, ok bool, err error) {
	if isLeftover(e.Name()) {
		return entry{}, false, nil
	}
	if !utf8.ValidString(e.Name()) {
		return entry{}, false, fault.New(fault.BadData, "the name of a file is no UTF-8").At(fmt.Sprintf("%q", path.Join(p, e.Name()))).Try("Rename the file.")
	}
	kind := e.Type()
	out := entry{name: e.Name(), link: kind&fs.ModeSymlink != 0}
	if out.link {
		to, err := w.follow(path.Join(p, e.Name()), filepath.Join(real, e.Name()))
		if err != nil || to == "" {
			return entry{}, false, err
		}
		info, err := os.Stat(to)
		if err != nil {
			if nowhere(err) {
				return entry{}, false, nil
			}
			return entry{}, false, explain("look at file", path.Join(p, e.Name()), err)
		}
		kind = info.Mode().Type()
	}
	if kind.IsDir() {
		out.name += "/"
		return out, w.recursive, nil
	}
	return out, kind.IsRegular(), nil
}

// follow gives where a link leads, "" where that is not to be listed: to nowhere, in a circle, or to where jobs may not
// go, be it that the rule says so or that this account may not even look there.
func (w *walk) follow(p, at string) (string, error) {
	if w.files.env.Allow == nil {
		return at, nil
	}
	to, err := resolve(at)
	if err == nil {
		err = w.files.env.Allowed(to, false)
	}
	switch {
	case err == nil:
		return to, nil
	case fault.Is(err, fault.FolderNotAllowed), errors.Is(err, fs.ErrPermission):
		if w.outside++; w.outside == 1 {
			w.firstOut = p
		}
		return "", nil
	}
	if _, errStat := os.Stat(at); nowhere(errStat) {
		return "", nil
	}
	return "", explain("follow link", p, err)
}

// nowhere says that a link leads to what is not there, or in a circle.
func nowhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || notFolder(err) || errors.Is(err, syscall.ELOOP)
}

// visit goes into a folder, or passes a file on.
func (w *walk) visit(ctx context.Context, p, real string, e entry) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, dir := strings.CutSuffix(e.name, "/")
	at, name := filepath.Join(real, name), path.Join(p, name)
	if e.link {
		if at, err = w.follow(name, at); err != nil || at == "" {
			return err
		}
	} else if err := w.files.env.Allowed(at, false); err != nil {
		return err
	}
	if dir {
		return w.folder(ctx, name, at)
	}
	info, err := os.Stat(at)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since
		}
		return explain("look at file", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	return w.fn(describe(name, info))
}
